"""Another database than before: an empty one, or PostgreSQL after SQLite. Nothing is carried over, and nothing need be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import STAGES, Held
from tests.postgres import Postgres, needs_postgres, postgres
from tests.stories.server_town import (
    BY_WEBHOOKS,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
)

__all__ = ["postgres"]

Database = Callable[[pytest.FixtureRequest], str]


def empty_file(_request: pytest.FixtureRequest) -> str:
    return ""


def postgresql(request: pytest.FixtureRequest) -> str:
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.database()


@contextmanager
def moved(town: ServerTown, folder: Path, database_url: str) -> Iterator[None]:
    """The server ends, and another one has begun with that database."""
    assert isinstance(town.server, InProcessServer)
    town.server.stop()
    server = town.server = InProcessServer(town, folder / "moved", Plan(database_url=database_url), rules=BY_WEBHOOKS)
    server.start()
    try:
        yield
    finally:
        server.stop()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("database", [empty_file, pytest.param(postgresql, marks=needs_postgres)])
def test_a_run_under_way_is_found_again_and_nothing_is_started_twice(
    tmp_path: Path, request: pytest.FixtureRequest, database: Database, stage: Held
) -> None:
    """Q37: the keys of runs are on GitHub, in their names and verdicts. One run is over, one is under way, one waits."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        over = town.asked("Greet")
        assert town.verdict(over).startswith("Done")
        town.labelled(over, "ai-done")
        town.actions.hold(stage)
        first, second = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(first, "ai-ready", "ai-queued" if stage == "queued" else "ai-running")
        town.labelled(second, "ai-ready", "ai-waiting")
        key = town.actions.dispatches[-1].run_key

        with moved(town, tmp_path, database(request)):
            town.looks()
            assert town.order() == [over.number, first.number]
            town.actions.hold("")
            assert town.verdict(first).startswith("Done")
            town.labelled(first, "ai-done")
            town.close(first)
            assert town.verdict(second).startswith("Done")
            town.labelled(second, "ai-done")
            town.looks()

            assert town.order() == [over.number, first.number, second.number]
            assert town.actions.dispatches[1].run_key == key
            assert [len(town.verdicts(issue)) for issue in (over, first, second)] == [1, 1, 1]
            check_server_town(town)
