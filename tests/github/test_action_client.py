"""PyGithub's side: it is imported late, carries what we say and nothing else, and keeps the token to itself."""

import http.server
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bot.errors import GitHubError
from bot.github.action_client import Access, ActionGitHub, PyGithubWire
from bot.github.exchange import GRAPHQL, Request, get
from tests.github.stage import Hourglass, Stage

SECRET = "ghs_15368_eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl-_"
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers everything with an empty object; remembers method, path and headers."""

    seen: list[tuple[str, str, dict[str, str]]]
    status = 200
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers | {"client-port": str(self.client_address[1])}))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = answer  # noqa: N815 - http.server calls them so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@contextmanager
def recorder(status: int = 200) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str]]]]]:
    seen: list[tuple[str, str, dict[str, str]]] = []
    handler = type("Handler", (Recorder,), {"seen": seen, "status": status})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_importing_the_client_imports_no_http_library() -> None:
    """PyGithub takes longer to import than everything else before the first answer."""
    code = (
        "import sys, bot.github.action_client\n"
        "print(sorted({'github', 'githubkit', 'requests', 'yaml', 'markdown_it', 'pydantic', 'aiohttp', 'jwt'}"
        " & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_first_request_loads_only_what_it_needs() -> None:
    """Not the classes of everything GitHub has, nor cryptography to sign App tokens; who needs them later gets them."""
    with recorder() as (url, _):
        code = (
            "import sys\n"
            "from bot.github.action_client import PyGithubWire\n"
            "from bot.github.exchange import get\n"
            f"PyGithubWire({url!r}, 'x').send(get('/rate_limit'))\n"
            "waiting = [name for name, module in sys.modules.items() if type(module).__name__ == '_LazyModule']\n"
            "print('cryptography' in sys.modules, len(waiting) > 50)\n"
            "import github, jwt\n"
            "print(jwt.decode(jwt.encode({'a': 1}, 'k' * 32), 'k' * 32, algorithms=['HS256']))\n"
            f"print(github.Github(base_url={url!r}, lazy=True).get_repo('a/b').full_name)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:3] == ["False True", "{'a': 1}", "a/b"]


def test_a_request_is_sent_once_with_the_token_in_its_header() -> None:
    """Also a failing one: PyGithub's own retries are off."""
    with recorder(status=503) as (url, seen):
        answer = PyGithubWire(f"{url}/api/v3", SECRET).send(Request("POST", "/repos/a/b/pulls", {"title": "x"}))

    assert answer.status == 503
    assert [(verb, path) for verb, path, _ in seen] == [("POST", "/api/v3/repos/a/b/pulls")]
    assert seen[0][2]["authorization"] == f"token {SECRET}"


@pytest.mark.parametrize(
    ("root", "path"), [("/api/v3", "/api/graphql"), ("", "/graphql")], ids=["enterprise server", "github.com"]
)
def test_graphql_is_where_that_server_has_it(root: str, path: str) -> None:
    with recorder() as (url, seen):
        PyGithubWire(url + root, SECRET).send(Request("POST", GRAPHQL, {"query": "query { viewer { login } }"}))

    assert [(verb, where) for verb, where, _ in seen] == [("POST", path)]


def test_requests_are_not_slowed_down_by_the_library() -> None:
    """PyGithub pauses a quarter second per request and one per write unless told not to."""
    with recorder() as (url, seen):
        wire = PyGithubWire(url, SECRET)
        wire.send(get("/rate_limit"))
        start = datetime.now(UTC)
        for _ in range(10):
            wire.send(Request("POST", "/repos/a/b/issues", {}))

    assert len(seen) == 11
    assert (datetime.now(UTC) - start).total_seconds() < 1


def test_one_connection_serves_all_requests() -> None:
    """Ten requests, one handshake: a new one each time costs a round trip more."""
    with recorder() as (url, seen):
        wire = PyGithubWire(url, SECRET)
        for _ in range(10):
            wire.send(get("/rate_limit"))

    assert len({headers["client-port"] for _, _, headers in seen}) == 1


def test_no_server_is_no_answer() -> None:
    with recorder() as (url, _):
        pass  # it is closed now

    assert PyGithubWire(url, SECRET).send(get("/rate_limit")).status == 0


@pytest.mark.parametrize("where", ["closed", "refusing", "not json"])
def test_the_token_is_in_no_error_and_no_log(where: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong on the way."""
    caplog.set_level(logging.DEBUG)
    with recorder(status=401 if where == "refusing" else 200) as (url, _):
        address = "http://127.0.0.1:1" if where == "closed" else url
        client = ActionGitHub(Access("a/b", SECRET, address), timing=Hourglass().timing)
        with pytest.raises(GitHubError) as caught:
            client.snapshot(now=NOW)

    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caught.value.__context__!r} {caplog.text}"
    assert SECRET not in shown


def test_the_token_is_not_in_the_repr_of_what_holds_it() -> None:
    access = Access("a/b", SECRET)

    assert SECRET not in f"{access!r} {ActionGitHub(access)!r} {PyGithubWire('http://127.0.0.1:1', SECRET)!r}"


def test_no_token_is_said_before_anything_is_sent() -> None:
    with pytest.raises(GitHubError, match="set GITHUB_TOKEN"):
        ActionGitHub(Access("a/b", "")).snapshot(now=NOW)


def test_a_renamed_repository_is_written_to_under_its_new_name(stage: Stage) -> None:
    """GraphQL follows the old name; REST would redirect, which a POST does not survive: the answer's name is used."""
    client = stage.client(repo=stage.repo.upper())

    assert client.snapshot(now=stage.now).repo == stage.repo
