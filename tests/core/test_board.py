"""The board of a META issue: which issues are on it, what it says, and when it is written or closed."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.boards.block import END, START, Memory, Past, holds, recall, splice, without
from bot.core.boards.board import STATE_OF, State
from bot.core.boards.scope import listed
from bot.core.effects import CloseIssue, Dispatch, Effect, PostComment, PutBoard
from bot.core.ledger import Record
from bot.core.messages.mermaid import GLYPHS
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Actor, Claim, Comment, Issue, Link, Pull, Ref, RunState, Snapshot, Source
from bot.core.plan import plan
from bot.core.settings import ConfigProblem, MetaIssues, OrderRules, RepoConfig
from bot.core.why import Progress
from tests.core.test_plan_laws import STATES, placed
from tests.core.world import ANN, BOB, BOT, T0, after, close, comment, edit, issue, later, snapshot

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIG = RepoConfig()
LABEL = f"L{int(T0.timestamp())}"
TITLES = ("[AUTH-1.1] Users", "[AUTH-1.2] Passwords", "[AUTH-2.1] Sessions")


def meta(title: str = "META: AUTH Log in", *, number: int = 1, **more: Any) -> Issue:
    """A META issue of somebody who belongs to the repository."""
    return issue(number, title, **{"insider": True, **more})


def block_of(snap: Snapshot, number: int = 1) -> str:
    text = body(snap, number)
    return text[text.index(START) : text.index(END) + len(END)]


def series(*, by: Actor | None = ANN, first: int = 2) -> list[Issue]:
    return [issue(number, title, by=by) for number, title in enumerate(TITLES, first)]


def boards(snap: Snapshot, config: RepoConfig | ConfigProblem = CONFIG) -> dict[int, str]:
    """What each META issue's board is to say."""
    return {e.issue: e.block for e in plan(snap, config).effects if isinstance(e, PutBoard)}


def settled(snap: Snapshot, config: RepoConfig = CONFIG) -> Snapshot:
    """Once everything that is planned was done, and there is no more."""
    for _ in range(4):
        effects = plan(snap, config).effects
        if not effects:
            return snap
        snap = after(snap, effects)
    raise AssertionError(effects)


def body(snap: Snapshot, number: int = 1) -> str:
    return snap.issues[number].body


def ends(effects: Iterable[Effect], number: int = 1) -> list[str]:
    """The kinds of effect about one issue."""
    return [type(each).__name__ for each in effects if getattr(each, "issue", 0) == number]


def ended(number: int, code: str, *, usd: float = 0.42, pull: int = 0, planned: bool = False) -> Comment:
    record = Record(f"{number}-{LABEL}-1", code, usd, T0 + timedelta(minutes=3), T0, pull, planned=planned)
    return comment(7000 + number, f"Ended\n{verdict_block(record)}", BOT, minutes=3)


# ----------------------------------------------------------------------------------------- what it says


def everything() -> Snapshot:
    """One issue in every state that a board shows."""
    claim = Claim(4, f"4-{LABEL}-1", 42, T0 + timedelta(minutes=2), T0 + timedelta(hours=2), 5.0)
    snap = snapshot(
        meta(body="Our plan.\n"),
        issue(2, "[AUTH-1.1] Users", comments=[ended(2, "done", usd=1.25)]),
        issue(3, "[AUTH-1.2] LDAP"),
        issue(4, '[AUTH-2.1] "Sessions" & <cookies>', by=ANN, labels=["ai-running"]),
        issue(5, "[AUTH-2.1] Tokens", labels=["ai-done"], comments=[ended(5, "done", pull=31)]),
        issue(
            6,
            "[AUTH-2.1] Captcha",
            labels=["ai-blocked"],
            comments=[ended(6, "tests-failed")],
            url="https://github.com/acme/shop/issues/6",
        ),
        issue(7, "[AUTH-2.2] Log out", by=ANN, body="Depends on #9"),
        issue(8, "[AUTH-3.1] Audit", by=ANN),
        issue(9, "AUTH-9"),
    )
    snap = close(snap, 2)
    snap = edit(snap, 3, open=False, state_reason="not_planned", closed_at=snap.now)
    pull = Pull(31, "ai/issue-5", "main", True, False, True, "b" * 40, "/pull/31")
    runs = {42: ActionsRun(42, RunState.ACTIVE, url="/run/42")}
    return replace(snap, claims={4: claim}, runs=runs, pulls=(pull,))


def test_every_state_word_for_word() -> None:
    [block] = boards(everything()).values()
    path = GOLDEN / "board.md"
    if os.environ.get("AI_READY_GOLDEN") == "write":
        path.write_text(block + "\n")

    assert block + "\n" == path.read_text()


def test_more_than_a_hundred_issues_are_drawn_phase_by_phase() -> None:
    many = [issue(n, f"[BIG-{n // 10}.{n % 10 + 1}] Part {n}", by=ANN) for n in range(10, 160)]
    [block] = boards(snapshot(meta("META: BIG"), *many)).values()
    path = GOLDEN / "board-phases.md"
    if os.environ.get("AI_READY_GOLDEN") == "write":
        path.write_text(block + "\n")

    assert block + "\n" == path.read_text()


def test_a_plan_that_waits_for_approval_is_a_persons_turn() -> None:
    waits = issue(2, TITLES[0], by=ANN, comments=[ended(2, "needs-input", planned=True)])
    [block] = boards(snapshot(meta(), waits, issue(3, TITLES[1], by=ANN)), replace(CONFIG, mode="supervised")).values()

    assert "- ✋ **Awaiting approval of a plan:** #2" in block
    assert "- ⏳ **Next up:** #3 " in block
    assert ":::approval" in block


def test_phases_in_parallel_are_joined_as_phases() -> None:
    rules = replace(CONFIG, order=OrderRules(within_phase="parallel"))
    [block] = boards(snapshot(meta(), *series()), rules).values()

    assert "p0 --> p1" in block
    assert "n2 --> n3" not in block


def test_the_cost_of_closed_issues_is_remembered_when_they_are_read_no_more() -> None:
    snap = snapshot(meta(), *series())
    snap = edit(close(snap, 2), 2, comments=(ended(2, "done", usd=1.25),))
    snap = settled(edit(close(snap, 3), 3, state_reason="not_planned"))
    assert "2 of 3 closed** (66 %), cost so far $1.25" in body(snap)

    gone = replace(snap, issues=MappingProxyType({n: i for n, i in snap.issues.items() if n not in (2, 3)}))
    wanted = block_of(gone).replace("#91;AUTH-1.1#93; Users", "AUTH-1.1")

    assert boards(later(gone, hours=1)) == {1: wanted.replace("#91;AUTH-1.2#93; Passwords", "AUTH-1.2")}


def test_light_closed_issues_count_and_a_reopened_or_moved_one_does_not() -> None:
    old = {n: Issue(n, f"[AUTH-1.{n}] Old", open=False, closed_at=T0) for n in (7, 8)}
    snap = snapshot(meta(), *series(), closed=MappingProxyType(old))
    snap = settled(snap)
    assert "2 of 5 closed" in body(snap)

    moved = MappingProxyType({7: replace(old[7], title="[SHOP-1.1] Old"), 8: old[8]})
    assert "1 of 4 closed" in boards(replace(snap, closed=moved))[1]


# ------------------------------------------------------------------------------------ which issues it has


@pytest.mark.parametrize(
    ("title", "more", "count"),
    [
        ("META: AUTH Log in", {}, 3),
        ("[META] [auth] Log in", {}, 3),
        ("[META] AUTH: Log in", {}, 3),
        ("META: Auth, at last", {}, 3),
        ("META: Log in", {"milestone": "v2"}, 1),
        ("META: Log in", {"body": "- [ ] #3\r\n- [x] #5 and #4\r\n* #9\r\n\r\nsee #2\n```\n- #2\n```"}, 3),
        ("META: Log in", {"links": (Link(Ref("acme/shop", 5), Source.SUB_ISSUE),)}, 1),
        ("META: Log in", {}, 4),
    ],
    ids=[
        "prefix",
        "tag",
        "prefix after a tag",
        "prefix before a comma",
        "milestone",
        "listed",
        "sub-issues",
        "repository",
    ],
)
def test_which_issues_a_board_is_of(title: str, more: dict[str, Any], count: int) -> None:
    """Prefix, else milestone, else what is listed, else everything that has a key or was asked for."""
    others = [issue(5, "Something", by=ANN, milestone="v2"), issue(9, "Unasked"), meta("META: other", number=10)]
    [block] = [b for n, b in boards(snapshot(meta(title, **more), *series(), *others)).items() if n == 1]

    assert f"0 of {count} closed" in block


def test_every_progress_has_a_state() -> None:
    assert set(STATE_OF) == set(Progress)
    assert set(GLYPHS) == set(State)


def test_two_boards_of_one_series_are_one() -> None:
    snap = snapshot(meta(number=20), meta("META: AUTH again", number=11), *series())

    assert list(boards(snap)) == [11]


def test_listed_means_first_in_its_item() -> None:
    assert listed("1. #4\n  - [X] #5: x\n- see #6\n-#7\n#8\n~~~\n- #9\n```\n~~~\n+ #10\n- #11a\n") == [4, 5, 10]


# -------------------------------------------------------------------------------------------- whether it is


def test_a_board_begins_when_somebody_asks() -> None:
    assert boards(snapshot(meta(), *series(by=None))) == {}
    assert boards(snapshot(meta(), *series(by=BOB))) == {}, "somebody who may not ask"
    assert list(boards(snapshot(meta(by=ANN), *series(by=None)))) == [1]
    assert list(boards(snapshot(meta(), *series()))) == [1]


def test_no_board_in_a_strangers_issue() -> None:
    """Anybody may call an issue META; a block that was pasted into it changes nothing."""
    pasted = f"{START}\n{Memory().line()}\n{END}"
    stranger = issue(1, "META: AUTH", author=BOB, body=pasted)

    assert boards(snapshot(stranger, *series())) == {}
    assert boards(snapshot(replace(stranger, labels=frozenset({"ai-ready"})), *series())) == {}
    assert list(boards(snapshot(replace(stranger, author=BOT), *series()))) == [1]


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, enabled=False),
        replace(CONFIG, meta=MetaIssues(board=False)),
        ConfigProblem("line 1: no"),
    ],
)
def test_no_board_where_it_is_switched_off(config: RepoConfig | ConfigProblem) -> None:
    assert boards(snapshot(meta(), *series()), config) == {}


def test_no_board_from_half_a_list() -> None:
    assert boards(snapshot(meta(), *series(), truncated=True)) == {}


# ------------------------------------------------------------------------------------------ when it is written


def test_what_is_written_once_is_not_written_again() -> None:
    snap = settled(snapshot(meta(body="Text\r\n"), *series()))

    assert plan(later(snap, days=1), CONFIG).effects == ()
    crlf = edit(snap, 1, body=body(snap).replace("\r\n", "\n").replace("\n", "\r\n"))
    assert boards(later(crlf, days=1)) == {}, "GitHub's editor changes every line break"


def test_without_a_change_of_state_at_most_one_edit_a_minute() -> None:
    snap = settled(snapshot(meta(), *series()))
    renamed = edit(snap, 3, title="[AUTH-1.2] Pass phrases")

    assert boards(later(renamed, seconds=59)) == {}
    assert list(boards(later(renamed, seconds=60))) == [1]
    assert list(boards(later(close(renamed, 2), seconds=1))) == [1]


# ---------------------------------------------------------------------------------------------- how it ends


def all_closed(snap: Snapshot) -> Snapshot:
    for number in (2, 3, 4):
        snap = close(snap, number)
    return snap


def test_a_complete_board_is_closed_once() -> None:
    snap = later(all_closed(settled(snapshot(meta(), *series()))), minutes=5)
    effects = plan(snap, CONFIG).effects
    assert ends(effects) == ["PutBoard", "PostComment", "CloseIssue"]

    snap = after(snap, effects)
    assert "3 of 3 closed" in body(snap)
    assert "All 3 issues of the series `AUTH` are closed" in snap.issues[1].comments[-1].body
    assert plan(snap, CONFIG).effects == ()

    reopened = edit(later(snap, minutes=5), 1, open=True)
    assert plan(reopened, CONFIG).effects == (), "whoever reopens it is right"
    another = edit(later(reopened, minutes=5), 4, open=True)
    another = settled(another)
    assert "2 of 3 closed" in body(another)
    assert ends(plan(close(later(another, minutes=5), 4), CONFIG).effects) == ["PutBoard", "PostComment", "CloseIssue"]


def test_a_closing_that_was_said_and_not_done_is_done() -> None:
    snap = later(all_closed(settled(snapshot(meta(), *series()))), minutes=5)
    said = after(snap, [e for e in plan(snap, CONFIG).effects if not isinstance(e, CloseIssue)])

    assert ends(plan(later(said, minutes=1), CONFIG).effects) == ["CloseIssue"]


def test_nobody_closes_what_is_not_to_be_closed() -> None:
    snap = later(all_closed(settled(snapshot(meta(), *series()))), minutes=5)
    keep = replace(CONFIG, meta=MetaIssues(close=False))

    assert ends(plan(snap, keep).effects) == ["PutBoard"]
    fresh = all_closed(snapshot(meta(), *series()))
    assert ends(plan(fresh, CONFIG).effects) == [], "a META issue that never had a board"


# ------------------------------------------------------------------------------------------ the block alone

BLOCK = f"{START}\nboard\n{Memory(MappingProxyType({7: Past('A-1.2', 0.5)}), 'x', 'prefix:A').line()}\n{END}"
PIECES = st.sampled_from(
    ["", "a", "\n", "\r\n", "\n\n", START, END, BLOCK, START[:9], "```", "<!--", "é\U0001f680", " "]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join)


@given(TEXTS)
def test_what_people_wrote_stays_as_it_is(text: str) -> None:
    """Whatever it is: half a marker, two blocks, CRLF."""
    written = splice(text, BLOCK)
    other = BLOCK.replace("board\n", "later\n")

    assert holds(written, BLOCK)
    assert splice(written, BLOCK) == written
    assert splice(splice(written, other), BLOCK) == written
    if recall(text) is None:
        assert written.startswith(text)
    assert without(splice(written, other)) == without(written)


def test_people_may_say_where_it_is_to_be() -> None:
    assert splice(f"above\n{START}\r\n{END}\nbelow", BLOCK) == f"above\n{BLOCK}\nbelow"


@given(st.text(max_size=40))
def test_whatever_stands_in_the_members_line_is_read_or_left_out(text: str) -> None:
    line = f'<!-- ai-ready:members {{"of":{text}}} -->'
    memory = recall(f"{START}\n{line}\n{END}")

    assert memory is None or memory.members == {}


@pytest.mark.parametrize(
    "entry", ['["A-1.2",-1]', '["A-1.2",NaN]', '["A-1.2",1e999]', '["a b",1]', "[1,1]", '"x"', "[]"]
)
def test_damaged_entries_are_forgotten(entry: str) -> None:
    line = f'<!-- ai-ready:members {{"of":{{"7":{entry},"x":["A-1.1",1],"8":["A-1.3",1]}}}} -->'
    memory = recall(f"{START}\n{line}\n{END}")

    assert memory is not None
    assert memory.members == {8: Past("A-1.3", 1.0)}


def test_a_full_body_gets_the_board_without_its_diagram_and_a_fuller_one_none() -> None:
    [whole] = boards(snapshot(meta(), *series())).values()
    text = "x" * (65_536 - len(whole))
    [block] = boards(snapshot(meta(body=text), *series())).values()

    assert "mermaid" not in block
    assert "0 of 3 closed" in block
    assert len(splice(text, block)) <= 65_536
    assert boards(snapshot(meta(body=text + "x" * 900), *series())) == {}


def test_a_board_that_nobody_could_read_is_still_bounded() -> None:
    """Thousands of issues, remembered ones too."""
    old = {n: Issue(n, f"[AUTH-{n % 90}.{n % 97}] Old", open=False, closed_at=T0) for n in range(5000, 8000)}
    many = [issue(n, f"[AUTH-{n % 90}.{n % 97}] {'x' * 200}", by=ANN) for n in range(100, 1600)]
    snap = snapshot(meta(), *many, closed=MappingProxyType(old))
    [block] = boards(snap).values()

    assert len(block) < 65_536
    assert "1000 of 2500 closed" in block
    assert boards(after(snap, [PutBoard(1, block)])) == {}


def test_the_closing_comment_is_no_reply_and_no_verdict() -> None:
    snap = later(all_closed(settled(snapshot(meta(), *series()))), minutes=5)
    [said] = [e for e in plan(snap, CONFIG).effects if isinstance(e, PostComment)]

    assert "<!-- ai-ready:board {" in said.body
    assert START not in said.body


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("title", ["META: A", "META: all"])
def test_in_every_state_the_board_comes_to_rest(state: str, title: str) -> None:
    """Whatever an issue is in the middle of: what is planned once it was done is nothing."""
    placed_one, claim, run = placed(2, "[A-1.1] one", state)
    snap = snapshot(meta(title, number=9, by=ANN), placed_one, issue(3, "[A-1.2] two", by=ANN))
    snap = replace(snap, claims={2: claim} if claim else {}, runs={run.id: run} if run else {})
    for _ in range(6):
        effects = [each for each in plan(snap, CONFIG).effects if not isinstance(each, Dispatch)]
        snap = after(snap, effects)

    assert [e for e in plan(snap, CONFIG).effects if isinstance(e, PutBoard)] == []
    assert recall(body(snap, 9)) is not None
