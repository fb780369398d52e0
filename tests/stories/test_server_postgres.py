"""The same server over PostgreSQL, alone and as two replicas of one town."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from bot.sandbox.records import Event
from tests.postgres import Postgres, needs_postgres, postgres
from tests.stories.server_town import (
    QUICK,
    SERVER_CONFIG,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
    server_town,
)

__all__ = ["postgres"]
pytestmark = needs_postgres

PHASES = ("[A-1.1] First", "[A-1.2] Second", "[A-2.1] Third", "[B-1.1] Another series")
MILL, SHOP = "acme/mill", "acme/shop"


def test_issues_labelled_at_once_run_in_their_order(tmp_path: Path, postgres: Postgres) -> None:
    with quick_town(tmp_path, Plan(database_url=postgres.database())) as town:
        in_order(town)


def test_two_replicas_do_everything_once(tmp_path: Path, postgres: Postgres) -> None:
    """Webhooks come to one of them; both work."""
    with replicas(tmp_path, Plan(database_url=postgres.database())) as (town, servers):
        in_order(town)
        assert all(server.served for server in servers)


def test_replicas_share_an_installation_fairly(tmp_path: Path, postgres: Postgres) -> None:
    """Which of them noted that a repository waits, and which one's run ended, makes no difference."""
    plan = Plan(repos=(MILL, SHOP), database_url=postgres.database())
    with replicas(tmp_path, plan, at_a_time=1) as (town, _):
        mill, shop = town.repos
        town.actions.hold("in_progress")
        many = [town.asked(f"Grind {number}", repo=mill) for number in range(5)]
        town.until(lambda: town.actions.dispatches, "the mill has the only place")
        town.labelled(many[-1], "ai-ready", "ai-waiting")
        one = town.asked("Greet", repo=shop)
        town.labelled(one, "ai-ready", "ai-waiting")
        town.actions.hold("")

        for issue in [one, *many]:
            assert town.verdict(issue).startswith("Done")
        town.looks()
        assert [each.repo for each in town.actions.dispatches].index(shop.full_name) <= 2
        check_server_town(town)


def test_replicas_together_never_exceed_what_a_repository_allows(tmp_path: Path, postgres: Postgres) -> None:
    """`limits.concurrent: 1`, five issues at once, two servers: never two runs at a time."""
    config = SERVER_CONFIG.replace("concurrent: 10", "concurrent: 1")
    plan = Plan(config=config, database_url=postgres.database(), work_seconds=0.1)
    with replicas(tmp_path, plan) as (town, servers):
        at_once: list[int] = []

        def count(event: Event) -> None:
            if event.name == "workflow_run":
                at_once.append(sum(run.status != "completed" for run in town.runs()))

        town.hub.subscribe(count)
        issues = [town.asked(f"Task {number}") for number in range(5)]
        for issue in issues:
            assert town.verdict(issue).startswith("Done")

        assert max(at_once) == 1
        assert all(server.served for server in servers)
        town.until(lambda: all(town.labels(issue) == {"ai-done"} for issue in issues), "everything is done")
        town.looks()
        check_server_town(town)


def test_tables_that_are_gone_for_a_while_end_no_thread(tmp_path: Path, postgres: Postgres) -> None:
    """Somebody restores a backup under the server's feet; once it is there the work goes on."""
    url = postgres.database()
    with quick_town(tmp_path, Plan(database_url=url)) as town:
        town.looks()
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as database:
            database.execute(sa.text("ALTER TABLE lane RENAME TO away"))
            issue = town.asked()
            town.hub.webhooks.flush()
            database.execute(sa.text("ALTER TABLE away RENAME TO lane"))
        engine.dispose()

        assert town.verdict(issue).startswith("Done")
        town.looks()
        check_server_town(town)


def in_order(town: ServerTown) -> None:
    """The phases of one series one after the other, the other series beside them."""
    issues = [town.issue(title) for title in PHASES]
    with town.reviewing():
        for issue in reversed(issues):
            town.label(issue)
        town.until(lambda: not any(issue.open for issue in issues), "everything merged", timeout=90)
        town.until(lambda: not any(town.labels(issue) for issue in issues), "everything tidied up")
    town.looks()

    assert [number for number in town.order() if number != 4] == [1, 2, 3]
    assert [len(town.verdicts(issue)) for issue in issues] == [1] * 4
    check_server_town(town)


@contextmanager
def replicas(
    folder: Path, plan: Plan, *, at_a_time: int = 10
) -> Iterator[tuple[ServerTown, tuple[InProcessServer, InProcessServer]]]:
    """A town with two servers over one database."""
    rules = replace(QUICK, concurrent=at_a_time)
    with server_town(folder, plan) as town, ExitStack() as stack:
        one, other = (InProcessServer(town, folder / name, plan, rules=rules) for name in ("one", "other"))
        for server in (one, other):
            server.start()
            stack.callback(server.stop)
        town.server = other
        yield town, (one, other)
