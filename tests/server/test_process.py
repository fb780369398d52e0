"""The process: what it refuses to start with, how it ends, and that nothing that was acknowledged is lost on the way."""

import gc
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.errors import ConfigError
from bot.server.metrics import Metrics
from bot.server.ports import StoreUnavailable
from bot.server.process import Parts, Serving, bind
from bot.server.start import OwnIds
from tests.server.endpoint import (
    ISSUES,
    SECRET,
    Idle,
    headers,
    read_reply,
    request,
    rows,
    running,
    sqlite_store,
    wait_until,
)

BODY = json.dumps(ISSUES).encode()


# ----------------------------------------------------------------------------------------- in here


def test_the_end_is_in_good_order(tmp_path: Path) -> None:
    """The scheduler begins before anything is answered and is stopped; the store is closed; the address is free."""
    store = sqlite_store(tmp_path)
    with running(store) as server:
        assert server.scheduler.life == ["start"]
        assert server.deliver().status == 202
    assert server.scheduler.life == ["start", "stop"]
    with pytest.raises(StoreUnavailable):
        store.ping()
    with pytest.raises(ConnectionRefusedError):
        server.connect()
    sqlite_store(tmp_path).close()


def test_garbage_is_looked_for_as_often_as_python_does(tmp_path: Path) -> None:
    """The command's start is told to look seldom: the server's life is long, and its passes leave much behind."""
    before = gc.get_threshold()
    gc.set_threshold(100_000)
    try:
        with running(sqlite_store(tmp_path)):
            assert gc.get_threshold() == (700, 10, 10)
    finally:
        gc.set_threshold(*before)


def test_a_scheduler_that_can_not_start_ends_it(tmp_path: Path) -> None:
    """Nothing is served; the store is let go of."""

    class Broken(Idle):
        def start(self) -> None:
            raise StoreUnavailable("the disk is full")

    serving = Serving(Parts(sqlite_store(tmp_path), Broken(), Metrics(), (), 60.0), bind("127.0.0.1", 0))
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        serving.run()
    sqlite_store(tmp_path).close()


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    """W37: half of it is there when the end begins, the rest comes after; new connections are refused meanwhile."""
    guid = str(uuid.uuid4())
    whole = request("POST", "/webhook", headers(BODY, guid=guid), BODY)
    with running(sqlite_store(tmp_path)) as server, server.connect() as made:
        made.sendall(whole[:-5])
        server.deliver()  # so that the half one was read, too
        server.serving.stop()
        wait_until(lambda: _refused(server.port))
        made.sendall(whole[-5:])
        reply = read_reply(made)
        assert (reply.said, reply.headers["connection"]) == ((202, "stored"), "close")
    assert (guid,) in rows(tmp_path)


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionError:  # refused, or reset by a listener that just closed
        return True
    except TimeoutError:  # a busy machine
        return False
    return False


def test_an_address_that_can_not_be_had_is_named() -> None:
    taken = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(ConfigError, match=f"can't listen on 127.0.0.1 port {port}: something listens there already"):
        bind("127.0.0.1", port)
    taken.close()
    bind("127.0.0.1", port).close()
    with pytest.raises(ConfigError, match=r"--host no-such-host\.invalid is not an address of this machine"):
        bind("no-such-host.invalid", 0)
    with pytest.raises(ConfigError, match="this machine does not have that address"):
        bind("203.0.113.9", 0)


def test_an_ipv6_address_is_shown_as_one(tmp_path: Path) -> None:
    try:
        bound = bind("::1", 0)
    except ConfigError:
        pytest.skip("no IPv6 here")
    serving = Serving(Parts(sqlite_store(tmp_path), Idle(), Metrics(), (), 60.0), bound)
    assert re.fullmatch(r"http://\[::1\]:\d+", serving.url)
    bound.close()


def test_who_we_are_is_asked_beside_the_work_and_again_when_it_is_not_known() -> None:
    """Nobody waits for GitHub; 0 (installed nowhere yet) is asked for again after a while, a number never."""
    now, answers = 100.0, [0, 42]
    asked = threading.Semaphore(0)

    def ask() -> int:
        asked.release()
        return answers.pop(0)

    known = OwnIds(ask, lambda: now)
    assert known() == frozenset()
    assert asked.acquire(timeout=5)
    assert known() == frozenset()
    now += 61
    known()
    assert asked.acquire(timeout=5)
    wait_until(lambda: known() == {42})
    now += 61
    assert known() == {42}
    assert not asked.acquire(blocking=False)


# -------------------------------------------------------------------------------- as a real process


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key as GitHub makes them, 0600."""
    path = tmp_path_factory.mktemp("key") / "app.pem"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    path.chmod(0o600)
    return path


class Stranger(BaseHTTPRequestHandler):
    """A GitHub that knows no App."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def told(key: Path) -> Iterator[dict[str, str]]:
    """Everything that the server needs, but for HOME; GitHub answers, and does not know us."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield {
        "PATH": os.environ["PATH"],
        "AI_READY_APP_ID": "4711",
        "AI_READY_PRIVATE_KEY_PATH": str(key),
        "AI_READY_WEBHOOK_SECRET": SECRET,
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
    }
    server.shutdown()
    server.server_close()
    thread.join()


class Process:
    """`ai-ready serve`, up."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", "bot", "serve", "--port", "0"),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("ai-ready listens on http://127.0.0.1:"), (
            said + (self.process.stderr or sys.stdin).read()
        )
        self.port = int(said.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def signal(self, *signals: signal.Signals) -> None:
        for each in signals:
            self.process.send_signal(each)

    def ended(self) -> tuple[int, str]:
        """Exit code and log."""
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log


@contextmanager
def served(environment: dict[str, str]) -> Iterator[Process]:
    made = Process(environment)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
        made.process.communicate()


def refused(environment: dict[str, str], words: Sequence[str] = ("--port", "0")) -> str:
    """What `ai-ready serve` says, once, when it does not start."""
    argv = (sys.executable, "-m", "bot", "serve", *words)
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


def test_what_is_needed_and_not_set_is_named_at_once() -> None:
    """W06: exit 2, all names in one sentence."""
    said = refused({"PATH": os.environ["PATH"]})
    assert re.findall(r"(AI_READY_\w+) is not set", said) == [
        "AI_READY_WEBHOOK_SECRET",
        "AI_READY_APP_ID",
        "AI_READY_PRIVATE_KEY",
    ]


def test_a_key_that_is_none_is_refused_without_a_word_of_it(key: Path, told: dict[str, str], tmp_path: Path) -> None:
    """W39: before anything else is opened."""
    half = key.read_text()[:300]
    said = refused(told | {"HOME": str(tmp_path), "AI_READY_PRIVATE_KEY_PATH": "", "AI_READY_PRIVATE_KEY": half})
    assert "AI_READY_PRIVATE_KEY" in said
    assert half[60:90] not in said
    assert list(tmp_path.iterdir()) == []


def test_it_listens_stores_and_ends_with_0(told: dict[str, str], tmp_path: Path) -> None:
    """W37, W31: SIGTERM while deliveries come: every one that was answered 202 is in the file; nothing secret is told."""
    acknowledged: list[str] = []
    ready = threading.Event()

    def deliver(process: Process) -> None:
        try:
            with process.connect() as made:
                while True:
                    guid = str(uuid.uuid4())
                    made.sendall(request("POST", "/webhook", headers(BODY, guid=guid), BODY))
                    if read_reply(made).status == 202:
                        acknowledged.append(guid)
                    if len(acknowledged) > 100:
                        ready.set()
        except OSError:
            return

    with served(told | {"HOME": str(tmp_path)}) as process:
        threads = [threading.Thread(target=deliver, args=(process,)) for _ in range(8)]
        for each in threads:
            each.start()
        assert ready.wait(20)
        process.signal(signal.SIGTERM)
        code, log = process.ended()
        for each in threads:
            each.join()
    folder = tmp_path / ".local/state/ai-ready"
    (folder / "inbox.sqlite3").symlink_to(folder / "ai-ready.sqlite3")
    assert code == 0
    assert set(acknowledged) <= {row[0] for row in rows(folder)}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(line.startswith("{") for line in log.splitlines())
    assert SECRET not in log
    assert '"event": "stopped"' in log


def test_an_interrupt_ends_it_too(told: dict[str, str], tmp_path: Path) -> None:
    with served(told | {"HOME": str(tmp_path), "AI_READY_WEBHOOKS": "off", "AI_READY_WEBHOOK_SECRET": ""}) as process:
        with process.connect() as made:
            made.sendall(request("POST", "/webhook", headers(BODY), BODY))
            assert read_reply(made).status == 404
        process.signal(signal.SIGINT)
        assert process.ended()[0] == 0


def test_a_second_signal_ends_it_at_once(told: dict[str, str], tmp_path: Path) -> None:
    """Not after the ten seconds that a request under way may take."""
    with served(told | {"HOME": str(tmp_path)}) as process, process.connect() as made:
        made.sendall(request("POST", "/webhook", headers(BODY), BODY)[:-5])
        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        wait_until(lambda: _refused(process.port))
        process.signal(signal.SIGTERM)
        assert process.ended()[0] == 130
    assert time.monotonic() - begun < 5


def test_two_of_them_do_not_share_a_port_or_a_file(told: dict[str, str], tmp_path: Path) -> None:
    """Exit 2, and what to do; the first one lives on."""
    with served(told | {"HOME": str(tmp_path)}) as process:
        said = refused(told | {"HOME": str(tmp_path / "other")}, ("--port", str(process.port)))
        assert f"can't listen on 127.0.0.1 port {process.port}: something listens there already" in said
        assert "AI_READY_DATABASE_URL" in refused(told | {"HOME": str(tmp_path)})
        process.connect().close()


def test_a_killed_one_is_followed_by_another(told: dict[str, str], tmp_path: Path) -> None:
    """SIGKILL leaves nothing in the way; the same delivery is a duplicate for the next one (W25, W31)."""
    sent = request("POST", "/webhook", headers(BODY, guid=str(uuid.uuid4())), BODY)
    for word in ("stored", "duplicate"):
        with served(told | {"HOME": str(tmp_path)}) as process, process.connect() as made:
            made.sendall(sent)
            assert read_reply(made).said == (202, word)
            process.signal(signal.SIGKILL)
            process.ended()
