"""S08: whatever goes wrong on the way, no exception, no answer, no line of a log and no database has a token in it.

Real clients at a real server on loopback that misbehaves. Looked through are every exception of the chain (its words, its
`repr`, its attributes, its notes, its traceback), what the call returned, and what was logged meanwhile.
"""

import base64
import contextlib
import http.client
import json
import logging
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from bot.agent.key_proxy import Credential, serve_key_proxy
from bot.agent.mcp_proxy import serve_mcp_proxy
from bot.agent.sieve import MARK, Sieve
from bot.core.secret import Secret
from bot.errors import ConfigError
from bot.github.action_client import Access, ActionGitHub
from bot.github.app_client import AppAccess, AppClient
from bot.github.courier import Courier, Timing
from bot.github.exchange import Request
from bot.github.job_log import end_of_log
from bot.github.ports import Place
from bot.job.fetch import remote_branches
from bot.job.git import Remote, make_git_folder
from bot.job.push import push
from bot.notify.message import message
from bot.notify.notice import Link, Notice
from bot.notify.slack import post
from bot.page.asking import ask
from bot.server.logs import QUIET
from bot.server.setup.bring import label_names
from bot.server.setup.person import NobodysWire, persons_courier
from bot.server.store import open_store
from bot.trackers.config import HeadlessPmConfig
from bot.trackers.headless_pm import HeadlessPmTracker
from bot.trackers.http import JsonApi
from bot.trackers.linear_api import LinearApi
from bot.trackers.opening import open_tracker
from tests.server.endpoint import SECRET as WEBHOOK_SECRET
from tests.server.endpoint import headers as delivery_headers

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TOKEN = "ghs_15368_eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu-_9.c2lnbmF0dXJlZmZm-_Zz"
ODD = {"a line break": "\n", "a letter that no header has": "\u00e9", "a zero-width space": "\u200b", "a NUL": "\0"}
TIMING = Timing(sleep=lambda _seconds: None)

# ------------------------------------------------------------------------------- a server that misbehaves


class Bad(BaseHTTPRequestHandler):
    """Answers badly, in the way that its class says."""

    manner: str
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode("utf-8", "replace")
        if self.path.endswith("/access_tokens"):
            self._send(201, json.dumps({"token": TOKEN, "expires_at": "2100-01-01T00:00:00Z", "permissions": None}))
        elif "/artifacts?" in self.path:
            entry = {"id": 5, "name": "log", "size_in_bytes": 9, "expired": False}
            self._send(200, json.dumps({"artifacts": [entry]}))
        elif self.path.endswith("/zip"):
            self._send(302, "", location=f"http://{self.headers['host']}/blob?sig={TOKEN}")
        else:
            self._misbehave(f"{self.command} {self.path} {dict(self.headers.items())} {body}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server calls them so

    def _misbehave(self, said: str) -> None:
        match self.manner:
            case "refuses with 401" | "refuses with 403" | "breaks with 500" | "has 204":
                self._send(int(self.manner[-3:]), "" if self.manner == "has 204" else '{"message": "no"}')
            case "answers in another shape":
                shape = {"data": {"repository": said, "viewer": said, "done": said}, "id": said, "token": [said]}
                self._send(200, json.dumps([shape] if self.command == "GET" else shape))
            case "talks garbage":
                self._send(200, f"<html>{said}")
            case "repeats what it was sent":
                words = {"message": said, "errors": [{"message": said, "code": said}], "detail": said, "error": said}
                self._send(422, json.dumps(words))
            case "repeats it with 401":
                self._send(401, said)
            case "sends elsewhere":
                self._send(301, "", location=f"http://localhost.invalid/{quote(said)}")
            case "resets":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            case "stops in the middle":
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
                self.close_connection = True
            case "speaks no HTTP":
                self.wfile.write(f"SSH-2.0 {said}\r\n\r\n".encode())
                self.close_connection = True

    def _send(self, status: int, text: str, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


MANNERS = (
    *(
        "refuses with 401",
        "refuses with 403",
        "breaks with 500",
        "has 204",
        "talks garbage",
        "answers in another shape",
    ),
    *("repeats what it was sent", "repeats it with 401", "sends elsewhere"),
    *("resets", "stops in the middle", "speaks no HTTP", "is not there"),
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up."""


@contextlib.contextmanager
def bad_server(manner: str) -> Iterator[str]:
    if manner == "is not there":
        yield "http://127.0.0.1:9"
        return
    server = _Server(("127.0.0.1", 0), type("Handler", (Bad,), {"manner": manner}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second tries come at once."""
    monkeypatch.setattr("bot.job.push.WAIT", 0.0)
    monkeypatch.setattr("bot.job.fetch.RETRY_AFTER", (0.0, 0.0))


# ------------------------------------------------------------------------------------------- the clients


@pytest.fixture(scope="module")
def app_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()).decode()


@dataclass(frozen=True, slots=True)
class At:
    """What a client is given."""

    url: str
    token: str
    folder: Path
    app_key: str


class Nobody:
    """An observer and a pace that mind nothing."""

    def request(self, kind: str, status: int) -> None: ...
    def remaining(self, installation_id: int, left: int, reset: float) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def turn(self, installation_id: int, creates: int, now: datetime) -> float:
        return 0.0

    def rest(self, installation_id: int, until: datetime) -> None: ...
    def resting(self, installation_id: int, now: datetime) -> float:
        return 0.0


PLACE = Place(7, "acme/shop", 3)


@contextlib.contextmanager
def app_client(at: At) -> Iterator[AppClient]:
    client = AppClient(AppAccess("4711", Secret(at.app_key), at.url), Nobody(), Nobody(), timing=TIMING)
    try:
        yield client
    finally:
        client.close()


def action(at: At) -> object:
    return ActionGitHub(Access("acme/shop", at.token, at.url), timing=TIMING).snapshot(now=NOW)


def action_branch(at: At) -> object:
    return ActionGitHub(Access("acme/shop", at.token, at.url), timing=TIMING).branch_oid("main")


def job_log(at: At) -> object:
    return end_of_log(f"{at.url}/log", Secret(at.token))


def app(at: At) -> object:
    with app_client(at) as client:
        return client.app()


def app_repository(at: At) -> object:
    with app_client(at) as client:
        return client.repository(PLACE).snapshot(now=NOW)


def app_artifact(at: At) -> object:
    with app_client(at) as client:
        return client.archive(PLACE).kept(9, "log", "log.txt", most=100)


def persons(at: At) -> object:
    return persons_courier_of(at).tell(label_names("acme/shop"))


def persons_courier_of(at: At) -> Courier:
    @dataclass(frozen=True, slots=True)
    class Env:
        api_url: str

    courier = persons_courier(Env(at.url), Secret(at.token))  # type: ignore[arg-type]
    courier._timing = TIMING
    return courier


def manifest_code(at: At) -> object:
    """The code is in the path, and spent by being sent: it counts where it was not."""
    answer = NobodysWire(at.url).send(Request("POST", f"/app-manifests/{quote(at.token, safe='')}/conversions"))
    raise answer.error("hand over the new App's credentials")


def slack(at: At) -> object:
    notice = Notice("done", Link("acme/shop#1", "https://github.com/acme/shop/issues/1"), "Title", "Done.")
    return post(Secret(f"{at.url}/services/T0/B0/{at.token}"), message(notice))


def linear(at: At) -> object:
    http_ = JsonApi("Linear", at.url, {"Authorization": Secret(at.token)}, sleep=lambda _seconds: None)
    return LinearApi(http_, "LINEAR_API_KEY").ask("{ viewer { id } }")


def headless_pm(at: At) -> object:
    api = JsonApi("Headless PM", at.url, {"X-API-Key": Secret(at.token)}, sleep=lambda _seconds: None)
    return HeadlessPmTracker(api, "agent", "qa", "senior").list()


def headless_pm_with_a_password(at: At) -> object:
    """Nobody gets that far."""
    url = at.url.replace("://", f"://someone:{quote(at.token, safe='')}@")
    environ = {"HEADLESS_PM_API_URL": url, "HEADLESS_PM_API_KEY": at.token}
    return open_tracker(HeadlessPmConfig(role="qa", level="senior"), agent="a", root=at.folder, environ=environ).list()


def page(at: At) -> object:
    return ask(at.url, Secret(at.token))


def git_reads(at: At) -> object:
    git = make_git_folder(at.folder / "git")
    return remote_branches(git, Remote(f"{at.url}/acme/shop.git", Secret(at.token)), ["main"])


def git_pushes(at: At) -> object:
    git = make_git_folder(at.folder / "git")
    tree = git("hash-object", "-w", "-t", "tree", "--stdin").decode().strip()
    commit = git("commit-tree", tree, data=b"empty").decode().strip()
    return push(git, Remote(f"{at.url}/acme/shop.git", Secret(at.token)), commit, "ai/issue-1")


def git_remote_with_a_password(at: At) -> object:
    return Remote(f"{at.url.replace('://', f'://x-access-token:{at.token}@')}/acme/shop.git")


def key_proxy(at: At, kind: Any = "api-key") -> object:
    with serve_key_proxy(Credential(kind, at.token), budget_usd=5, upstream=at.url) as proxy:
        body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 9, "messages": []})
        return [_asked(proxy.url, path, body, proxy.key) for path in ("/v1/messages", "/v1/messages/count_tokens")]


def key_proxy_oauth(at: At) -> object:
    return key_proxy(at, "oauth")


def mcp_proxy(at: At) -> object:
    with serve_mcp_proxy(at.token, upstream=f"{at.url}/mcp") as door:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_issue"}}
        return _asked(door.url.removesuffix("/mcp"), "/mcp", json.dumps(call), door.key)


def _asked(url: str, path: str, body: str, key: str) -> object:
    """What the agent is answered, or how it fails there: both are the agent's to read."""
    connection = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=30)
    try:
        connection.request("POST", path, body, {"authorization": f"Bearer {key}", "content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    except (OSError, http.client.HTTPException) as error:
        return shown(error)
    finally:
        connection.close()


CLIENTS: tuple[Callable[[At], object], ...] = (
    *(action, action_branch, job_log, app, app_repository, app_artifact, persons, manifest_code),
    *(page, slack, linear, headless_pm, headless_pm_with_a_password),
    *(git_reads, git_pushes, git_remote_with_a_password, key_proxy, key_proxy_oauth, mcp_proxy),
)
OWN_TOKEN = (app, app_repository, app_artifact)
"""These have a token from the server, or make one."""

# ------------------------------------------------------------------------------------------------- looking


def shown(error: BaseException) -> str:
    """All that anybody could show of an exception: itself, what it holds, its chain, its traceback's text."""
    said, left, seen = ["".join(traceback.format_exception(error))], [error], set[int]()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        said += [str(each), repr(each), repr(each.args), repr(getattr(each, "__notes__", ())), repr(vars(each))]
        said += [repr(getattr(each, name)) for name in ("object", "filename", "request") if _has(each, name)]
        left += [other for other in (each.__cause__, each.__context__) if other is not None]
        left += [other for other in (*each.args, *getattr(each, "exceptions", ())) if isinstance(other, BaseException)]
    return "\n".join(said)


def _has(error: BaseException, name: str) -> bool:
    try:
        return hasattr(error, name)
    except RuntimeError:  # httpx: it has no request
        return False


def left_over(token: str, text: str) -> str:
    """Eight characters in a row of a token's secret part that can be read in `text`, as they are or in base64."""
    secret = token.removeprefix("ghs_15368_eyJhbGciOiJSUzI1NiJ9.")
    basic = [base64.b64encode(f"{user}:{token}".encode()).decode()[40:] for user in ("x-access-token", "someone", "")]
    for each in (secret, quote(secret), *basic):
        for at in range(len(each) - 7):
            if each[at : at + 8] in text:
                return each[at : at + 8]
    return ""


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that is logged, down to DEBUG; of libraries that tell addresses what the server hears of them."""
    caplog.set_level(logging.DEBUG)
    for name in QUIET:
        caplog.set_level(logging.WARNING, logger=name)
    return caplog


def attempt(client: Callable[[At], object], at: At) -> str:
    try:
        done = client(at)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is looked through)
        return shown(error)
    return f"{done!r} {done}" + (shown(done) if isinstance(done, BaseException) else "")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("manner", MANNERS)
def test_a_server_that_misbehaves_is_told_without_a_token(
    manner: str,
    client: Callable[[At], object],
    app_key: str,
    tmp_path: Path,
    heard: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if client is manifest_code and manner.startswith("repeats"):
        return
    with bad_server(manner) as url:
        text = attempt(client, At(url, TOKEN, tmp_path, app_key))

    said = text + heard.text + "".join(capfd.readouterr())
    assert not left_over(TOKEN, said)
    assert not re.search(r"eyJ[\w-]+\.eyJ", said)  # the App's JWT
    assert not [line for line in app_key.splitlines()[1:-1] if line in said]


@pytest.mark.parametrize("client", [each for each in CLIENTS if each not in OWN_TOKEN], ids=lambda each: each.__name__)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_a_token_that_can_not_be_sent_is_told_without_it(
    odd: str,
    client: Callable[[At], object],
    tmp_path: Path,
    heard: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Libraries like to quote a header that they refuse."""
    token = f"{TOKEN[:50]}{odd}{TOKEN[50:]}"
    with bad_server("refuses with 401") as url:
        text = attempt(client, At(url, token, tmp_path, ""))

    assert not left_over(TOKEN, text + heard.text + "".join(capfd.readouterr()))


PASSWORD = "aB3-dE6-gH9-kL2"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ai:{}@127.0.0.1:9/ai",
        "postgresql//ai:{}@127.0.0.1/ai",
        "postgresql://ai:{}@127.0.0.1:port/ai",
        "mysql://ai:{}@127.0.0.1/ai",
        "postgresql://ai:{}@[::1/ai",
        "postgresql://ai:{}℀@127.0.0.1/ai",
    ],
)
def test_a_databases_address_is_told_without_its_password(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(address.format(PASSWORD))

    assert PASSWORD not in shown(caught.value)


@given(
    secret=st.text("ab", min_size=8, max_size=9),
    around=st.lists(st.sampled_from(["a", "b", "c", "ab" * 4, "a" * 8])).map("".join),
    cuts=st.lists(st.integers(0, 60)),
)
def test_a_key_is_held_back_however_the_answer_is_cut(secret: str, around: str, cuts: list[int]) -> None:
    """What comes out is what was replaced in one go, and all else is there."""
    data, sieve = around.encode(), Sieve(secret)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})

    passed = b"".join(sieve(data[begin:end]) for begin, end in pairwise(places)) + sieve.rest()

    assert secret.encode() not in passed
    assert passed.replace(MARK, b"").strip(b"abc") == b""
    if secret.encode() not in data:
        assert passed == data


# ------------------------------------------------------------------------------------ whole processes


def environment(home: Path, url: str, **more: str) -> dict[str, str]:
    names = {"HOME": str(home), "TMPDIR": str(home), "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "acme/shop"}
    asked = {"GITHUB_EVENT_NAME": "schedule", "GITHUB_API_URL": url, "GITHUB_SERVER_URL": url}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)} | names | asked | more


@pytest.mark.parametrize("actions", ["", "true"], ids=["on a terminal", "in Actions"])
@pytest.mark.parametrize("words", ["gate", "doctor --repo acme/shop"])
def test_a_command_says_nothing_of_it(words: str, actions: str, tmp_path: Path) -> None:
    """Also where the other side's words hold it in another spelling than the client sent it in."""
    with bad_server("repeats what it was sent") as url:
        argv = (sys.executable, "-m", "bot", *words.split())
        debugging = {"ACTIONS_STEP_DEBUG": actions, "RUNNER_DEBUG": "1" if actions else ""}
        environ = environment(tmp_path, url, GITHUB_ACTIONS=actions, **debugging)
        ended = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=100, check=False)

    assert ended.returncode == 1
    assert "acme/shop" in ended.stdout + ended.stderr
    assert not left_over(TOKEN, ended.stdout + ended.stderr)


FAULT = """
import os, bot.cli

def fault(words):
    token = os.environ["GITHUB_TOKEN"]
    try:
        raise LookupError(token)
    except LookupError as error:
        error.add_note(f"while {token} was used")
        raise RuntimeError(f"Authorization: Bearer {token}") from error

bot.cli._run = fault
bot.cli.main()
"""


@pytest.mark.parametrize("actions", ["", "true"], ids=["on a terminal", "in Actions"])
def test_our_own_fault_is_kept_without_it(actions: str, tmp_path: Path) -> None:
    """The last resort, exit 70: the details have the chain, and none of its secrets."""
    environ = environment(tmp_path, "http://127.0.0.1:9", GITHUB_ACTIONS=actions)
    argv = (sys.executable, "-c", FAULT)
    ended = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=100, check=False)

    kept = "".join(path.read_text() for path in tmp_path.glob("ai-ready-*.log"))
    assert ended.returncode == 70
    assert ("while [redacted] was used" in ended.stdout) == bool(actions)
    assert ("while [redacted] was used" in kept) != bool(actions)
    assert not left_over(TOKEN, ended.stdout + ended.stderr + kept)


@pytest.mark.parametrize("manner", ["answers in another shape", "repeats what it was sent"])
def test_a_server_keeps_it_out_of_its_log_and_its_database(manner: str, app_key: str, tmp_path: Path) -> None:
    """What a pass could not read, for whatever reason, is noted there."""
    key = tmp_path / "app.pem"
    key.write_text(app_key)
    key.chmod(0o600)
    repository = {"id": 7, "full_name": "acme/shop", "private": True}
    delivery = {"action": "labeled", "installation": {"id": 3}, "repository": repository, "issue": {"number": 1}}
    body = json.dumps(delivery | {"sender": {"id": 5, "login": "ada", "type": "User"}}).encode()
    app = {"AI_READY_APP_ID": "4711", "AI_READY_PRIVATE_KEY_PATH": str(key), "AI_READY_PAGE_PORT": "off"}
    database = f"sqlite:///{tmp_path}/ai-ready.sqlite3"
    with bad_server(manner) as url:
        environ = environment(
            tmp_path, url, AI_READY_WEBHOOK_SECRET=WEBHOOK_SECRET, AI_READY_DATABASE_URL=database, **app
        )
        argv = (sys.executable, "-m", "bot", "serve", "--port", "0")
        with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                port = int(process.stdout.readline().rpartition(":")[2])
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.request("POST", "/webhook", body, delivery_headers(body))
                assert connection.getresponse().status == 202
                connection.close()
                lines = []
                for line in process.stderr:
                    lines.append(line)
                    if '"lane_failed", "kind": "installation"' in line:
                        break
            finally:
                process.terminate()
            out, rest = process.communicate(timeout=60)

    log = "".join(lines) + out + rest
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("ai-ready.sqlite3*")).decode("latin-1")
    assert '"lane_failed"' in lines[-1], log
    for text in (log, stored):
        assert not left_over(TOKEN, text)
        assert not re.search(r"eyJ[\w-]+\.eyJ", text)
        assert WEBHOOK_SECRET not in text
        assert not [line for line in app_key.splitlines()[1:-1] if line in text]


# --------------------------------------------------------------------------------- what nothing may do


def test_nothing_prints_the_variables_of_a_traceback() -> None:
    """A frame's locals hold headers and keys."""
    bot = Path(__file__).parents[1] / "bot"
    shows = re.compile(
        r"capture_locals|show_locals|rich\.traceback|cgitb|loguru|structlog|sentry_sdk|better_exceptions"
    )

    assert [path.name for path in bot.rglob("*.py") if shows.search(path.read_text())] == []
    assert "pretty_exceptions_enable=False" in (bot / "cli" / "commands.py").read_text()


def test_nothing_asks_whether_a_step_is_debugged() -> None:
    """S09: what a log says does not depend on it."""
    root = Path(__file__).parents[1]
    ours = [*(root / "bot").rglob("*.py"), *(root / ".github").rglob("*.yml"), root / "action.yml"]

    assert [path.name for path in ours if re.search(r"STEP_DEBUG|RUNNER_DEBUG|runner\.debug", path.read_text())] == []
