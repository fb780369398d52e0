"""What the page shows of the server: what passes saw, the ledger's runs, and nothing of what is no longer reached."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.model import Comment, Issue
from bot.core.settings import RepoConfig
from bot.core.survey import survey
from bot.github.ports import Place
from bot.page.shown import RunDetail
from bot.server.ports import Lane, LaneKind, LedgerRun, RunStage
from bot.server.run_records import RunRecord, RunRecords
from bot.server.scenes import Scenes, with_record
from bot.server.store import SqlStore
from tests.page.sample import ALICE, NOW, REPO, SERVER, asked, snapshot
from tests.page.visitor import opened
from tests.server.endpoint import sqlite_store
from tests.server.test_run_records import EVENTS, Shelf

PLACE = Place(7, REPO, 5)
ASKED = int((NOW - timedelta(minutes=9)).timestamp())
ENDED, AT_WORK = f"1-L{ASKED}-1", "2-C55-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = sqlite_store(tmp_path)
    made.put_installation(5, "acme", [PLACE, Place(8, "acme/attic", 5)])
    yield made
    made.close()


def shown(store: SqlStore, *issues: Issue, kept: RunRecords | None = None) -> Scenes:
    scenes, seen, config = Scenes(store, SERVER, kept), snapshot(*issues), RepoConfig()
    scenes.show(PLACE, seen, survey(seen, config), config)
    return scenes


def one_ended_and_one_at_work(store: SqlStore) -> None:
    lane = Lane(LaneKind.REPOSITORY, 7)
    store.make_due([lane], NOW - timedelta(days=9))
    work = store.take(NOW, lease=60)
    assert work is not None
    assert work.lane == lane
    for issue, key in ((1, ENDED), (2, AT_WORK)):
        run = LedgerRun(7, issue, key, RunStage.INTENDED, NOW + timedelta(issue), NOW, 5.0)
        assert store.intend(work, run, most=9)
        assert store.dispatched(work, key, 60 + issue, f"{SERVER}/runs/{issue}")
    store.release(work, ENDED, verdict="tests-failed", usd=0.5)


def test_a_repository_that_was_not_looked_at_is_named_and_no_more(store: SqlStore) -> None:
    scenes = shown(store, asked(1, "One"))

    attic, shop = scenes.overview()
    assert (attic.name.text, attic.at, shop.at) == ("acme/attic", None, NOW)
    assert (scenes.project("8"), scenes.name("8"), scenes.runs("8")) == (None, None, ())
    assert [scenes.project(odd) for odd in ("", "x", "9" * 30, "-7")] == [None] * 4


def test_runs_are_the_ledgers_with_the_titles_of_the_issues(store: SqlStore) -> None:
    """When somebody asked is in the key of a label's request."""
    one_ended_and_one_at_work(store)

    scenes = shown(store, asked(1, "One"), asked(2, "Two"))
    second, first = scenes.runs("7")

    assert (first.title, first.state, first.verdict, first.usd) == ("One", "ended", "tests-failed", 0.5)
    assert first.asked_at == NOW - timedelta(minutes=9)
    assert scenes.runs("7", 1) == (second,)
    assert (second.title, second.state, second.asked_at) == ("Two", "queued", None)


def test_a_command_was_given_when_it_was_written_not_when_its_run_began(store: SqlStore) -> None:
    """Else whoever asks by comment is said to have waited for nothing, in the timeline and in the chart."""
    one_ended_and_one_at_work(store)
    written = NOW - timedelta(hours=3)
    comment = Comment(55, "IC_55", ALICE, "/ai run", written)

    second, _ = shown(store, replace(asked(2, "Two"), comments=(comment,)), asked(1, "One")).runs("7")

    assert second.asked_at == written


def test_a_run_that_has_ended_has_the_log_that_it_left(store: SqlStore) -> None:
    """One at work is followed on GitHub: nothing is asked for it."""
    one_ended_and_one_at_work(store)
    shelf = Shelf({f"ai-ready-log-{ENDED}": EVENTS})
    kept = RunRecords(lambda _: shelf)
    scenes = shown(store, asked(1, "One"), asked(2, "Two"), kept=kept)
    with opened(scenes) as client:
        at_work = client.get(f"/p/7/runs/{AT_WORK}").text
        assert "can be followed on GitHub" in at_work
        assert f'href="{SERVER}/runs/2"' in at_work
        assert shelf.asked == []

        before = client.get(f"/p/7/runs/{ENDED}").text
        assert "is being fetched" in before
        assert f'data-of="7/{ENDED}" data-version="{scenes.version("7")}"' in before
        with client.stream("GET", "/live", params={"of": f"7/{ENDED}", "since": scenes.version(f"7/{ENDED}")}) as live:
            lines = live.iter_lines()
            assert next(lines) == "retry: 2000"
            shelf.gate.set()
            assert next(line for line in lines if line.startswith("event")) == "event: changed"

        page = client.get(f"/p/7/runs/{ENDED}", params={"q": "PASSED"}).text
        assert ">[0:01] test: passed in 2.0 s<" in page
        assert "make test" in page
        assert "Looking." not in page
        assert scenes.version("7") < scenes.version(f"7/{ENDED}")
    kept.close()


def test_a_log_that_is_gone_says_so(store: SqlStore) -> None:
    one_ended_and_one_at_work(store)
    (ended,) = (run for run in shown(store, asked(1, "One")).runs("7") if run.key == ENDED)

    gone, away = (with_record(RunDetail(ended), RunRecord(problems=said)) for said in ((), ("GitHub is away.",)))

    assert "no longer on GitHub" in gone.log_words
    assert "could not be read now" in away.log_words
    assert away.problems == ("GitHub is away.",)


def test_what_is_no_longer_reached_is_not_shown(store: SqlStore) -> None:
    scenes = shown(store, asked(1, "One"))
    assert scenes.project("7") is not None

    store.put_installation(5, "acme", [], gone=[7])

    assert (scenes.project("7"), scenes.why("7", ["1"]), scenes.runs("7")) == (None, {}, ())
    assert scenes.version("7") == 0


def test_a_page_that_was_read_before_is_not_shown_either(store: SqlStore) -> None:
    """Pages are kept as they were rendered; the App may have been taken away since, and no pass comes any more."""
    with opened(shown(store, asked(1, "Codename Bluebird"))) as client:
        addresses = ["/p/7", "/p/7/issues", "/p/7/runs", "/p/7/charts"]
        assert {client.get(each).status_code for each in addresses} == {200}
        assert REPO in client.get("/").text

        store.put_installation(5, "acme", [Place(8, "acme/attic", 5)], gone=[7])

        assert {client.get(each).status_code for each in addresses} == {404}
        assert REPO not in client.get("/").text
        store.put_installation(5, "acme", [Place(9, "acme/new", 5)])
        assert "acme/new" in client.get("/").text


def test_each_look_is_another_version(store: SqlStore) -> None:
    scenes = shown(store, asked(1, "One"))
    before, seen, config = scenes.version("7"), snapshot(asked(1, "Another")), RepoConfig()

    scenes.show(PLACE, replace(seen, now=NOW + timedelta(1)), survey(seen, config), config)

    assert scenes.version("7") > before
    assert scenes.version() > before
    project = scenes.project("7")
    assert project is not None
    assert project.issues[0].title == "Another"
