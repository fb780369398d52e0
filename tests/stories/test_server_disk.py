"""The disk of the server's database fills up under a server at work, and has room again."""

import json
import uuid
from pathlib import Path

import httpx
import pytest

from bot.sandbox.app_server import AppServer
from tests.disk import fill, small_disk
from tests.server.endpoint import ISSUES, headers, sign
from tests.stories.server_town import Plan, ServerTown, check_server_town, process_town


@pytest.mark.story
def test_a_full_disk_is_said_and_waited_for(tmp_path: Path) -> None:
    """Nothing is acknowledged that is not stored; with room again it goes on by itself, and finds what it missed."""
    with small_disk(tmp_path / "disk", megabytes=8) as disk:
        with process_town(tmp_path, Plan(database_url=f"sqlite:///{disk / 'ai-ready.sqlite3'}")) as town:
            server = town.server
            assert isinstance(server, AppServer)
            town.looks(1)
            fill(disk / "filler")
            town.until(lambda: deliver(town) == 503, "503")
            issue = town.asked()
            town.until(lambda: ready(town) == (503, ["store"]), "it says so")
            assert "The disk is full; free some space" in server.log.read_text()
            assert town.runs(issue) == []

            (disk / "filler").unlink()
            town.until(lambda: ready(town) == (200, []), "it is well again")
            assert deliver(town) == 202
            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
            check_server_town(town)
        assert "Traceback" not in server.log.read_text()


def deliver(town: ServerTown) -> int:
    """A delivery as GitHub makes it; the status of the answer."""
    assert town.server is not None
    body = json.dumps(ISSUES | {"repository": {"id": town.repo.id, "full_name": town.repo.full_name}}).encode()
    named = headers(body, guid=str(uuid.uuid4()), signature=sign(body, town.app.hook.secret))
    signed = {name: str(value) for name, value in named.items()}
    reply = httpx.post(f"{town.server.url}/webhook", content=body, headers=signed, timeout=30, trust_env=False)
    return reply.status_code


def ready(town: ServerTown) -> tuple[int, list[str]]:
    """Status, and what fails."""
    assert town.server is not None
    reply = httpx.get(f"{town.server.url}/readyz", timeout=30, trust_env=False)
    return reply.status_code, reply.json()["failing"]
