"""Headless PM's REST API as it was measured: its statuses, its refusals, its lock that is looked at and then set."""

import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from pydantic import BaseModel

KEY = "pm-key"
STALE = timedelta(minutes=30)

Role = Literal["frontend_dev", "backend_dev", "qa", "architect", "pm"]
Level = Literal["junior", "senior", "principal"]
State = Literal[
    "pending",
    "created",
    "under_work",
    "dev_done",
    "qa_done",
    "documentation_done",
    "committed",
    "evaluation",
    "approved",
]


class Register(BaseModel):
    agent_id: str
    role: Role
    level: Level
    connection_type: Literal["client", "mcp"] = "client"


class Create(BaseModel):
    feature_id: int
    title: str
    description: str
    target_role: Role
    difficulty: Level
    complexity: Literal["minor", "major"] = "major"
    branch: str


class SetStatus(BaseModel):
    status: State
    notes: str | None = None


class Remark(BaseModel):
    comment: str


@dataclass
class Row:
    id: int
    feature_id: int
    title: str
    description: str
    created_by: str
    target_role: str
    difficulty: str
    complexity: str
    branch: str
    updated_at: str
    status: str = "pending"
    locked_by: str | None = None
    locked_at: str | None = None
    notes: str | None = None


class HeadlessPm:
    """The server's state, which tests may change as other people would."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.last_seen: dict[str, datetime] = {}
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.between_look_and_lock: threading.Barrier | None = None
        """Two agents that lock at once both look before either sets."""
        self.mutex = threading.Lock()
        self.calls: list[str] = []

    def time(self) -> str:
        self.now += timedelta(microseconds=1)
        return self.now.replace(tzinfo=None).isoformat()

    def row(self, task_id: int) -> Row:
        if task_id not in self.rows:
            raise HTTPException(404, "Task not found")
        return self.rows[task_id]

    def agent(self, agent_id: str) -> str:
        if agent_id not in self.last_seen:
            raise HTTPException(404, "Agent not found")
        return agent_id

    def release_stale_locks(self) -> None:
        for row in self.rows.values():
            if row.locked_by and self.last_seen[row.locked_by] < self.now - STALE:
                row.locked_by = row.locked_at = None

    def app(self) -> FastAPI:
        app = FastAPI()

        def key(request: Request) -> None:
            self.calls.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
            if request.headers.get("x-api-key") != KEY:
                raise HTTPException(401, "Invalid API key")

        keyed = [Depends(key)]
        agent_id = Annotated[str, Query()]

        @app.post("/api/v1/register", dependencies=keyed)
        def register(body: Register) -> dict[str, Any]:
            self.last_seen[body.agent_id] = self.now
            return {"agent": body.model_dump(), "next_task": None, "mentions": []}

        @app.get("/api/v1/tasks", dependencies=keyed)
        def tasks() -> list[dict[str, Any]]:
            self.release_stale_locks()
            return [asdict(row) for row in self.rows.values()]

        @app.post("/api/v1/tasks/create", dependencies=keyed)
        def create(body: Create, agent_id: agent_id) -> dict[str, Any]:
            with self.mutex:
                number = len(self.rows) + 1
                self.rows[number] = Row(
                    number, **body.model_dump(), created_by=self.agent(agent_id), updated_at=self.time()
                )
                return asdict(self.rows[number])

        @app.post("/api/v1/tasks/{task_id}/lock", dependencies=keyed)
        def lock(task_id: int, agent_id: agent_id) -> dict[str, Any]:
            row = self.row(task_id)
            free = row.locked_by is None
            if self.between_look_and_lock:
                self.between_look_and_lock.wait(60)
            if not free:
                raise HTTPException(409, "Task is already locked")
            row.locked_by, row.locked_at = self.agent(agent_id), self.time()
            row.updated_at = self.time()
            return asdict(row)

        @app.put("/api/v1/tasks/{task_id}/status", dependencies=keyed)
        def status(task_id: int, body: SetStatus, agent_id: agent_id) -> dict[str, Any]:
            row = self.row(task_id)
            self.agent(agent_id)
            if row.status == "under_work" and body.status != "under_work":
                row.locked_by = row.locked_at = None
            row.status, row.updated_at = body.status, self.time()
            row.notes = body.notes if body.notes is not None else row.notes
            return {"task": asdict(row), "next_task": None, "workflow_status": "waiting"}

        @app.post("/api/v1/tasks/{task_id}/comment", dependencies=keyed)
        def comment(task_id: int, body: Remark, agent_id: agent_id) -> dict[str, Any]:
            row = self.row(task_id)
            row.notes = f"{row.notes or ''}\n{self.agent(agent_id)}: {body.comment}".strip()
            row.updated_at = self.time()
            return {"message": "Comment added"}

        return app
