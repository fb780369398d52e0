"""What has been made of an approved plan so far: the ledger of `/ai init`, kept in the status comment's machine block.

It is written before issues are made (what is about to be made) and after it (their numbers), and whoever makes some
first looks whether it still says what the decision was made on. So nothing is made twice, whoever dies when, and
however late GitHub's lists are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

META = "META"
"""In the ledger, the key of the issue that keeps the others together; no task's key is without a number."""

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The ledger."""

    approval: str
    """The request that approved the plan: `C<comment id>`."""
    sha: str
    """The plan's, as its comment has it."""
    total: int = 0
    """Issues in the plan, the one that keeps them together apart."""
    made: tuple[tuple[str, int], ...] = ()
    """The number of each issue, by key; those that were there before among them."""
    begun: tuple[str, ...] = ()
    """Keys of issues that may have been made, and whose numbers nobody knows yet."""
    begun_at: datetime | None = None
    tries: int = 0
    """How often GitHub refused for good, one after the other."""
    refusal: str = ""
    """GitHub's words for it."""
    changed: int = 0
    """Issues that were brought in line with the plan, or are left to those who changed them."""
    related: int = 0
    """Relations that are there, or that GitHub would not take."""
    lost: int = 0
    """Those that GitHub would not take."""
    done: bool = False

    @property
    def numbers(self) -> dict[str, int]:
        """By key."""
        return dict(self.made)

    @property
    def meta(self) -> int:
        """The issue that keeps the others together; 0: there is none yet."""
        return self.numbers.get(META, 0)

    def data(self) -> dict[str, Any]:
        """As the machine block carries it."""
        found: dict[str, Any] = {"approval": self.approval, "sha": self.sha, "total": self.total}
        found["made"] = dict(self.made)
        if self.begun and self.begun_at is not None:
            found["begun"] = {"keys": [*self.begun], "at": self.begun_at.isoformat()}
        if self.tries:
            found["refused"] = {"times": self.tries, "words": self.refusal}
        counts = {"changed": self.changed, "related": self.related, "lost": self.lost}
        return {
            **found,
            **{name: count for name, count in counts.items() if count},
            **({"done": True} if self.done else {}),
        }


def tally_in(block: Mapping[str, Any]) -> Tally | None:
    """The ledger in a machine block; None: there is none, or none that can be read."""
    data = block.get("init")
    if not isinstance(data, dict):
        return None
    approval, sha, made = data.get("approval"), data.get("sha"), data.get("made")
    begun, refused = data.get("begun"), data.get("refused")
    if not isinstance(approval, str) or not isinstance(sha, str) or not isinstance(made, dict):
        return None
    keys, at = _begun(begun if isinstance(begun, dict) else {})
    refused = refused if isinstance(refused, dict) else {}
    return Tally(
        approval,
        sha,
        _count(data.get("total")),
        tuple((str(key), _count(number)) for key, number in list(made.items())[:_MOST] if _count(number)),
        keys,
        at,
        _count(refused.get("times")),
        str(refused.get("words") or "")[:_MOST],
        _count(data.get("changed")),
        _count(data.get("related")),
        _count(data.get("lost")),
        data.get("done") is True,
    )


def _begun(data: Mapping[str, Any]) -> tuple[tuple[str, ...], datetime | None]:
    keys = data.get("keys")
    try:
        at = datetime.fromisoformat(str(data.get("at")))
    except ValueError:
        return (), None
    if at.tzinfo is None or not isinstance(keys, list):
        return (), None
    return tuple(map(str, keys[:_MOST])), at


def _count(value: object) -> int:
    """People with write can edit our comments, and JSON knows negative numbers and `true`."""
    return value if type(value) is int and 0 < value < 10**9 else 0
