"""A plan of issues as our verdict comment carries it: whole, in one hidden line, with what it is measured against.

The comment shows it to people; what is made of it is read from the line, which is of the same plan. A comment of ours
that somebody edited is not read at all (`bot.core.inits.approval`).
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core.inits.tally import META
from bot.core.markers import hide, reveal
from bot.core.names import PROPOSAL_MARKER
from bot.core.specs.diff import Change, Diff, Kind
from bot.core.specs.mark import read_mark
from bot.core.specs.planned import Plan

MOST_ISSUES: Final = 100
"""Of one plan: GitHub lets an issue have so many sub-issues."""

MOST_LINE: Final = 40_000
"""Characters of the hidden line; the rest of a comment is for people."""

_MOST_UNPACKED: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is made when somebody approves it."""

    plan: Plan
    there: tuple[tuple[str, int], ...] = ()
    """Issues that existed when the plan was made, by key: these are not made again."""
    changed: tuple[str, ...] = ()
    """Keys of those that the plan brings up to date."""
    waits: tuple[tuple[str, str], ...] = ()
    """Native relations to make, as two keys: the first waits for the second."""
    sha: str = ""
    """Names the plan with all of that."""

    @property
    def numbers(self) -> dict[str, int]:
        """Of the issues that existed."""
        return dict(self.there)


def proposal_of(plan: Plan, diff: Diff, meta: int) -> Proposal:
    """`plan` against what exists; `meta`: the issue that keeps the others together already, 0: there is none."""
    existing = [(change.task.key, int(change.existing.id)) for change in diff.changes if change.existing is not None]
    there = (*([(META, meta)] if meta else []), *existing)
    waits = tuple((change.task.key, first) for change in diff.changes for first in _lacking(change))
    return Proposal(plan, there, tuple(change.task.key for change in diff.of(Kind.CHANGED)), waits)


def _lacking(change: Change) -> Iterator[str]:
    """Prerequisites that are not related yet. What we wrote before and is gone was taken away by somebody."""
    mark = read_mark(change.existing.body) if change.existing is not None else None
    if change.existing is None or (mark is not None and "prerequisites" in change.fields):
        before = mark.mark.prerequisites if mark is not None else frozenset()
        yield from (key for key in change.task.prerequisites if key not in before)


def proposal_line(proposal: Proposal) -> str:
    """The hidden line; longer than `MOST_LINE`: the plan holds too much text."""
    data = {
        "plan": proposal.plan.as_data(),
        "there": dict(proposal.there),
        "changed": [*proposal.changed],
        "waits": [[*pair] for pair in proposal.waits],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")
    packed = base64.b64encode(zlib.compress(text, 9)).decode("ascii")
    return hide(PROPOSAL_MARKER, {"v": 1, "sha": _sha(text), "data": packed})


def proposal_in(body: str) -> Proposal | None:
    """The proposal that a comment carries; None: there is none, or it is damaged."""
    block = reveal(PROPOSAL_MARKER, body)
    if block is None or not isinstance(block.get("data"), str):
        return None
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(base64.b64decode(block["data"], validate=True), _MOST_UNPACKED)
        data = json.loads(text)
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
    if block.get("sha") != _sha(text) or not isinstance(data, dict):
        return None
    return _read(data, _sha(text))


def _read(data: Mapping[str, Any], sha: str) -> Proposal | None:
    # Here, not above: the Markdown parser behind it is not needed where no plan of issues waits.
    from bot.core.specs.reading import read_answer  # noqa: PLC0415
    from bot.core.specs.spec import Spec  # noqa: PLC0415

    plan = read_answer(data.get("plan"), Spec(""), most=MOST_ISSUES)
    there, changed, waits = data.get("there"), data.get("changed"), data.get("waits")
    if not isinstance(plan, Plan) or not isinstance(there, dict):
        return None
    if not isinstance(changed, list) or not isinstance(waits, list):
        return None
    if not all(isinstance(number, int) for number in there.values()):
        return None
    pairs = tuple((str(pair[0]), str(pair[1])) for pair in waits if isinstance(pair, list) and len(pair) == 2)
    return Proposal(plan, tuple(there.items()), tuple(map(str, changed)), pairs, sha)


def _sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]
