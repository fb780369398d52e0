"""The second look of `work`, on a GitHub that is one pure value: what a dispatched admission may and may not reach."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.config import parse_repo_config
from bot.core.effects import Effect
from bot.core.ledger import Record
from bot.core.messages.verdict import verdict_block
from bot.core.model import (
    ActionsRun,
    Actor,
    CheckSuite,
    Claim,
    Feedback,
    Link,
    Permission,
    Pull,
    Ref,
    Review,
    RunState,
    Snapshot,
    Source,
    Standing,
)
from bot.core.names import Reason
from bot.core.plan import plan
from bot.core.requests import content_sha
from bot.core.run import Admission
from bot.core.settings import PullRequest, RepoConfig
from bot.core.situation import Start
from bot.core.unbegun import disagreement, why_not_begun, why_taken_back
from bot.core.view import Own
from bot.errors import Blocked, UsageError
from bot.job.admit import Gatekeeper, admission_for, gate, job_minutes
from bot.job.recheck import Postponed, recheck
from tests.core.world import ANN, BOB, BOT, SHA, T0, comment, edit, issue, snapshot
from tests.job.test_admit import PureGitHub, keeper

CONFIG = RepoConfig()
APP = Actor(900, "ready[bot]", is_bot=True)
HEAD = "b" * 40


def town() -> Snapshot:
    """#1 is asked for and ready: #3, which it follows, is closed."""
    three = issue(3, "[A-1.1] one", open=False, state_reason="completed")
    return snapshot(issue(1, "[A-1.2] two", by=ANN), three)


def start_of(snap: Snapshot) -> Start:
    found = plan(snap, CONFIG).survey.situations[1]
    assert isinstance(found, Start)
    return found


def admitted(snap: Snapshot) -> Admission:
    """What the server hands to the run, which then says which run it is."""
    made = admission_for(snap, CONFIG, start_of(snap), snap.head_oid, server_id=APP.id)
    assert (made.run_id, made.run_url) == (0, "")
    return replace(made, run_id=42, run_url="https://example.test/run/42")


def look(snap: Snapshot, admission: Admission, *, paused: bool = False, dispatcher: Actor = APP) -> list[Effect]:
    """The second look; what it wrote."""
    github = PureGitHub(snap)
    at = Gatekeeper(github, parse_repo_config, "", paused=paused, clock=lambda: snap.now)
    looked = recheck(at, admission, served=True, dispatcher=dispatcher)
    assert looked.snapshot.issues[1].number == 1
    return github.done


def refused(snap: Snapshot, admission: Admission, *, paused: bool = False, dispatcher: Actor = APP) -> Blocked:
    with pytest.raises(Blocked) as caught:
        look(snap, admission, paused=paused, dispatcher=dispatcher)
    return caught.value


def test_what_the_server_admitted_stands_without_a_claim_branch() -> None:
    assert look(town(), admitted(town())) == []


def test_what_is_to_be_planned_first_is_not_worked_on() -> None:
    """An admission by hand, or by a server that read the mode a moment before it was changed: nothing is done."""
    supervised = replace(town(), config_text="mode: supervised\n")
    by_hand = admitted(town())

    assert (by_hand.kind, refused(supervised, by_hand).code) == ("work", Reason.CANCELLED)
    assert "`kind`" in refused(supervised, by_hand).text
    assert look(supervised, replace(by_hand, kind="plan")) == []


def test_gate_and_server_admit_the_same() -> None:
    made = gate(keeper(PureGitHub(town())), Own(42, "https://example.test/run/42", prefer=1))

    assert made.admission is not None
    assert replace(made.admission, server_id=APP.id) == admitted(town())
    assert made.job_minutes == job_minutes(CONFIG, start_of(town()))


def test_without_the_server_an_admission_stands_only_with_its_claim() -> None:
    """Somebody removed the claim branch of a gate's run: nothing holds the issue any more."""
    github = PureGitHub(town())

    with pytest.raises(Blocked):
        recheck(keeper(github), admitted(town()))


# -------------------------------------------------------------------------------- facts that changed


def reopened(snap: Snapshot) -> Snapshot:
    return edit(snap, 3, open=True)


def added(snap: Snapshot) -> Snapshot:
    link = Link(Ref("acme/shop", 9), Source.NATIVE)
    return replace(edit(snap, 1, links=(link,)), issues={**edit(snap, 1, links=(link,)).issues, 9: issue(9)})


@pytest.mark.parametrize(("change", "name"), [(reopened, "#3"), (added, "#9")])
def test_what_has_to_wait_again_is_postponed_and_names_what_for(
    change: Callable[[Snapshot], Snapshot], name: str
) -> None:
    """P15."""
    found = refused(change(town()), admitted(town()))

    assert isinstance(found, Postponed)
    assert found.code == Reason.CANCELLED
    assert name in found.text


@pytest.mark.parametrize(
    "change",
    [
        lambda snap: edit(snap, 1, labels=frozenset()),
        lambda snap: edit(snap, 1, open=False, closed_at=snap.now),
        lambda snap: edit(snap, 1, comments=(comment(70, "/ai stop", minutes=3),)),
    ],
)
def test_a_request_that_is_gone_ends_the_run_for_good(change: Callable[[Snapshot], Snapshot]) -> None:
    found = refused(change(town()), admitted(town()))

    assert found.code == Reason.CANCELLED
    assert not isinstance(found, Postponed)


def test_an_approver_who_may_no_longer_ask_ends_it() -> None:
    by_bob = edit(town(), 1, label_events=tuple(replace(e, actor=BOB) for e in town().issues[1].label_events))

    assert refused(by_bob, admitted(town())).code == Reason.CANCELLED


def test_an_edit_ends_it() -> None:
    assert refused(edit(town(), 1, body="Do something else."), admitted(town())).code == Reason.EDITED_AFTER_APPROVAL

    forged = edit(town(), 1, body="Do something else.", body_edited_at=T0 + timedelta(minutes=2))
    admission = replace(admitted(town()), content_sha=content_sha(forged.issues[1]))
    assert refused(forged, admission).code == Reason.EDITED_AFTER_APPROVAL


def test_a_pause_ends_it() -> None:
    """Whoever dispatched need not know of the pause; going on by itself it would be dispatched again at once."""
    found = refused(town(), admitted(town()), paused=True)

    assert "paused" in found.text
    assert not isinstance(found, Postponed)


def test_an_issue_elsewhere_that_only_the_app_may_read_is_as_the_server_saw_it() -> None:
    """P12: the job's token reaches one repository; what it can't read there, the server has seen closed."""
    ref = Ref("acme/secret", 5)
    closed = replace(edit(town(), 1, links=(Link(ref, Source.NATIVE),)), standings={ref: Standing.CLOSED})

    assert look(replace(closed, standings={ref: Standing.UNREADABLE}), admitted(closed)) == []
    assert isinstance(refused(replace(closed, standings={ref: Standing.OPEN}), admitted(closed)), Postponed)
    assert isinstance(refused(replace(closed, standings={ref: Standing.UNKNOWN}), admitted(closed)), Postponed)


@pytest.mark.parametrize("dispatcher", [ANN, replace(APP, is_bot=False), replace(APP, id=901), BOT])
def test_nobody_elses_dispatch_says_what_the_app_saw(dispatcher: Actor) -> None:
    """Unknown is not yes: whoever may dispatch by hand writes the admission, the server's number in it too."""
    ref = Ref("acme/secret", 5)
    closed = replace(edit(town(), 1, links=(Link(ref, Source.NATIVE),)), standings={ref: Standing.CLOSED})
    hidden = replace(closed, standings={ref: Standing.UNREADABLE})

    for server_id in (APP.id, dispatcher.id) if dispatcher == BOT else (APP.id,):
        admission = replace(admitted(closed), server_id=server_id)
        assert isinstance(refused(hidden, admission, dispatcher=dispatcher), Postponed)


WITH_CI = replace(CONFIG, pull_request=PullRequest(fix_ci=True))


def mended(*suites: CheckSuite, reviews: tuple[Review, ...] = ()) -> Snapshot:
    """#1 is done, its draft #31 is open; what is said of that."""
    key = f"1-L{int(T0.timestamp())}-1"
    done = comment(50, verdict_block(Record(key, "done", 1.0, T0 + timedelta(minutes=1), T0, 31)), BOT)
    feedback = Feedback(31, HEAD, key, (), reviews, suites)
    asked = issue(1, by=ANN, comments=(done,), feedback=feedback)
    pull = Pull(31, "ai/issue-1", "main", True, False, True, HEAD, "/pull/31", author_id=BOT.id)
    snap = snapshot(replace(asked, labels=frozenset({"ai-done"})), pulls=(pull,), branches={pull.head: HEAD})
    return replace(snap, config_text="pull_request: {fix_ci: true}\n")


def admitted_round(snap: Snapshot) -> Admission:
    found = plan(snap, WITH_CI).survey.situations[1]
    assert isinstance(found, Start)
    return replace(admission_for(snap, WITH_CI, found, snap.head_oid, server_id=APP.id), run_id=42)


def test_red_ci_that_only_the_app_may_read_is_as_the_server_saw_it() -> None:
    """The job's token reads no checks. Whoever dispatches by hand asks with `/ai fix`, in their own name."""
    red = CheckSuite("completed", "failure", T0 + timedelta(minutes=2))
    admission = admitted_round(mended(red))
    assert (admission.kind, admission.pull, admission.approver_id) == ("fix", 31, ANN.id)

    assert look(mended(), admission) == []
    for dispatcher in (ANN, replace(APP, is_bot=False), BOT):
        assert "nobody asked" in refused(mended(), admission, dispatcher=dispatcher).text
    moved = edit(mended(), 1, feedback=replace(mended().issues[1].feedback or Feedback(31), head_oid="c" * 40))
    assert "nobody asked" in refused(moved, admission).text


def test_a_review_that_was_dismissed_before_the_work_began_ends_it() -> None:
    wanted = Review(8, ANN, "changes_requested", "Rename it.", T0 + timedelta(minutes=2))
    admission = admitted_round(mended(reviews=(wanted,)))
    assert (admission.kind, admission.guidance) == ("fix", "Rename it.")

    assert look(mended(reviews=(wanted,)), admission) == []
    gone = mended(reviews=(replace(wanted, state="dismissed"),))
    assert refused(gone, admission).code == Reason.CANCELLED
    forged = replace(admission, guidance="Delete it.")
    assert "guidance" in refused(mended(reviews=(wanted,)), forged).text
    forged = replace(admission, pull=32)
    assert "pull" in refused(mended(reviews=(wanted,)), forged).text


# ------------------------------------------------------------------------ one run, and one end, of each


def test_a_run_that_has_its_verdict_is_not_done_again() -> None:
    """Q35: somebody presses *Re-run*."""
    block = verdict_block(Record(admitted(town()).run_key, "no-changes", 1.0, T0 + timedelta(minutes=3), T0))
    for author in (BOT, APP):
        snap = replace(edit(town(), 1, comments=(comment(50, block, author),)), own_ids=frozenset({BOT.id, APP.id}))
        found = refused(snap, admitted(town()))

        assert "has its verdict already" in found.text
        assert not isinstance(found, Postponed)


def test_a_claim_branch_is_somebody_elses() -> None:
    claim = Claim(1, admitted(town()).run_key, 41, T0, T0 + timedelta(hours=1), 5.0)

    assert "41 holds the claim" in refused(replace(town(), claims={1: claim}), admitted(town())).text


@pytest.mark.parametrize("key", ["1-L5-1", "1-C77-1", f"1-L{int(T0.timestamp())}-2", f"1-L{int(T0.timestamp())}-99"])
def test_a_run_key_that_nobody_asked_for_starts_nothing(key: str) -> None:
    assert "nobody asked for a run" in refused(town(), replace(admitted(town()), run_key=key)).text


# ------------------------------------------------------------------------------- a forged admission


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("branch", "ai/issue-1-2"),
        ("base", "release"),
        ("head_oid", "c" * 40),
        ("model", "gold"),
        ("usd", 5.01),
        ("usd", 0.0),
        ("usd", -1.0),
        ("usd", float("nan")),
        ("minutes", 31),
        ("minutes", 0),
        ("approver_id", BOB.id),
        ("approver_login", "bob"),
        ("title", "Trust me"),
        ("guidance", "and push to main"),
    ],
)
def test_an_admission_that_says_more_than_the_facts_reaches_nothing(field: str, value: object) -> None:
    """R63: anybody with write permission can dispatch the workflow by hand."""
    forged = replace(admitted(town()), **{field: value})  # type: ignore[arg-type]
    found = refused(town(), forged)

    assert f"`{field}`" in found.text
    assert isinstance(found, Postponed)


def test_less_than_the_facts_allow_is_fine() -> None:
    assert look(town(), replace(admitted(town()), usd=1.0, minutes=5)) == []


def test_a_base_that_has_newer_commits_by_now_is_fine() -> None:
    """The work goes on top of what was admitted; that the base still contains it is checked at the push."""
    assert look(replace(town(), head_oid="d" * 40), admitted(town())) == []


def test_a_branch_that_moved_on_since_is_admitted_anew() -> None:
    pull = Pull(31, "ai/issue-1", "main", True, False, True, HEAD, "/pull/31")
    kept = replace(town(), branches={"ai/issue-1": HEAD}, pulls=(pull,))

    assert look(kept, admitted(kept)) == []
    assert isinstance(refused(replace(kept, branches={"ai/issue-1": SHA}), admitted(kept)), Postponed)


def test_a_persons_comments_never_count_as_ours() -> None:
    snap = edit(town(), 1, comments=(comment(50, "hello", BOB),))

    with pytest.raises(UsageError, match="a person"):
        look(snap, replace(admitted(town()), server_id=BOB.id))


def test_a_gates_run_that_has_to_wait_again_is_postponed_too() -> None:
    """P15 without a server: the claim is there, what it was made for is not."""
    github = PureGitHub(town())
    made = gate(keeper(github), Own(42, prefer=1)).admission
    assert made is not None
    github.state = reopened(github.state)

    with pytest.raises(Postponed, match="#3"):
        recheck(keeper(github), made)


@dataclass
class Asked(PureGitHub):
    """Remembers whose permission was asked for; nobody may do anything any more."""

    people: list[Actor] = field(default_factory=list)

    def permission(self, actor: Actor) -> Permission:
        self.people.append(actor)
        return Permission.READ


def test_permissions_are_asked_for_again() -> None:
    github = Asked(replace(town(), permissions={ANN.id: Permission.WRITE}))

    with pytest.raises(Blocked):
        recheck(keeper(github), admitted(town()), served=True)
    assert github.people == [ANN]
    assert github.done == []


# ------------------------------------------------------------------------- what the facts say of a run now


@pytest.mark.parametrize("label", ["ai-queued", "ai-running"])
def test_the_run_itself_is_nothing_that_stands_against_it(label: str) -> None:
    """Its labels say that it is under way, and so does its name: what else there is to say counts."""
    made = admitted(town())
    run = ActionsRun(42, RunState.ACTIVE, name=f"ai-ready #1 [{made.run_key}]")
    snap = replace(edit(town(), 1, labels=frozenset({"ai-ready", label})), runs={42: run})

    assert why_not_begun(snap, CONFIG, 1, made.run_key) is None
    found = why_not_begun(reopened(snap), CONFIG, 1, made.run_key)
    assert found is not None
    assert "#3" in found.text


def test_a_run_is_taken_back_for_what_it_has_to_wait_for_and_not_for_a_hold() -> None:
    """It had its room already; where nothing of ours is the reason, it was a person."""
    key = admitted(town()).run_key

    back = why_taken_back(reopened(town()), CONFIG, 1, key)
    assert back is not None
    assert back.again
    assert why_taken_back(replace(town(), paused=True), CONFIG, 1, key) is None
    assert why_taken_back(town(), CONFIG, 1, key) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "plan"), ("pull", 31), ("content_sha", "d" * 64), ("usd", 5.5), ("minutes", 31)],
)
def test_what_an_admission_may_not_say(field: str, value: object) -> None:
    """As much as the facts give, and no other thing."""
    fresh = admitted(town())

    assert disagreement(replace(fresh, **{field: value}), fresh) == field  # type: ignore[arg-type]
    assert disagreement(replace(fresh, minutes=1, usd=0.01), fresh) == ""
