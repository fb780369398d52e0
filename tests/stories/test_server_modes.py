"""Other ways to run it: by polling alone, and beside a gate of the repository's own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.sandbox.app_server import AppServer
from bot.sandbox.model import Script, serve_model
from bot.sandbox.records import Issue
from bot.sandbox.stage import CALLER
from tests.stories.server_town import InProcessServer, Plan, ServerTown, check_server_town, process_town, quick_town
from tests.stories.town import Town, stand_in_agent

PATIENCE = 60.0
"""Seconds. The process looks every five."""


@pytest.mark.story
def test_without_webhooks_the_process_needs_no_secret_and_no_public_address(tmp_path: Path) -> None:
    """`AI_READY_WEBHOOKS=off`: it looks by itself, and takes no deliveries."""
    with process_town(tmp_path, Plan(webhooks=False)) as town:
        server = town.server
        assert isinstance(server, AppServer)
        assert "AI_READY_WEBHOOK_SECRET" not in server.environ()
        issues = [town.asked(title) for title in ("[A-1.1] First", "[A-1.2] Second")]
        with town.reviewing():
            for issue in issues:
                assert town.verdict(issue, timeout=PATIENCE).startswith("Done")
            town.until(lambda: not any(issue.open for issue in issues), "everything merged")
        town.until(lambda: not any(town.labels(issue) for issue in issues), "tidied up", timeout=PATIENCE)

        assert town.order() == [1, 2]
        assert [each for each in town.hub.webhooks.deliveries if each.ok] == []
        assert httpx.post(f"{server.url}/webhook", content=b"{}", trust_env=False).status_code == 404
        check_server_town(town)


def test_without_webhooks_the_end_is_the_same(tmp_path: Path) -> None:
    with quick_town(tmp_path, Plan(webhooks=False)) as town:
        issues = [town.asked(title) for title in ("[A-1.1] First", "[A-1.2] Second", "[B-1.1] Third")]
        with town.reviewing():
            for issue in issues:
                assert town.verdict(issue).startswith("Done")
            town.until(lambda: not any(issue.open for issue in issues), "everything merged")
            town.until(lambda: not any(town.labels(issue) for issue in issues), "everything tidied up")
        town.looks()

        assert sorted(town.order()) == [1, 2, 3]
        assert town.hub.webhooks.deliveries == []
        check_server_town(town)


# ------------------------------------------------------------------------------- beside a gate


@dataclass
class Both:
    """A repository whose workflow has a gate of its own, and the server; its jobs run when told to."""

    town: ServerTown
    house: Town

    def asked(self, title: str, body: str = "Say hello.") -> Issue:
        """The maintainer labels an issue."""
        return self.town.asked(title, body)

    def settle(self) -> None:
        """Jobs and server in turn, until neither has anything left to do."""
        server = self.town.server
        assert isinstance(server, InProcessServer)
        while True:
            before = len(self.house.events), len(self.town.runs())
            self.house.settle()
            self.town.looks()
            if (len(self.house.events), len(self.town.runs())) == before:
                return

    def check(self, issue: Issue) -> None:
        """One run was admitted, one verdict given, one status comment made; and everything that always holds."""
        assert len(self.house.admitted) == 1
        assert [line.split(":")[0] for line in self.town.verdicts(issue)] == ["Done"]
        assert sum("ai-ready:status" in comment.body for comment in issue.comments) == 1
        assert self.town.labels(issue) == {"ai-done"}
        assert self.town.pull_of(issue) is not None
        check_server_town(self.town)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    with open_both(tmp_path) as made:
        yield made


@contextmanager
def open_both(folder: Path) -> Iterator[Both]:
    """The caller workflow is the one of Action mode, which takes no admission; what it starts is played in this process."""
    with serve_model(Script()) as model, quick_town(folder, Plan()) as town:
        town.hub.actions.driver = None
        town.push({".github/workflows/ai-ready.yml": CALLER.read_text()})
        (folder / "house").mkdir()
        house = Town(town.hub, town.repo, model, folder / "house", town.clock)
        stand_in_agent(house)
        deaf = town.hub.subscribe(house.events.append)
        try:
            yield Both(town, house)
        finally:
            deaf()


def test_when_the_server_is_first_the_gate_leaves_it_to_the_servers_run(both: Both) -> None:
    issue = both.asked("Greet")
    both.town.labelled(issue, "ai-ready", "ai-queued")
    both.settle()

    both.check(issue)


def test_when_the_gate_is_first_the_server_leaves_it_to_the_gate(both: Both) -> None:
    assert isinstance(both.town.server, InProcessServer)
    both.town.server.stop()
    issue = both.asked("Greet")
    both.house.settle()
    both.town.server.start()
    both.settle()

    both.check(issue)
    assert both.town.server.store is not None
    assert both.town.server.store.claims(both.town.repo.id) == ()


def test_when_both_begin_at_once_there_is_one_run(both: Both) -> None:
    """Nobody waits for anybody: whoever claims it has it."""
    issue = both.asked("Greet")
    both.settle()

    both.check(issue)


def test_a_gate_that_claims_between_the_servers_dispatch_and_its_label_has_the_run(both: Both) -> None:
    """Two workflow runs for one request: one of them works and says the verdict, the other says why it doesn't."""
    server, house = both.town.server, both.house
    assert isinstance(server, InProcessServer)
    sent, go_on = threading.Event(), threading.Event()

    def stop_after_the_dispatch(step: str) -> None:
        if step == "s7":
            sent.set()
            assert go_on.wait(PATIENCE)

    server.trace = stop_after_the_dispatch
    issue = both.asked("Greet")
    assert sent.wait(PATIENCE)
    labelled = house.next_run()
    assert labelled is not None
    assert labelled.record.event == "issues"
    labelled.gate()
    assert labelled.is_admitted
    go_on.set()
    both.town.looks()

    dispatched = house.next_run()
    assert dispatched is not None
    assert dispatched.record.event == "workflow_dispatch"
    dispatched.all_jobs()
    assert not dispatched.is_admitted
    assert (
        f"#{issue.number} is not started by this run: another run is at work on it"
        in (dispatched.folder / "gate.summary").read_text()
    )
    both.town.looks()
    labelled.work()
    labelled.publish()
    labelled.end()
    both.settle()
    both.check(issue)


def test_an_issue_that_waited_for_both_of_them_runs_once(both: Both) -> None:
    """Each has said that it waits; one of these comments is left."""
    first = both.town.issue("First")
    second = both.asked("Second", f"Depends on #{first.number}")
    both.town.labelled(second, "ai-ready", "ai-waiting")
    both.settle()
    assert both.house.admitted == set()
    assert sum("ai-ready:status" in comment.body for comment in second.comments) == 1

    both.town.close(first)
    both.settle()
    both.check(second)
