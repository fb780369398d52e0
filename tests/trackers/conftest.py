"""Every task source, and one real HTTP server on loopback for all of them: starting one takes longer than most tests."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from tests.npm import needs_npm
from tests.trackers.headless_pm_server import HeadlessPm
from tests.trackers.linear_server import Linear
from tests.trackers.stages import BacklogStage, FileStage, HeadlessPmStage, LinearStage, Stage


class Switchboard:
    """Many applications behind one port, told apart by the first part of the path."""

    def __init__(self) -> None:
        self.apps: dict[str, FastAPI] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name, _, path = scope["path"].removeprefix("/").partition("/")
        await self.apps[name]({**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}, receive, send)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[FastAPI], str]]:
    """Serve an application: its address."""
    board, numbers = Switchboard(), itertools.count()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def added(app: FastAPI) -> str:
            name = str(next(numbers))
            board.apps[name] = app
            return f"{address}/{name}"

        server = uvicorn.Server(uvicorn.Config(board, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield added
        server.should_exit = True
        thread.join(60)


@pytest.fixture(params=["file", "headless-pm", "linear", pytest.param("backlog", marks=needs_npm)])
def stage(request: pytest.FixtureRequest, tmp_path: Path, serve: Callable[[FastAPI], str]) -> Iterator[Stage]:
    """Each task source, one after the other."""
    match request.param:
        case "backlog":
            yield BacklogStage(tmp_path)
        case "headless-pm":
            server = HeadlessPm()
            yield HeadlessPmStage(serve(server.app()), server)
        case "linear":
            linear = Linear()
            yield LinearStage(serve(linear.app()), linear)
            assert linear.refused == []
        case _:
            yield FileStage(tmp_path)
