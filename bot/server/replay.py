"""`ai-ready replay`: what the server would make of a recorded delivery, and what the order says then. Writes nothing.

A delivery only says where to look; what is decided comes from a read of GitHub. Offline there is the delivery's own
issue, and whatever issues a file holds: caps, approvals and permissions play no part, as in `ai-ready plan`.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from bot.core.model import Json
from bot.core.names import REQUEST_LABEL
from bot.core.offline import Backlog, arranged, as_object, read
from bot.core.offline_table import table
from bot.core.order import Arrangement
from bot.core.settings import RepoConfig
from bot.errors import UsageError
from bot.github.webhook import Hook, MalformedDelivery, event_of
from bot.server.ports import LaneKind

OF_INSTALLATIONS: Final = frozenset({"installation", "installation_repositories"})
_GUID: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delivery as it was kept in a file."""

    event: str
    guid: str
    body: bytes

    @classmethod
    def of(cls, raw: bytes, event: str) -> "Recorded":
        """A bare body, or what `GET /app/hook/deliveries/{id}` answers, which says its event itself.

        Raises:
            UsageError: nobody says which event it is.
        """
        whole = _whole(raw)
        if whole is not None:
            event, body = event or str(whole["event"]), json.dumps(whole["request"]["payload"]).encode()
            return cls(event, str(whole.get("guid") or _GUID), body)
        if not event:
            raise UsageError("Say which event it is, as in the header X-GitHub-Event: --event issues.")
        return cls(event, _GUID, raw)


def _whole(raw: bytes) -> Json | None:
    """The delivery with what was sent, if that is what the file holds."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    request = found.get("request") if isinstance(found, dict) and "event" in found else None
    return found if isinstance(request, dict) and isinstance(request.get("payload"), dict) else None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What would be done."""

    hook: Hook
    lane: LaneKind | None
    """Which kind of work it makes; None: none."""
    backlog: Backlog | None
    """The issues that were looked at; None: the delivery holds none, and no file was given."""
    order: Arrangement | None


def replay(recorded: Recorded, *, issues: bytes | None, config: RepoConfig) -> Replayed:
    """What the server would do. Raises `UsageError`."""
    try:
        hook = event_of(recorded.event, recorded.guid, recorded.body)
    except MalformedDelivery as error:
        raise UsageError(f"The server would answer 400: {error}") from error
    lane = None
    if hook.interesting:
        lane = LaneKind.INSTALLATION if hook.event in OF_INSTALLATIONS else LaneKind.REPOSITORY
    backlog = _backlog(json.loads(recorded.body), issues)
    return Replayed(hook, lane, backlog, None if backlog is None else arranged(backlog, every=False, config=config))


def _backlog(payload: Json, issues: bytes | None) -> Backlog | None:
    """The file's issues, and over them the delivery's own, which is newer."""
    own = payload.get("issue")
    if issues is None:
        return read(json.dumps([own])) if isinstance(own, dict) else None
    backlog = read(issues)
    if not isinstance(own, dict):
        return backlog
    newest = read(json.dumps([own]))
    return Backlog(
        {**backlog.issues, **newest.issues},
        backlog.repo or newest.repo,
        backlog.host if backlog.repo else newest.host,
        {**backlog.hidden, **newest.hidden},
    )


# --------------------------------------------------------------------------------------------- output


def as_json(done: Replayed) -> str:
    """For machines; `plan` is the JSON of `ai-ready plan`."""
    hook = done.hook
    shown: dict[str, Any] = {
        "event": hook.event,
        "action": hook.action,
        "interesting": hook.interesting,
        "why": why(hook),
        "lane": None if done.lane is None else {"kind": done.lane.value, "id": _lane_id(done)},
        "repository": hook.repository,
        "issues": list(hook.issues),
        "run": None if hook.run is None else {"id": hook.run.run_id, "status": hook.run.status, "name": hook.run.name},
        "plan": None if done.order is None else as_object(done.order),
    }
    return json.dumps(shown, indent=2) + "\n"


def as_text(done: Replayed) -> str:
    """For a person."""
    lines = [f"{why(done.hook)}"]
    if done.lane is not None:
        marks = ", ".join(f"#{number}" for number in done.hook.issues) or "the whole repository"
        where = done.hook.repository if done.lane is LaneKind.REPOSITORY else "its repositories are read again"
        what = f"; looks at {marks}" if done.lane is LaneKind.REPOSITORY else ""
        lines.append(f"Work for the {done.lane} {_lane_id(done)} ({where}){what}.")
    if done.backlog is None or done.order is None:
        lines.append("What the order says depends on the repository's issues: give them with --repo-state.")
        return "\n".join(lines) + "\n"
    lines += [f"#{number}: {_unasked(done.backlog, number)}" for number in done.hook.issues if _is_out(done, number)]
    return "\n".join([*lines, "", table(done.order, done.backlog.issues, every=False)])


def why(hook: Hook) -> str:
    """Whether the delivery is of interest, in one sentence."""
    name = f"{hook.event}.{hook.action}" if hook.action else hook.event
    if hook.interesting:
        return f"{name} is of interest."
    return (
        f"{name} makes no work: the server would answer 202 and forget it (not an event it acts on, or the bot's own)."
    )


def _lane_id(done: Replayed) -> int:
    return done.hook.repository_id if done.lane is LaneKind.REPOSITORY else done.hook.installation_id


def _is_out(done: Replayed, number: int) -> bool:
    return done.order is not None and number not in done.order.order


def _unasked(backlog: Backlog, number: int) -> str:
    issue = backlog.issues.get(number)
    if issue is None:
        return "not in the file"
    if not issue.open:
        return "closed: what waits for it alone is ready now"
    return "a pull request" if issue.is_pull else f"open, without the label {REQUEST_LABEL}: nobody asks for it"
