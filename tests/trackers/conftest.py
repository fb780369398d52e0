"""One real HTTP server on loopback for all tests of this folder: starting one takes longer than most tests do."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI


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
