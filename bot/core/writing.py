"""Effects that say where an issue stands, only where they change something: the planner's and the publisher's alike."""

from typing import Any

from bot.core.effects import PutStatus, SetLabels
from bot.core.ledger import DONE, Notes, Record
from bot.core.messages.status import AS_OF
from bot.core.model import Issue
from bot.core.names import REQUEST_LABEL, StateLabel


def move_labels(issue: Issue, label: StateLabel | None, *, keep_request: bool) -> tuple[SetLabels, ...]:
    """`label` as the only state label (None: none at all); the request label goes unless it is kept."""
    wanted: set[str] = {label} if label else set()
    add = wanted - issue.labels
    remove: set[str] = ({str(each) for each in StateLabel} - wanted) & issue.labels
    if not keep_request:
        remove |= {REQUEST_LABEL} & issue.labels
    return (SetLabels(issue.number, tuple(sorted(add)), tuple(sorted(remove))),) if add or remove else ()


def end_label(record: Record) -> StateLabel | None:
    """The state label of an issue whose last run ended so; None: it bears none."""
    if record.withdrawn:
        return StateLabel.DONE if record.kind == "fix" else None
    if record.again or record.planned:
        return StateLabel.WAITING
    return StateLabel.DONE if record.code == DONE else StateLabel.BLOCKED


def put_status(issue: Issue, body: str, notes: Notes | None) -> tuple[PutStatus, ...]:
    """The status comment, made or edited; nothing where it says so already, figures of a moment apart."""
    old = notes.comment if notes else None
    if old is not None and _as_stored(old.body) == _as_stored(body):
        return ()
    return (PutStatus(issue.number, body, old.node_id if old else ""),)


def kept_request(notes: Notes | None) -> dict[str, Any]:
    """What the machine block goes on knowing of the request, once that is over."""
    if notes is None or not notes.request_id:
        return {}
    pull = {"pull": notes.pull} if notes.pull else {}
    return {"request": {"id": notes.request_id, "sha": notes.sha, **pull}}


def kept_tally(notes: Notes | None) -> dict[str, Any]:
    """What the machine block goes on knowing of issues that were made of a plan."""
    return {"init": notes.tally.data()} if notes is not None and notes.tally is not None else {}


def noted_end(record: Record | None, attempts: int, notes: Notes | None) -> dict[str, Any]:
    """What the machine block knows of the last request that is over; `record`: the run that just ended, if one did."""
    if record is not None and record.final(attempts):
        return {"ended": {"id": record.request_id, "until": record.requested_at.isoformat()}}
    if notes is None or notes.ended_until is None:
        return {}
    return {"ended": {"id": notes.ended_id, "until": notes.ended_until.isoformat()}}


def _as_stored(text: str) -> str:
    """Without what GitHub changes, and without the line that is only as new as the last edit."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    return "\n".join(line for line in lines if not line.startswith(AS_OF))
