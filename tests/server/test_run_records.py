"""What a run left is fetched when somebody looks, once, beside everything else."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.errors import GitHubError
from bot.github.archive import PullFile
from bot.github.ports import Place
from bot.progress.events import AgentSaid, CheckEnded, Entry, TurnBegan, line_of
from bot.server.run_records import FRESH, MOST_RUNS, SOON, THREADS, RunRecord, RunRecords, Wanted
from tests.page.sample import REPO

PATIENCE = 30.0
PLACE = Place(7, REPO, 5)
AT = datetime(2026, 3, 4, tzinfo=UTC)
EVENTS = "".join(
    line_of(Entry(AT, 1.0, "1-L1-1", 1, event))
    for event in (TurnBegan(1, 0.25), AgentSaid("Looking."), CheckEnded("test", "make test", False, 0, 2.0))
).encode()


@dataclass
class Shelf:
    """An archive whose content a test says; it answers when the gate is open."""

    events: dict[str, bytes] = field(default_factory=dict)
    refusal: str = ""
    fault: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def kept(self, run_id: int, name: str, member: str, *, most: int) -> bytes | None:
        assert member == "events.jsonl"
        self.asked.append(name)
        assert self.gate.wait(PATIENCE)
        if self.fault is not None:
            raise self.fault
        if self.refusal:
            raise GitHubError(self.refusal, status=502)
        found = self.events.get(name)
        return found[:most] if found is not None else None

    def changed(self, pull: int) -> tuple[PullFile, ...]:
        return (PullFile(f"of-{pull}.py", 3, 1),)


@dataclass
class Shown:
    shelf: Shelf
    records: RunRecords
    now: list[float]

    def look(self, key: str = "1-L1-1", pull: int = 0) -> RunRecord | None:
        return self.records.look(Wanted(PLACE, key, 11, pull))

    def fetched(self, key: str = "1-L1-1", pull: int = 0) -> RunRecord:
        """As it is once it has arrived."""
        before = self.records.version(7, key)
        self.look(key, pull)
        self.shelf.gate.set()
        turn = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if self.records.version(7, key) != before:
                break
            turn.wait(0.01)
        found = self.look(key, pull)
        assert found is not None
        return found


@pytest.fixture
def shown() -> Iterator[Shown]:
    shelf, now = Shelf({"ai-ready-log-1-L1-1": EVENTS}), [0.0]
    records = RunRecords(lambda _: shelf, lambda: now[0])
    yield Shown(shelf, records, now)
    shelf.gate.set()
    records.close()


def test_the_first_look_waits_for_nothing_and_many_ask_once(shown: Shown) -> None:
    assert [shown.look() for _ in range(5)] == [None] * 5
    assert shown.records.version(7, "1-L1-1") == 0

    record = shown.fetched(pull=9)

    assert record.told is not None
    assert [line.text for line in record.told.log][-1] == "[0:01] test: passed in 2.0 s"
    assert (record.told.progress.turns, record.told.progress.usd) == (1, 0.25)
    assert [each.name for each in record.told.checks] == ["test"]
    assert shown.shelf.asked == ["ai-ready-log-1-L1-1"]


def test_what_is_not_there_and_what_github_refuses_is_asked_for_again_later(shown: Shown) -> None:
    assert shown.fetched("2-L1-1", pull=9) == RunRecord(changed=(PullFile("of-9.py", 3, 1),))
    shown.shelf.refusal = "GitHub is away."
    refused = shown.fetched()
    assert (refused.told, refused.problems) == (None, ("GitHub is away.",))
    assert len(shown.shelf.asked) == 2

    shown.shelf.refusal, shown.now[0] = "", SOON
    assert shown.fetched().told is not None

    shown.now[0] += FRESH - 1
    assert shown.look() is not None
    assert len(shown.shelf.asked) == 3


def test_what_nobody_expected_costs_one_run_its_log_and_no_thread(shown: Shown) -> None:
    """Else a few odd answers of GitHub end the threads, and every later run is said to be fetched for ever."""
    shown.shelf.fault = KeyError("size_in_bytes")
    for number in range(2 * THREADS):
        found = shown.fetched(f"{number}-L3-1")
        assert (found.told, found.problems) == (None, ("Its log could not be read here: see the server's log.",))

    shown.shelf.fault = None

    assert shown.fetched().told is not None


def test_what_is_forgotten_is_no_news(shown: Shown) -> None:
    """Else pages of many runs, open at once, would have each other fetched for ever."""
    shown.fetched()
    version = shown.records.version(7, "1-L1-1")
    for number in range(MOST_RUNS):
        shown.fetched(f"{number}-L2-1")

    assert shown.records.version(7, "1-L1-1") == version
    assert shown.look() is None
