"""What crosses between jobs, as files and one-line JSON: the admission, the outcome, the bundle, their digests.

Owns reading what `work` left (a machine on which hostile code ran) without believing it: sizes first, digests that
travelled by another way, then types; unknown keys are dropped, texts are cut, numbers must be numbers. Names and
targets (branch, base, issue) are never taken from here but from the admission.
"""

import dataclasses
import hashlib
import json
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bot.core.ledger import is_run_key
from bot.core.names import Reason, issue_branch
from bot.core.run import Admission, Check, Outcome
from bot.errors import Blocked, UsageError
from bot.whole_file import write_whole

OUTCOME_FILE = "outcome.json"
BUNDLE_FILE = "work.bundle"

MAX_OUTCOME_BYTES = 4_000_000
MAX_BUNDLE_BYTES = 200 << 20
"""A bundle holds compressed blobs of a change of at most `limits.patch_kb`; this only keeps the disk alive."""

LONGEST = {
    "text": 500,
    "details": 20_000,
    "summary": 20_000,
    "tail": 8_000,
    "note": 500,
    "word": 200,
    "command": 1000,
    "reply": 800,
    "proposal": 400_000,
}
"""Characters kept of each kind of text; a comment on GitHub holds 65,536."""

MOST_CHECKS, MOST_NOTES, MOST_METRICS, MOST_REPLIES = 8, 30, 20, 30
"""All together stay under `MAX_OUTCOME_BYTES` even if JSON needs six bytes for every character."""

MOST_OVER = 50.0
"""US dollars by which a run can exceed its budget: one answer, at the dearest rates we know, with the largest prompt."""

OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
BRANCH_NUMBER = re.compile(r"-([1-9][0-9]{0,5})")

Facts = TypeVar("Facts", Admission, Outcome)


@dataclass(frozen=True, slots=True)
class Digests:
    """sha256 of the two files in hex; travels as job outputs, not beside the files."""

    outcome: str
    bundle: str
    """Empty: there is no bundle."""


@dataclass(frozen=True, slots=True)
class Received:
    """What `work` handed over, verified as far as files go."""

    outcome: Outcome
    bundle: Path | None


def admission_to_json(admission: Admission) -> str:
    """One line, for `GITHUB_OUTPUT`."""
    return json.dumps(dataclasses.asdict(admission), ensure_ascii=True, separators=(",", ":"))


def admission_from_json(text: str) -> Admission:
    """Read an admission. Raises `UsageError` when it is none, or names a branch that is not its issue's."""
    if len(text) > MAX_OUTCOME_BYTES:
        raise UsageError("AI_READY_ADMISSION is too long to be an admission.")
    admission = _parse(Admission, text.encode("utf-8", "surrogatepass"))
    if isinstance(admission, str):
        raise UsageError(f"AI_READY_ADMISSION is not an admission ({admission}): pass gate's output as it is.")
    if not is_run_key(admission.run_key, admission.issue):
        raise UsageError(f"AI_READY_ADMISSION's run_key is none of issue {admission.issue}.")
    stem = issue_branch(admission.issue)
    tail = admission.branch.removeprefix(stem)
    if not admission.branch.startswith(stem) or (tail and not BRANCH_NUMBER.fullmatch(tail)):
        raise UsageError(f"AI_READY_ADMISSION names a branch that is not of issue {admission.issue}.")
    for name, oid in (("base_oid", admission.base_oid), ("head_oid", admission.head_oid)):
        if oid and not OID.fullmatch(oid):
            raise UsageError(f"AI_READY_ADMISSION's {name} is no commit id.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+", admission.repo):
        raise UsageError("AI_READY_ADMISSION's repo is not `owner/name`.")
    return admission


def hand_over(folder: Path, outcome: Outcome) -> Digests:
    """Write `outcome.json` into `folder` in one step and say the digests of what is there; the bundle is there already.

    A bundle without a commit in the outcome is not handed over: it is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / BUNDLE_FILE
    if not outcome.commit_oid:
        bundle.unlink(missing_ok=True)
    text = json.dumps(dataclasses.asdict(_plain(bounded(outcome))), ensure_ascii=False, indent=1)
    data = text.encode("utf-8", "replace")  # a lone surrogate would make it unreadable
    write_whole(folder / OUTCOME_FILE, data)
    return Digests(hashlib.sha256(data).hexdigest(), sha256_of(bundle) if bundle.exists() else "")


def digests_of(folder: Path) -> Digests:
    """What is in a folder that was handed over; both empty: nothing was."""
    outcome, bundle = folder / OUTCOME_FILE, folder / BUNDLE_FILE
    if not outcome.exists():
        return Digests("", "")
    return Digests(sha256_of(outcome), sha256_of(bundle) if bundle.exists() else "")


def receive(folder: Path, digests: Digests, admission: Admission) -> Received:
    """Read what `work` handed over. Raises `Blocked(internal-error)` when it is not what `work` said it wrote."""
    data = _read_bounded(folder / OUTCOME_FILE, MAX_OUTCOME_BYTES)
    _verify("outcome.json", hashlib.sha256(data).hexdigest(), digests.outcome)
    outcome = _parse(Outcome, data)
    if isinstance(outcome, str):
        raise _unbelievable(f"outcome.json is not an outcome ({outcome})")
    if outcome.run_key != admission.run_key:
        raise _unbelievable("outcome.json is of another run")
    outcome = bounded(outcome)
    outcome = replace(outcome, usd=min(outcome.usd, admission.usd + MOST_OVER))
    if not digests.bundle:
        return Received(replace(outcome, commit_oid=""), None)
    bundle = folder / BUNDLE_FILE
    _check_file(bundle, MAX_BUNDLE_BYTES)
    _verify("work.bundle", sha256_of(bundle), digests.bundle)
    return Received(outcome, bundle)


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bounded(outcome: Outcome) -> Outcome:
    """`outcome` with every text cut, every list short and every number finite; nothing else changes."""
    done = outcome.verdict == "done"
    known = outcome.reason in set(Reason)
    return replace(
        outcome,
        reason="" if done else outcome.reason if known else Reason.INTERNAL_ERROR.value,
        again=outcome.again and _never_began(outcome),
        planned=outcome.planned and _only_asks(outcome),
        proposal=outcome.proposal if len(outcome.proposal) <= LONGEST["proposal"] else "",
        text=_cut(outcome.text, "text"),
        details=_cut(outcome.details, "details"),
        summary=_cut(outcome.summary, "summary"),
        checks=tuple(_bounded_check(check) for check in outcome.checks[:MOST_CHECKS]),
        usd=_number(outcome.usd),
        turns=max(0, min(outcome.turns, 10**6)),
        seconds=_number(outcome.seconds),
        model=_cut(outcome.model, "word"),
        session_id=_cut(outcome.session_id, "word"),
        agent_version=_cut(outcome.agent_version, "word"),
        isolation=_cut(outcome.isolation, "word"),
        commit_oid=outcome.commit_oid if OID.fullmatch(outcome.commit_oid) else "",
        notes=tuple(_cut(note, "note") for note in outcome.notes[:MOST_NOTES]),
        replies=tuple(
            replace(reply, thread=_cut(reply.thread, "word"), text=_cut(reply.text, "reply"))
            for reply in outcome.replies[:MOST_REPLIES]
        ),
        metrics={
            _cut(name, "word"): _number(seconds) for name, seconds in list(outcome.metrics.items())[:MOST_METRICS]
        },
    )


def _never_began(outcome: Outcome) -> bool:
    """An outcome that shows any work, or another reason, used its request up."""
    blocked = outcome.verdict == "blocked" and outcome.reason == Reason.CANCELLED
    return blocked and not (outcome.commit_oid or outcome.turns or outcome.usd)


def _only_asks(outcome: Outcome) -> bool:
    """A plan comes with nothing that was done."""
    asks = outcome.verdict == "blocked" and outcome.reason == Reason.NEEDS_INPUT
    return asks and not outcome.commit_oid and bool(outcome.summary.strip())


def _bounded_check(check: Check) -> Check:
    return replace(
        check,
        name=_cut(check.name, "word"),
        command=_cut(check.command, "command"),
        seconds=_number(check.seconds),
        tail=check.tail[-LONGEST["tail"] :],
    )


def _cut(text: str, kind: str) -> str:
    return text if len(text) <= LONGEST[kind] else text[: LONGEST[kind] - 1] + "…"


def _number(value: float) -> float:
    """A count that is none (NaN, infinite, negative, absurd) is 0: it is only shown, never decided on."""
    return value if 0 <= value < 10**9 else 0.0


def _plain(outcome: Outcome) -> Outcome:
    """`asdict` copies mappings by their own type, which a read-only view refuses."""
    return replace(outcome, metrics=dict(outcome.metrics))


def _parse(kind: type[Facts], data: bytes) -> Facts | str:
    """The facts, or in a few words what is wrong; unknown keys are dropped."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 (50 ms that `gate` does not have to spend)

    try:
        return TypeAdapter(kind).validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}"[:200] if where else str(first["msg"])[:200]


def _read_bounded(path: Path, most: int) -> bytes:
    _check_file(path, most)
    return path.read_bytes()


def _check_file(path: Path, most: int) -> None:
    try:
        found = path.lstat()
    except OSError as error:
        raise _unbelievable(f"{path.name} is missing") from error
    if not stat.S_ISREG(found.st_mode):
        raise _unbelievable(f"{path.name} is not a file")
    if found.st_size > most:
        raise _unbelievable(f"{path.name} is larger than {most} bytes")


def _verify(name: str, found: str, said: str) -> None:
    if found != said.strip().lower():
        raise _unbelievable(f"{name} is not the file that was written (its sha256 differs)")


def _unbelievable(why: str) -> Blocked:
    return Blocked(Reason.INTERNAL_ERROR, f"What the work job handed over can't be used: {why}.")
