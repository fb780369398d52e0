"""The page in a real browser: live, readable without scripts, on a phone, by keyboard, and by a screen reader (axe)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as PlaywrightError

from bot.core.secret import Secret
from bot.page.access import Access
from bot.page.listener import Limits
from bot.page.shown import Changed, CheckResult, Link, LogLine, RunDetail, Step, Vital
from tests.browser import chromium, needs_browser
from tests.page.sample import NOW, Sample, a_run, asked, closed, unasked
from tests.page.visitor import opened

pytestmark = needs_browser

DOCS = Path(__file__).parents[2] / "docs" / "img"
PASSWORD = "a password for the page"
RUN = a_run(1)
PATHS = ("/", "/p/7", "/p/7/issues", "/p/7/runs", f"/p/7/runs/{RUN.key}", "/p/7/charts", "/health", "/nowhere")
VIEWS: list[dict[str, Any]] = [
    {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}},
    {"color_scheme": "dark", "viewport": {"width": 1200, "height": 900}},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
]
TONES = {"*": "head", "!": "bad", "+": "good"}
LOG = (
    "*[0:00] The agent begins (attempt 1 of 2)",
    "[0:01 turn 1 $0.04] Read shop/cart.py",
    "[1:12 turn 2 $0.09] Edit shop/cart.py",
    "[2:40 turn 2 $0.09] Edit tests/test_cart.py",
    "*[3:05 turn 3 $0.12] The agent ended: done; 3 turns, $0.12 so far, 185 s",
    "*[3:06] test: $ pytest -q",
    "![3:14] test: failed (exit code 1) after 8.2 s",
    "*[3:14 turn 3 $0.12] The agent begins (attempt 2 of 2)",
    "[3:40 turn 4 $0.17] says: The test is right: *from* three, not *above* three.",
    "[4:02 turn 4 $0.17] Edit shop/cart.py",
    "*[4:10] test: $ pytest -q",
    "+[4:19] test: passed in 8.4 s",
    "+[4:20] The work is done: 5 turns, $0.21, 260 s",
)
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> </title>\u202e evil'


def shop() -> Sample:
    source = Sample()
    source.put(
        closed(1, "[SHOP-1.1] Prices in cents"),
        asked(2, "[SHOP-1.2] A cart"),
        asked(3, f"[SHOP-2.1] {HOSTILE}"),
        asked(4, "[AUTH-1.1] Log in", on=[2]),
        asked(5, "Mend the search", on=[6]),
        unasked(6, "Choose a search engine"),
    )
    source.ran["7"] = (RUN, a_run(2, "tests-failed", days_ago=2), a_run(3, ""))
    source.details[RUN.key] = RunDetail(
        RUN,
        (Step(NOW, "it ended: done"),),
        (("Model", "claude-opus"),),
        (CheckResult("test", "pytest", 0, 1.2), CheckResult("lint", "ruff check", 1, 0.4)),
        (Changed("shop/cart.py", 12, 3),),
        [LogLine(f"line {number} {HOSTILE}", ("", "head", "good", "bad", "faint")[number % 5]) for number in range(60)],
        HOSTILE,
        "/ai retry",
    )
    source.vitals = (Vital("a", "Last webhook", "3 s ago"), Vital("b", "Failed", "3", good=False, advice="Look there."))
    return source


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def visit(context: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """A page, and what went wrong on it."""
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked_: wrong.append(asked_.url) if not asked_.url.startswith(url) else None)
    return page, wrong


@pytest.mark.parametrize("view", VIEWS, ids=["light", "dark", "phone"])
def test_every_page_is_accessible_and_fits(browser: Browser, view: dict[str, Any]) -> None:
    """axe finds nothing, in either colour scheme; no sideways scrolling; nothing is asked of others, nothing fails."""
    with opened(shop()) as client:
        url = str(client.base_url)
        context = browser.new_context(**view)
        for path in PATHS:
            page, wrong = visit(context, url)
            page.goto(f"{url}{path}")
            for details in page.locator("details").all():
                details.evaluate("each => { each.open = true; }")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= view["viewport"]["width"], path
            assert [each for each in wrong if "404" not in each] == [], path
            page.close()
        context.close()


@pytest.mark.parametrize(
    ("name", "path", "view"),
    [
        ("page", "", {**VIEWS[0], "viewport": {"width": 1200, "height": 1300}}),
        ("page-phone", "", {**VIEWS[2], "color_scheme": "dark"}),
        ("page-run", f"/runs/{RUN.key}", {**VIEWS[0], "viewport": {"width": 1200, "height": 1290}}),
    ],
)
def test_the_pictures_of_the_documentation(
    browser: Browser, tmp_path: Path, name: str, path: str, view: dict[str, Any]
) -> None:
    """Made as the page is; with AI_READY_GOLDEN=write they replace those in docs/img."""
    folder = DOCS if os.environ.get("AI_READY_GOLDEN") == "write" else tmp_path
    with opened(pictured()) as client:
        context = browser.new_context(**view)
        page = context.new_page()
        page.goto(f"{client.base_url}/p/7{path}")
        expect(page.locator("#live")).to_have_text("Live.")
        taken = page.screenshot(path=folder / f"{name}.png")
        context.close()
    assert len(taken) < 150_000
    assert (DOCS / f"{name}.png").exists()


def pictured() -> Sample:
    """A project in the middle of its work."""
    source = Sample()
    source.put(
        closed(1, "[SHOP-1.1] Prices in cents"),
        closed(2, "[SHOP-1.2] A cart"),
        asked(3, "[SHOP-2.1] Print a receipt"),
        asked(4, "[SHOP-2.2] Choose its language"),
        asked(5, "[SHOP-3.1] Gift cards", on=[8]),
        unasked(6, "[SHOP-3.2] Take things back"),
        asked(7, "[AUTH-1.1] Log in"),
        asked(8, "[AUTH-1.2] Log in with a key"),
        asked(9, "Mend the search", body="Depends on #10."),
        unasked(10, "Choose a search engine"),
    )
    source.ran["7"] = tuple(a_run(n, "tests-failed" if n == 2 else "done", days_ago=n / 3) for n in range(1, 6))
    source.details[RUN.key] = RunDetail(
        replace(RUN, turns=5, usd=0.21, pull=Link("#12", "https://github.example/acme/shop/issues/12")),
        (
            Step(NOW - timedelta(minutes=15), "somebody asked for it"),
            Step(NOW - timedelta(minutes=10), "the server claimed the issue and dispatched the run"),
            Step(NOW, "it ended: done"),
        ),
        (("Model", "claude-sonnet-5-5"), ("Isolation", "uid 61121"), ("May cost", "$1.00")),
        (CheckResult("test", "pytest -q", 1, 8.2), CheckResult("test", "pytest -q", 0, 8.4)),
        (Changed("shop/cart.py", 2, 1), Changed("tests/test_cart.py", 12, 0)),
        [LogLine(words.lstrip("!+*"), TONES.get(words[0], "")) for words in LOG],
        changed_in=Link("#12", "https://github.example/acme/shop/issues/12"),
    )
    return source


def test_an_open_page_follows_and_keeps_what_the_reader_did(browser: Browser) -> None:
    source = shop()
    with opened(source) as client:
        context = browser.new_context()
        page, wrong = visit(context, str(client.base_url))
        page.goto(f"{client.base_url}/p/7")
        expect(page.locator("#live")).to_have_text("Live.")
        page.locator("summary").first.click()
        page.locator("#queue a").first.focus()
        focused = page.evaluate("document.activeElement.href")
        source.put(*(asked(number, f"[NEW-1.{number}] Task {number}") for number in range(1, 7)))
        expect(page.locator("#queue")).to_contain_text("[NEW-1.6] Task 6")
        expect(page.locator("#graph svg")).to_contain_text("NEW-1.6")
        assert page.evaluate("document.activeElement.href") == focused
        assert wrong == []
        context.close()


def test_a_page_that_is_not_kept_up_to_date_says_so(browser: Browser) -> None:
    with opened(shop(), limits=Limits(streams=0)) as client:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{client.base_url}/p/7")
        expect(page.locator("#live")).to_have_text("Not live: the server is busy. Trying again.")
        expect(page.locator("#queue")).to_contain_text("Log in")
        context.close()


def test_hostile_titles_run_nothing(browser: Browser) -> None:
    with opened(shop()) as client:
        context = browser.new_context()
        for path in ("/p/7", "/p/7/issues", f"/p/7/runs/{RUN.key}"):
            page, wrong = visit(context, str(client.base_url))
            page.goto(f"{client.base_url}{path}")
            expect(page.locator("main")).to_contain_text("<script>document.title=2</script>")
            assert page.title() not in ("1", "2")
            assert page.locator("main img, main script, main iframe").count() == 0
            assert wrong == []
        context.close()


def test_without_scripts_all_of_it_is_there(browser: Browser) -> None:
    with opened(shop()) as client:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{client.base_url}/")
        page.get_by_role("link", name="acme/shop").click()
        expect(page.locator("#queue")).to_contain_text("Waits for 1 issue to close")
        page.get_by_role("link", name="All issues").click()
        page.get_by_label("Title or number").fill("search")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#issues")).to_contain_text("2 issues")
        expect(page.locator("#live")).to_be_hidden()
        context.close()


def test_a_keyboard_reaches_the_content_and_the_graph(browser: Browser) -> None:
    with opened(shop()) as client:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{client.base_url}/p/7")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))
        assert any(each.startswith("#2 [SHOP-1.2] A cart") for each in reached)
        context.close()


def test_the_arrows_of_a_box_stand_out_while_it_has_the_focus(browser: Browser) -> None:
    with opened(shop()) as client:
        context = browser.new_context()
        page, wrong = visit(context, str(client.base_url))
        page.goto(f"{client.base_url}/p/7")
        page.locator('[data-box="4"]').focus()
        assert page.locator(".arrow.on").evaluate_all("all => all.map(each => each.dataset.from)") == ["2"]
        assert page.locator(".graph.picked").count() == 1
        page.locator("#queue a").first.focus()
        assert page.locator(".arrow.on, .graph.picked").count() == 0
        assert wrong == []
        context.close()


def test_the_browser_asks_for_the_password_and_stays_live_with_it(browser: Browser) -> None:
    source = shop()
    with opened(source, Access(Secret(PASSWORD))) as client:
        context = browser.new_context(http_credentials={"username": "anybody", "password": PASSWORD})
        page = context.new_page()
        page.goto(f"{client.base_url}/p/7")
        expect(page.locator("#live")).to_have_text("Live.")
        source.put(asked(9, "Something new"))
        expect(page.locator("#queue")).to_contain_text("Something new")
        context.close()
        stranger = browser.new_context()
        with pytest.raises(PlaywrightError, match="ERR_INVALID_AUTH_CREDENTIALS"):
            stranger.new_page().goto(f"{client.base_url}/p/7")
        stranger.close()
