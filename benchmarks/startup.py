"""How long after the start of a process GitHub has answered its first request.

Measured outside the process, by the one who answers. Beside `ai-ready gate`: what Python itself, a bare HTTP client
and PyGithub alone need on this machine at this moment.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.sandboxed import ai_ready, plain_environ
from benchmarks.tables import Spread, between, goal, milliseconds, show, spread, times

RUNS = 15
GOAL = 0.25
"""Seconds from the start of `ai-ready gate` to GitHub's first answer."""

ASK = "http://127.0.0.1:{port}/api/graphql"
HTTPX = "import httpx; httpx.post('{url}', json={{}}, headers={{'authorization': 'Bearer x'}})"
URLLIB = "import urllib.request as r; r.urlopen(r.Request('{url}', b'{{}}', {{'authorization': 'Bearer x'}}))"
PYGITHUB = (
    "import github; github.Github(base_url='http://127.0.0.1:{port}/api/v3', auth=github.Auth.Token('x'), retry=None,"
    " seconds_between_requests=0, seconds_between_writes=0).requester.requestJson('POST', '{url}', input={{}})"
)


@dataclass
class FirstAnswer:
    """Answers everything with a refusal that nobody repeats, and notes when."""

    at: float = 0.0
    answered: threading.Event = field(default_factory=threading.Event)

    def note(self) -> None:
        """An answer has just left."""
        if not self.answered.is_set():
            self.at = time.perf_counter()
            self.answered.set()


def main(_runs: int) -> None:
    """Measure and print."""
    note = FirstAnswer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(note))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        _show(_measure(note, server.server_address[1]))
    finally:
        server.shutdown()
        server.server_close()


def _handler(note: FirstAnswer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Nothing."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.dumps({"message": "Bad credentials"}).encode()
            self.send_response(401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            note.note()

    return Handler


def _measure(note: FirstAnswer, port: int) -> dict[str, Spread]:
    """In turns, so that a busy machine hurts all of them."""
    url = ASK.format(port=port)
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as folder:
        event = Path(folder) / "event.json"
        event.write_text(json.dumps({"issue": {"number": 7}, "action": "labeled", "label": {"name": "ai-ready"}}))
        environ = {
            **plain_environ(),
            "GITHUB_TOKEN": "x",
            "GITHUB_API_URL": f"http://127.0.0.1:{port}/api/v3",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_EVENT_NAME": "issues",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_RUN_ID": "1",
        }
        python = (sys.executable, "-c")
        commands = {
            "python -c pass (to its end)": (*python, "pass"),
            "urllib": (*python, URLLIB.format(url=url)),
            "httpx": (*python, HTTPX.format(url=url)),
            "PyGithub": (*python, PYGITHUB.format(url=url, port=port)),
            "`ai-ready gate`": tuple(ai_ready("gate")),
        }
        found: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS + 1):
            for name, argv in commands.items():
                found[name].append(_once(argv, environ, note, to_its_end=name.endswith("end)")))
    return {name: spread(seconds[1:]) for name, seconds in found.items()}  # the first one warms caches


def _once(argv: tuple[str, ...], environ: Mapping[str, str], note: FirstAnswer, *, to_its_end: bool) -> float:
    note.answered.clear()
    started = time.perf_counter()
    with subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        if to_its_end:
            process.wait()
            return time.perf_counter() - started
        if not note.answered.wait(30):
            process.kill()
            raise SystemExit(f"{argv} did not ask within 30 s: {process.stderr and process.stderr.read()!r}")
        seconds = note.at - started
        process.communicate()
    return seconds


def _show(found: Mapping[str, Spread]) -> None:
    plain, base = found["httpx"].median, found["PyGithub"].median
    ours = found["`ai-ready gate`"].median
    rows = [
        (name, milliseconds(one.median), times(one.median, plain), times(one.median, base), between(one))
        for name, one in found.items()
    ]
    title = f"Process start to GitHub's first answer (median of {RUNS})"
    show(
        title,
        ("", "median", "to httpx", "to PyGithub", "range"),
        rows,
        f"goal < {GOAL * 1000:.0f} ms: {goal(ours, GOAL)}",
    )
