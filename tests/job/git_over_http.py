"""A small smart-HTTP git server that wants a token, for what only HTTP can show."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Served:
    """A running server and what it saw."""

    url: str
    failures: list[int] = field(default_factory=list)
    """Statuses to answer the next requests for refs with, instead of serving them."""
    drop_push_answer: bool = False
    """Take the push, then answer 500."""
    paths: list[str] = field(default_factory=list)


@contextmanager
def serve_git(root: Path, token: str) -> Iterator[Served]:
    """Serve the repositories under `root` at `url`/owner/repo.git to whoever has `token`."""
    served = Served("")
    expected = "basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()

    class Door(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._serve(body)

        def _serve(self, body: bytes) -> None:
            served.paths.append(self.path)
            if self.headers.get("Authorization", "").lower() != expected.lower():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            if "info/refs" in self.path and served.failures:
                self.send_error(served.failures.pop(0))
                return
            answer = self._backend(body)
            if served.drop_push_answer and self.path.endswith("/git-receive-pack"):
                self.send_error(500)
                return
            head, _, rest = answer.partition(b"\r\n\r\n")
            lines = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
            headers = dict(lines)
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(rest)

        def _backend(self, body: bytes) -> bytes:
            path, _, query = self.path.partition("?")
            env = {
                "PATH": os.defpath,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.receivepack",
                "GIT_CONFIG_VALUE_0": "true",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "x",
            }
            return subprocess.run(("git", "http-backend"), input=body, env=env, capture_output=True, check=True).stdout

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
