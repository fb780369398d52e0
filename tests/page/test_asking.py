"""`ai-ready server-status`: the page's figures in a terminal."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.core.secret import Secret
from bot.page import shown
from bot.page.access import Access
from bot.page.asking import NoAnswer, ask
from bot.page.shown import Vital
from tests.page.sample import Sample, a_run, asked
from tests.page.visitor import opened

PASSWORD = "a password for the page"


@dataclass
class Ailing(Sample):
    def health(self) -> shown.Health:
        return shown.Health("failing", (Vital("store", "The database answers", "no", good=False),))


def said(*words: str, **environ: str) -> Any:
    return CliRunner().invoke(app, ["server-status", *words], env=environ)


def test_it_says_what_the_page_shows() -> None:
    source = Sample()
    source.put(asked(1, "[SHOP-1.1] One"), asked(2, "[SHOP-1.2] Two"))
    source.ran["7"] = (a_run(1),)
    source.vitals = (Vital("last_webhook", "Last webhook", "3 s ago"),)
    with opened(source, Access(Secret(PASSWORD))) as client:
        address = str(client.base_url)
        text = said("--url", address, AI_READY_PAGE_PASSWORD=PASSWORD)
        machine = said("--json", AI_READY_PAGE_PASSWORD=PASSWORD, AI_READY_PAGE_PORT=address.rpartition(":")[2])
        shown_there = client.get("/status.json", auth=("", PASSWORD)).json()

    assert text.exit_code == machine.exit_code == 0
    assert "The server is ready." in text.output
    assert "  Last webhook: 3 s ago" in text.output
    assert "acme/shop\n  Issues: 1 queued, 1 waiting" in text.output
    found = json.loads(machine.output)
    assert found["projects"] == shown_there["projects"]


def test_a_failing_server_is_exit_1() -> None:
    with opened(Ailing()) as client:
        ended = said("--url", str(client.base_url))

    assert ended.exit_code == 1
    assert "! The database answers: no" in ended.output


def test_without_its_password_it_says_which_variable() -> None:
    with (
        opened(Sample(), Access(Secret(PASSWORD))) as client,
        pytest.raises(NoAnswer, match="AI_READY_PAGE_PASSWORD"),
    ):
        ask(str(client.base_url), Secret(""))


def test_nobody_there_is_said() -> None:
    with opened(Sample()) as client:
        address = str(client.base_url)
    with pytest.raises(NoAnswer, match="is `ai-ready serve` up"):
        ask(address, Secret(""))
