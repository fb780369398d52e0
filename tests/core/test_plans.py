"""Supervised mode: a plan first, then a person, then the work."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.core.effects import Effect, PostComment, PutStatus, React
from bot.core.ledger import Record, Verdict, records
from bot.core.markers import hide
from bot.core.messages.plan import plan_in, plan_text
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Actor, Claim, Comment, LabelEvent, RunState, Snapshot
from bot.core.names import REQUEST_LABEL, STATUS_MARKER, Reason
from bot.core.plan import plan
from bot.core.plans import (
    approved_plan,
    earlier_guidance,
    edited_unseen,
    is_dropped,
    is_wanted,
    last_verdict,
    last_words,
    plan_of_issues,
    waits_for,
)
from bot.core.publishing import Ending, next_step
from bot.core.requests import boxless_sha
from bot.core.run import Admission, Outcome
from bot.core.settings import Limits, RepoConfig
from bot.core.situation import Ended, Hold, PlanState, Situation, Start, Withdrawn
from bot.core.view import Own, View
from tests.core.world import ANN, BOB, BOT, SHA, T0, after, comment, edit, issue, later, snapshot

CONFIG = RepoConfig(mode="supervised", limits=Limits(runs_per_day=99, usd_per_day=9_999))
PLAN = "1. Change `app.py`.\n\n```\n@everyone fixes #1\n```\n\n2. Test it."
SHOWN = "1. Change `app.py`.\n\n```\n@everyone fixes # 1\n```\n\n2. Test it."
"""A closing keyword acts even in code; the rest stays as it is."""


def ends(start: Start) -> Outcome:
    """A plan run makes a plan, the work fails its tests."""
    if start.kind == "plan":
        return Outcome(start.run_key, "blocked", Reason.NEEDS_INPUT, plan_text(1), summary=PLAN, planned=True, turns=3)
    return Outcome(start.run_key, "blocked", Reason.TESTS_FAILED, "It fails.", summary="Half of it.", turns=5)


def asks(start: Start) -> Outcome:
    """The agent has a question."""
    return Outcome(start.run_key, "blocked", Reason.NEEDS_INPUT, "A question.", details="Which one?", turns=3)


@dataclass
class Life:
    """One issue, its people, and gates that do at once whatever they admit."""

    snap: Snapshot = field(default_factory=lambda: snapshot(issue(1, "Log in")))
    ran: list[Start] = field(default_factory=list)
    ends: Callable[[Start], Outcome] = ends
    config: RepoConfig = CONFIG
    left: list[tuple[Effect, ...]] = field(default_factory=list)
    """What each run left to do, when its publisher was done."""
    dies: str = ""
    """`gate` or `publish`: killed after each single effect; `vanishes`: publish, after its verdict, for good."""

    def copy(self) -> "Life":
        return replace(self, ran=list(self.ran))

    # ---------------------------------------------------------------------------------------- people

    def label(self, by: Actor = ANN) -> None:
        self._later()
        one = self.snap.issues[1]
        event = LabelEvent("LE", by, self.snap.now)
        self.snap = edit(self.snap, 1, labels=one.labels | {REQUEST_LABEL}, label_events=(*one.label_events, event))
        self.look()

    def unlabel(self) -> None:
        self._later()
        self.snap = edit(self.snap, 1, labels=self.snap.issues[1].labels - {REQUEST_LABEL})
        self.look()

    def say(self, body: str, by: Actor = ANN) -> None:
        self._later()
        said = comment(5000 + len(self.comments), body, by)
        said = replace(said, created_at=self.snap.now)
        self.snap = edit(self.snap, 1, comments=(*self.snap.issues[1].comments, said))
        self.look()

    def edit_body(self) -> None:
        self._later()
        self.snap = edit(self.snap, 1, body="Something else.", body_edited_at=self.snap.now)
        self.look()

    def _later(self) -> None:
        self.snap = later(self.snap, minutes=1)

    # ------------------------------------------------------------------------------------ what is so

    @property
    def comments(self) -> tuple[object, ...]:
        return self.snap.issues[1].comments

    @property
    def labels(self) -> set[str]:
        return set(self.snap.issues[1].labels)

    @property
    def kinds(self) -> list[str]:
        return [start.kind for start in self.ran]

    @property
    def situation(self) -> Situation:
        return plan(self.snap, self.config).survey.situations[1]

    @property
    def bodies(self) -> list[str]:
        return [each.body for each in self.snap.issues[1].comments if each.author.is_bot]

    def replies(self) -> list[str]:
        return [body for body in self.bodies if "ai-ready:reply" in body]

    # ------------------------------------------------------------------------------------------ gates

    def look(self) -> None:
        """Gates, one after the other, until one has nothing to do."""
        for _ in range(60):
            own = Own(1000 + len(self.ran), issue=0)
            decided = plan(self.snap, self.config, own)
            if decided.claim is not None:
                self.snap = after(self.snap, (decided.claim,))
                continue
            if self.dies == "gate" and decided.effects:
                self.snap = after(self.snap, decided.effects[:1])
                continue
            self.snap = after(self.snap, decided.effects)
            if decided.admitted is not None:
                self._run(decided.admitted, own)
            elif not decided.effects:
                return
        raise AssertionError("never quiet")

    def _run(self, start: Start, own: Own) -> None:
        self._later()
        self.ran.append(start)
        admission = Admission(
            issue=1,
            repo="acme/shop",
            run_key=start.run_key,
            title="Log in",
            branch="ai/issue-1",
            base="main",
            base_oid=SHA,
            head_oid=SHA,
            approver_id=ANN.id,
            approver_login=ANN.login,
            model=start.model,
            usd=start.usd,
            minutes=start.minutes,
            content_sha="c" * 64,
            run_id=own.run_id,
            kind=start.kind,
        )
        ending = Ending(admission, self.ends(start), attempts=2)
        if self.dies == "vanishes":
            self.snap = after(self.snap, next_step(ending, self.snap).effects[:1])
            over = ActionsRun(own.run_id, RunState.ENDED, "failure")
            self.snap = replace(self.snap, runs={**self.snap.runs, own.run_id: over})
            return
        most = 1 if self.dies == "publish" else 99
        while (step := next_step(ending, self.snap)).effects:
            assert step.verdict
            self.snap = after(self.snap, step.effects[:most])
        self.left.append(plan(self.snap, self.config).effects)


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def waiting(life: Life) -> Life:
    """A plan was made for ann's label."""
    life.label()
    return life


def test_supervised_everything_begins_with_a_plan(life: Life) -> None:
    life.label()

    assert life.kinds == ["plan"]


@pytest.mark.parametrize("mode", ["autonomous", "interactive"])
def test_in_other_modes_the_work_begins_at_once(mode: str) -> None:
    life = Life(config=replace(CONFIG, mode=mode))  # type: ignore[arg-type]
    life.label()

    assert life.kinds == ["work"]


def test_the_plan_waits_with_its_label_and_holds_no_claim(waiting: Life) -> None:
    assert waiting.labels == {"ai-ready", "ai-waiting"}
    assert waiting.snap.claims == {}
    assert isinstance(waiting.situation, Hold)
    assert waiting.situation.plan is PlanState.WAITS
    [verdict] = [body for body in waiting.bodies if "ai-ready:verdict" in body]
    assert verdict.splitlines()[0] == "Blocked (needs-input): The plan for #1 waits for approval."
    assert verdict.splitlines()[-1] == "/ai approve"
    assert plan_in(verdict) == SHOWN
    assert plan_in(verdict.replace("\n", "\r\n")) == SHOWN
    [record] = records(waiting.snap.issues[1], waiting.snap.own_ids)
    assert (record.kind, record.planned, record.final(1)) == ("plan", True, False)


def test_publisher_and_planner_say_the_same_of_it(waiting: Life) -> None:
    """The run's own last words are what any later plan would write: nothing is left to do."""
    assert waiting.left == [()]


def test_nothing_starts_while_it_waits(waiting: Life) -> None:
    waiting.snap = later(waiting.snap, days=2)
    waiting.look()

    assert waiting.kinds == ["plan"]


def test_a_plan_goes_on_waiting_when_the_mode_is_changed(waiting: Life) -> None:
    """Its comment says that nothing is changed before somebody approves it."""
    waiting.config = replace(CONFIG, mode="autonomous")
    waiting.look()
    assert waiting.kinds == ["plan"]

    waiting.say("/ai approve")

    assert waiting.kinds == ["plan", "work"]


@pytest.mark.parametrize("words", ["/ai approve", "/ai approve with care", "/ai run do more", "/ai retry do more"])
def test_the_next_command_starts_the_work_with_the_plan(waiting: Life, words: str) -> None:
    waiting.say(words)

    assert waiting.kinds == ["plan", "work"]
    start = waiting.ran[1]
    assert start.request.command is not None
    assert start.request.command.guidance == " ".join(words.split()[2:])
    found = approved_plan(View(waiting.snap, CONFIG), waiting.snap.issues[1], start.request.id)
    # The label is used up by now, and with it what the plan was made for: only a run that is under way has it.
    assert found is None
    assert waiting.labels == {"ai-blocked"}


def test_the_plan_is_there_while_the_work_is_under_way(waiting: Life) -> None:
    seen: list[str] = []

    def look(start: Start) -> Outcome:
        found = approved_plan(View(waiting.snap, CONFIG), waiting.snap.issues[1], start.request.id)
        seen.append(plan_in(found.comment.body) if found else "")
        return ends(start)

    waiting.ends = look
    waiting.say("/ai approve")
    waiting.say("/ai retry")

    assert seen == [SHOWN, SHOWN]


def test_an_approval_without_a_plan_is_refused_once(life: Life) -> None:
    life.say("/ai approve")
    life.look()

    assert life.ran == []
    assert [body.splitlines()[0] for body in life.replies()] == [
        "No plan waits for approval here, so nothing was started. `/ai run` asks for a run."
    ]


@pytest.mark.parametrize("drop", [Life.unlabel, lambda life: life.say("/ai stop")], ids=["label off", "stop"])
def test_a_plan_that_was_dropped_is_withdrawn_and_can_not_be_approved(
    waiting: Life, drop: Callable[[Life], None]
) -> None:
    drop(waiting)
    gone = "ai-waiting" not in waiting.labels
    waiting.say("/ai approve")

    assert gone
    assert waiting.kinds == ["plan"]
    assert len(waiting.replies()) == 1
    assert isinstance(waiting.situation, Withdrawn | Ended)


def test_a_plan_whose_request_was_edited_away_can_not_be_approved(life: Life) -> None:
    """Its status says *Withdrawn* by then, and that holds."""
    life.say("/ai run")
    told = (replace(c, edited=c.author == ANN) for c in life.snap.issues[1].comments)
    life.snap = edit(life.snap, 1, comments=tuple(told))
    life.look()
    life.say("/ai approve")

    assert life.kinds == ["plan"]
    assert len(life.replies()) == 1


def test_only_people_who_may_ask_approve(waiting: Life) -> None:
    waiting.say("/ai approve", by=BOB)

    assert waiting.kinds == ["plan"]
    assert "only people with write" in waiting.replies()[0]


def test_an_approval_in_the_second_in_which_the_plan_was_asked_for(waiting: Life) -> None:
    """A plan may be quick, and GitHub's times are of whole seconds: what was said after it answers it."""
    one = waiting.snap.issues[1]
    [record] = records(one, waiting.snap.own_ids)
    approve = replace(comment(6001, "/ai approve"), created_at=record.requested_at)
    waiting.snap = edit(waiting.snap, 1, comments=(*one.comments, approve))
    waiting.look()

    assert waiting.kinds == ["plan", "work"]


def test_an_unacknowledged_stop_counts_before_an_approval(waiting: Life) -> None:
    """Both were said before anybody looked."""
    one = waiting.snap.issues[1]
    stop = replace(comment(6001, "/ai stop"), created_at=waiting.snap.now + timedelta(minutes=1))
    approve = replace(comment(6002, "/ai approve"), created_at=waiting.snap.now + timedelta(minutes=2))
    waiting.snap = later(edit(waiting.snap, 1, comments=(*one.comments, stop, approve)), minutes=3)
    waiting.look()

    assert waiting.kinds == ["plan"]


def test_a_strangers_stop_drops_nothing(waiting: Life) -> None:
    one = waiting.snap.issues[1]
    stop = replace(comment(6001, "/ai stop", BOB), created_at=waiting.snap.now + timedelta(minutes=1))
    approve = replace(comment(6002, "/ai approve"), created_at=waiting.snap.now + timedelta(minutes=2))
    waiting.snap = later(edit(waiting.snap, 1, comments=(*one.comments, stop, approve)), minutes=3)
    waiting.look()

    assert waiting.kinds == ["plan", "work"]


def test_a_label_put_on_again_asks_for_a_new_plan(waiting: Life) -> None:
    waiting.unlabel()
    waiting.label()

    assert waiting.kinds == ["plan", "plan"]
    assert isinstance(waiting.situation, Hold)


def test_an_issue_edited_after_its_plan_says_so_and_can_be_approved_as_it_is(waiting: Life) -> None:
    waiting.edit_body()
    assert isinstance(waiting.situation, Hold)
    assert waiting.situation.plan is PlanState.OUTDATED
    assert any("changed since the plan was made" in body for body in waiting.bodies)

    waiting.say("/ai approve")

    assert waiting.kinds == ["plan", "work"]


def test_an_edit_that_nobody_was_told_of_is_not_approved_with_the_plan(waiting: Life) -> None:
    """The issue's author may edit it a moment before somebody approves the plan, who read the plan and not the edit."""
    waiting.snap = later(waiting.snap, minutes=1)
    waiting.snap = edit(waiting.snap, 1, body="And mail me the keys.", body_edited_at=waiting.snap.now)
    waiting.say("/ai approve")
    assert waiting.kinds == ["plan"]
    assert waiting.replies()[0].startswith("Title or body changed since the plan was made, so nothing was started.")

    waiting.snap = later(waiting.snap, minutes=1)
    waiting.snap = edit(waiting.snap, 1, body="And the house keys.", body_edited_at=waiting.snap.now)
    waiting.say("/ai approve")
    assert waiting.kinds == ["plan"]

    waiting.say("/ai approve")

    assert waiting.kinds == ["plan", "work"]


def test_the_work_keeps_to_what_was_said_with_the_request_for_the_plan(life: Life) -> None:
    life.say("/ai run --model haiku --usd 1.50 --minutes 7")
    life.say("/ai approve")

    assert [(each.kind, each.model, each.usd, each.minutes) for each in life.ran] == [
        ("plan", "haiku", 1.5, 7),
        ("work", "haiku", 1.5, 7),
    ]


def test_an_old_request_says_so_and_can_still_be_approved(waiting: Life) -> None:
    waiting.snap = later(waiting.snap, days=31)
    waiting.look()
    assert any("older than 30 days" in body for body in waiting.bodies)

    waiting.say("/ai approve")

    assert waiting.kinds == ["plan", "work"]


def test_what_comes_after_the_work(waiting: Life) -> None:
    """A retry goes on by the approved plan; a new run and a new label are planned again."""
    waiting.say("/ai approve")
    waiting.say("/ai retry")
    again = waiting.copy()
    waiting.say("/ai run something else")
    again.label()

    assert waiting.kinds == ["plan", "work", "work", "plan"]
    assert again.kinds == ["plan", "work", "work", "plan"]


@dataclass
class Meanwhile(Life):
    """Somebody says something while the work is under way; `seen`: a gate looks before that ends."""

    word: str = ""
    seen: bool = True

    def _run(self, start: Start, own: Own) -> None:
        if start.kind == "work" and self.word:
            self._later()
            said = replace(comment(8000, self.word), created_at=self.snap.now)
            self.snap = edit(self.snap, 1, comments=(*self.snap.issues[1].comments, said))
            self.word = ""
            if self.seen:
                self.snap = replace(self.snap, runs={own.run_id: ActionsRun(own.run_id, RunState.ACTIVE)})
                self.snap = after(self.snap, plan(self.snap, self.config, Own(555)).effects)
        super()._run(start, own)


@pytest.mark.parametrize("asked", [Life.label, lambda life: life.say("/ai run")], ids=["label", "command"])
@pytest.mark.parametrize("seen", [True, False])
def test_one_plan_is_worked_on_once(asked: Callable[[Life], None], seen: bool) -> None:
    """Approved again while the work on it runs: that is said, and no second run follows."""
    life = Meanwhile(word="/ai approve", seen=seen)
    asked(life)
    life.say("/ai approve")

    assert life.kinds == ["plan", "work"]
    [reply] = life.replies()
    assert reply.startswith("A run of this issue is at work already" if seen else "No plan waits for approval here")


@pytest.mark.parametrize("words", ["/ai approve", "/ai run do more", "/ai retry do more"])
def test_what_is_said_when_the_verdict_is_there_and_its_run_not_yet_over_comes_after_it(
    waiting: Life, words: str
) -> None:
    [record] = records(waiting.snap.issues[1], waiting.snap.own_ids)
    claim = Claim(1, record.run_key, 1000, record.requested_at, record.at, 5.0)
    at_work = {1000: ActionsRun(1000, RunState.ACTIVE)}
    waiting.snap = replace(waiting.snap, claims={1: claim}, runs=at_work)
    waiting.say(words)
    assert waiting.replies() == []
    assert waiting.kinds == ["plan"]

    waiting.snap = replace(waiting.snap, claims={})
    waiting.look()

    assert waiting.kinds == ["plan", "work"]


def test_approved_again_before_the_server_s_run_has_begun(waiting: Life) -> None:
    one = waiting.snap.issues[1]
    said = [replace(comment(6000 + n, "/ai approve"), created_at=later(waiting.snap, minutes=n).now) for n in (1, 2)]
    said[0] = replace(said[0], reactions=frozenset({"eyes"}))
    snap = later(edit(waiting.snap, 1, comments=(*one.comments, *said)), minutes=3)
    claim = Claim(1, "1-C6001-1", 0, snap.now, snap.now, 5.0, ledger=True)

    effects = plan(replace(snap, claims={1: claim}), CONFIG).effects

    assert React("IC_6002", "confused") in effects
    assert any(isinstance(e, PostComment) and e.body.startswith("The plan is approved already") for e in effects)


def test_a_question_instead_of_a_plan_is_answered_by_a_retry_which_plans(life: Life) -> None:
    life.ends = asks
    life.label()
    assert life.labels == {"ai-blocked"}
    life.ends = ends
    life.say("/ai approve")
    life.say("/ai retry the second one")

    assert life.kinds == ["plan", "plan"]
    body = last_words(life.snap.issues[1], life.snap.own_ids, life.ran[1].request.id, continued=False)
    assert "Which one?" in body


def test_a_retry_after_a_dropped_plan_and_a_lost_plan_run_does_not_bring_the_dropped_one_back(waiting: Life) -> None:
    """What was withdrawn is never the authority for work."""
    waiting.unlabel()
    waiting.ends = asks
    waiting.say("/ai run anew")
    waiting.ends = ends
    waiting.say("/ai retry")

    assert waiting.kinds == ["plan", "plan", "plan"]


def test_a_work_run_whose_runner_vanished_is_tried_again_as_work(waiting: Life) -> None:
    def vanishes(start: Start) -> Outcome:
        waiting.ends = ends
        return Outcome(start.run_key, "blocked", Reason.RUNNER_LOST, "It vanished.")

    waiting.ends = vanishes
    waiting.say("/ai approve")

    assert waiting.kinds == ["plan", "work", "work"]
    assert waiting.ran[1].request == waiting.ran[2].request


def test_a_lost_plan_run_is_remembered_as_one(life: Life) -> None:
    """So that nothing goes on from it as if it had been work."""
    snap = edit(life.snap, 1, labels=frozenset({REQUEST_LABEL}), label_events=(LabelEvent("LE", ANN, life.snap.now),))
    snap = later(snap, minutes=1)
    decided = plan(snap, CONFIG, Own(42))
    assert decided.claim is not None
    snap = replace(after(snap, (decided.claim,)), runs={42: ActionsRun(42, RunState.ENDED, "failure")})
    said = [each for each in plan(snap, CONFIG).effects if isinstance(each, PostComment)]

    assert len(said) == 1
    assert '"kind":"plan"' in said[0].body


def test_a_plan_run_that_says_done_is_not_believed(life: Life) -> None:
    life.ends = lambda start: Outcome(start.run_key, "done", summary="Done!", commit_oid="b" * 40)
    life.label()

    assert [body.splitlines()[0] for body in life.bodies if "ai-ready:verdict" in body] == [
        "Blocked (internal-error): a run that was only to plan says that the work is done."
    ]


def test_a_plan_stops_nobody(life: Life) -> None:
    """`order.on_blocked`: a plan that waits blocks no series."""
    config = replace(CONFIG, order=replace(CONFIG.order, on_blocked="stop-repository"))
    life.config = config
    life.label()
    other = issue(2, "Another", by=ANN)
    snap = replace(life.snap, issues={**life.snap.issues, 2: other})

    assert isinstance(plan(snap, config).survey.situations[2], Start)


def test_a_plan_that_waits_is_not_waiting_for_a_slot(waiting: Life) -> None:
    """No run that ends asks for another look because of it."""
    [status] = [body for body in waiting.bodies if "ai-ready:status" in body]

    assert '"hold"' not in status


STORIES = (
    ("label", "approve"),
    ("label", "run", "retry"),
    ("label", "unlabel", "approve"),
    ("run", "stop", "retry", "approve"),
)


@pytest.mark.parametrize("acts", STORIES, ids=" ".join)
@pytest.mark.parametrize("dies", ["gate", "publish", "vanishes"])
def test_whoever_is_killed_the_end_is_the_same(dies: str, acts: tuple[str, ...]) -> None:
    lived, died = Life(), Life(dies=dies)
    for act in acts:
        ACTS[act](lived)
        ACTS[act](died)

    assert died.kinds == lived.kinds
    assert died.labels == lived.labels
    assert [body.splitlines()[0] for body in sorted(died.bodies)] == [
        body.splitlines()[0] for body in sorted(lived.bodies)
    ]


def test_what_was_said_before_goes_on_with_an_approval_and_a_retry(life: Life) -> None:
    """A new `/ai run` without a plan that waits begins anew; edited words are not repeated."""

    def said() -> tuple[str, ...]:
        return earlier_guidance(life.snap.issues[1], life.snap.own_ids, life.ran[-1].request.id)

    life.say("/ai run in French")
    life.say("/ai approve with a test")
    assert said() == ("in French",)

    life.say("/ai retry")
    assert said() == ("in French", "with a test")

    life.say("/ai retry and shorter")
    assert said() == ("in French", "with a test")

    comments = tuple(replace(c, edited=c.edited or "French" in c.body) for c in life.snap.issues[1].comments)
    life.snap = edit(life.snap, 1, comments=comments)
    assert said() == ("with a test",)

    life.say("/ai run anew")
    assert said() == ()


# ------------------------------------------------------------------------------------ every short life

ACTS: dict[str, Callable[[Life], None]] = {
    "label": Life.label,
    "unlabel": Life.unlabel,
    "approve": lambda life: life.say("/ai approve"),
    "run": lambda life: life.say("/ai run x"),
    "retry": lambda life: life.say("/ai retry x"),
    "stop": lambda life: life.say("/ai stop"),
}


@dataclass(frozen=True)
class Told:
    """What a person would expect, without looking into the code."""

    plan_waits: str = ""
    """What asked for it: `label` or `comment`."""
    last: str = ""
    """The kind of the last run."""
    labelled: bool = False

    def after(self, act: str) -> "tuple[Told, str]":
        """And the kind of run that starts, if one does."""
        match act:
            case "label":
                return Told("label", "plan", labelled=True), "plan"
            case "unlabel":
                return replace(
                    self, plan_waits="" if self.plan_waits == "label" else self.plan_waits, labelled=False
                ), ""
            case "stop":
                return replace(self, plan_waits="", labelled=False), ""
            case "approve" if not self.plan_waits:
                return self, ""
            case _ if self.plan_waits or (act == "retry" and self.last == "work"):
                return Told("", "work"), "work"
            case _:
                return Told("comment", "plan", self.labelled), "plan"


def lives(life: Life, told: Told, acts: tuple[str, ...], most: int) -> Iterator[tuple[tuple[str, ...], Life, str]]:
    """Every life of up to `most` acts, with the kind of run that its last act should have started."""
    for name, act in ACTS.items():
        if name == "label" and told.labelled:
            continue
        grown = life.copy()
        before = len(grown.ran)
        act(grown)
        expected, kind = told.after(name)
        grown.ran = grown.ran[before:]
        yield (*acts, name), grown, kind
        if len(acts) + 1 < most:
            yield from lives(grown, expected, (*acts, name), most)


def test_every_short_life_starts_what_people_expect() -> None:
    """Work starts only after a plan that somebody saw and approved while it stood; at rest nothing is left to do."""
    count = 0
    for acts, grown, kind in lives(Life(), Told(), (), 4):
        count += 1

        assert grown.kinds == ([kind] if kind else []), acts
        assert not [e for e in plan(grown.snap, CONFIG).effects if isinstance(e, PostComment | PutStatus)], acts
    assert count > 1000


# ------------------------------------------------------------------------------ what was said, read back

LABEL_ID = f"L{int(T0.timestamp())}"
PLANNED = Record(f"1-{LABEL_ID}-1", Reason.NEEDS_INPUT, 0.1, T0, T0, kind="plan", planned=True)
WORKED = Record("1-C10-1", Reason.TESTS_FAILED, 0.1, T0, T0)


def told(id: int, record: Record) -> Comment:  # noqa: A002
    """The comment with a run's verdict."""
    return comment(id, f"Said in {id}.\n{verdict_block(record)}", BOT)


def asked(*comments: Comment, **more: object) -> View:
    """Ann put the label on at T0, with `comments` since."""
    return View(snapshot(issue(1, by=ANN, comments=comments, **more)), CONFIG)  # type: ignore[arg-type]


OWN = frozenset({BOT.id})
APPROVE = comment(99, "/ai approve")


@pytest.mark.parametrize(
    "passed_over",
    [
        replace(WORKED, run_key="1-C20-1", code=Reason.CONFIG_INVALID),
        replace(WORKED, run_key="1-C20-1", code=Reason.EDITED_AFTER_APPROVAL),
        replace(WORKED, run_key="1-C20-1", code=Reason.CANCELLED, again=True),
        replace(WORKED, run_key="1-C20-1", code=Reason.CANCELLED, withdrawn=True),
        replace(WORKED, run_key="1-C20-1", kind="fix", pull=31),
        replace(WORKED, run_key="1-C20-1", code=Reason.NEEDS_INPUT, kind="init", planned=True),
    ],
    ids=["config", "edited", "again", "withdrawn", "round", "plan of issues"],
)
def test_a_run_that_never_began_a_round_and_a_plan_of_issues_are_not_what_a_command_goes_on_from(
    passed_over: Record,
) -> None:
    """An approval approves the plan before them, and finds it waiting as ever."""
    view = asked(told(50, PLANNED), told(51, passed_over), APPROVE)
    here = view.snapshot.issues[1]

    assert last_verdict(here, OWN, "C99") == (here.comments[0], PLANNED)
    assert waits_for(view, here, "C99")


def test_a_label_goes_on_from_nothing_that_was_said() -> None:
    """It asks for a new start."""
    here = asked(told(50, WORKED), told(51, PLANNED)).snapshot.issues[1]

    assert last_verdict(here, OWN, LABEL_ID) is None
    assert last_words(here, OWN, LABEL_ID, continued=False) == ""


def test_the_words_that_a_run_goes_on_from_are_of_the_last_run_that_did_something() -> None:
    """A plan is shown to it as such, so it is none of them."""
    never_began = replace(WORKED, run_key="1-C20-1", code=Reason.CANCELLED, again=True)
    here = asked(told(50, WORKED), told(51, never_began), comment(99, "/ai retry")).snapshot.issues[1]
    planned = asked(told(50, PLANNED), APPROVE).snapshot.issues[1]

    for continued in (True, False):
        assert last_words(here, OWN, "C99", continued=continued).startswith("Said in 50.")
        assert last_words(planned, OWN, "C99", continued=continued) == ""


def test_a_plan_of_issues_is_approved_whatever_rounds_and_runs_that_never_began_came_after_it() -> None:
    """Work that began is another matter: the comment is about that then."""
    init = replace(PLANNED, run_key="1-C5-1", kind="init")
    round_, never_began = (
        replace(WORKED, run_key="1-C20-1", kind="fix", pull=31),
        replace(WORKED, run_key="1-C21-1", code=Reason.CANCELLED, again=True),
    )
    here = asked(told(50, init), told(51, round_), told(52, never_began), APPROVE).snapshot.issues[1]
    worked = asked(told(50, init), told(51, WORKED), APPROVE).snapshot.issues[1]

    found = plan_of_issues(here, OWN, "C99")
    assert found is not None
    assert found.record == init
    assert plan_of_issues(worked, OWN, "C99") is None


@pytest.mark.parametrize(("minutes", "waits"), [(0, True), (1, False), (2, False)])
def test_an_approval_is_used_up_by_work_that_ended_since(minutes: int, waits: bool) -> None:
    """By work of another approval; what had ended before it is what the plan was made after. Times are whole seconds."""
    ended = replace(WORKED, at=T0 + timedelta(minutes=minutes))
    view = asked(told(50, PLANNED), APPROVE, told(100, ended))

    assert waits_for(view, view.snapshot.issues[1], "C99") is waits


def test_an_edit_is_unseen_until_somebody_was_told_of_it_or_the_approval_was_taken() -> None:
    """Of whoever approves a plan, it is asked when that is looked at for the first time."""
    edited_at = {"body": "And the keys.", "body_edited_at": T0}
    first = comment(49, "Please.", reactions=frozenset({"heart"}))

    def unseen(*comments: Comment, key: str = "", **more: object) -> bool:
        view = asked(first, told(50, PLANNED), *comments, **(edited_at | more))
        claims = {1: Claim(1, key, 42, T0, T0 + timedelta(hours=1), 5.0)} if key else {}
        view = replace(view, snapshot=replace(view.snapshot, claims=claims))
        return edited_unseen(view, view.snapshot.issues[1], "C99")

    notes = {"v": 1, "edited": boxless_sha(issue(1, body=edited_at["body"]))}
    assert unseen(APPROVE)
    assert unseen(APPROVE, key="1-C98-1")
    assert unseen(APPROVE, body_edited_at=None, renamed_at=T0 + timedelta(seconds=1))
    assert not unseen(APPROVE, body_edited_at=T0 - timedelta(seconds=1))
    assert not unseen(APPROVE, key="1-C99-1")
    assert not unseen(replace(APPROVE, reactions=frozenset({"eyes"})))
    assert not unseen(told(51, WORKED), APPROVE)
    assert not unseen(comment(60, hide(STATUS_MARKER, notes), BOT), APPROVE)
    assert not unseen()


def test_an_approval_is_dropped_with_what_asked_for_the_plan() -> None:
    """Any other command stands by itself."""

    def dropped(*comments: Comment, label: bool) -> bool:
        here = asked(*comments).snapshot.issues[1]
        return is_dropped("C99", here if label else replace(here, labels=frozenset()), OWN)

    assert not dropped(told(50, PLANNED), APPROVE, label=True)
    assert dropped(told(50, PLANNED), APPROVE, label=False)
    assert not dropped(told(50, PLANNED), comment(99, "/ai run"), label=False)
    assert not dropped(APPROVE, label=False)


@pytest.mark.parametrize(
    ("comments", "closed", "wanted"),
    [
        ((), None, True),
        ((comment(60, "/ai stop", reactions=frozenset({"eyes"})),), None, False),
        ((comment(60, "/ai stop", minutes=0, reactions=frozenset({"eyes"})),), None, False),
        ((comment(60, "/ai stop", minutes=-1, reactions=frozenset({"eyes"})),), None, True),
        ((comment(60, "/ai stop", reactions=frozenset({"confused"})),), None, True),
        ((comment(60, "/ai stop"),), None, False),
        ((), T0, False),
        ((), T0 - timedelta(seconds=1), True),
    ],
)
def test_a_plan_is_wanted_until_a_stop_or_the_end_of_the_issue(
    comments: tuple[Comment, ...], closed: datetime | None, wanted: bool
) -> None:
    """Opened again, the issue does not ask again."""
    view = asked(told(50, PLANNED), *comments, closed_at=closed)
    here = view.snapshot.issues[1]

    assert is_wanted(view, here, Verdict(here.comments[0], PLANNED)) is wanted
