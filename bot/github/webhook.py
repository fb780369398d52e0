"""A webhook delivery: bytes → the few facts that we keep of it. Pure.

Only the body is signed: event name and GUID are a sender's words, and nothing here is authority. A delivery says where to
look, never what is so. What is signed and still makes no sense is `MalformedDelivery`; what we don't know, or what
makes no work, is of no interest. Nothing else is ever raised, whatever the bytes.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

import hmac
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.model import Json
from bot.core.names import CALLER_WORKFLOW, GITHUB_ACTIONS_BOT_ID
from bot.core.secret import Secret
from bot.errors import AiReadyError
from bot.github import read
from bot.github.ports import RunNews

MOST_ID = 2**63 - 1
"""What fits into a database's integer; GitHub's ids are far below."""
AFTER_A_MERGE = 2.0
"""Seconds until GitHub has closed the issues that a merged pull request closes, and tells of each apart."""
LONGEST_TEXT = 1000
"""Characters kept of any text: names, states, an address."""


class MalformedDelivery(AiReadyError):
    """The body isn't what GitHub sends: not JSON, not an object, or a field of another kind. Says which, never its value."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A delivery, as far as we use it. 0 and empty: it doesn't say."""

    guid: str
    event: str
    action: str = ""
    installation_id: int = 0
    repository_id: int = 0
    repository: str = ""
    """`owner/name`."""
    issues: tuple[int, ...] = ()
    """Issues of that repository to look at, the one that changed first; empty: the whole repository."""
    sender_id: int = 0
    sender_type: str = ""
    """`User`, `Bot` or `Organization`."""
    run: RunNews | None = None
    interesting: bool = False
    """False: nothing need be looked at because of it."""
    wait: float = 0.0
    """Seconds that looking may wait for more of the same: one look then serves both."""

    @property
    def issue(self) -> int:
        """The issue that changed; 0: the whole repository."""
        return self.issues[0] if self.issues else 0


# ------------------------------------------------------------------------------------------ signature


def verify(body: bytes, signature: bytes | None, secrets: Sequence[Secret]) -> bool:
    """Whether `X-Hub-Signature-256` (the header's bytes as they came) signs `body` with one of `secrets`.

    SHA-256 in lower-case hex, as GitHub writes it, and nothing else; an empty secret signs nothing. Every secret is
    tried, in constant time, so that an answer's time tells nothing.
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    given = signature or b""
    signed = False
    for secret in secrets:
        if secret:
            expected = "sha256=" + hmac.digest(secret.reveal().encode(), body, "sha256").hex()
            signed |= hmac.compare_digest(expected.encode(), given)
    return signed


# ---------------------------------------------------------------------------------------------- event


def event_of(name: str, guid: str, body: bytes, own_ids: Collection[int] = ()) -> Hook:
    """What a delivery of the event `name` is about; `own_ids`: user ids whose writes make no work (our App's bot).

    Raises:
        MalformedDelivery: see the module.
    """
    payload = _parsed(body)
    action = _text(payload, "action")
    repository, sender = _object(payload, "repository"), _object(payload, "sender")
    facts = _Facts(payload, action, _id(repository, "id"), own_ids)
    room = _ROOMS.get(name)
    if room is not None and room.of_repository and not facts.repository_id:
        raise MalformedDelivery(f"A delivery of {name} names its repository; this one does not.")
    found = room.read(facts) if room is not None and action in room.actions else _DULL
    sender_id = _id(sender, "id")
    own = sender_id == GITHUB_ACTIONS_BOT_ID or sender_id in own_ids
    return Hook(
        guid=guid,
        event=name,
        action=action,
        installation_id=_id(_object(payload, "installation"), "id", needed=name in _OF_INSTALLATION),
        repository_id=facts.repository_id,
        repository=_text(repository, "full_name"),
        issues=found.issues,
        sender_id=sender_id,
        sender_type=_text(sender, "type"),
        run=found.run,
        interesting=found.interesting and (not own or found.whoever),
        wait=found.wait,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    payload: Json
    action: str
    repository_id: int
    own_ids: Collection[int]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one kind of event says."""

    issues: tuple[int, ...] = ()
    interesting: bool = True
    whoever: bool = False
    """Of interest also where we did it ourselves."""
    run: RunNews | None = None
    wait: float = 0.0


_DULL: Final = _Found(interesting=False)
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?[ \t]+#([0-9]{1,9})\b", re.IGNORECASE)
_ENDS = frozenset({"closed", "reopened", "deleted", "transferred"})


def _issue_event(facts: _Facts) -> _Found:
    """Closing releases others, so it is news whoever did it (a job that tidies up, our own `CloseIssue`)."""
    return _Found((_number(_object(facts.payload, "issue", needed=True)),), whoever=facts.action in _ENDS)


def _comment_event(facts: _Facts) -> _Found:
    """New words that may be a command; or somebody took away one of our own comments."""
    issue, comment = _object(facts.payload, "issue", needed=True), _object(facts.payload, "comment", needed=True)
    if facts.action == "deleted":
        author = _id(_object(comment, "user"), "id")
        ours = author == GITHUB_ACTIONS_BOT_ID or author in facts.own_ids
        return _Found((_number(issue),), interesting=ours)
    body = comment.get("body")
    return _Found((_number(issue),), interesting=isinstance(body, str) and "/ai" in body)


def _pull_event(facts: _Facts) -> _Found:
    """A pull request that ended may release any issue; a new one concerns the issue that it is for."""
    pull = _object(facts.payload, "pull_request", needed=True)
    issues, ended = _issues_of_pull(pull), facts.action in _ENDS
    wait = AFTER_A_MERGE if pull.get("merged") is True else 0.0
    return _Found(issues, interesting=ended or bool(issues), whoever=ended, wait=wait)


def _issues_of_pull(pull: Json) -> tuple[int, ...]:
    number = read.issue_of_branch(_text(_object(pull, "head"), "ref"))
    body = pull.get("body")
    named = [int(text) for text in _CLOSES.findall(body)] if isinstance(body, str) else []
    return tuple(dict.fromkeys(each for each in (number, *named[:10]) if each))


def _review_event(facts: _Facts) -> _Found:
    """One that asks for changes, or the end of one; approvals and comments ask for nothing."""
    pull, review = _object(facts.payload, "pull_request", needed=True), _object(facts.payload, "review")
    number = read.issue_of_branch(_text(_object(pull, "head"), "ref"))
    asks = facts.action == "dismissed" or _text(review, "state").lower() == "changes_requested"
    return _Found((number,)) if number and asks else _DULL


def _dependency_event(facts: _Facts) -> _Found:
    return _linked(facts, "blocked_issue", "blocking_issue")


def _sub_issue_event(facts: _Facts) -> _Found:
    return _linked(facts, "parent_issue", "sub_issue")


def _linked(facts: _Facts, *sides: str) -> _Found:
    """Both sides, as far as they are in the repository that the delivery is for; the waiting side first."""
    here = []
    for side in sides:
        where = _id(_object(facts.payload, f"{side}_repo"), "id") or facts.repository_id
        issue = _object(facts.payload, side)
        if issue and where == facts.repository_id:
            here.append(_number(issue))
    return _Found(tuple(here))


def _run_event(facts: _Facts) -> _Found:
    """Of all workflows of a repository, those that a dispatch started, and the caller's own."""
    run = _object(facts.payload, "workflow_run", needed=True)
    news = RunNews(
        run_id=_id(run, "id", needed=True),
        status=_text(run, "status"),
        conclusion=_text(run, "conclusion"),
        name=_text(run, "display_title") or _text(run, "name"),
        url=_text(run, "html_url"),
    )
    caller = f"/{_text(run, 'path').partition('@')[0]}".endswith(f"/{CALLER_WORKFLOW}")
    ours = caller or _text(run, "event") == "workflow_dispatch"
    return _Found(run=news, whoever=True) if ours else _DULL


def _suite_event(facts: _Facts) -> _Found:
    number = read.issue_of_branch(_text(_object(facts.payload, "check_suite", needed=True), "head_branch"))
    return _Found((number,)) if number else _DULL


def _whatever(_facts: _Facts) -> _Found:
    return _Found(whoever=True)


@dataclass(frozen=True, slots=True)
class _Room:
    """Which actions of an event we look at, and how."""

    read: Callable[[_Facts], _Found]
    actions: frozenset[str]
    of_repository: bool = True


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ISSUE_ACTIONS = _words(
    "opened edited closed reopened labeled unlabeled milestoned demilestoned deleted transferred locked unlocked"
)
_LINK_ACTIONS = _words("blocked_by_added blocked_by_removed blocking_added blocking_removed")
_CHILD_ACTIONS = _words("sub_issue_added sub_issue_removed parent_issue_added parent_issue_removed")
_ROOMS: Final[dict[str, _Room]] = {
    "issues": _Room(_issue_event, _ISSUE_ACTIONS),
    "issue_comment": _Room(_comment_event, _words("created deleted")),
    "pull_request": _Room(_pull_event, _words("opened closed reopened")),
    "pull_request_review": _Room(_review_event, _words("submitted dismissed")),
    "issue_dependencies": _Room(_dependency_event, _LINK_ACTIONS),
    "sub_issues": _Room(_sub_issue_event, _CHILD_ACTIONS),
    "workflow_run": _Room(_run_event, _words("requested in_progress completed")),
    "check_suite": _Room(_suite_event, _words("completed")),
    "repository": _Room(_whatever, _words("renamed transferred deleted archived unarchived edited")),
    "installation": _Room(
        _whatever, _words("created deleted suspend unsuspend new_permissions_accepted"), of_repository=False
    ),
    "installation_repositories": _Room(_whatever, _words("added removed"), of_repository=False),
}
_OF_INSTALLATION = frozenset({"installation", "installation_repositories"})


# ----------------------------------------------------------------------------------------- one field


def _refuse(word: str) -> Any:
    """`NaN` and `Infinity` are Python's, not JSON's."""
    raise ValueError(f"{word} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    """An object in which no key comes twice: of two readers of such an object each may see another value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _parsed(body: bytes) -> Json:
    try:
        payload = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):  # also what isn't UTF-8, and integers of thousands of digits
        raise MalformedDelivery("The body is not JSON in UTF-8.") from None
    if not isinstance(payload, dict):
        raise MalformedDelivery("The body is not a JSON object.")
    return payload


def _object(parent: Json, key: str, *, needed: bool = False) -> Json:
    """An object; an empty one where there is none (or null) and none is needed."""
    found = parent.get(key)
    if isinstance(found, dict):
        return found
    if found is None and not needed:
        return {}
    raise MalformedDelivery(f"`{key}` is not an object.")


def _id(parent: Json, key: str, *, needed: bool = False) -> int:
    found = parent.get(key)
    if found is None and not needed:
        return 0
    if type(found) is not int or not 0 < found <= MOST_ID:
        raise MalformedDelivery(f"`{key}` is not an id.")
    return found


def _number(issue: Json) -> int:
    return _id(issue, "number", needed=True)


def _text(parent: Json, key: str) -> str:
    """A text that any database stores: no NUL, no half of a surrogate pair; cut when it is very long."""
    found = parent.get(key)
    if found is None:
        return ""
    if not isinstance(found, str) or "\0" in found or not (found.isascii() or _whole(found)):
        raise MalformedDelivery(f"`{key}` is not a text.")
    return found[:LONGEST_TEXT]


def _whole(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)
