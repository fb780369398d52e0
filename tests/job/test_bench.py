"""The bench of a run: what it tells goes on when its disk does not."""

import contextlib
import json
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.core.run import Outcome
from bot.job.bench import Bench
from bot.progress.events import ToolUsed
from bot.progress.journal import EVENTS_FILE
from bot.report import Report
from tests.progress.test_events import VALIDATOR
from tests.progress.told import BEGINNING, WHOLE, Room


@pytest.mark.needs_root
def test_a_disk_that_fills_up_costs_the_file_alone(tiny: Path) -> None:
    """Whole lines up to there; it is said once, everybody else hears the rest, and the page of the run is left out."""
    room = Room(tiny)
    room.tell(*BEGINNING)
    (tiny / "filler").write_bytes(bytes((1 << 20) - 4 * 4096))
    room.tell(*(WHOLE * 40))
    bench = Bench(tiny, Report(summary=tiny / "page"), Cancel(), room.journal)
    bench.conclude(Outcome("7-L1-1", "done", summary="words " * 2_000))
    lines = (tiny / EVENTS_FILE).read_text()

    assert lines.endswith("\n")
    for line in lines.splitlines():
        VALIDATOR.validate(json.loads(line))
    assert [line for line in room.log if "can't be kept" in line] == [
        "The events of this run can't be kept any more: No space left on device. The run goes on."
    ]
    assert len(room.events) == len(BEGINNING) + 40 * len(WHOLE) + 1
    assert room.log[-1] == "[0:00] The work is done: 0 turns, $0.00, 0 s"


@pytest.mark.needs_root
def test_half_a_line_is_taken_back(tiny: Path) -> None:
    """The disk ends in the middle of one."""
    room = Room(tiny)
    room.tell(*BEGINNING)
    with contextlib.suppress(OSError), (tiny / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    for number in range(100):
        room.tell(ToolUsed("Read", f"shop/{number}.py"))
    lines = (tiny / EVENTS_FILE).read_text().splitlines()

    assert len(BEGINNING) < len(lines) < len(BEGINNING) + 100
    assert json.loads(lines[-1])["event"] == "tool-used"
