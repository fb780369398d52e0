"""A few kills, and that the harness sees every kind of failure; `make chaos` for hundreds."""

from pathlib import Path

import pytest

from tests.chaos.campaign import mutated
from tests.chaos.moments import ANYWHERE, MOMENTS
from tests.chaos.mutations import MUTATIONS
from tests.chaos.round import Kill, Setting, play

FEW = ("after s2", "before s7", "amid s7", "after s8", "amid s9", "before release", ANYWHERE)
"""One of each stretch: received, noted and not sent, sent and not known, known and not said, half said, ended."""


def test_a_killed_server_loses_nothing_doubles_nothing_and_starts_nothing_early(tmp_path: Path) -> None:
    kills = tuple(Kill(name, seconds=0.2) for name in FEW)
    result = play(tmp_path / "round", Setting("suite", kills, slow_pass=False, storylines=False))

    assert result.found.sentences == []
    assert set(result.kills) >= set(FEW) - set(result.missed)
    assert result.runs >= 3


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_harness_sees_a_broken_server(tmp_path: Path, name: str) -> None:
    found = play(tmp_path / "round", mutated("suite", name)).found

    assert getattr(found, MUTATIONS[name].shows)


def test_moments_have_names_of_their_own() -> None:
    assert len({moment.name for moment in MOMENTS}) == len(MOMENTS)
    assert {moment.step for moment in MOMENTS} == {*(f"s{number}" for number in range(11)), "release"}
