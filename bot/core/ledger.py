"""What already happened to an issue, read back from our own comments: ended runs and the status comment's notes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from bot.core.inits.tally import Tally, tally_in
from bot.core.markers import ours
from bot.core.model import Comment, Issue
from bot.core.names import GITHUB_ACTIONS_BOT_ID, RUN_KEY, STATUS_MARKER, VERDICT_MARKER, Reason, RunKind

DONE = "done"
AGAIN = frozenset({Reason.RUNNER_LOST})
"""Verdicts after which the same request is tried again by itself, while `limits.attempts` lasts."""

_KINDS: Final[Mapping[str, RunKind]] = {"plan": "plan", "fix": "fix", "init": "init"}

_MOST_USD = 1e9

MOST_SPARED = 5
"""Runs of one request that may end before they begin, without being counted as attempts: then it is over, so that a
server and a job that read differently can't go on for ever."""


@dataclass(frozen=True, slots=True)
class Record:
    """One ended run, as its verdict comment has it."""

    run_key: str
    code: str
    """`done` or a reason code."""
    usd: float
    at: datetime
    requested_at: datetime
    """When the request behind it was made."""
    pull: int = 0
    again: bool = False
    """It ended before it began, because it had to wait again: the request goes on."""
    spared: int = 0
    """Earlier runs of the same request that ended so."""
    withdrawn: bool = False
    """It ended before it began, because nobody asked for it any more: nothing is blocked."""
    kind: RunKind = "work"
    planned: bool = False
    """Its comment holds a plan that waits for approval: the request goes on."""

    @property
    def request_id(self) -> str:
        """The request that was answered."""
        return request_of(self.run_key)

    @property
    def attempt(self) -> int:
        """The end of the run key, from 1."""
        return int(self.run_key.split("-")[2])

    def final(self, attempts: int) -> bool:
        """Whether this ended its request: all but a run that never began, a plan, and a lost runner while attempts are left."""
        return not (self.again or self.planned) and (self.code not in AGAIN or self.attempt - self.spared >= attempts)


@dataclass(frozen=True, slots=True)
class Notes:
    """The machine block of the status comment."""

    comment: Comment
    request_id: str = ""
    sha: str = ""
    """`boxless_sha` of what the request approved, noted when it was first seen unedited."""
    dispatched_key: str = ""
    dispatched_at: datetime | None = None
    hold: bool = False
    """It was ready but held when the status was last written: a slot that becomes free may start it."""
    pull: int = 0
    """Our pull request, where the request is for a review round of it."""
    ended_id: str = ""
    """The request that ended last, should somebody delete the verdict that says so."""
    ended_until: datetime | None = None
    """Requests up to then were answered with it."""
    edited: str = ""
    """`boxless_sha` of the issue as it was when this said that it was edited since its plan was made; empty: it does not."""
    merged: bool = False
    """It says into which branch the work was merged: the better words for an issue that the bot closed."""
    tally: Tally | None = None
    """What has been made of a plan of issues."""


class Verdict(NamedTuple):
    """What was said of a run."""

    comment: Comment
    record: Record


def records(issue: Issue, own_ids: frozenset[int]) -> tuple[Record, ...]:
    """Every ended run of the issue, oldest first, one per run key."""
    return tuple(record for _, record in verdicts(issue, own_ids))


def verdicts(issue: Issue, own_ids: frozenset[int]) -> tuple[Verdict, ...]:
    """The same, each with the comment that says it."""
    found: dict[str, Verdict] = {}
    for comment, data in ours(issue.comments, own_ids, VERDICT_MARKER):
        if (record := _record(data, issue.number)) is not None:
            earlier = _spared((each for _, each in found.values()), record.request_id)
            found.setdefault(record.run_key, Verdict(comment, replace(record, spared=earlier)))
    return tuple(found.values())


def spared(issue: Issue, own_ids: frozenset[int], run_key: str) -> int:
    """How many other runs of this run's request ended before they began."""
    others = (record for record in records(issue, own_ids) if record.run_key != run_key)
    return _spared(others, request_of(run_key))


def _spared(earlier: Iterable[Record], request_id: str) -> int:
    return sum(record.again and record.request_id == request_id for record in earlier)


def all_records(issues: Iterable[Issue], own_ids: frozenset[int]) -> tuple[Record, ...]:
    """The ended runs of several issues."""
    return tuple(record for issue in issues for record in records(issue, own_ids))


def notes_of(issue: Issue, own_ids: frozenset[int]) -> Notes | None:
    """The status comment that counts, where there is one."""
    for comment, data in _statuses(issue, own_ids)[:1]:
        dispatched = _object(data, "dispatched")
        request, ended = _object(data, "request"), _object(data, "ended")
        pull = request.get("pull")
        return Notes(
            comment=comment,
            request_id=_text(request, "id"),
            sha=_text(request, "sha"),
            dispatched_key=_text(dispatched, "key"),
            dispatched_at=_time(dispatched.get("at")),
            hold=data.get("hold") is True,
            pull=pull if isinstance(pull, int) else 0,
            ended_id=_text(ended, "id"),
            ended_until=_time(ended.get("until")),
            edited=_text(data, "edited"),
            merged=data.get("merged") is True,
            tally=tally_in(data),
        )
    return None


def surplus(issue: Issue, own_ids: frozenset[int]) -> tuple[Comment, ...]:
    """Further status comments: a race made them, or a gate beside a server, which can't see the server's."""
    if sum(comment.author.id in own_ids for comment in issue.comments) < 2:
        return ()  # nearly always, of every issue of a plan: without reading what it says
    return tuple(comment for comment, _ in _statuses(issue, own_ids)[1:])


def _statuses(issue: Issue, own_ids: frozenset[int]) -> list[tuple[Comment, dict[str, Any]]]:
    """The one that counts first: a gate's, which gates and servers see; then the oldest."""
    found = ours(issue.comments, own_ids, STATUS_MARKER)
    return sorted(found, key=lambda one: one[0].author.id != GITHUB_ACTIONS_BOT_ID)


def request_of(run_key: str) -> str:
    """The middle of a run key: the request that it is a run of."""
    return run_key.split("-")[1]


def is_run_key(text: str, issue: int) -> bool:
    """Whether `text` has the shape of a run key of `issue`."""
    return RUN_KEY.fullmatch(text) is not None and text.startswith(f"{issue}-")


def _record(data: Mapping[str, Any], issue: int) -> Record | None:
    key, code = _text(data, "run"), _text(data, "code")
    at, asked = _time(data.get("at")), _time(data.get("asked"))
    if not is_run_key(key, issue) or not code or at is None:
        return None
    pull = data.get("pull")
    return Record(
        run_key=key,
        code=code,
        usd=_dollars(data.get("usd")),
        at=at,
        requested_at=asked or at,
        pull=pull if isinstance(pull, int) else 0,
        again=data.get("again") is True,
        withdrawn=data.get("withdrawn") is True,
        kind=_KINDS.get(_text(data, "kind"), "work"),
        planned=data.get("planned") is True,
    )


def _object(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _dollars(value: object) -> float:
    """What a run cost. People with write can edit our comments, and JSON knows NaN and integers without end."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= _MOST_USD else 0.0


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo else None
