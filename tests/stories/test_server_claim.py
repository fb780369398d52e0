"""What is true of GitHub is read after the claim, and never taken from what another replica may have overtaken."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from tests.stories.server_town import (
    QUICK,
    InProcessServer,
    Plan,
    check_server_town,
    quick_town,
    server_town,
)


def test_a_prerequisite_reopened_between_read_and_claim_holds_the_issue(tmp_path: Path) -> None:
    """Invariant I3: the read that counts is made after the claim, however young the one before it is."""
    plan = Plan()
    with server_town(tmp_path, plan) as town:
        first = town.issue("First")
        second = town.issue("Second", f"Say hello.\n\nDepends on #{first.number}")
        town.close(first)
        server = town.server = InProcessServer(town, tmp_path / "server", plan)
        reopened: list[int] = []

        def reopen(step: str) -> None:
            if step == "s6" and not reopened:
                reopened.append(first.number)
                town.hub.issues.reopen(first, town.maintainer)

        server.trace = reopen
        server.start()
        try:
            town.label(second)
            town.labelled(second, "ai-ready", "ai-waiting")
            town.looks()
            assert reopened == [first.number]
            assert town.order() == []

            town.close(first)
            assert town.verdict(second).startswith("Done")
            town.looks()
            check_server_town(town)
        finally:
            server.stop()


def test_news_of_a_run_is_told_from_memory_unless_another_replica_was_there(tmp_path: Path) -> None:
    """What this process remembers of GitHub is as old as its own last look: another one may have written since."""
    requests = {
        overtaken: requests_for_news(tmp_path / str(overtaken), overtaken=overtaken) for overtaken in (False, True)
    }

    assert requests[False] < requests[True]


def requests_for_news(folder: Path, *, overtaken: bool) -> int:
    """How many requests it takes to say that a run began."""
    with quick_town(folder, rules=replace(QUICK, reconcile=3600.0, refresh=3600.0)) as town:
        town.actions.hold("queued")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-queued")
        town.hub.webhooks.flush()
        town.until(lambda: is_idle(folder), "a quiet server")
        if overtaken:
            with sqlite3.connect(folder / "server" / "ai-ready.sqlite3") as database:
                database.execute("UPDATE lane SET fence = fence + 1 WHERE kind = 'repository'")
        before = len(town.requests())
        town.actions.hold("in_progress")
        town.labelled(issue, "ai-ready", "ai-running")
        town.hub.webhooks.flush()
        town.until(lambda: is_idle(folder), "a quiet server")
        spent = len(town.requests()) - before
        town.actions.hold("")
        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        town.until(lambda: is_idle(folder), "a quiet server")
        check_server_town(town)
        return spent


def is_idle(folder: Path) -> bool:
    """No repository is due, now or later, nor under way."""
    with sqlite3.connect(folder / "server" / "ai-ready.sqlite3") as database:
        busy = "SELECT count(*) FROM lane WHERE kind = 'repository' AND (due IS NOT NULL OR lease_until IS NOT NULL)"
        return bool(database.execute(busy).fetchone() == (0,))
