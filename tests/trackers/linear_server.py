"""Linear on loopback: what its schema refuses is refused, pages are pages, and errors come with HTTP 200 as well."""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from graphql import GraphQLError, build_schema, graphql_sync

KEY = "lin_api_key"
SCHEMA = build_schema((Path(__file__).parent / "linear.graphql").read_text())


@dataclass
class State:
    name: str
    type: str
    position: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Team:
    key: str
    team_states: list[State]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = "A team"

    def states(self, info: Any, first: int = 50, after: str | None = None) -> Any:
        return page(self.team_states, first, after)


@dataclass
class Named:
    name: str
    team: Team | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Comment:
    id: str
    body: str
    createdAt: str  # noqa: N815


@dataclass
class Relation:
    type: str
    issue: "Issue"
    relatedIssue: "Issue"  # noqa: N815
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class Issue:
    number: int
    title: str
    state: State
    team: Team
    updatedAt: str  # noqa: N815
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    description: str = ""
    priority: int = 0
    project: Named | None = None
    projectMilestone: Named | None = None  # noqa: N815
    parent: "Issue | None" = None
    its_labels: list[Named] = field(default_factory=list)
    its_comments: list[Comment] = field(default_factory=list)
    its_blockers: list[Relation] = field(default_factory=list)
    attachments: dict[str, str] = field(default_factory=dict)

    @property
    def identifier(self) -> str:
        return f"{self.team.key}-{self.number}"

    @property
    def sortOrder(self) -> float:
        return float(self.number)

    @property
    def url(self) -> str:
        return f"https://linear.app/acme/issue/{self.identifier}"

    def labels(self, info: Any, first: int = 50, after: str | None = None) -> Any:
        return page(self.its_labels, first, after)

    def comments(self, info: Any, first: int = 50, after: str | None = None) -> Any:
        newest_first = sorted(self.its_comments, key=lambda each: each.createdAt, reverse=True)
        return page(newest_first, first, after)

    def inverseRelations(self, info: Any, first: int = 50, after: str | None = None) -> Any:
        return page(self.its_blockers, first, after)


def page(nodes: Sequence[Any], first: int, after: str | None) -> Any:
    if first > 250:
        raise GraphQLError("Argument Validation Error: first must not be greater than 250")
    at = int(after) if after else 0
    more = at + first < len(nodes)
    info = {"hasNextPage": more, "endCursor": str(at + first) if more else None}
    return {"nodes": nodes[at : at + first], "pageInfo": info}


def states() -> list[State]:
    kinds = ("triage", "backlog", "unstarted", "started", "started", "unstarted", "completed", "canceled", "duplicate")
    names = ("Triage", "Backlog", "Todo", "In Progress", "In Review", "Blocked", "Done", "Canceled", "Duplicate")
    return [State(name, kind, float(at)) for at, (name, kind) in enumerate(zip(names, kinds, strict=True))]


class Linear:
    """The server's state, which tests may change as people would."""

    def __init__(self) -> None:
        self.teams_there = [Team("ENG", states())]
        self.projects_there = [Named("Shop")]
        self.labels_there: list[Named] = []
        self.issues_there: list[Issue] = []
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.mutex = threading.RLock()
        self.trouble: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        """Answers to give before any other."""
        self.afterwards: dict[str, Callable[[], None]] = {}
        """By operation, what somebody else does right after it, once."""
        self.operations: list[str] = []
        self.refused: list[str] = []

    def time(self) -> str:
        self.now += timedelta(milliseconds=1)
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def found(self, issue_id: str) -> Issue:
        for issue in self.issues_there:
            if issue_id in (issue.id, issue.identifier):
                return issue
        raise GraphQLError(
            "Entity not found: Issue - Could not find referenced Issue.", extensions={"code": "INPUT_ERROR"}
        )

    # ----------------------------------------------------------------------------------------- queries

    def teams(self, info: Any, first: int = 50, after: str | None = None, **_: Any) -> Any:
        return page(self.teams_there, first, after)

    def team(self, info: Any, id: str) -> Any:  # noqa: A002
        return next(each for each in self.teams_there if each.id == id)

    def projects(self, info: Any, filter: dict[str, Any], first: int = 50) -> Any:  # noqa: A002
        return page([each for each in self.projects_there if each.name == filter["name"]["eq"]], first, None)

    def issueLabels(self, info: Any, filter: dict[str, Any], first: int = 50) -> Any:  # noqa: A002
        return page([each for each in self.labels_there if each.name in filter["name"]["in"]], first, None)

    def issues(
        self,
        info: Any,
        filter: dict[str, Any],  # noqa: A002
        first: int = 50,
        after: str | None = None,
        **_: Any,
    ) -> Any:
        project = filter.get("project")
        there = [each for each in reversed(self.issues_there) if each.team.id == filter["team"]["id"]["eq"]]
        if project:
            there = [each for each in there if each.project and each.project.name == project["name"]["eq"]]
        return page(there, first, after)

    def issue(self, info: Any, id: str) -> Issue:  # noqa: A002
        return self.found(id)

    # --------------------------------------------------------------------------------------- mutations

    def issueUpdate(self, info: Any, id: str, input: dict[str, Any]) -> Any:  # noqa: A002
        issue = self.found(id)
        issue.state = next((each for each in issue.team.team_states if each.id == input.get("stateId")), issue.state)
        for name in ("title", "description", "priority"):
            setattr(issue, name, input.get(name, getattr(issue, name)))
        issue.updatedAt = self.time()
        return {"success": True, "issue": issue}

    def issueCreate(self, info: Any, input: dict[str, Any]) -> Any:  # noqa: A002
        team = self.team(info, input["teamId"])
        state = next(each for each in team.team_states if each.id == input["stateId"])
        issue = Issue(len(self.issues_there) + 1, input["title"], state, team, self.time(), input["id"])
        issue.description, issue.priority = input.get("description", ""), input.get("priority", 0)
        issue.project = next((each for each in self.projects_there if each.id == input.get("projectId")), None)
        issue.its_labels = [each for each in self.labels_there if each.id in input.get("labelIds", ())]
        self.issues_there.append(issue)
        return {"success": True, "issue": issue}

    def commentCreate(self, info: Any, input: dict[str, Any]) -> Any:  # noqa: A002
        comment = Comment(input["id"], input["body"], self.time())
        self.found(input["issueId"]).its_comments.append(comment)
        return {"success": True, "comment": comment}

    def commentUpdate(self, info: Any, id: str, input: dict[str, Any]) -> Any:  # noqa: A002
        comment = next(each for issue in self.issues_there for each in issue.its_comments if each.id == id)
        comment.body = input["body"]
        return {"success": True, "comment": comment}

    def attachmentCreate(self, info: Any, input: dict[str, Any]) -> Any:  # noqa: A002
        self.found(input["issueId"]).attachments[input["url"]] = input["title"]
        return {"success": True}

    def issueRelationCreate(self, info: Any, input: dict[str, Any]) -> Any:  # noqa: A002
        relation = Relation(input["type"], self.found(input["issueId"]), self.found(input["relatedIssueId"]))
        relation.relatedIssue.its_blockers.append(relation)
        return {"success": True, "issueRelation": relation}

    def issueLabelCreate(self, info: Any, input: dict[str, Any]) -> Any:  # noqa: A002
        self.labels_there.append(Named(input["name"], self.team(info, input["teamId"])))
        return {"success": True, "issueLabel": self.labels_there[-1]}

    # -------------------------------------------------------------------------------------------- HTTP

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/graphql")
        async def graphql(request: Request) -> JSONResponse:
            asked = await request.json()
            if request.headers.get("authorization") != KEY:
                error = {"message": "Authentication required", "extensions": {"code": "AUTHENTICATION_ERROR"}}
                return JSONResponse({"errors": [error]}, 401)
            if self.trouble:
                status, answer, headers = self.trouble.pop(0)
                return JSONResponse(answer, status, headers)
            with self.mutex:
                result = graphql_sync(SCHEMA, asked["query"], self, variable_values=asked["variables"])
            self.operations.append(asked["query"].split()[1].split("(")[0])
            self.afterwards.pop(self.operations[-1], lambda: None)()
            self.refused += [error.message for error in result.errors or () if not error.original_error]
            return JSONResponse(result.formatted)

        return app
