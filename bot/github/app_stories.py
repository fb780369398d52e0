"""What only an App asks for: its installations, their repositories, its hook's deliveries, the runs it dispatched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from bot.core.model import ActionsRun, Json
from bot.core.pause import VARIABLE, is_pause
from bot.errors import GitHubError
from bot.github import queries, read
from bot.github.exchange import Answer, Request, Story, get, query
from bot.github.gather import run_of
from bot.github.ports import FailedDelivery, Installation, Listed, Place, Reach

PAGE = 100
PAGES = 100
"""Pages read at most: 10,000 of anything. A list that goes on says so (`Listed.whole`)."""
RUN_PAGES = 10
"""GitHub lists at most 1,000 runs for a search. https://docs.github.com/en/rest/actions/workflow-runs"""
VARIABLES, VARIABLE_PAGES = 30, 34
"""GitHub shows at most 30 variables in a page; an organization has at most 1,000."""
SUCCESS_PAGES = 20
"""Deliveries looked at for those that a later attempt brought: the rest is brought once more, which does no harm."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """What the App says of itself."""

    id: int
    slug: str
    name: str
    permissions: MappingProxyType[str, str]
    events: frozenset[str]
    url: str
    """Its public page; `…/installations/new` installs it."""


@dataclass(frozen=True, slots=True)
class HookConfig:
    """Where GitHub sends deliveries."""

    url: str
    """Empty: nowhere."""
    content_type: str
    checks_certificate: bool
    has_secret: bool


def app_facts() -> Story[AppFacts]:
    """`GET /app`."""
    data = yield from _object(get("/app"), "read the App")
    return AppFacts(
        id=int(data["id"]),
        slug=str(data.get("slug") or ""),
        name=str(data.get("name") or ""),
        permissions=_permissions(data),
        events=frozenset(map(str, data.get("events") or ())),
        url=str(data.get("html_url") or ""),
    )


def hook_config() -> Story[HookConfig]:
    """`GET /app/hook/config`."""
    data = yield from _object(get("/app/hook/config"), "read the App's webhook")
    return HookConfig(
        url=str(data.get("url") or ""),
        content_type=str(data.get("content_type") or ""),
        checks_certificate=str(data.get("insecure_ssl", "0")) == "0",
        has_secret=bool(data.get("secret")),
    )


def installations() -> Story[Listed[Installation]]:
    """Every installation, suspended ones too."""
    listed = yield from _paged("/app/installations", "list the App's installations", lambda body: body)
    return Listed(tuple(map(_installation, listed.found)), listed.whole)


def installation(installation_id: int) -> Story[Installation | None]:
    """One installation; None: it was removed."""
    answer = yield get(f"/app/installations/{installation_id}")
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None
    if not answer.ok or not isinstance(answer.body, dict):
        raise answer.error("read one of the App's installations")
    return _installation(answer.body)


def _installation(data: Json) -> Installation:
    return Installation(
        id=int(data["id"]),
        account=str((data.get("account") or {}).get("login") or ""),
        suspended=data.get("suspended_at") is not None,
        permissions=_permissions(data),
    )


def repositories(installation_id: int) -> Story[Reach]:
    """What an installation reaches."""
    listed = yield from _paged(
        "/installation/repositories", "list the installation's repositories", lambda body: body["repositories"]
    )
    closed = frozenset(int(data["id"]) for data in listed.found if data.get("archived") or data.get("disabled"))
    places = tuple(
        Place(int(data["id"]), str(data["full_name"]), installation_id)
        for data in listed.found
        if int(data["id"]) not in closed
    )
    return Reach(Listed(places, listed.whole), closed)


def own_id() -> Story[int]:
    """The user id of the App's bot."""
    data = yield from _object(query(queries.document("", (), others=[queries.viewer()])), "say who we are")
    return int((((data.get("data") or {}).get("viewer")) or {}).get("databaseId") or 0)


# ------------------------------------------------------------------------------------------- deliveries


def failed_deliveries(since: datetime) -> Story[Listed[FailedDelivery]]:
    """Deliveries since then that failed and were not handed over later, oldest first, one per GUID.

    The successes are only looked at where something failed.
    https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
    """
    listed = yield from _deliveries("failure", since, PAGES)
    failed = listed.found
    if not failed:
        return Listed((), listed.whole)
    oldest = min(read.when(str(data["delivered_at"])) for data in failed)
    arrived = yield from _deliveries("success", oldest, SUCCESS_PAGES)
    brought = {str(data["guid"]) for data in arrived.found}
    newest: dict[str, Json] = {}
    first: dict[str, datetime] = {}
    for data in failed:  # newest first
        guid = str(data["guid"])
        newest.setdefault(guid, data)
        first[guid] = read.when(str(data["delivered_at"]))
    left = [
        FailedDelivery(int(data["id"]), guid, str(data.get("event") or ""), first[guid])
        for guid, data in newest.items()
        if guid not in brought
    ]
    return Listed(tuple(sorted(left, key=lambda one: (one.at, one.id))), listed.whole)


def _deliveries(status: str, since: datetime, pages: int) -> Story[Listed[Json]]:
    """Deliveries with this status, newest first. A server that knows no `status` lists all: they are sorted out here."""
    found: list[Json] = []
    path = f"/app/hook/deliveries?per_page={PAGE}&status={status}"
    cursor = ""
    for _ in range(pages):
        answer = yield get(path + cursor)
        if not answer.ok or not isinstance(answer.body, list):
            raise answer.error("list the webhook's deliveries")
        young = [data for data in answer.body if read.when(str(data["delivered_at"])) >= since]
        found += [data for data in young if data.get("status") != "pending" and _arrived(data) == (status == "success")]
        if len(young) < len(answer.body) or not answer.next_cursor:
            return Listed(tuple(found))
        cursor = f"&cursor={quote(answer.next_cursor, safe='')}"
    return Listed(tuple(found), whole=False)


def _arrived(data: Json) -> bool:
    return 200 <= int(data.get("status_code") or 0) < 300


def redeliver(delivery_id: int) -> Story[bool]:
    """Ask for it once more; False: GitHub refused. Raises GitHubError when it did not say."""
    answer = yield Request("POST", f"/app/hook/deliveries/{delivery_id}/attempts")
    if answer.undecided:
        raise answer.error("redeliver a delivery")
    return answer.ok


# ------------------------------------------------------------------------------------------------- runs


def dispatched_runs(repo: str, workflow: str, since: datetime) -> Story[tuple[ActionsRun, ...]]:
    """Runs of the workflow that dispatches started since then, newest first; none where there is no such workflow.

    All of them, for what is not among them is dispatched again: a search that is full goes on where it ended.
    """
    first = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    created, found = f">={first}", dict[int, ActionsRun]()
    while True:
        listed = yield from _runs(repo, workflow, created)
        before = len(found)
        found |= {int(data["id"]): read.run(data) for data in listed.found}
        if listed.whole:
            return tuple(found.values())
        if len(found) == before:
            raise GitHubError("GitHub lists too many runs of one second to tell which were dispatched.", status=422)
        created = f"{first}..{listed.found[-1]['created_at']}"


def _runs(repo: str, workflow: str, created: str) -> Story[Listed[Json]]:
    path = f"/repos/{repo}/actions/workflows/{quote(workflow, safe='')}/runs?event=workflow_dispatch"
    found: list[Json] = []
    for page in range(1, RUN_PAGES + 1):
        answer = yield get(f"{path}&created={quote(created, safe='')}&per_page={PAGE}&page={page}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return Listed(())
        listed = answer.body.get("workflow_runs") if answer.ok and isinstance(answer.body, dict) else None
        if not isinstance(listed, list):
            raise answer.error("list the workflow's runs")
        found += listed
        if len(listed) < PAGE:
            return Listed(tuple(found))
    return Listed(tuple(found), whole=False)


def one_run(repo: str, run_id: int) -> Story[ActionsRun]:
    """One workflow run; GONE when it was deleted, UNKNOWN when GitHub would not say."""
    answer = yield get(f"/repos/{repo}/actions/runs/{run_id}")
    return run_of(run_id, answer)


# -------------------------------------------------------------------------------------------- variables


def paused(repo: str) -> Story[bool]:
    """Whether the Actions variable says that nothing may start; False also where our rights don't show it.

    A repository's own wins over its organization's, as in a workflow's `vars`.
    https://docs.github.com/en/rest/actions/variables
    """
    answer = yield get(f"/repos/{repo}/actions/variables/{VARIABLE}")
    if answer.status == HTTPStatus.NOT_FOUND:
        return (yield from _paused_for_all(repo))
    if answer.undecided:
        raise answer.error(f"read the variable {VARIABLE}")
    return answer.ok and is_pause(str(answer.body["value"]))


def _paused_for_all(repo: str) -> Story[bool]:
    """The same of the organization's variables; a person's repository has none."""
    for page in range(1, VARIABLE_PAGES + 1):
        answer = yield get(f"/repos/{repo}/actions/organization-variables?per_page={VARIABLES}&page={page}")
        if answer.undecided:
            raise answer.error("list the organization's variables")
        listed: list[Json] = answer.body["variables"] if answer.ok else []
        for data in listed:
            if data["name"] == VARIABLE:
                return is_pause(str(data["value"]))
        if len(listed) < VARIABLES:
            break
    return False


# ------------------------------------------------------------------------------------------------ pieces


def _object(request: Request, what: str) -> Story[Json]:
    answer = yield request
    if not answer.ok or not isinstance(answer.body, dict):
        raise answer.error(what)
    return answer.body


def _paged(path: str, what: str, listed: Callable[[Any], Any]) -> Story[Listed[Json]]:
    found: list[Json] = []
    for page in range(1, PAGES + 1):
        answer: Answer = yield get(f"{path}?per_page={PAGE}&page={page}")
        some: Iterable[Json] | None = listed(answer.body) if answer.ok else None
        if not isinstance(some, list):
            raise answer.error(what)
        found += some
        if len(some) < PAGE:
            return Listed(tuple(found))
    return Listed(tuple(found), whole=False)


def _permissions(data: Json) -> MappingProxyType[str, str]:
    return MappingProxyType({str(area): str(level) for area, level in (data.get("permissions") or {}).items()})
