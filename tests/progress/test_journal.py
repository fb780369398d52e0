"""The one writer: what it lets through, what it keeps, and that it holds nothing up."""

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from bot.job.redact import Redactor
from bot.progress import journal as journal_module
from bot.progress.events import AgentSaid, Event, LogCut, StillWorking, Todo, TodosChanged, ToolUsed, TurnBegan, Verdict
from bot.progress.journal import EVENTS_FILE, LONGEST, MOST_BYTES, SUMMARY_FILE
from tests.progress.test_events import VALIDATOR
from tests.progress.told import BEGINNING, HOSTILE, SECRET, WHOLE, Room
from tests.stories.town import wait_until

END = Verdict("done", "", "", 1, 0.1, 2.0)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def kept(room: Room) -> list[dict[str, object]]:
    """What is in the file; every line of it fits the schema."""
    assert room.folder
    lines = [json.loads(line) for line in (room.folder / EVENTS_FILE).read_text().splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
    return lines


def test_what_is_told_is_kept_at_once(room: Room) -> None:
    """Each line is in the file before the next event, and the summary is whole at any time."""
    for number, event in enumerate(WHOLE, 1):
        room.tell(event)
        assert len(kept(room)) == number
        assert (room.folder / SUMMARY_FILE).read_text().startswith("# #7 Add up the prices in a cart\n")  # type: ignore[operator]

    assert "**Blocked** (tests-failed)" in (room.folder / SUMMARY_FILE).read_text()  # type: ignore[operator]


@pytest.mark.parametrize(
    "event",
    [
        AgentSaid(HOSTILE),
        ToolUsed(HOSTILE, HOSTILE),
        TodosChanged((Todo(HOSTILE, "pending"),)),
        Verdict("blocked", HOSTILE, HOSTILE, 1, 0.1, 2.0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_hostile_texts_are_harmless(room: Room, event: Event) -> None:
    """Line ends, terminal codes, halves of characters, what turns the direction, and the runner's commands."""
    room.tell(*BEGINNING, event)
    line = (room.folder / EVENTS_FILE).read_text().splitlines()[-1]  # type: ignore[operator]
    kept(room)

    for shown in (line, *room.log):
        assert shown.isprintable()
        assert "##[" not in shown
        assert not shown.lstrip().startswith("::")
    assert all(said.startswith("[0:00") for said in room.log)


def test_secrets_are_taken_out_of_every_text(room: Room) -> None:
    """Wherever they stand in a text: at its beginning, or across the place where it is cut."""
    for at in (0, LONGEST - 60, LONGEST - 20, LONGEST - 8, LONGEST - 3, LONGEST + 30):
        text = "x" * at + SECRET
        room.tell(AgentSaid(text), ToolUsed("Read", text), TodosChanged((Todo(text, "pending"),)))
    told = (room.folder / EVENTS_FILE).read_text() + "\n".join(room.log)  # type: ignore[operator]

    assert SECRET[:8] not in told
    assert told.count("[redacted]") > 12


def test_texts_and_lists_are_bounded(room: Room) -> None:
    """Whatever their size."""
    room.tell(AgentSaid("word " * 200_000), TodosChanged((Todo("y" * 9_999, "pending"),) * 9_999))
    said, listed = room.events

    assert isinstance(said, AgentSaid)
    assert len(said.text) == LONGEST
    assert said.text.endswith("…")
    assert isinstance(listed, TodosChanged)
    assert len(listed.todos) == 50
    assert max(map(len, room.log)) < 1_300


def test_a_hundred_thousand_events_stay_bounded(tmp_path: Path) -> None:
    """File and log end at a few megabytes, and phases, counts and the verdict are there all the same."""
    room = Room(tmp_path, screen=lambda text: text)
    room.tell(*BEGINNING)
    for number in range(50_000):
        room.tell(TurnBegan(number, number / 1e4), ToolUsed("Read", f"a/file-{number}.py"))
    room.tell(END)
    names = [json.loads(line)["event"] for line in (tmp_path / EVENTS_FILE).read_text().splitlines()]

    assert (tmp_path / EVENTS_FILE).stat().st_size < MOST_BYTES + 10_000
    assert sum(map(len, room.log)) < MOST_BYTES
    assert names[-2:] == ["log-cut", "verdict"]
    assert room.journal.progress.turns == END.turns
    assert dict(room.journal.progress.tools)["Read"] == 50_001
    assert sum(isinstance(event, LogCut) for event in room.events) == 1


def test_it_is_quick_enough_for_a_flood() -> None:
    """With the real redactor, an event costs well below a millisecond."""
    room = Room(screen=Redactor([SECRET, "ghs_" + "0aB" * 12]).text)
    before = own_time()
    for number in range(2_000):
        room.tell(ToolUsed("Read", f"a/file-{number}.py"))

    assert (own_time() - before) / 2_000 < 0.001


def own_time() -> float:
    """Seconds of this thread's own work, which other programs don't change."""
    return time.thread_time()


def test_a_sign_of_life_is_told_when_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the journal is open, again and again, with what is under way; afterwards never."""
    monkeypatch.setattr(journal_module, "QUIET", 0.02)
    heard: list[Event] = []
    quiet = journal_module.Journal(
        "7-L1-1", 7, screen=str, log=print, listeners=(lambda entry, _: heard.append(entry.event),)
    )

    with quiet.open():
        for event in BEGINNING:
            quiet.tell(event)
        begun = len(heard)
        wait_until(lambda: len(heard) >= begun + 3, "signs of life")
    ended = len(heard)

    assert {(event.doing, event.turns, event.usd) for event in heard[begun:] if isinstance(event, StillWorking)} == {
        ("agent", 3, 0.43)
    }
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
    assert len(heard) == ended


def test_lines_of_a_check_are_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sees output needs no other."""
    monkeypatch.setattr(journal_module, "QUIET", 1.0)
    room = Room()
    room.tell(*BEGINNING)
    room.seconds = 0.9
    room.journal.say("  3 passed")
    room.seconds = 1.8

    room.journal.beat()
    assert len(room.events) == len(BEGINNING)
    room.seconds = 1.95
    room.journal.beat()

    assert len(room.events) == len(BEGINNING) + 1
    assert room.log[-1] == "[0:01 turn 3 $0.43] still working: 3 turns, $0.43 of $5.00, 2 s of 30 min"


def test_any_thread_may_tell(room: Room) -> None:
    """No line is torn, nothing is forgotten."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def tell() -> None:
        for _ in range(200):
            room.journal.tell(ToolUsed("Read", "x" * 200))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)

    assert len(kept(room)) == 1_600
    assert dict(room.journal.progress.tools) == {"Read": 1_600}


def test_a_folder_that_is_not_there_ends_nothing(tmp_path: Path) -> None:
    """It is said once, and everybody else hears everything."""
    room = Room(tmp_path / "gone")
    room.tell(*WHOLE)

    assert [line for line in room.log if "can't be kept" in line] == [
        "The events of this run can't be kept any more: No such file or directory. The run goes on."
    ]
    assert len(room.events) == len(WHOLE)


def test_a_link_that_was_laid_is_not_followed(tmp_path: Path) -> None:
    """On a machine that is used again, something may lie where our files go."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in (EVENTS_FILE, SUMMARY_FILE, f"{SUMMARY_FILE}.part"):
        (tmp_path / name).symlink_to(victim)
    Room(tmp_path).tell(*BEGINNING)

    assert victim.read_text() == "mine"
    assert (tmp_path / EVENTS_FILE).read_text().count("\n") == len(BEGINNING)
