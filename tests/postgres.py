"""A private PostgreSQL of the Debian package, on loopback, for as long as the tests run. Only where AI_READY_TEST_POSTGRES is set.

PostgreSQL refuses to be root, so root runs it as the user `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

needs_postgres = [
    pytest.mark.needs_postgres,
    pytest.mark.skipif(not os.environ.get("AI_READY_TEST_POSTGRES"), reason="AI_READY_TEST_POSTGRES is not set"),
]
"""`marks=needs_postgres` of a parameter, or `pytestmark = needs_postgres`."""

SECONDS = 30
"""How long starting and stopping may take."""


class Postgres:
    """One cluster. Its port stays the same when it is stopped and started."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """`durable`: flush to disk, as a real one does (for measuring)."""
        self._binaries = _binaries()
        self._data = folder / "data"
        self._log = folder / "log"
        self._user = _user()
        if self._user is not None:
            os.chown(folder, self._user, -1)
        self._fsync = "on" if durable else "off"
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._run("initdb", "--auth=trust", "--username=ai", "--encoding=UTF8", "--locale=C", "--no-sync")

    @property
    def url(self) -> str:
        """Of the maintenance database."""
        return self._url("postgres")

    def database(self) -> str:
        """Make an empty database; its address."""
        name = f"store_{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": self._fsync}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    *("-D", str(self._data), "-p", str(self.port)),
                    *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
                ],
                **self._as_user(),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"PostgreSQL did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT (connections are closed) or SIGQUIT (a crash: nothing is tidied up)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(SECONDS)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start."""
        self.stop(how)
        self.start()

    def _url(self, database: str) -> str:
        return f"postgresql://ai@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str) -> None:
        argv = [str(self._binaries / program), "-D", str(self._data), *words]
        subprocess.run(argv, **self._as_user(), check=True, capture_output=True, timeout=SECONDS)

    def _as_user(self) -> dict[str, Any]:
        who: dict[str, Any] = {} if self._user is None else {"user": self._user, "extra_groups": []}
        return {**who, "cwd": self._data.parent, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running cluster that forgets when the machine stops: fast enough for unit tests."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="ai-ready-pg-", dir=memory if memory.is_dir() else None) as folder:
        cluster = Postgres(Path(folder))
        cluster.start()
        yield cluster
        cluster.stop()


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    program = found[-1] if found else shutil.which("postgres")
    if program is None:
        pytest.fail("AI_READY_TEST_POSTGRES is set, but PostgreSQL is not installed (Debian: postgresql)")
    return Path(program).parent


def _user() -> int | None:
    """Who runs it; None: ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
