"""The verdict comment: one per run."""

import re
from collections.abc import Iterable, Mapping

from bot.core.ledger import Record
from bot.core.markers import hide
from bot.core.messages.words import clock, code, counted, money, sentence
from bot.core.model import Claim, Pull
from bot.core.names import CALLER_WORKFLOW, VERDICT_MARKER, Reason
from bot.core.outbound import bounded, fence, inert
from bot.core.run import Check, Outcome

NEXT_STEP: Mapping[Reason, str] = {
    Reason.NEEDS_INPUT: "/ai retry your answer here",
    Reason.EDITED_AFTER_APPROVAL: "/ai run",
    Reason.CONFIG_INVALID: "/ai run",
    Reason.SETUP_FAILED: "/ai retry",
    Reason.HOOK_REFUSED: "/ai retry",
    Reason.AGENT_ERROR: "/ai retry",
    Reason.API_ERROR: "/ai retry",
    Reason.MAX_TURNS: "/ai retry",
    Reason.OVER_BUDGET: "/ai retry",
    Reason.TIMED_OUT: "/ai retry",
    Reason.NO_CHANGES: "/ai run say what is missing",
    Reason.TESTS_FAILED: "/ai retry",
    Reason.PROTECTED_PATHS: "/ai run leave these paths alone",
    Reason.TOO_LARGE: "/ai run only a smaller part of it",
    Reason.SECRET_FOUND: "/ai run",
    Reason.BASE_CHANGED: "/ai run",
    Reason.BRANCH_CHANGED: "/ai run",
    Reason.PUSH_REJECTED: "/ai retry",
    Reason.PR_FAILED: "/ai retry",
    Reason.CANCELLED: "/ai run",
    Reason.RUNNER_LOST: "/ai retry",
    Reason.INTERNAL_ERROR: "/ai retry",
}
"""The command that ends each Blocked verdict: as it stands it works, and shows where words of one's own go."""

_AS_A_ROUND = re.compile(r"^/ai (?:run|retry)")
"""What ends a review round's verdict begins another one: a retry would leave the reviews out."""

_ADVICE_OF_INIT: Mapping[Reason, str] = {
    Reason.NEEDS_INPUT: "Mend the specification, or say more after the command below.",
    Reason.AGENT_ERROR: "No plan came of it; its last answer, where it gave one, is above.",
    Reason.TOO_LARGE: "Split the specification, or ask for shorter texts after the command below.",
    Reason.SECRET_FOUND: "Nothing of this plan is shown. If the find is a false alarm, reword the specification.",
    Reason.MAX_TURNS: "Split the specification, or raise `agent.max_turns`.",
    Reason.OVER_BUDGET: "Split the specification, or raise `limits.usd`.",
    Reason.TIMED_OUT: "Split the specification, or raise `limits.minutes`.",
}
"""The same of a run that planned issues."""

ADVICE: Mapping[Reason, str] = {
    Reason.NEEDS_INPUT: "Answer, or say how to go on, with the command below.",
    Reason.EDITED_AFTER_APPROVAL: "Read the issue as it is now; if it is what you want done, ask again.",
    Reason.CONFIG_INVALID: "Correct the file on the default branch, then ask again.",
    Reason.SETUP_FAILED: "Make `checks.setup` in `.github/ai-ready.yml` work on a fresh checkout.",
    Reason.HOOK_REFUSED: "A hook of this runner said no; its output is above.",
    Reason.AGENT_ERROR: "The agent itself failed; the run's log has its last words.",
    Reason.API_ERROR: "The model's API refused or failed; check the key and its quota.",
    Reason.MAX_TURNS: "Split the issue, or raise `agent.max_turns`; a retry goes on from the kept work.",
    Reason.OVER_BUDGET: "Split the issue, or raise `limits.usd`; a retry goes on from the kept work.",
    Reason.TIMED_OUT: "Split the issue, or raise `limits.minutes`; a retry goes on from the kept work.",
    Reason.NO_CHANGES: "Say in the issue, or after the command, what should be different.",
    Reason.TESTS_FAILED: "The work is on the branch; mend it there, or let the agent try again.",
    Reason.PROTECTED_PATHS: "Runs may not change these paths. `allow:` in `.github/ai-ready.yml` lifts it for some.",
    Reason.TOO_LARGE: "Split the issue, or raise `limits.files` or `limits.patch_kb`.",
    Reason.SECRET_FOUND: "Nothing of this run was pushed. If the find is a false alarm, reword the issue and ask again.",
    Reason.BASE_CHANGED: "The base branch went another way than this run; a new run starts from it as it is then.",
    Reason.BRANCH_CHANGED: "Somebody pushed to the branch during the run; a new run builds on that.",
    Reason.PUSH_REJECTED: "A rule of this repository refused the push; its words are above.",
    Reason.PR_FAILED: "The branch is pushed; open the pull request with the link above, or mend the setting and retry.",
    Reason.CANCELLED: "Nothing is wrong; ask again when you want it done.",
    Reason.RUNNER_LOST: "Nothing came back from the run; its page in the Actions tab says what GitHub knows of it.",
    Reason.INTERNAL_ERROR: "This is our fault. The run's log has the details; please report it.",
}
"""One sentence of what to do, before the command."""


def verdict_block(record: Record) -> str:
    """The hidden line that makes a comment the verdict of a run."""
    data = {
        "run": record.run_key,
        "code": record.code,
        "usd": round(record.usd, 4),
        "at": record.at.isoformat(),
        "asked": record.requested_at.isoformat(),
        "pull": record.pull,
    }
    kind = {} if record.kind == "work" else {"kind": record.kind}
    flags = {name: True for name in ("again", "withdrawn", "planned") if getattr(record, name)}
    return hide(VERDICT_MARKER, {**data, **kind, **flags})


def done(record: Record, pull: Pull, outcome: Outcome, *, run_url: str = "", goes_on: bool = False) -> str:
    """`Done: draft PR #31 …`; last line: the next command. `goes_on`: the pull request tells of an earlier run."""
    kind = "draft PR" if pull.draft else "PR"
    news = "is updated and up for review again" if record.kind == "fix" else "is up for review"
    parts = [
        f"Done: {kind} #{pull.number} {news}.",
        verdict_block(record),
        facts_table(outcome, run_url),
        checks_table(outcome.checks, missing=outcome.checks_missing),
        own_words(outcome),
        to_look_at(outcome.notes) if goes_on else "",
        "CI of a pull request made by a bot waits for a person's *Approve workflows* click.",
        "Review it; if something is missing, ask with `/ai fix` there, or here with:",
    ]
    return bounded(*parts, "/ai run say what to change")


def blocked(record: Record, text: str, *, outcome: Outcome | None = None, link: str = "", run_url: str = "") -> str:
    """`Blocked (tests-failed): <one sentence>`; last line: the next command."""
    reason = Reason(record.code)
    parts = [f"Blocked ({reason}): {sentence(text)}", verdict_block(record)]
    if outcome is not None:
        parts += [
            facts_table(outcome, run_url),
            checks_table(outcome.checks, missing=False),
            _details(outcome),
            own_words(outcome),
        ]
    elif run_url:
        parts.append(f"[Log of the run]({run_url})")
    if link:
        parts.append(link)
    if record.again:
        return bounded(*parts, "Nothing needs to be done: it starts again by itself. What it waits for:", "/ai why")
    if record.kind == "init":
        return bounded(*parts, _ADVICE_OF_INIT.get(reason, ADVICE[reason]), "/ai init")
    another = record.kind == "fix" and reason is not Reason.CANCELLED
    if another:
        advice = f"{ADVICE[reason]} The command begins another review round of #{record.pull}, from here or there."
        return bounded(*parts, advice, _AS_A_ROUND.sub("/ai fix", NEXT_STEP[reason]))
    return bounded(*parts, ADVICE[reason], NEXT_STEP[reason])


def facts_table(outcome: Outcome, run_url: str) -> str:
    """Cost, turns, time, model and isolation of a run, as one small table; without isolation where nothing was run."""
    isolation = f" · isolation: {inert(outcome.isolation)}" if outcome.isolation else ""
    log = f" · [log]({run_url})" if run_url else ""
    return (
        f"{money(outcome.usd)} · {counted(outcome.turns, 'turn')} · "
        f"{outcome.seconds:.0f} s · model {inert(outcome.model) or 'unknown'}{isolation}{log}"
    )


def checks_table(checks: tuple[Check, ...], *, missing: bool) -> str:
    """What we ran after the agent, with results."""
    if not checks:
        return (
            "No checks are configured and none were found: nothing but the agent's own word was checked."
            if missing
            else ""
        )
    rows = ["| check | command | result | seconds |", "|---|---|---|--:|"]
    for check in checks:
        result = "passed" if check.passed else "time limit" if check.exit_code == -1 else f"failed ({check.exit_code})"
        found = " (detected)" if check.detected else ""
        rows.append(f"| {inert(check.name)}{found} | {code(check.command)} | {result} | {check.seconds:.1f} |")
    return "\n".join(rows)


def _details(outcome: Outcome) -> str:
    return fence(outcome.details, limit=6_000) if outcome.details else ""


def own_words(outcome: Outcome) -> str:
    """The agent's summary, fenced."""
    if not outcome.summary:
        return ""
    return f"The agent's own words:\n\n{fence(outcome.summary, limit=8_000)}"


def to_look_at(notes: Iterable[str]) -> str:
    """What deserves a look of the person who reviews."""
    rows = "\n".join(f"- {inert(note)}" for note in notes)
    return f"### What deserves a look\n\n{rows}" if rows else ""


def lost_reason(conclusion: str) -> Reason:
    """The reason code of a run that ended without a verdict, by what Actions concluded (empty: it was deleted)."""
    return _LOST_REASONS.get(conclusion, Reason.RUNNER_LOST)


_LOST_REASONS = {
    "cancelled": Reason.CANCELLED,
    "timed_out": Reason.TIMED_OUT,
    "startup_failure": Reason.CONFIG_INVALID,
}


def lost_text(claim: Claim, conclusion: str) -> str:
    """One sentence for such a run; `conclusion` is GitHub's word, or ours: `stuck`, `gone`."""
    if not conclusion:
        conclusion = "gone" if claim.run_id > 0 else "failure"
    began = "was asked for" if conclusion in _NEVER_BEGAN else "began"
    return f"the run that {began} at {clock(claim.at)} {_LOST_TEXTS.get(conclusion, _LOST)}."


_NEVER_BEGAN = frozenset({"startup_failure", "action_required", "skipped", "stuck"})

_LOST = "ended without a verdict"
_LOST_TEXTS = {
    "cancelled": "was cancelled before it could say anything",
    "timed_out": "hit the time limit of its job before it could say anything",
    "startup_failure": (
        "could not start: the permissions of the caller workflow are smaller than what the called jobs need, or the "
        f"file is invalid; compare `.github/workflows/{CALLER_WORKFLOW}` with the shipped example"
    ),
    "action_required": "was not let start: GitHub waits for somebody's approval of the run",
    "stale": "made no progress for so long that GitHub gave it up",
    "stuck": "was given up: no runner took it for 24 hours, or it went on long after its time limit",
    "gone": "was deleted, so nobody can say how it ended",
    "skipped": "was skipped: a condition in the caller workflow keeps it from running",
    "success": "ended as successful, but without a verdict",
}
