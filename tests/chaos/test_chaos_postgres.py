"""A few kills of two replicas over PostgreSQL; `make chaos` for hundreds."""

from pathlib import Path

from tests.chaos.moments import DATABASE
from tests.chaos.round import Kill, Setting, play
from tests.postgres import Postgres, needs_postgres, postgres

__all__ = ["postgres"]
pytestmark = needs_postgres


def test_replicas_and_their_database_are_killed(tmp_path: Path, postgres: Postgres) -> None:
    """One, the other, both; and PostgreSQL itself."""
    kills = (
        Kill("before s7", victims=(0,)),
        Kill("after s7", victims=(1,)),
        Kill(DATABASE),
        Kill("amid s9", victims=(0, 1)),
    )
    setting = Setting("suite", kills, replicas=2, slow_pass=False, storylines=False)
    result = play(tmp_path / "round", setting, postgres)

    assert result.found.sentences == []
    assert result.database_restarts == 1
    assert result.kills.total() >= 3
