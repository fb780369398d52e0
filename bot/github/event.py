"""The event file of a GitHub Actions run (`GITHUB_EVENT_PATH`) → the few facts that a gate takes from it.

Only a hint: which issue to look at first, and what an approval saw. Who asked is never taken from here.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from bot.core.model import Issue, Json
from bot.core.names import REQUEST_LABEL
from bot.core.requests import boxless_sha
from bot.errors import UsageError


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """What started this workflow run."""

    name: str
    issue: int = 0
    """The issue it is about; 0: none."""
    approved: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Request id → `boxless_sha` of the issue as it was when the request was made."""


def read_event(name: str, path: Path | None) -> ActionEvent:
    """Read the event file.

    Raises:
        UsageError: the file is there but is not a JSON object.
    """
    if path is None or not path.is_file():
        return ActionEvent(name)
    try:
        payload = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The event file {path} is not JSON ({error}).") from error
    if not isinstance(payload, dict):
        raise UsageError(f"The event file {path} does not hold a JSON object.")
    issue = payload.get("issue")
    if not isinstance(issue, dict) or not isinstance(issue.get("number"), int):
        return ActionEvent(name)
    return ActionEvent(name, issue["number"], MappingProxyType(_approved(name, payload, issue)))


def _approved(name: str, payload: Json, issue: Json) -> dict[str, str]:
    title, body = issue.get("title"), issue.get("body")
    if not isinstance(title, str) or not isinstance(body, str | None) or "pull_request" in issue:
        return {}  # what a comment on a pull request approves is its issue's text, which is not here
    sha = boxless_sha(Issue(number=issue["number"], title=title, body=body or ""))
    if name == "issue_comment" and payload.get("action") == "created":
        comment = payload.get("comment")
        return {f"C{comment['id']}": sha} if isinstance(comment, dict) and isinstance(comment.get("id"), int) else {}
    label = payload.get("label")
    if (
        name == "issues"
        and payload.get("action") == "labeled"
        and isinstance(label, dict)
        and label.get("name") == REQUEST_LABEL
    ):
        return _label_requests(issue.get("updated_at"), sha)
    return {}


def _label_requests(updated_at: object, sha: str) -> dict[str, str]:
    """The payload has no id of the label event; the issue's `updated_at` is its time, give or take a second."""
    try:
        at = int(datetime.fromisoformat(str(updated_at)).timestamp())
    except ValueError:
        return {}
    return {f"L{second}": sha for second in (at - 1, at, at + 1)}
