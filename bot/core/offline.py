"""`ai-ready plan --from FILE`: issues as GitHub's REST API or `gh issue list --json` print them, arranged offline.

Owns the reading of that JSON (an edge: everything is checked, and the first thing wrong is named) and both outputs.
Caps, approvals and state labels play no part: it says what the order says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core import prerequisites
from bot.core.model import Issue, Json
from bot.core.names import REQUEST_LABEL
from bot.core.offline_table import table
from bot.core.order import Arrangement, Blocker, Invalid, Note, Waiting, arrange
from bot.core.settings import RepoConfig
from bot.core.titles import Id, Keyed, Meta, Title
from bot.errors import UsageError

_LARGEST = 10**10
"""Issue numbers stay below; GitHub's database ids, too."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a file held."""

    issues: Mapping[int, Issue]
    repo: str
    """`owner/repo`, where the file says so (REST and `gh … --json url` do); else empty."""
    host: str
    """The web host of its URLs; github.com where there are none."""
    hidden: Mapping[int, int]
    """Issues with open native dependencies of which the file only has the count."""


def plan_text(raw: bytes | str, *, as_json: bool, every: bool, config: RepoConfig) -> str:
    """What `ai-ready plan` prints. `every`: all open issues are candidates, not only those with the request label.

    Raises `UsageError`, with one sentence of why, for input that can't be read.
    """
    backlog = read(raw)
    found = arranged(backlog, every=every, config=config)
    if as_json:
        return json.dumps(as_object(found), separators=(", ", ": ")) + "\n"
    return table(found, backlog.issues, every=every)


def arranged(backlog: Backlog, *, every: bool, config: RepoConfig) -> Arrangement:
    """Arrange a file's issues; a prerequisite that is not among them is unknown, so it is waited for."""
    candidates = [n for n, issue in backlog.issues.items() if every or REQUEST_LABEL in issue.labels]
    hosts = prerequisites.GITHUB if backlog.host in prerequisites.GITHUB else (backlog.host,)
    found = arrange(
        backlog.issues,
        candidates,
        rules=config.order,
        repo=backlog.repo,
        text=lambda issue: prerequisites.parse(issue.body, repo=backlog.repo, hosts=hosts),
    )
    counted = (Note(n, _HIDDEN.format(count=count)) for n, count in backlog.hidden.items() if n in found.order)
    notes = sorted([*found.notes, *counted], key=lambda note: note.number)
    return Arrangement(found.keys, found.order, found.ready, found.waiting, found.invalid, tuple(notes))


_HIDDEN = "GitHub lists {count} open native dependencies or sub-issues, which this file does not name"


# --------------------------------------------------------------------------------------------- output


def as_object(found: Arrangement) -> Json:
    """The JSON of design.md §4."""
    return {
        "keys": {str(number): _key(found.keys[number]) for number in sorted(found.keys)},
        "order": list(found.order),
        "ready": list(found.ready),
        "waiting": [_waiting(each) for each in found.waiting],
        "invalid": [_invalid(each) for each in found.invalid],
        "notes": [{"number": note.number, "note": note.note} for note in found.notes],
    }


def _key(title: Title) -> Json:
    match title:
        case Keyed():
            place = {"phase": title.phase, "task": title.task, "suffix": title.suffix}
            return {"kind": "keyed", "prefix": title.prefix, **place}
        case Id():
            return {"kind": "id", "prefix": title.prefix, "task": title.number}
        case Meta():
            return {"kind": "meta"}
        case _:
            return {"kind": "unkeyed"}


def _waiting(waiting: Waiting) -> Json:
    return {"number": waiting.number, "on": [_blocker(each) for each in waiting.on], "on_total": waiting.total}


def _blocker(blocker: Blocker) -> Json:
    where = {} if blocker.local else {"repo": blocker.ref.repo}
    return {
        "number": blocker.ref.number,
        **where,
        "source": blocker.source.value,
        "state": blocker.standing.value,
    }


def _invalid(invalid: Invalid) -> Json:
    path = [step if isinstance(step, int) else str(step) for step in invalid.path]
    return {"number": invalid.number, "reason": invalid.reason, "path": path}


# ---------------------------------------------------------------------------------------------- input


def read(raw: bytes | str) -> Backlog:
    """Read a file's issues. Raises `UsageError` with one sentence that names the first thing wrong."""
    entries = _decoded(raw)
    if not isinstance(entries, list):
        raise UsageError(f"The issues must be one JSON array, not {_kind(entries)}; {_HOW}.")
    issues: dict[int, Issue] = {}
    hidden: dict[int, int] = {}
    repo = host = ""
    for at, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise UsageError(f"Entry {at} of the issues must be an object, not {_kind(entry)}; {_HOW}.")
        issue = _Entry(entry, at).issue()
        if issue.number in issues:
            raise UsageError(f"Issue #{issue.number} is in the file twice (again as entry {at}).")
        issues[issue.number] = issue
        if count := _unnamed(entry):
            hidden[issue.number] = count
        host, repo = (host, repo) if repo else _home(entry)
    return Backlog(issues, repo, host or prerequisites.GITHUB[0], hidden)


_HOW = "make it with `gh issue list --state all --limit 1000 --json number,title,body,state,stateReason,labels`"


def _decoded(raw: bytes | str) -> Any:
    """JSON, in any of its encodings; with Python's own leniences (NaN) and limits turned into one sentence."""
    try:
        text = raw if isinstance(raw, str) else raw.decode(json.detect_encoding(raw))
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant)
    except RecursionError:
        raise UsageError("The issues are not readable: the JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"The issues are not valid JSON: {error.msg} ({where}); {_HOW}.") from None
    except ValueError as error:  # bytes that are no text, an integer of thousands of digits, NaN
        raise UsageError(f"The issues are not valid JSON: {error}.") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _kind(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names[type(value)]


class _Entry:
    """One object of the array, on its way to an `Issue`."""

    def __init__(self, entry: Json, at: int) -> None:
        self.entry = entry
        self.name = f"Entry {at}"

    def issue(self) -> Issue:
        """The facts that ordering needs."""
        number = self._number()
        self.name = f"Issue #{number}"
        state = self._text("state", "open").lower()
        if state not in ("open", "closed", "merged"):
            raise UsageError(f"{self.name}: `state` must be open or closed.")
        pull = self._object("pull_request")
        return Issue(
            number,
            self._title(),
            self._text("body"),
            open=state == "open",
            state_reason=(self._text("state_reason") or self._text("stateReason")).lower(),
            labels=self._labels(),
            is_pull=self.entry.get("pull_request") is not None
            or state == "merged"
            or "/pull/" in self._text("html_url") + self._text("url"),
            merged=state == "merged" or bool(pull.get("merged_at")),
            milestone=self._milestone(),
        )

    def _number(self) -> int:
        number = self.entry.get("number")
        if number is None:
            raise UsageError(f"{self.name} of the issues has no `number`; {_HOW}.")
        if type(number) is not int or not 0 < number < _LARGEST:
            raise UsageError(f"{self.name} of the issues: `number` must be a positive integer.")
        return number

    def _title(self) -> str:
        if "title" not in self.entry:
            raise UsageError(f"{self.name} has no `title`; {_HOW}.")
        return self._text("title")

    def _text(self, key: str, default: str = "") -> str:
        """A string; null and absent are the default."""
        value = self.entry.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise UsageError(f"{self.name}: `{key}` must be a string, not {_kind(value)}.")
        return value

    def _object(self, key: str) -> Json:
        value = self.entry.get(key)
        if value is not None and not isinstance(value, dict):
            raise UsageError(f"{self.name}: `{key}` must be an object, not {_kind(value)}.")
        return value or {}

    def _labels(self) -> frozenset[str]:
        labels = self.entry.get("labels")
        if labels is None:
            return frozenset()
        entries = labels if isinstance(labels, list) else [labels]
        names = [each.get("name") if isinstance(each, dict) else each for each in entries]
        found = frozenset(name for name in names if isinstance(name, str))
        if not isinstance(labels, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"{self.name}: `labels` must be an array of strings or of objects with a `name`.")
        return found

    def _milestone(self) -> str:
        milestone = self.entry.get("milestone")
        title = milestone.get("title") if isinstance(milestone, dict) else milestone
        if title is not None and not isinstance(title, str):
            raise UsageError(f"{self.name}: `milestone` must be null, a string or an object with a `title`.")
        return title or ""


def _home(entry: Json) -> tuple[str, str]:
    """(host, `owner/repo`) by the web address of an issue: REST's `html_url`, gh's `url`."""
    for key in ("html_url", "url"):
        parts = str(entry.get(key) or "").split("/")
        if len(parts) == 7 and parts[0] in ("https:", "http:") and parts[5] in ("issues", "pull"):
            return parts[2].lower(), f"{parts[3]}/{parts[4]}".lower()
    return "", ""


def _unnamed(entry: Json) -> int:
    """Open prerequisites that REST only counts (`issue_dependencies_summary`, `sub_issues_summary`)."""
    native, parts = entry.get("issue_dependencies_summary"), entry.get("sub_issues_summary")
    counts = [native.get("blocked_by")] if isinstance(native, dict) else []
    if isinstance(parts, dict) and isinstance(parts.get("total"), int) and isinstance(parts.get("completed"), int):
        counts.append(parts["total"] - parts["completed"])
    return sum(count for count in counts if isinstance(count, int) and count > 0)
