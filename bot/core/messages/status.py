"""The status comment: one per issue, edited in place."""

from collections.abc import Mapping
from typing import Any, assert_never

from bot.core.commands import Init
from bot.core.ledger import DONE, Record
from bot.core.limits import Cap
from bot.core.markers import hide
from bot.core.messages.making import issues_wait_text, made_text, making_text
from bot.core.messages.verdict import lost_reason, lost_text
from bot.core.messages.words import clock, counted, money, name, sentence
from bot.core.model import Claim, Source, Standing
from bot.core.names import REQUEST_LABEL, STATUS_MARKER
from bot.core.outbound import bounded, one_line
from bot.core.requests import Request
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    Made,
    Making,
    PlanState,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    RoundsUsed,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)
from bot.core.why import NEAR, Caps, Place, Progress, Reason, Why, bare

AT_WORK = ("**Queued**", "**Running**")
"""How the status of a run that has not ended begins. A write that was long on its way can come after its end."""


def status(situation: Situation, *, notes: Mapping[str, Any], why: Why | None = None) -> str:
    """The status comment: what is so, why, and what a person can do. The machine block is its last line.

    `why`: `Explainer.short`, where somebody looked around. Its figures are round, or on the line `dated`, so that a
    comment is edited only when something changed that matters to its reader.
    """
    return f"{bounded(status_text(why or bare(situation)))}\n\n{hide(STATUS_MARKER, dict(notes))}"


def headline(comment: str) -> str:
    """What a status comment says first; empty where there is none."""
    return comment.partition("\n")[0]


def status_text(why: Why) -> str:
    """Where an issue stands and why, for the status comment and for `/ai status`."""
    situation = why.situation
    match situation:
        case Waiting(request):
            return _waiting(why, request)
        case Invalid(_, reason, path):
            return _invalid(reason, path)
        case Hold(request, plan=state) if state is not PlanState.NONE:
            if isinstance(request.command, Init):
                return issues_wait_text(outdated=state is PlanState.OUTDATED)
            return plan_waits_text(state)
        case Making(tally=tally):
            return making_text(tally)
        case Made(tally):
            return made_text(tally)
        case Hold(_, reason, cap):
            parts = [f"**On hold**: {reason}.", _hold(cap, why.place), dated(why, "of those that wait for room")]
            return "\n\n".join(part for part in parts if part)
        case Start():
            return queued_text("")
        case Queued():
            return queued_text(situation.url)
        case Running(claim, url):
            log = f" ([live log]({url}))" if url else ""
            parts = [
                f"**Running**{log} since {clock(claim.at)}, at most ${claim.usd:.2f}.",
                _too_late(situation.place),
                f"{_what_ends(claim)} ends it; the work so far is kept.",
            ]
            return "\n\n".join(part for part in parts if part)
        case Ended(record):
            return ended_text(record)
        case Unstartable(_, _, reason, text):
            return f"**Blocked** ({reason}): {sentence(text)}"
        case Lost(claim, conclusion, _):
            return f"**Blocked** ({lost_reason(conclusion)}): {lost_text(claim, conclusion)}"
        case Refused(actor):
            return (
                f"**Not started**: {name(actor)} put the label on, but only people with write or admin permission "
                f"may ask{' (a bot approves nothing)' if actor.is_bot else ''}."
            )
        case Withdrawn():
            return withdrawn_text()
        case Closed(merged) if merged:
            return f"**Done**: #{merged} was merged."
        case Closed():
            return "**Closed**: the issue is closed, so there is nothing to do. Reopen it and ask again if there is."
        case RoundsUsed(record, request, rounds):
            return f"{ended_text(record)}\n\n{rounds_used(request, rounds)}"
        case PullClosed(_, pull):
            return f"**Free again**: #{pull.number} was closed without a merge. `/ai run` asks for a new attempt."
        case PullMerged(_, pull):
            return (
                f"**Merged**: #{pull.number} went into `{one_line(pull.base, limit=100)}`; the issue is closed with it."
            )
        case Unasked():
            return f"**Not asked for**: put the label `{REQUEST_LABEL}` on, or comment `/ai run`."
        case _:
            assert_never(situation)


def _what_ends(claim: Claim) -> str:
    return "`/ai stop`" if claim.run_id > 0 else "It is on somebody's own computer: Ctrl+C there"


def _too_late(place: Waiting | None) -> str:
    """What opened again, or came up, when the run was under way."""
    if place is None:
        return ""
    named = [f"#{each.ref.number}" if each.local else str(each.ref) for each in place.on[:NEAR]]
    more = " and more" if place.total > len(named) else ""
    return (
        f"It would have to wait for {', '.join(named)}{more} now, which was not so when it began. The run goes on; look "
        "at that before you merge what it makes."
    )


def ended_text(record: Record) -> str:
    """The status of an ended run; the same from `publish` and from any later plan."""
    if record.withdrawn and record.kind != "fix":
        return withdrawn_text()
    if record.code == DONE or record.withdrawn:
        return f"**Done**: #{record.pull} is up for review."
    if record.planned and record.kind == "init":
        return issues_wait_text(outdated=False)
    if record.planned:
        return plan_waits_text(PlanState.WAITS)
    if record.again:
        return "**Waiting** again: the run ended before it began; the verdict comment says why."
    return f"**Blocked** ({record.code}): the verdict comment says why and what to do next."


def rounds_used(request: Request, rounds: int) -> str:
    """Why a review (or CI) that asks for changes starts nothing, and what does."""
    pull = f"#{request.pull}"
    asked = (
        f"CI of {pull} is red" if request.id.startswith("S") else f"{name(request.actor)} asked for changes on {pull}"
    )
    goes_on = "`/ai run say what to change` on this issue goes on with it."
    if not rounds:
        return f"{asked}, but review rounds are off here (`limits.review_rounds: 0`); {goes_on}"
    had = "its only review round" if rounds == 1 else f"all {rounds} review rounds"
    return f"{asked}, but it has had {had} (`limits.review_rounds`); {goes_on}"


def plan_waits_text(state: PlanState) -> str:
    """The status of an issue whose plan waits for approval."""
    edited = "\n\nTitle or body changed since the plan was made: `/ai approve` approves the issue as it is by then."
    return (
        "**On hold**: awaiting approval of the plan, which the verdict comment has.\n\n"
        "`/ai approve` starts the work on it; `/ai run` and what to change starts the work with that. Taking the label "
        f"`{REQUEST_LABEL}` off, or `/ai stop`, drops it; putting it on again asks for a new plan."
        f"{edited if state is PlanState.OUTDATED else ''}"
    )


def withdrawn_text() -> str:
    """The status of an issue for which nobody asks any more."""
    return f"**Withdrawn**: the request is gone. Label `{REQUEST_LABEL}` or `/ai run` asks again."


def queued_text(url: str) -> str:
    """The status of a dispatched run that has not begun; `url`: its page, where that is known."""
    run = f"[a run]({url})" if url else "a run"
    return f"**Queued**: {run} has been dispatched and starts as soon as a runner is free."


def _hold(cap: Cap | None, place: Place | None) -> str:
    """When it goes on, and its turn in round numbers."""
    if cap is None:
        return "It is ready otherwise and starts by itself when this has passed."
    if cap is Cap.HOST:
        return f"{_turn(place, ' of this repository')}It is ready otherwise and starts by itself when there is room."
    return f"{_turn(place)}It is ready otherwise and starts by itself when there is room."


def _turn(place: Place | None, among: str = "") -> str:
    if place is None:
        return ""
    if place.at == 1:
        return f"It is the next{among} to start. "
    most = next((step for step in STEPS if place.at <= step), 0)
    if not most:
        return f"More than {STEPS[-1]:,}{among} start before it. "
    return f"It is among the next {most:,}{among} to start. "


STEPS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Round numbers: one that closes or starts changes the words of few others."""


def _waiting(why: Why, request: Request) -> str:
    how = f"Taking the label `{REQUEST_LABEL}` off, or `/ai stop`," if request.id.startswith("L") else "`/ai stop`"
    some, rows = why.total > len(why.reasons), why.reasons[:NEAR]
    parts = [
        f"**Waiting** for {_count(why)} to close. It starts by itself then.",
        "\n".join(
            [
                "| waits for | because of | state |",
                "|---|---|---|",
                *(f"| {ref_text(r)} | {source_text(r)} | {_state(r)} |" for r in rows),
                *([f"| … and {'those before in the series' if why.series else 'more'} | | |"] if some else []),
            ]
        ),
        "`/ai why` says what it comes down to." if some else "",
        _behind(why),
        dated(why, "of all that are ready or waiting"),
        f"Asked for by {name(request.actor)}. {how} withdraws it.",
    ]
    return "\n\n".join(part for part in parts if part)


def _count(why: Why) -> str:
    """How many; only as exact as it can be without changing whenever something far ahead closes."""
    if why.series:
        return f"{counted(len(why.reasons), 'issue')} and those before {'it' if len(why.reasons) == 1 else 'them'}"
    if why.total > NEAR:
        return f"more than {max(step for step in STEPS if step < why.total):,} issues"
    return counted(why.total, "issue")


def _behind(why: Why) -> str:
    """What it comes down to, where the table does not show it."""
    ends = "; ".join(f"{ref_text(end)} ({_state(end)})" for end in why.ends)
    return f"Behind {'that' if why.total == 1 else 'these'}: {ends}." if ends else ""


AS_OF = "As of "
"""How the line begins that is as old as the comment's last edit, and never a reason for another."""


def dated(why: Why, among: str) -> str:
    """Its place in the queue and what is left of the caps when this was written; one line."""
    caps = why.caps
    if caps is None or not caps.usage.complete:
        return ""
    place = f"place {why.place.at:,} of {why.place.of:,} {among} · " if why.place else ""
    return f"{AS_OF}{clock(caps.at)}: {place}{used_text(caps)}. `/ai why` has the figures of the moment."


def used_text(caps: Caps) -> str:
    """What is used of each cap."""
    used, limits = caps.usage, caps.limits
    return (
        f"{used.active} of {limits.concurrent} runs at work · {used.runs_today} of {limits.runs_per_day} runs used "
        f"today · {money(used.usd_today)} of {money(limits.usd_per_day)} spent or reserved today"
    )


def source_text(reason: Reason) -> str:
    """Where a prerequisite comes from."""
    return SOURCES[reason.source]


SOURCES: Mapping[Source, str] = {
    Source.PHASE: "phase order",
    Source.TEXT: "named in the description",
    Source.NATIVE: "GitHub dependency",
    Source.SUB_ISSUE: "sub-issue",
}


def ref_text(reason: Reason) -> str:
    """`#12`, or `owner/repo#12` elsewhere."""
    return f"#{reason.ref.number}" if reason.local else str(reason.ref)


def _state(reason: Reason) -> str:
    """What keeps it open, in words that stay while a run of it comes and goes."""
    if reason.stand is None:
        return standing_text(reason.standing)
    pull = reason.stand.pull
    also = f"; #{pull} is open" if pull else ""
    match reason.stand.progress:
        case Progress.UNASKED:
            return "open; nobody has asked for it"
        case Progress.REVIEW:
            return f"up for review: #{pull}"
        case Progress.BLOCKED:
            return f"blocked: its last run needs a person{also}"
        case Progress.INVALID:
            return f"requested, but can't start{also}"
        case Progress.APPROVAL:
            return f"its plan waits for approval{also}"
        case _:
            return f"requested{also}"


def standing_text(standing: Standing) -> str:
    """What is known of a prerequisite that is no open issue of the repository."""
    return _STANDINGS.get(standing, standing.value)


_STANDINGS = {
    Standing.UNMERGED: "closed without a merge",
    Standing.NOT_PLANNED: "closed as not planned",
    Standing.UNKNOWN: "could not be read; looked at again",
    Standing.UNREADABLE: "can't be read",
}


def _invalid(reason: str, path: tuple[str, ...]) -> str:
    chain = " → ".join(f"#{step}" if step.isdecimal() else f"`{one_line(step, limit=200)}`" for step in path[:50])
    text = {
        "cycle": f"these wait for each other: {chain}. Remove one of the dependencies",
        "self": "the issue names itself as a prerequisite. Remove that",
        "missing": f"{chain} does not exist or can't be read. Correct the reference",
        "unreadable": f"{chain} does not exist or can't be read. Correct the reference",
    }.get(reason, reason)
    return f"**Can't start**: {text}; it is looked at again by itself."
