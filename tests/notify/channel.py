"""A Slack channel on loopback: takes what is posted to its webhook, or behaves as badly as it is told."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bot.config import SlackHooks

KEY = "T0CANARY0/B0CANARY0/n0t4s3cr3tth4t0p3ns4nyth1ng"
"""The secret part of the address; a canary wherever it turns up."""

PATIENCE = 30.0


@dataclass
class Behaviour:
    """How the channel answers."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """It takes the request and never answers."""


class Channel:
    """What was posted, and how the next post is answered."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/services/{KEY}"
        self.behaviour = Behaviour()
        self.posts: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        """Requests that are no post of JSON to the webhook."""
        self.heard: Callable[[], object] = lambda: None
        """Called at each post."""
        self._came = threading.Condition()
        self._over = threading.Event()

    @property
    def environ(self) -> dict[str, str]:
        """The variables of somebody who posts here."""
        return {"SLACK_WEBHOOK_URL": self.url, "AI_READY_SLACK_HOSTS": self.host}

    @property
    def hooks(self) -> SlackHooks:
        """The same, read."""
        return SlackHooks.from_environ(self.environ)

    @property
    def texts(self) -> list[str]:
        """The plain text of each post."""
        return [post["text"] for post in self.posts]

    def wait_for(self, count: int) -> None:
        """Until so many posts have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.posts) >= count, PATIENCE), self.texts

    def take(self, path: str, kind: str, body: bytes) -> None:
        """A request has come."""
        with self._came:
            if path == f"/services/{KEY}" and kind.startswith("application/json"):
                self.posts.append(json.loads(body))
            else:
                self.wrong.append(f"{path} {kind}")
            self._came.notify_all()
        self.heard()

    def wait_for_the_end(self) -> None:
        """What a server does that never answers."""
        self._over.wait()

    def end(self) -> None:
        """Nobody is kept waiting any more."""
        self._over.set()


@contextmanager
def slack_channel() -> Iterator[Channel]:
    """Serve one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    channel = Channel(server.server_address[1])
    server.RequestHandlerClass = _handler(channel)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="slack-channel")
    thread.start()
    try:
        yield channel
    finally:
        channel.end()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def closed_port() -> Iterator[SlackHooks]:
    """A webhook where nobody listens: the port is taken, so that nobody else gets it, and refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        environ = {"SLACK_WEBHOOK_URL": f"http://{host}/services/{KEY}", "AI_READY_SLACK_HOSTS": host}
        yield SlackHooks.from_environ(environ)


def _handler(channel: Channel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            channel.take(self.path, self.headers.get("content-type", ""), body)
            behaviour = channel.behaviour
            if behaviour.silent:
                channel.wait_for_the_end()
                self.close_connection = True
                return
            answer = behaviour.body.encode()
            self.send_response(behaviour.status)
            for name, value in {**behaviour.headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

    return Handler
