"""The real process ends, one way or another, with work in hand; the next one takes it over."""

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.app_server import AppServer
from bot.sandbox.records import Issue
from tests.stories.server_town import Plan, ServerTown, check_server_town, process_town, server_setting, server_town

SLOW = 600.0
"""Seconds that GitHub makes a pass wait: longer than any test."""


@pytest.mark.story
def test_the_lanes_of_a_killed_server_are_worked_on_before_its_leases_run_out(tmp_path: Path) -> None:
    """SIGKILL in the middle of a pass: with SQLite there is one process, so whoever held a lane is dead."""
    with process_town(tmp_path, Plan(reconcile=600)) as town:
        server = town.server
        assert isinstance(server, AppServer)
        issue = stuck(town, tmp_path)
        server.kill()
        (until,) = leases(tmp_path)
        town.hub.faults.clear()
        server.start()

        town.until(lambda: town.runs(issue), "a run")
        assert datetime.now(UTC) < until
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


HURRIED = (
    "import sys, bot.server.process as p; p.GRACE = 2.0; sys.argv[1:1] = ['serve']; from bot.cli import main; main()"
)
"""`ai-ready serve` with a short grace."""


@pytest.mark.story
def test_a_server_that_is_told_to_end_waits_for_github_only_for_so_long(tmp_path: Path) -> None:
    """Exit 0 though a pass hangs; its lane is in the store, and the next process looks at it."""
    plan = Plan(reconcile=600)
    with server_town(tmp_path, plan) as town:
        command = (sys.executable, "-c", HURRIED)
        with AppServer(town.hub, town.app, replace(server_setting(tmp_path, plan), command=command)) as server:
            town.server = server
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


def stuck(town: ServerTown, folder: Path) -> Issue:
    """An issue was asked for, and the server's pass hangs in its read."""
    town.until(lambda: town.passes() >= 4 and not leases(folder), "everything was looked at once")
    town.hub.faults.delay(SLOW, "/graphql")
    issue = town.asked()
    town.until(lambda: leases(folder), "the lane is taken")
    return issue


def leases(folder: Path) -> list[datetime]:
    """Until when repositories' lanes are leased, as the file has it."""
    with closing(sqlite3.connect(f"file:{folder / 'server' / 'ai-ready.sqlite3'}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT lease_until FROM lane WHERE lease_until IS NOT NULL AND kind = 'repository'")
        return [datetime.fromtimestamp(micros / 1e6, UTC) for (micros,) in rows]
