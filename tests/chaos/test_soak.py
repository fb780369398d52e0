"""A few seconds of the soak, and that it sees what grows; `make soak` for a day."""

from functools import partial
from pathlib import Path

import pytest

from tests.chaos.round import Setting, play
from tests.chaos.soak import Held, Soak, growing

STEADY = [Held(33 - number % 3, 11 + number % 2, 120 + number // 4) for number in range(30)]


def test_what_stays_as_it_is_is_no_leak() -> None:
    """Peaks, and the memory of a day's work, are none."""
    assert growing(STEADY) == []
    assert growing(STEADY[:2]) == []


@pytest.mark.parametrize(
    ("leak", "said"),
    [
        (Held(1, 0, 0), "open files: 42, later 51"),
        (Held(0, 1, 0), "threads: 21, later 31"),
        (Held(0, 0, 9), "memory: 212 MB, later 305 MB"),
    ],
)
def test_what_goes_on_growing_is_said(leak: Held, said: str) -> None:
    looks = [
        Held(each.files + leak.files * at, each.threads + leak.threads * at, each.memory + leak.memory * at)
        for at, each in enumerate(STEADY)
    ]

    assert growing(looks) == [said]


def test_a_server_in_bad_weather_does_what_it_is_asked(tmp_path: Path) -> None:
    """Q40, for seconds."""
    looks: list[Held] = []
    result = play(
        tmp_path / "soak",
        Setting("suite", (), slow_pass=False, storylines=False),
        kind=partial(Soak, seconds=3.0, looks=looks),
    )

    assert result.found.sentences == []
    assert result.runs >= 2
    assert 0 < looks[0].files < 200
