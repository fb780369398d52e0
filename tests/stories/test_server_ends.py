"""The real process ends, one way or another, with work in hand; the next one takes it over."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.app_server import AppServer
from bot.sandbox.records import Issue
from tests.stories.server_town import PATIENCE, Plan, ServerTown, check_server_town, server_setting, server_town

SLOW = 600.0
"""Seconds that GitHub makes a pass wait: longer than any test."""
LONG_LEASES = "import functools, bot.server.start as s; s.Rules = functools.partial(s.Rules, lease=600.0)"
SHORT_GRACE = "import bot.server.process as p; p.GRACE = 2.0"
"""What is changed in `ai-ready serve`."""


@pytest.mark.story
def test_a_killed_servers_lanes_are_worked_on_though_their_leases_are_long(tmp_path: Path) -> None:
    """SIGKILL in the middle of a pass: with SQLite there is one process, so whoever held a lane is dead."""
    with changed_town(tmp_path, LONG_LEASES) as (town, server):
        issue = stuck(town, tmp_path)
        server.kill()
        until = leased_until(tmp_path)
        assert until is not None
        assert until > datetime.now(UTC) + timedelta(seconds=PATIENCE)
        town.hub.faults.clear()
        server.start()

        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        check_server_town(town)
        town.until(lambda: '"event": "run_ended", "result": "done"' in server.log.read_text(), "a line in the log")
    (sent,) = [line for line in server.log.read_text().splitlines() if '"event": "dispatch"' in line]
    assert {key: json.loads(sent)[key] for key in ("result", "full_name", "issue", "run_key")} == {
        "result": "ok",
        "full_name": "acme/shop",
        "issue": issue.number,
        "run_key": town.actions.dispatches[0].run_key,
    }


@pytest.mark.story
def test_a_server_that_is_told_to_end_waits_for_github_only_for_so_long(tmp_path: Path) -> None:
    """Exit 0 though a pass hangs; its lane is in the store, and the next process looks at it."""
    with changed_town(tmp_path, SHORT_GRACE) as (town, server):
        issue = stuck(town, tmp_path)
        assert server.stop() == 0
        assert '"event": "stopped", "finished": false' in server.log.read_text()
        assert town.runs(issue) == []
        town.hub.faults.clear()
        server.start()

        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        check_server_town(town)
        assert "Traceback" not in server.log.read_text()
        assert server.stop() == 0
        assert '"event": "stopped", "finished": true' in server.log.read_text()


@contextmanager
def changed_town(folder: Path, change: str) -> Iterator[tuple[ServerTown, AppServer]]:
    """A town whose server, a real process that only webhooks wake, has another constant."""
    plan = Plan(reconcile=600)
    program = f"{change}; import sys; sys.argv[1:1] = ['serve']; from bot.cli import main; main()"
    with server_town(folder, plan) as town:
        setting = replace(server_setting(folder, plan), command=(sys.executable, "-c", program))
        with AppServer(town.hub, town.app, setting) as server:
            town.server = server
            yield town, server


def stuck(town: ServerTown, folder: Path) -> Issue:
    """An issue was asked for, and the server's pass hangs in its read."""
    town.until(lambda: town.passes() >= 4 and leased_until(folder) is None, "everything was looked at once")
    town.hub.faults.delay(SLOW, "/graphql")
    issue = town.asked()
    town.until(lambda: leased_until(folder), "the lane is taken")
    return issue


def leased_until(folder: Path) -> datetime | None:
    """Until when the repository's lane is leased, as the file has it."""
    with closing(sqlite3.connect(f"file:{folder / 'server' / 'ai-ready.sqlite3'}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT lease_until FROM lane WHERE kind = 'repository'").fetchone()
        return datetime.fromtimestamp(row[0] / 1e6, UTC) if row and row[0] else None
