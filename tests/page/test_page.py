"""What the page says: from issues as GitHub has them to HTML, over HTTP."""

import csv
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from bot.core.boards.board import State
from bot.page.app import SEATS
from bot.page.shown import CheckResult, Health, LogLine, RunDetail, Step, Vital
from tests.page.sample import NOW, Sample, a_run, asked, closed, unasked
from tests.page.visitor import opened

HOSTILE = [
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "</title></svg><iframe src=//evil.example>",
    "{{ 7 * 7 }} {% raw %}",
    "\u202emoc.live\u202c right to left \u2066\u2069",
    "x" * 10_000,
    "🎉👩‍👩‍👧‍👦\x00\x1b[31m",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
]


class Tags(HTMLParser):
    """Which tags and attributes a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def tags(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    return found


def shop() -> Sample:
    source = Sample()
    source.put(
        closed(1, "[SHOP-1.1] Prices in cents"),
        asked(2, "[SHOP-1.2] A cart", "ai-blocked"),
        asked(3, "[SHOP-2.1] Print a receipt"),
        asked(4, "Gift cards", on=[3]),
        unasked(5, "An idea"),
    )
    return source


def test_the_overview_counts_issues_by_state() -> None:
    with opened(shop()) as client:
        page = client.get("/").text

    assert 'href="/p/7"' in page
    assert "acme/shop" in page
    assert "2 waiting" in page
    assert "1 closed" in page


def test_a_project_shows_graph_queue_and_why() -> None:
    with opened(shop()) as client:
        page = client.get("/p/7").text

    assert "Waits for 1 issue to close" in page
    assert "#4 waits for SHOP-2.1 (#3): GitHub dependency" in page
    assert "SHOP-1.2 (#2) waits for SHOP-1.1 (#1): phase order" in page
    assert '<a href="https://github.example/acme/shop/issues/3" rel="noreferrer">#3</a>' in page
    assert "Not drawn: 1 issue without a phase" in page
    assert "/ai stop" in page
    kept_up_to_date = page.partition('<section id="budget" data-live')[2].partition("</section>")[0]
    assert 'As of <time datetime="2026-03-04T12:00:00Z">' in kept_up_to_date


def test_every_arrow_of_the_graph_can_be_read_without_a_mouse() -> None:
    """All of them in a list, and each box names its own there; a phase's stand with its first issue."""
    with opened(shop()) as client:
        page = client.get("/p/7").text

    graph = page.partition('<section id="graph"')[2].partition("</section>")[0]
    listed = dict(re.findall(r'<li id="waits-(\d+)">(.*?)</li>', graph))
    described = dict(re.findall(r'aria-label="(#\d+) [^"]*" aria-describedby="waits-(\d+)"', graph))
    assert {name: listed[number] for name, number in described.items()} == {
        "#2": "SHOP-1.2 (#2) waits for SHOP-1.1 (#1): phase order",
        "#3": "SHOP, phase 2 waits for phase 1: phase order",
        "#4": "#4 waits for SHOP-2.1 (#3): GitHub dependency",
    }
    assert len(listed) == 3


def test_issues_are_found_by_state_and_words() -> None:
    with opened(shop()) as client:
        assert "An idea" in client.get("/p/7/issues").text
        waiting = client.get("/p/7/issues", params={"state": State.WAITING.value}).text
        assert "Print a receipt" in waiting
        assert "An idea" not in waiting
        found = client.get("/p/7/issues", params={"q": "shop-2.1"}).text
        assert "1 issue<" in found
        assert "Print a receipt" in found


def test_long_lists_are_cut_into_pages() -> None:
    source = Sample()
    source.put(*(unasked(number, f"Idea {number}") for number in range(1, 121)))
    with opened(source) as client:
        first, last = client.get("/p/7/issues").text, client.get("/p/7/issues", params={"page": "99", "q": "Idea"}).text

    assert "Page 1 of 3" in first
    assert ">Idea 1<" in first
    assert ">Idea 60<" not in first
    assert "Page 3 of 3" in last
    assert 'href="?q=Idea&amp;page=2"' in last


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_titles_are_text(title: str) -> None:
    """In every place that shows a title, with phases and without, and in a run's log."""
    source = Sample()
    source.put(
        asked(1, f"[SHOP-1.1] {title}"), asked(2, title, on=[1]), asked(3, title), asked(4, f"[{title}-1.1] {title}")
    )
    run = replace(a_run(1), title=title)
    source.ran["7"] = (run,)
    step, check = Step(NOW, title), CheckResult(title, title, 1, 0.1)
    source.details[run.key] = RunDetail(
        run, (step,), (("Model", title),), (check,), log=[LogLine(title)], summary=title
    )
    harmless = set(re.findall(r"<([a-z0-9]+)", _page_without_issues()))
    with opened(source) as client:
        for path in ("/p/7", "/p/7/issues", "/p/7/runs", f"/p/7/runs/{run.key}", "/"):
            page = client.get(path).text
            found = tags(page)
            assert found.tags <= harmless | {"strong", "code"}, path
            assert page.count("<script") == 1, path
            assert not [name for name in found.attributes if name.startswith("on")], path
            assert not [each for each in found.addresses if not each.startswith(("/", "#", "?", "https://github.ex"))]
            assert ("{{ 7 * 7 }}" in page) or "7 * 7" not in title or path == "/"
            assert not set(page) & set("\u202e\u2066\x00\x1b"), path


def _page_without_issues() -> str:
    """Every tag that our templates have."""
    from importlib.resources import files  # noqa: PLC0415

    return "".join(each.read_text() for each in (files("bot.page") / "templates").iterdir())


def test_no_page_asks_anything_of_others_or_carries_code() -> None:
    source = shop()
    source.ran["7"] = (a_run(1),)
    with opened(source) as client:
        for path in ("/", "/p/7", "/p/7/issues", "/p/7/runs", "/p/7/charts", "/health"):
            page = client.get(path).text
            assert re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"([^\"]*)\"", page)
            for address in re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"([^\"]*)\"", page):
                assert address.startswith("/static/"), path
                assert client.get(address).status_code == 200
            assert " style=" not in page
            assert "<style" not in page
            assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]


def test_runs_by_verdict() -> None:
    source = shop()
    source.ran["7"] = (a_run(1), a_run(2, "tests-failed"), a_run(3, ""))
    with opened(source) as client:
        page = client.get("/p/7/runs", params={"verdict": "tests-failed"}).text

    assert "1 run<" in page
    assert a_run(2).key in page
    assert a_run(1).key not in page


def test_a_runs_log_is_searched_and_keeps_its_numbers() -> None:
    source, run = shop(), a_run(1)
    log = [LogLine(f"line {number}", "bad" if number == 7 else "") for number in range(1, 451)]
    source.details[run.key] = RunDetail(run, log=log)
    with opened(source) as client:
        page = client.get(f"/p/7/runs/{run.key}").text
        assert "450 lines" in page
        assert "Page 1 of 3" in page
        assert '<li value="7" class="t-bad">line 7</li>' in page
        found = client.get(f"/p/7/runs/{run.key}", params={"q": "LINE 444"}).text
        assert "1 line<" in found
        assert '<li value="444">' in found
        assert client.get("/p/7/runs/9-L1-1").status_code == 404


def test_health_says_what_to_do() -> None:
    source = shop()
    source.vitals = (
        Vital("a", "Last webhook", "3 s ago"),
        Vital("b", "Failed deliveries", "3", good=False, advice="Look at the App's settings."),
    )
    with opened(source) as client:
        page = client.get("/health").text
        assert "3 s ago" in page
        assert "Look at the App&#39;s settings." in page
        status = client.get("/status.json").json()
    assert status["health"]["vitals"][1] == {"name": "b", "value": "3", "good": False, "words": "Failed deliveries"}
    assert status["projects"][0]["issues"] == {"closed": 1, "queued": 1, "waiting": 2, "not asked for": 1}


def test_a_page_that_has_not_changed_is_not_sent_again() -> None:
    source = shop()
    with opened(source) as client:
        tag = client.get("/p/7").headers["etag"]
        assert client.get("/p/7", headers={"if-none-match": tag}).status_code == 304
        source.put(asked(9, "Something new"))
        again = client.get("/p/7", headers={"if-none-match": tag})
    assert again.status_code == 200
    assert "Something new" in again.text


def test_what_is_not_there_is_said_in_a_page() -> None:
    with opened(shop()) as client:
        for path in ("/p/8", "/p/8/charts", "/p/8/figures.csv", "/p/7/runs/x", "/nowhere", "/static/../app.py"):
            got = client.get(path)
            assert got.status_code == 404
            assert "<h1>There is no such" in got.text


def test_figures_are_the_same_in_chart_csv_json_and_status() -> None:
    """Ended until now, by the real clock, and so within the days that are charted."""
    source, now = shop(), datetime.now(UTC)
    source.ran["7"] = tuple(
        replace(a_run(n, "done" if n % 2 else "timed-out", usd=n), ended_at=now - timedelta(days=n * 0.7))
        for n in range(1, 9)
    )
    with opened(source) as client:
        rows = list(csv.DictReader(client.get("/p/7/figures.csv").text.splitlines()))
        days = client.get("/p/7/figures.json").json()
        status = client.get("/status.json").json()
        page = client.get("/p/7/charts").text
    assert len(days) == len(rows) == 30
    assert status["projects"][0]["days"] == days
    assert sum(day["usd"] for day in days) == 36
    for day, row in zip(days, rows, strict=True):
        assert (row["date"], float(row["usd"]), int(row["runs"])) == (day["date"], day["usd"], day["runs"])
        assert {name: int(row[name]) for name in ("done", "timed-out") if row[name] != "0"} == day["verdicts"]
        for name in ("lead_seconds", "waited_seconds"):
            assert row[name] == ("" if day[name] is None else str(round(day[name])))
        if day["runs"]:
            assert f"{day['date']}: ${day['usd']:.2f}</title>" in page
        for verdict, count in day["verdicts"].items():
            words = f"{count} done" if verdict == "done" else f"{count} blocked (timed-out {count})"
            assert f"{day['date']}: {words}</title>" in page


def test_however_many_look_few_ask_the_source_at_a_time() -> None:
    """On a server that is the store, and its connections are for the webhooks, too."""
    at_once, most, lock, full = 0, 0, threading.Lock(), threading.Event()

    class Slow(Sample):
        def health(self) -> Health:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
                if at_once > SEATS:
                    full.set()
            full.wait(0.2)
            with lock:
                at_once -= 1
            return super().health()

    with opened(Slow()) as client, ThreadPoolExecutor(5 * SEATS) as visitors:
        answers = visitors.map(lambda _: client.get("/health").status_code, range(5 * SEATS))
        assert set(answers) == {200}
    assert 1 < most <= SEATS
