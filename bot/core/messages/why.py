"""The answer to `/ai why`: the whole path of an issue, with the figures of this moment."""

from collections.abc import Sequence

from bot.core.messages.status import ref_text, source_text, standing_text, status_text, used_text
from bot.core.messages.words import clock
from bot.core.model import Standing
from bot.core.names import REQUEST_LABEL
from bot.core.outbound import bounded
from bot.core.situation import Ended, Hold, Invalid, PlanState, Running, Unstartable, Waiting
from bot.core.why import Caps, Place, Progress, Reason, Stand, Why


def why_text(why: Why) -> str:
    """Where an issue stands, what keeps it there, what would move it on, and what is left of the caps."""
    match why.situation:
        case Waiting():
            parts = [_headline(why), *(_advised(why) if _is_plain(why) else (_ends(why.ends), _tree(why)))]
        case Hold(_, reason, cap, PlanState.NONE) if cap is not None:
            parts = [f"**On hold**: {reason}. It starts by itself when there is room.", _turn(why.place)]
        case Hold(_, reason, None, PlanState.NONE):
            parts = [f"**On hold**: {reason}. It is ready otherwise and starts by itself when this has passed."]
        case _:
            parts = [status_text(why)]
    return bounded(*parts, caps_text(why.caps) if why.caps else "")


def _headline(why: Why) -> str:
    issues = "issue" if why.total == 1 else "issues"
    place = f" Its place among all that are ready or waiting: {_place(why.place)}." if why.place else ""
    return f"**Waiting** for {why.total:,} {issues} to close. It starts by itself then.{place}"


def _is_plain(why: Why) -> bool:
    """Each thing that it waits for is what it comes down to, so that one list says it all."""
    named = {reason.ref for reason in why.reasons}
    return why.total == len(named) and {end.ref for end in why.ends} == named


def _advised(why: Why) -> Sequence[str]:
    """That one list."""
    lines = [f"- {ref_text(r)} ({source_text(r)}): {progress_text(r)}.{_advice(r)}" for r in why.reasons]
    return ("\n".join(["**It waits for**", "", *lines]),)


def _place(place: Place) -> str:
    return f"{place.at:,} of {place.of:,}"


def _turn(place: Place | None) -> str:
    return f"Its place among those that a cap holds: {_place(place)}." if place else ""


def _tree(why: Why) -> str:
    lines = [line for reason in why.reasons for line in _branch(reason, "")]
    more = why.total - len(why.reasons)
    return "\n".join(["**It waits for**", "", *lines, *([f"- … and {more:,} more"] if more > 0 else [])])


def _branch(reason: Reason, indent: str) -> list[str]:
    """One line, and below it what that waits for in turn."""
    below = [line for each in reason.because for line in _branch(each, f"{indent}  ")]
    colon = ":" if below else ""
    return [f"{indent}- {ref_text(reason)} ({source_text(reason)}): {progress_text(reason)}{colon}", *below]


def progress_text(reason: Reason) -> str:
    """What keeps a prerequisite from closing, as it is at this moment."""
    stand = reason.stand
    if stand is None:
        return standing_text(reason.standing)
    pull = f"; its pull request #{stand.pull} is open" if stand.pull and stand.progress is not Progress.REVIEW else ""
    return f"{_progress(stand)}{pull}"


def _progress(stand: Stand) -> str:
    situation = stand.situation
    match stand.progress:
        case Progress.UNASKED:
            return "open, and nobody has asked for it"
        case Progress.ASKED:
            return "asked for"
        case Progress.WAITING:
            return "asked for, and waits itself"
        case Progress.INVALID:
            reason = situation.reason if isinstance(situation, Invalid) else ""
            return f"asked for, but it can't start: {_INVALID.get(reason, 'its status comment says why')}"
        case Progress.HOLD:
            return f"ready, but on hold: {situation.why}" if isinstance(situation, Hold) else "ready, but on hold"
        case Progress.APPROVAL:
            return "its plan waits for approval"
        case Progress.QUEUED:
            return "a run has been dispatched"
        case Progress.RUNNING:
            return _running(situation) if isinstance(situation, Running) else "a run is at work"
        case Progress.REVIEW:
            return f"its pull request #{stand.pull} is up for review"
        case Progress.BLOCKED:
            return f"its last run ended Blocked{_code(stand)}"


_INVALID = {
    "cycle": "it is in a cycle",
    "self": "it names itself",
    "missing": "it names something that can't be read",
    "unreadable": "it names something that can't be read",
}


def _running(situation: Running) -> str:
    log = f" ([live log]({situation.url}))" if situation.url else ""
    return f"a run is at work since {clock(situation.claim.at)}{log}"


def _code(stand: Stand) -> str:
    match stand.situation:
        case Ended(record):
            return f" ({record.code})"
        case Unstartable(_, _, reason, _):
            return f" ({reason})"
        case _:
            return ""


def _ends(ends: Sequence[Reason]) -> str:
    """What it comes down to, each with what a person can do."""
    lines = [f"- {ref_text(end)}: {progress_text(end)}.{_advice(end)}" for end in ends]
    return "\n".join(["**It comes down to**", "", *lines]) if lines else ""


def _advice(end: Reason) -> str:
    if end.stand is None:
        return _ELSEWHERE.get(end.standing, "")
    match end.stand.progress:
        case Progress.UNASKED:
            return f" Label it `{REQUEST_LABEL}`, or close it when it is done."
        case Progress.REVIEW:
            return " Merge it, or close the issue otherwise."
        case Progress.BLOCKED:
            return " Its verdict comment says why; `/ai retry` there asks again."
        case Progress.APPROVAL:
            return " `/ai approve` there starts the work."
        case Progress.INVALID:
            return " Its status comment says what to mend."
        case _:
            return ""


_ELSEWHERE = {
    Standing.OPEN: " It has to be closed (a pull request: merged) where it is.",
    Standing.UNMERGED: " Reopen and merge it, or take the reference out.",
    Standing.NOT_PLANNED: " That does not count here (`order.closed_as_not_planned: hold`); take the reference out, or close it as completed.",
    Standing.UNREADABLE: " Correct the reference.",
}


def caps_text(caps: Caps) -> str:
    """What is used of the caps, and until when."""
    if not caps.usage.complete:
        return "**Caps**: what ran today could not be read to the end, so they count as reached; looked at again."
    return f"**Caps**: {used_text(caps)}. The day ends at {clock(caps.resets)}."
