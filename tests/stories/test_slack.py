"""Stories with a Slack channel: what it is told of whole runs, and that nothing depends on it."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.job.redact import Redactor
from bot.notify.herald import Herald
from bot.notify.teller import Teller
from bot.sandbox.actions.instant import DONE, LOST
from bot.sandbox.app_server import AppServer
from bot.sandbox.model import bash, done, needs_input, write
from tests.notify.channel import KEY, Behaviour, Channel, closed_port, slack_channel
from tests.stories.conftest import Opens
from tests.stories.server_town import (
    SERVER_CONFIG,
    InProcessServer,
    Plan,
    check_server_town,
    server_setting,
    server_town,
)
from tests.stories.test_run_command import ai_ready_run
from tests.stories.town import CONFIG, Town

HELLO = write("hello.py", "print('hello')\n")


@pytest.fixture
def channel(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Channel]:
    """At the end of the story its address is nowhere: not in a log, not in a file that a job or the server left."""
    with slack_channel() as channel:
        yield channel
    printed = capfd.readouterr()
    texts = [printed.out, printed.err]
    texts += [
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file() and "hub" not in path.parts
    ]
    assert [text[:500] for text in texts if KEY in text or KEY.rpartition("/")[2] in text] == []
    assert channel.wrong == []


def hooked(town: Town, channel: Channel) -> Town:
    """Every job has the webhook."""
    town.variables.update(channel.environ)
    return town


def links(channel: Channel) -> list[str]:
    """The addresses in the blocks of the last post."""
    return re.findall(r"<(http[^|>]*)\|", str(channel.posts[-1]["blocks"]))


def test_a_done_run_is_told_once(opens_quick: Opens, channel: Channel) -> None:
    """By publish, with the pull request; when somebody runs publish again, nothing is said again."""
    town = hooked(opens_quick(), channel)
    issue = town.asked("Greet <!channel> & co")

    run = town.next_run()
    assert run is not None
    run.all_jobs()
    run.publish()

    assert town.verdict(issue).startswith("Done")
    [text] = channel.texts
    page = f"{town.hub.url}/acme/shop"
    assert text == (f"acme/shop#1 Greet &lt;!channel&gt; &amp; co: Done: draft PR #2 is up for review. {page}/pull/2")
    assert links(channel) == [f"{page}/issues/1", f"{page}/pull/2", f"{page}/actions/runs/{run.record.id}"]


def test_a_blocked_run_is_told_with_its_reason(opens: Opens, channel: Channel) -> None:
    """The first line of the verdict, and where to answer."""
    town = hooked(opens(needs_input("In which <language>?")), channel)
    issue = town.asked()

    town.settle()

    [text] = channel.texts
    assert text.startswith(f"acme/shop#1 Greet the world: {town.verdict(issue)[:30]}")
    assert text.endswith(f"{town.hub.url}/acme/shop/issues/1")
    assert channel.posts[0]["blocks"][0]["text"]["text"].startswith(":octagonal_sign: ")


def test_what_is_switched_off_is_not_said(opens_quick: Opens, channel: Channel) -> None:
    """`on_complete: false`, on the default branch."""
    town = hooked(opens_quick(config=CONFIG + "notify: {on_complete: false}\n"), channel)
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Done")
    assert channel.posts == []


def test_a_verdict_of_gate_is_told_by_gate(opens_quick: Opens, channel: Channel) -> None:
    """A config that can't be used: nothing runs, and the channel hears why."""
    town = hooked(opens_quick(config=CONFIG + "nonsense: 1\n"), channel)
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Blocked (config-invalid)")
    assert [text.split(": ")[1] for text in channel.texts] == ["Blocked (config-invalid)"]


@pytest.mark.parametrize("behaviour", [Behaviour(500, "oops"), Behaviour(404, "no_service"), Behaviour(silent=True)])
def test_a_slack_that_is_down_changes_nothing(opens_quick: Opens, channel: Channel, behaviour: Behaviour) -> None:
    """Same verdict, same pull request, in time."""
    town = hooked(opens_quick(), channel)
    channel.behaviour = behaviour
    issue = town.asked()
    began = time.monotonic()

    town.settle()

    assert time.monotonic() - began < 60
    assert town.verdict(issue) == "Done: draft PR #2 is up for review."
    assert town.labels(issue) == {"ai-done"}
    assert len(channel.posts) == 1


def test_nobody_listens(opens_quick: Opens, capfd: pytest.CaptureFixture[str]) -> None:
    """A closed port: one line in the log of publish."""
    with closed_port() as hooks:
        town = opens_quick()
        [address] = hooks.addresses.values()
        url = address.reveal()
        town.variables.update({"SLACK_WEBHOOK_URL": url, "AI_READY_SLACK_HOSTS": url.split("/")[2]})
        issue = town.asked()

        town.settle()

        assert town.verdict(issue).startswith("Done")
    log = capfd.readouterr().out
    assert "Slack was not told (no connection (ConnectionRefusedError)); nothing else depends on it." in log
    assert KEY not in log


def test_a_name_of_another_secret_sends_nothing_anywhere(opens_quick: Opens, channel: Channel) -> None:
    """The config names a variable that holds no webhook: said in the log, and the run goes on."""
    town = hooked(opens_quick(config=CONFIG + "notify: {slack_webhook_env: OTHER_SECRET}\n"), channel)
    town.variables["OTHER_SECRET"] = "a secret that is no address"
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Done")
    assert channel.posts == []


def test_a_run_on_a_laptop_is_told(opens_quick: Opens, channel: Channel) -> None:
    """`ai-ready run`, with the variable in the person's own environment: one process, one post."""
    town = opens_quick()
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1", **channel.environ)

    assert ran.code == 0, ran
    assert town.verdict(issue).startswith("Done")
    assert [text.split(": ")[1] for text in channel.texts] == ["Done"]
    assert KEY not in ran.out + ran.err


@pytest.mark.story
def test_progress_is_told_while_the_agent_works(opens: Opens, channel: Channel, tmp_path: Path) -> None:
    """At least one post before the verdict's; the agent's own commands know nothing of the address."""
    heard = tmp_path / "heard"
    channel.heard = heard.touch
    look = bash(f"env; until [ -e {heard} ]; do sleep 0.1; done")
    town = hooked(opens(HELLO, look, done("Ok."), config=CONFIG + "notify: {interval: 10}\n"), channel)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    run.all_jobs()

    assert town.verdict(issue).startswith("Done")
    assert re.fullmatch(
        r"acme/shop#1 Greet the world: At work for 1\d s: agent, 2 turns, \$0\.\d+ of at most \$1\.00\. http.*/issues/1",
        channel.texts[0],
    )
    assert channel.texts[-1].startswith("acme/shop#1 Greet the world: Done: ")
    said = "".join(town.prompts())
    assert "PATH=" in said
    assert KEY not in said
    assert "SLACK" not in said


# ------------------------------------------------------------------------------------------ the server


def test_the_server_tells_of_runs_that_vanish(tmp_path: Path, channel: Channel) -> None:
    """Each verdict of its own once, however often it looks; those of publish are publish's to tell."""
    plan = Plan(ends=lambda run: LOST if run.inputs["issue"] == "1" else DONE)
    with ExitStack() as stack:
        town = stack.enter_context(server_town(tmp_path, plan))
        lines: list[str] = []
        herald = stack.enter_context(Herald(Teller(channel.hooks, Redactor(channel.hooks.secrets).text, lines.append)))
        server = town.server = InProcessServer(town, tmp_path / "server", plan)
        server.tell = herald.tell
        server.start()
        stack.callback(server.stop)

        lost, well = town.asked("Lost"), town.asked("Well")
        town.verdict(lost, 2)
        assert town.verdict(well).startswith("Done")
        town.looks()
        channel.wait_for(2)

        assert [text.split(": ")[:2] for text in channel.texts] == [["acme/shop#1 Lost", "Blocked (runner-lost)"]] * 2
        assert lines == []
        check_server_town(town)


@pytest.mark.story
def test_the_servers_process_has_a_webhook_of_its_own(tmp_path: Path, channel: Channel) -> None:
    """`SLACK_WEBHOOK_URL` in its environment; and in the log what went wrong, without it."""
    channel.behaviour = Behaviour(404, "no_service")
    plan = Plan(config=SERVER_CONFIG + "nonsense: 1\n")
    with server_town(tmp_path, plan) as town:
        setting = replace(server_setting(tmp_path, plan), env=channel.environ)
        with AppServer(town.hub, town.app, setting) as server:
            town.server = server
            issues = [town.asked("One"), town.asked("Two")]
            for issue in issues:
                assert town.verdict(issue).startswith("Blocked (config-invalid)")
            channel.wait_for(2)
    assert sorted(text.split(": ")[0] for text in channel.texts) == ["acme/shop#1 One", "acme/shop#2 Two"]
    assert server.log.read_text().count("Slack was not told (HTTP 404 no_service)") == 2
