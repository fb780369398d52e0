"""The verdict on a run, from facts: Done, or why not. Pure.

Owns every rule by which a run counts as a success (design.md §2.5) and the order in which reasons are given when
several hold. That order is, strongest first:

1. `cancelled`: a person said stop; nothing else is news.
2. What must not leave this machine: `secret-found`, `protected-paths`, `too-large`. They come before the way the
   agent ended because a run that timed out still has its branch pushed, and these must not be (names.UNPUSHED).
3. How the agent ended: our own limits first (`timed-out`, `over-budget`), then what the CLI says of itself.
4. What the agent says: `needs-input` (it gave up, or has a question).
5. `no-changes`, then `base-changed` (conflicts with the base are left), then `tests-failed`: only of an agent that
   ended well and says it is done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.messages.words import counted
from bot.core.names import Reason
from bot.core.run import AgentReport, Check, Outcome
from bot.core.situation import Invalid, Waiting

NAMED = 5
"""Prerequisites that a verdict names; the status comment lists them all."""

GRANTED_TOOLS = ("Read", "Write", "Edit", "Glob", "Grep", "Bash", "TodoWrite")
"""What the agent is given. A denial of one of these means that our own set-up failed while the CLI says success."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a reason code, one sentence for the issue's reader, and more where there is more."""

    reason: Reason
    text: str
    details: str = ""
    again: bool = False
    """Nothing was done because it has to wait again: the request goes on by itself."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits a run was given, for the sentences that name them."""

    usd: float
    minutes: int
    max_turns: int
    seconds: int = 0
    """Where the time was given in seconds; 0: `minutes` say it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the verdict looks at."""

    report: AgentReport
    """Of the last attempt."""
    bounds: Bounds
    changed: bool
    """There is a diff against where the run started."""
    change: Refusal | None = None
    """What is wrong with the change itself: a secret, a protected path, its size."""
    unresolved: tuple[str, ...] = ()
    """Where conflicts with the base are left."""
    checks: tuple[Check, ...] = ()
    """Of the last attempt; empty when none were run or none are known."""
    cancelled: bool = False


def judge(facts: Facts) -> Refusal | None:
    """None: Done. Otherwise the strongest reason why not (see the module's docstring for the order)."""
    if facts.cancelled or facts.report.stopped_for == "cancelled":
        return cancelled()
    return (
        facts.change
        or agent_refusal(facts.report, facts.bounds)
        or agents_own_words(facts.report)
        or (None if facts.changed else _no_changes(facts.report))
        or (conflicts_left(facts.unresolved) if facts.unresolved else None)
        or failed_check(facts.checks)
    )


def cancelled() -> Refusal:
    """Somebody stopped the run."""
    return Refusal(Reason.CANCELLED, "The run was cancelled.")


def still_waits(place: Waiting | Invalid) -> Refusal:
    """Before the work began, something turned up that has to close first."""
    if isinstance(place, Invalid):
        chain = " → ".join(f"#{step}" if step.isdecimal() else step for step in place.path[:NAMED])
        text = f"Nothing was done: what it depends on changed before the work began ({place.reason}: {chain})"
        return Refusal(Reason.CANCELLED, text, again=True)
    names = " and ".join(f"#{each.ref.number}" if each.local else str(each.ref) for each in place.on[:NAMED])
    more = f" and {place.total - NAMED} more" if place.total > NAMED else ""
    text = f"Nothing was done: before the work began, it came to wait for {names}{more}"
    return Refusal(Reason.CANCELLED, text, again=True)


def agent_refusal(
    report: AgentReport, bounds: Bounds, *, in_form: Callable[[Mapping[str, Any] | None], bool] | None = None
) -> Refusal | None:
    """What is wrong with the way the agent ended; None: by every rule it ended well.

    `in_form`: whether the answer has the form that was asked for; by default that of a run, `well_formed`.
    The rules and the cases behind them: shared/claude.md, "Is it a success?".
    """
    return _stopped_by_us(report, bounds) or _ended_itself(report, bounds, in_form or well_formed) or _denied(report)


def _stopped_by_us(report: AgentReport, bounds: Bounds) -> Refusal | None:
    match report.stopped_for:
        case "timed-out":
            return Refusal(Reason.TIMED_OUT, _too_late(bounds))
        case "over-budget":
            return _over_budget(report, bounds)
        case "context":
            text = (
                f"The agent was stopped with {report.context:.0%} of its context window used (`checkpoints.context`)."
            )
            return Refusal(Reason.NEEDS_INPUT, text)
        case "flooded":
            return Refusal(Reason.AGENT_ERROR, "The agent wrote more on one line than can be read; it was stopped.")
        case _:
            return None  # `hung`: its result is complete, only its children would not let go


def _ended_itself(
    report: AgentReport, bounds: Bounds, in_form: Callable[[Mapping[str, Any] | None], bool]
) -> Refusal | None:
    """The CLI's own account. Exit codes alone say little: a refused tool and an ignored schema both exit with 0."""
    if report.results != 1:
        return _no_result(report)
    if report.subtype == "error_max_turns":
        return Refusal(Reason.MAX_TURNS, f"The agent used up its {bounds.max_turns} turns before it was done.")
    if report.subtype == "error_max_budget_usd":
        return _over_budget(report, bounds)
    if report.api_error_status or report.terminal_reason == "api_error":
        # The key proxy answers with an API error once the money is spent: say what it was about.
        return _over_budget(report, bounds) if spent(report) >= bounds.usd else _api_error(report)
    if report.subtype == "error_max_structured_output_retries":
        return _agent_error(report, "The agent could not bring its answer into the form it was asked for")
    exited_badly = report.exit_code != 0 and report.stopped_for != "hung"
    if report.is_error or report.subtype != "success" or report.terminal_reason != "completed" or exited_badly:
        return _agent_error(report, "The agent ended with an error")
    if not in_form(report.structured):
        return _agent_error(report, "The agent ended without the answer it was asked for")
    return None


def _no_result(report: AgentReport) -> Refusal:
    if report.results > 1:
        return _agent_error(report, f"The agent gave {report.results} results instead of one")
    if report.exit_code == 127:
        return _agent_error(report, "The Claude CLI could not be started")
    return _agent_error(report, f"The agent ended without a result ({_exit_words(report.exit_code)})")


def well_formed(structured: Mapping[str, Any] | None) -> bool:
    """Whether an answer has the form we asked for: {verdict: done|blocked|needs-input, summary, reason}."""
    return (
        structured is not None
        and structured.get("verdict") in {"done", "blocked", "needs-input"}
        and isinstance(structured.get("summary", ""), str)
        and isinstance(structured.get("reason", ""), str)
    )


def _denied(report: AgentReport) -> Refusal | None:
    """A denial of a tool we never offered is the model's slip; one of a tool we granted means it could not work."""
    denied = sorted({name for name in report.denials if name.partition("(")[0] in GRANTED_TOOLS})
    if not denied:
        return None
    return _agent_error(report, f"The agent was denied what it needs ({', '.join(denied)})")


def agents_own_words(report: AgentReport) -> Refusal | None:
    """What the agent says of its work; `done` is None, anything else ends the run whatever else is true."""
    said = report.structured or {}
    if said.get("verdict") == "done":
        return None
    reason = str(said.get("reason") or said.get("summary") or "").strip()
    if said.get("verdict") == "needs-input":
        return Refusal(Reason.NEEDS_INPUT, "The agent needs an answer before it can go on.", reason)
    return Refusal(Reason.NEEDS_INPUT, "The agent says that it can't do this as it is written.", reason)


def _no_changes(report: AgentReport) -> Refusal:
    said = str((report.structured or {}).get("summary") or "").strip()
    return Refusal(Reason.NO_CHANGES, "The agent says that it is done, but nothing in the repository changed.", said)


def conflicts_left(places: tuple[str, ...]) -> Refusal:
    """The base was merged, and not everything on which both sides disagree is settled."""
    files = len({place.rpartition(":")[0] or place for place in places})
    where = "one file" if files == 1 else f"{files} files"
    text = f"The conflicts with the base branch are not resolved in {where}; the branch is left as it was."
    return Refusal(Reason.BASE_CHANGED, text, "\n".join(places[:50]))


def failed_check(checks: tuple[Check, ...]) -> Refusal | None:
    """The first check that did not pass."""
    for check in checks:
        if not check.passed:
            reason = Reason.SETUP_FAILED if check.name == "setup" else Reason.TESTS_FAILED
            return Refusal(reason, f"The {check.name} command {_how_it_failed(check)}: {check.command}", check.tail)
    return None


def missing_outcome(work_result: str) -> Refusal:
    """What became of a `work` job that handed nothing over; `work_result` is `needs.work.result`."""
    match work_result:
        case "cancelled" | "skipped":
            return cancelled()
        case "success":
            return Refusal(Reason.INTERNAL_ERROR, "The job that did the work ended well but handed nothing over.")
        case _:
            return Refusal(Reason.RUNNER_LOST, "The job that did the work ended without saying how.")


def withheld(outcome: Outcome, why: Refusal | None) -> Refusal | None:
    """How a run ends whose work was not put on its branch: for that, or, blocked by itself, with that said besides."""
    if why is None or outcome.verdict == "done":
        return why
    text = f"{outcome.text.rstrip('.')}. Its work is not on the branch: {why.text}"
    return Refusal(Reason(outcome.reason), text, "\n\n".join(filter(None, (outcome.details, why.details))))


def spent(report: AgentReport) -> float:
    """US dollars of a session: the proxy's count or the CLI's, whichever is more (neither sees everything)."""
    return max(report.usd, report.metered_usd)


# ------------------------------------------------------------------------------------------------ words


def _too_late(bounds: Bounds) -> str:
    if bounds.seconds:
        return f"The agent timed out after {counted(bounds.seconds, 'second')}."
    return f"The agent was stopped at the limit of {counted(bounds.minutes, 'minute')}."


def _over_budget(report: AgentReport, bounds: Bounds) -> Refusal:
    return Refusal(
        Reason.OVER_BUDGET, f"The run reached its limit of ${bounds.usd:.2f} (it spent ${spent(report):.2f})."
    )


def _api_error(report: AgentReport) -> Refusal:
    status = report.api_error_status
    meaning = {
        400: "refused the request as malformed",
        401: "refused the key",
        403: "does not allow this key to use the model",
        404: "does not know the model",
        413: "refused the request as too large",
        429: "is refusing more requests for now",
        529: "is overloaded",
    }.get(status, "answered with an error" if status < 500 else "is out of order")
    code = f" (HTTP {status})" if status else ""
    return Refusal(Reason.API_ERROR, f"The model's API {meaning}{code}.", "\n".join(report.errors))


def _agent_error(report: AgentReport, sentence: str) -> Refusal:
    details = "\n".join((*report.errors, report.stderr_tail)).strip()
    return Refusal(Reason.AGENT_ERROR, f"{sentence}.", details)


def _exit_words(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _how_it_failed(check: Check) -> str:
    if check.exit_code == -1:
        return f"was still running after {check.seconds:.0f} s and was stopped"
    if check.exit_code == 127:
        return "was not found"
    return f"failed with exit code {check.exit_code}"
