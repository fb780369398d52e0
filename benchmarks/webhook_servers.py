"""What is measured: `python -m benchmarks.webhook_servers ours|floor FOLDER` listens and says its port.

`ours` is the server with everything that a delivery meets: limits, checks, store, metrics, log (into a file). Its scheduler
does nothing: how soon a run is dispatched is another measurement. The repository is known, so that its lane is made due.
`floor` is the least that could be called a webhook endpoint: uvicorn, HMAC, 202, nothing stored.
"""

import hashlib
import hmac
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.webhook_load import SECRET
from bot.core.secret import Secret
from bot.github.ports import Place
from bot.server.logs import Logging
from bot.server.metrics import Metrics
from bot.server.process import Parts, Serving, bind
from bot.server.store import open_store

INSTALLATION, REPOSITORY = 5, 7


class NoScheduler:
    """Takes nothing."""

    alive = True

    def start(self) -> None:
        """Nothing."""

    def stop(self, grace: float) -> bool:
        """Nothing."""
        return grace > 0

    def wake(self) -> None:
        """Nothing."""


def ours(folder: Path) -> None:
    """Over a fresh SQLite file."""
    store = open_store(f"sqlite:///{folder / 'bench.sqlite3'}")
    store.put_installation(INSTALLATION, "acme", [Place(REPOSITORY, "acme/shop", INSTALLATION)])
    parts = Parts(store, NoScheduler(), Metrics(), (Secret(SECRET),), 60.0)
    with (folder / "log").open("w") as log, Logging((Secret(SECRET),), log):
        Serving(parts, bind("127.0.0.1", 0)).run(_said, signals=True)


async def floor(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Read, verify, answer."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    given = next(value for name, value in scope["headers"] if name == b"x-hub-signature-256")
    expected = b"sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()
    status = 202 if hmac.compare_digest(given, expected) else 401
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _said(address: str) -> None:
    print(address.rpartition(":")[2], flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(Path(sys.argv[2]))
    else:
        bound = bind("127.0.0.1", 0)
        print(bound.getsockname()[1], flush=True)
        config = uvicorn.Config(floor, lifespan="off", access_log=False, log_level="critical", http="httptools")
        uvicorn.Server(config).run([bound])
