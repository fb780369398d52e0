"""A pure GitHub in one value: builders for snapshots, and `after(snapshot, effects)` as GitHub would be then."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from bot.core.boards.block import splice
from bot.core.effects import (
    Assign,
    CancelRun,
    CloseIssue,
    Continue,
    Dispatch,
    DropComment,
    Effect,
    MakeClaim,
    MakeIssues,
    OpenPull,
    PostComment,
    PutBoard,
    PutStatus,
    React,
    ReleaseClaim,
    ReplyInThread,
    SetLabels,
)
from bot.core.inits.tally import tally_in
from bot.core.markers import reveal
from bot.core.messages.making import tally_status
from bot.core.model import (
    ActionsRun,
    Actor,
    Claim,
    Comment,
    Issue,
    LabelEvent,
    Permission,
    Pull,
    RunState,
    Snapshot,
)
from bot.core.names import REQUEST_LABEL, STATUS_MARKER

T0 = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANN = Actor(5, "ann")
BOB = Actor(6, "bob")
BOT = Actor(41898282, "github-actions[bot]", is_bot=True)
RENOVATE = Actor(77, "renovate[bot]", is_bot=True)
SHA = "a" * 40


def issue(
    number: int,
    title: str = "",
    *,
    by: Actor | None = None,
    labels: Iterable[str] = (),
    comments: Iterable[Comment] = (),
    **more: object,
) -> Issue:
    """An open issue read in detail; `by`: who put the request label on, at T0."""
    names = {*labels, *([REQUEST_LABEL] if by else [])}
    events = (LabelEvent(f"LE{number}", by, T0),) if by else ()
    base = Issue(
        number=number,
        title=title or f"Issue {number}",
        labels=frozenset(names),
        node_id=f"I_{number}",
        id=1000 + number,
        label_events=events,
        comments=tuple(comments),
        detailed=True,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def comment(id: int, body: str, author: Actor = ANN, *, minutes: int = 1, **more: object) -> Comment:  # noqa: A002
    """A comment made some minutes after T0."""
    base = Comment(id, f"IC_{id}", author, body, T0 + timedelta(minutes=minutes))
    return replace(base, **more)  # type: ignore[arg-type]


def snapshot(*issues: Issue, **more: object) -> Snapshot:
    """A repository in which ann may write, bob may read."""
    base = Snapshot(
        repo="acme/shop",
        now=T0 + timedelta(minutes=5),
        default_branch="main",
        issues=MappingProxyType({i.number: i for i in issues}),
        permissions=MappingProxyType({ANN.id: Permission.WRITE, BOB.id: Permission.READ}),
        own_ids=frozenset({BOT.id}),
        head_oid=SHA,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def later(snap: Snapshot, **delta: float) -> Snapshot:
    """The same, read later."""
    return replace(snap, now=snap.now + timedelta(**delta))


def edit(snap: Snapshot, number: int, **changes: object) -> Snapshot:
    """Change one issue."""
    changed = replace(snap.issues[number], **changes)  # type: ignore[arg-type]
    spoken = {n: _with_words(i, changed) for n, i in snap.issues.items()}
    return replace(snap, issues=MappingProxyType({**spoken, number: changed}))


def _with_words(item: Issue, pull: Issue) -> Issue:
    """What is said on a pull request is its issue's feedback."""
    if item.feedback is None or item.feedback.pull != pull.number:
        return item
    return replace(item, feedback=replace(item.feedback, comments=pull.comments))


def close(snap: Snapshot, number: int) -> Snapshot:
    """Close an issue as completed."""
    return edit(snap, number, open=False, state_reason="completed", closed_at=snap.now)


def after(snap: Snapshot, effects: Iterable[Effect]) -> Snapshot:
    """GitHub once these effects have been done."""
    for effect in effects:
        snap = _after(snap, effect)
    return snap


def _after(snap: Snapshot, effect: Effect) -> Snapshot:
    match effect:
        case SetLabels(number, add, remove):
            labels = (snap.issues[number].labels | set(add)) - set(remove)
            return edit(snap, number, labels=labels)
        case PutStatus(number, body, node_id):
            return _put(snap, number, body, node_id)
        case PutBoard(number, block):
            return edit(snap, number, body=splice(snap.issues[number].body, block), body_edited_at=snap.now)
        case PostComment(number, body):
            return _put(snap, number, body, "")
        case DropComment(number, node_id):
            return edit(snap, number, comments=tuple(c for c in snap.issues[number].comments if c.node_id != node_id))
        case React(node_id, content):
            return _react(snap, node_id, content)
        case MakeClaim(number, key, run_id, until, usd):
            if number in snap.claims:
                return snap
            made = Claim(number, key, run_id, snap.now, until, usd)
            return replace(snap, claims=MappingProxyType({**snap.claims, number: made}))
        case ReleaseClaim(number):
            rest = {n: c for n, c in snap.claims.items() if n != number}
            return replace(snap, claims=MappingProxyType(rest))
        case Dispatch(number, key):
            id_ = 9000 + len(snap.runs)
            run = ActionsRun(id_, RunState.ACTIVE, name=f"ai-ready #{number} [{key}]")
            return replace(snap, runs=MappingProxyType({**snap.runs, id_: run}))
        case OpenPull(head, base, title, _, draft):
            number = 500 + len(snap.pulls)
            pull = Pull(
                number, head, base, True, False, draft, snap.branches.get(head, ""), f"/pull/{number}", title=title
            )
            return replace(snap, pulls=(*snap.pulls, pull))
        case CloseIssue(number):
            return close(snap, number)
        case CancelRun(run_id):
            claims = {n: replace(c, cancelled=c.cancelled or c.run_id == run_id) for n, c in snap.claims.items()}
            return replace(snap, claims=MappingProxyType(claims))
        case MakeIssues():
            return _make(snap, effect)
        case Assign() | Continue() | ReplyInThread():
            return snap


def _make(snap: Snapshot, effect: MakeIssues) -> Snapshot:
    """One portion of a plan, if the ledger still says what it said."""
    comment_ = next((c for c in snap.issues[effect.issue].comments if c.node_id == effect.comment_node_id), None)
    if comment_ is None or tally_in(reveal(STATUS_MARKER, comment_.body) or {}) != effect.seen:
        return snap
    portion, tally = effect.portion, effect.at
    for new in portion.new:
        number = max(snap.issues) + 1
        made = Issue(number, new.title, new.body, node_id=f"I_{number}")
        snap = replace(snap, issues=MappingProxyType({**snap.issues, number: made}))
        tally = replace(tally, made=(*tally.made, (new.key, number)), begun=(), begun_at=None)
    tally = replace(
        tally,
        changed=tally.changed + len(portion.updates),
        related=tally.related + len(portion.relations),
        done=bool(portion.finish),
    )
    return _put(snap, effect.issue, tally_status(tally, effect.rest), effect.comment_node_id)


def _put(snap: Snapshot, number: int, body: str, node_id: str) -> Snapshot:
    comments = snap.issues[number].comments
    if node_id:
        return edit(
            snap, number, comments=tuple(replace(c, body=body) if c.node_id == node_id else c for c in comments)
        )
    id_ = 100_000 + sum(len(i.comments) for i in snap.issues.values())
    return edit(snap, number, comments=(*comments, Comment(id_, f"IC_{id_}", BOT, body, snap.now)))


def _react(snap: Snapshot, node_id: str, content: str) -> Snapshot:
    for number, item in snap.issues.items():
        if any(c.node_id == node_id for c in item.comments):
            comments = tuple(
                replace(c, reactions=c.reactions | {content}) if c.node_id == node_id else c for c in item.comments
            )
            return edit(snap, number, comments=comments)
    raise AssertionError(node_id)
