"""The task source `linear`: a team in Linear, or one of its projects.

States are told by their type, for their names are the team's own. Linear has no type for blocked or in review, so these two
are states of any open type with the names that are configured.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

from bot.core.model import Json, Standing
from bot.trackers import linear_claims as claims
from bot.trackers import linear_queries as queries
from bot.trackers.linear_api import LinearApi
from bot.trackers.tracker import (
    Listing,
    NewTask,
    NoSuchTask,
    Prerequisite,
    Priority,
    Problem,
    SourceConfigError,
    SourceUnavailable,
    Stale,
    Status,
    StatusNames,
    Taken,
    Task,
    TrackerError,
    Wording,
    must_be_as_read,
    must_be_free,
    must_be_ours,
)

_TYPES: Final = MappingProxyType(
    {
        "triage": Status.TODO,
        "backlog": Status.TODO,
        "unstarted": Status.TODO,
        "started": Status.IN_PROGRESS,
        "completed": Status.DONE,
        "canceled": Status.CANCELLED,
        "duplicate": Status.CANCELLED,
    }
)
_OFFERED: Final = "unstarted"
"""What is in triage or in the backlog nobody has decided to do."""
_WRITTEN: Final = MappingProxyType(
    {
        Status.TODO: _OFFERED,
        Status.IN_PROGRESS: "started",
        Status.DONE: "completed",
        Status.CANCELLED: "canceled",
    }
)
_NAMED: Final = MappingProxyType({Status.IN_REVIEW: "In Review", Status.BLOCKED: "Blocked"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which issues are tasks, and what their states are called where names decide."""

    team: str = ""
    """Id or key; empty: the only one."""
    project: str = ""
    statuses: Mapping[Status, str] = field(default_factory=lambda: MappingProxyType({}))


class LinearTracker:
    """Issues in Linear; see `bot.trackers.tracker.Tracker`."""

    source: Final = "linear"

    def __init__(self, api: LinearApi, agent: str, scope: Scope, running: Callable[[], float] = time.monotonic) -> None:
        self.api = api
        self.agent = agent
        self._scope = scope
        self._names = {status: name.casefold() for status, name in {**_NAMED, **scope.statuses}.items()}
        self._running = running

    def check(self, needed: Collection[Status]) -> None:
        """The key, the team and the project are good, and the team has a state for each status."""
        there = ", ".join(state["name"] for state in self._states)
        lacking = [status for status in self._names if status in needed and status not in self._ids]
        names = " and ".join(self._scope.statuses.get(each) or _NAMED.get(each, each.value) for each in lacking)
        fix = f"make a state {names} in the team's workflow, or say under `statuses` of the task source which of {there} it is"
        StatusNames(self.source, self._ids).demand(needed, fix)
        _ = self._project

    def list(self) -> Listing:
        """As sorted by hand, then by number. Who claimed what is read by `get` only."""
        filters: Json = {"team": {"id": {"eq": self._team}}}
        if self._scope.project:
            filters["project"] = {"name": {"eq": self._scope.project}}
        nodes = sorted(
            self.api.pages(queries.ISSUES, "issues", filter=filters),
            key=lambda node: (node["sortOrder"], node["number"]),
        )
        strange = [node for node in nodes if node["state"]["type"] not in _TYPES]
        problems = (Problem(node["id"], node["title"], _unknown(node)) for node in strange)
        return Listing(tuple(self._task(node) for node in nodes if node not in strange), tuple(problems))

    def get(self, task_id: str) -> Task:
        """By id or by identifier, such as `ENG-12`."""
        return self._task(self._issue(task_id), self._claims(task_id))

    def claim(self, task: Task) -> Task:
        """By a comment, whose place among the others decides."""
        begun = self._running()
        now = self.get(task.id)
        if now.status is Status.IN_PROGRESS and now.claimed_by == self.agent:
            return now
        must_be_free(now)
        if now.revision != task.revision:
            raise Stale(f"{now.name} was changed since it was read: reading it again.")
        mine = str(uuid.uuid4())
        self._comment(mine, task.id, claims.claiming(self.agent))
        try:
            found = self._claims(task.id)
            first = claims.winner(found)
            if first is None or first.agent != self.agent:
                raise Taken(f"{now.name} is claimed by {first.agent if first else 'another agent'}.")
            must_be_free(self._task(self._issue(task.id)))
            if self._running() - begun > claims.HURRY_SECONDS:
                raise SourceUnavailable(f"Linear was too slow to claim {now.name} safely: it is tried again later.")
        except TrackerError:
            self._end(mine, self.agent, "not taken.")
            raise
        self._move(task.id, Status.IN_PROGRESS, again=False)
        return self.get(task.id)

    def heartbeat(self, task: Task) -> None:
        """A claim holds until it is ended."""

    def set_status(self, task: Task, status: Status) -> Task:
        """The state first, then the claim's comment: a claim on a task that is not in progress says nothing."""
        must_be_ours(task, self.get(task.id), self.agent)
        self._move(task.id, status, again=True)
        if status is not Status.IN_PROGRESS:
            for claim in self._claims(task.id):
                if claim.agent == self.agent:
                    self._end(claim.id, claim.agent, f"{status.value}.")
        return self.get(task.id)

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """A comment of the issue. Its id is ours, so that a second try can't make a second one."""
        said = self.api.pages(queries.COMMENTS, "issue", "comments", id=task.id) if once else ()
        if any(once in str(each["body"]) for each in said):
            return
        self._comment(str(uuid.uuid4()), task.id, text)

    def attach(self, task: Task, url: str, title: str) -> None:
        """An attachment: Linear has one of each address."""
        self.api.do(queries.ATTACH, again=True, input={"issueId": task.id, "url": url, "title": title})

    def create(self, new: NewTask) -> Task:
        """In the team, and in the project where one is configured."""
        state = self._state(Status.TODO)
        fields: Json = {"teamId": self._team, "title": new.title, "description": new.body, "stateId": state}
        fields |= {"priority": int(new.priority), "id": str(uuid.uuid4())}
        if self._project:
            fields["projectId"] = self._project
        if new.labels:
            fields["labelIds"] = [self._label(name) for name in new.labels]
        return self.get(self.api.do(queries.CREATE, again=False, input=fields)["issue"]["id"])

    def relate(self, task: Task, first: Task) -> None:
        """`first` blocks `task`; Linear keeps that with `first`."""
        if all(each.id != first.id for each in self.get(task.id).prerequisites):
            fields = {"issueId": first.id, "relatedIssueId": task.id, "type": "blocks"}
            self.api.do(queries.RELATE, again=False, input=fields)

    def rewrite(self, task: Task, wording: Wording) -> Task:
        """Title, description and priority. Linear has no compare-and-set: it is looked at once more just before."""
        now = self._issue(task.id)
        must_be_as_read(task, self._task(now))
        fields: Json = {"description": wording.text(now["description"] or "")}
        fields |= {"title": wording.title} if wording.title else {}
        fields |= {"priority": int(wording.priority)} if wording.priority is not None else {}
        self.api.do(queries.UPDATE, again=True, id=task.id, input=fields)
        return self.get(task.id)

    # ---------------------------------------------------------------------------------- what a team has

    @cached_property
    def _team(self) -> str:
        wanted = self._scope.team
        teams = [*self.api.pages(queries.TEAMS, "teams")]
        found = [each for each in teams if not wanted or wanted == each["id"] or wanted.upper() == each["key"].upper()]
        if len(found) == 1:
            return str(found[0]["id"])
        keys = ", ".join(each["key"] for each in teams[:20]) or "none"
        if found:
            raise SourceConfigError(
                f"Linear has several teams ({keys}): say one of them as `team_id` of the task source."
            )
        raise SourceConfigError(f"Linear has no team {wanted} that this key sees (it sees {keys}): correct `team_id`.")

    @cached_property
    def _project(self) -> str:
        """Its id; empty: none is configured."""
        name = self._scope.project
        if not name:
            return ""
        found = self.api.ask(queries.PROJECTS, name=name)["projects"]["nodes"]
        if len(found) != 1:
            many = "several projects" if found else "no project"
            raise SourceConfigError(f"Linear has {many} named {name}: correct `project_name` of the task source.")
        return str(found[0]["id"])

    @cached_property
    def _states(self) -> tuple[Json, ...]:
        nodes = self.api.ask(queries.STATES, team=self._team)["team"]["states"]["nodes"]
        return tuple(sorted(nodes, key=lambda state: state["position"]))

    @cached_property
    def _ids(self) -> Mapping[Status, str]:
        """By status, the state to set: the one of that name, else the first of the type that no name is given to."""
        found: dict[Status, str] = {}
        for status in Status:
            name = self._names.get(status)
            for state in self._states:
                free = state["type"] == _WRITTEN.get(status) and state["name"].casefold() not in self._names.values()
                if state["name"].casefold() == name if name else free:
                    found.setdefault(status, state["id"])
        return found

    def _state(self, status: Status) -> str:
        if status not in self._ids:
            raise SourceConfigError(f"The task source linear has no status for {status.value}.")
        return self._ids[status]

    def _label(self, name: str) -> str:
        for each in self.api.ask(queries.LABELS, names=[name])["issueLabels"]["nodes"]:
            if each["team"] is None or each["team"]["id"] == self._team:
                return str(each["id"])
        made = self.api.do(queries.LABEL, again=False, input={"name": name, "teamId": self._team})
        return str(made["issueLabel"]["id"])

    # ----------------------------------------------------------------------------------------- one issue

    def _issue(self, task_id: str) -> Json:
        try:
            issue = self.api.ask(queries.ISSUE, id=task_id)["issue"]
        except NoSuchTask:
            issue = None
        if not isinstance(issue, dict):
            raise NoSuchTask(f"There is no task {task_id} in Linear.")
        return issue

    def _claims(self, task_id: str) -> tuple[claims.Claim, ...]:
        return claims.claims(self.api.pages(queries.COMMENTS, "issue", "comments", id=task_id))

    def _comment(self, comment_id: str, task_id: str, text: str) -> None:
        fields = {"id": comment_id, "issueId": task_id, "body": text}
        self.api.do(queries.COMMENT, again=False, input=fields)

    def _end(self, comment_id: str, agent: str, how: str) -> None:
        self.api.do(queries.REWRITE, again=True, id=comment_id, input={"body": claims.ended(agent, how)})

    def _move(self, task_id: str, status: Status, *, again: bool) -> None:
        self.api.do(queries.UPDATE, again=again, id=task_id, input={"stateId": self._state(status)})

    def _task(self, node: Json, found: tuple[claims.Claim, ...] = ()) -> Task:
        kind = node["state"]["type"]
        if kind not in _TYPES:
            raise TrackerError(_unknown(node))
        status, name = _TYPES[kind], node["state"]["name"].casefold()
        if status.open:
            by_name = [each for each, known in self._names.items() if each.open and known == name]
            status = by_name[0] if by_name else status
        holder = claims.winner(found) if status is Status.IN_PROGRESS else None
        milestone, project = node["projectMilestone"], node["project"]
        return Task(
            id=node["id"],
            name=node["identifier"],
            title=node["title"],
            status=status,
            revision=f"{node['updatedAt']} {node['state']['id']}",
            body=node["description"] or "",
            priority=Priority(int(node["priority"])) if 1 <= node["priority"] <= 4 else Priority.NORMAL,
            labels=frozenset(label["name"] for label in node["labels"]["nodes"]),
            series=(milestone or project or {"name": ""})["name"],
            prerequisites=_prerequisites(node),
            parent=node["parent"]["identifier"] if node["parent"] else "",
            claimed_by=holder.agent if holder else "",
            eligible=status is not Status.TODO or kind == _OFFERED or name == self._names.get(Status.TODO),
            url=node["url"],
        )


def _unknown(node: Json) -> str:
    kind = str(node["state"]["type"])[:40]
    return f"{node['identifier']} has a state of the type {kind}, which we do not know: move it to another state."


def _prerequisites(node: Json) -> tuple[Prerequisite, ...]:
    """Those that block it; where there are more relations than we read, one that nobody knows of."""
    relations = node["inverseRelations"]
    gone = {"completed": Standing.CLOSED, "canceled": Standing.NOT_PLANNED, "duplicate": Standing.NOT_PLANNED}
    found = [
        Prerequisite(
            each["issue"]["id"], each["issue"]["identifier"], gone.get(each["issue"]["state"]["type"], Standing.OPEN)
        )
        for each in relations["nodes"]
        if each["type"] == "blocks"
    ]
    if relations["pageInfo"]["hasNextPage"]:
        found.append(Prerequisite(f"{node['id']} more", "more relations than we read", Standing.UNKNOWN))
    return tuple(found)
