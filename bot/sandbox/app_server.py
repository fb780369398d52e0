"""The real server beside a hub: the App that it is, and `ai-ready serve` as a process that can be killed and started again."""

import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bot.sandbox.records import App, Repo, User
from bot.sandbox.state import Hub
from bot.server.setup.manifest import EVENTS, PERMISSIONS, WEBHOOK_PATH

PATIENCE = 30.0
"""Seconds that a server may take until it is up, or has ended."""
_PAGE = re.compile(r"the page is at (\S+)")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def register(hub: Hub, owner: User, repos: Iterable[Repo], *, slug: str = "ai-ready") -> App:
    """The App as `ai-ready setup` makes it, installed for `repos`; its hook leads nowhere until a server is up."""
    app = hub.app_registry.create(slug, owner, permissions=PERMISSIONS, events=EVENTS, secret=secrets.token_hex(20))
    by_account: dict[int, list[Repo]] = {}
    for repo in repos:
        by_account.setdefault(repo.owner.id, []).append(repo)
    for mine in by_account.values():
        hub.app_registry.install(app, mine[0].owner, repos=mine)
    return app


def point_hook(app: App, url: str) -> None:
    """Deliver to the server at `url` from now on."""
    app.hook.url, app.hook.active = f"{url}{WEBHOOK_PATH}", True


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """How the server is run."""

    folder: Path
    """Its key, database and log; made."""
    database_url: str = ""
    """Empty: a SQLite file in `folder`."""
    reconcile_seconds: int = 5
    webhooks: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    """More of it, or other values."""
    page: bool = False
    """With its page, on any free port."""
    command: Sequence[str] = (sys.executable, "-m", "bot", "serve")
    """What is run; `--host` and `--port` are added."""


class AppServer:
    """One server process of an App, on a free port of 127.0.0.1. `with AppServer(…) as server:` starts and stops it."""

    def __init__(self, hub: Hub, app: App, setting: ServerSetting) -> None:
        self._hub = hub
        self._app = app
        self._setting = setting
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._told = threading.Event()
        self.url = ""
        """Where it listens; empty: it does not."""
        self.page_url = ""
        """Where its page is; empty: there is none."""
        setting.folder.mkdir(parents=True, exist_ok=True)
        self.log = setting.folder / "server.log"
        self.log.touch()
        self._key = setting.folder / "app.pem"
        self._key.write_text(app.private_pem)
        self._key.chmod(0o600)

    def environ(self) -> dict[str, str]:
        """The environment that the server needs, and nothing else."""
        setting = self._setting
        webhooks = {"AI_READY_WEBHOOK_SECRET": self._app.hook.secret} if setting.webhooks else {}
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(setting.folder),
            "LANG": "C.UTF-8",
            "AI_READY_APP_ID": str(self._app.id),
            "AI_READY_PRIVATE_KEY_PATH": str(self._key),
            "AI_READY_DATABASE_URL": setting.database_url or f"sqlite:///{setting.folder / 'ai-ready.sqlite3'}",
            "AI_READY_RECONCILE_SECONDS": str(setting.reconcile_seconds),
            "GITHUB_API_URL": self._hub.api_url,
            "AI_READY_PAGE_PORT": "0" if setting.page else "off",
            **(webhooks or {"AI_READY_WEBHOOKS": "off"}),
            **setting.env,
        }

    def start(self) -> Self:
        """Start it and wait until it listens. Raises `RuntimeError` with what it said when it ends instead."""
        self._told.clear()
        self.url = self.page_url = ""
        self._process = subprocess.Popen(
            (*self._setting.command, "--host", "127.0.0.1", "--port", "0"),
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="server-log", daemon=True)
        self._reader.start()
        if not self._told.wait(PATIENCE) or not self.url:
            code = self.kill()
            raise RuntimeError(f"the server did not come up (exit {code}): {self.log.read_text()[-2000:]}")
        if self._setting.webhooks:
            point_hook(self._app, self.url)
        return self

    def kill(self) -> int:
        """SIGKILL; its exit code."""
        return self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, then wait; its exit code."""
        return self._end(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its number; 0: it was never started."""
        return self._process.pid if self._process else 0

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until it has ended by itself (or by a kill point); its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout)
        if self._reader is not None:
            self._reader.join(timeout=PATIENCE)
        self.url = ""
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self.running:
            self.stop()

    def _end(self, by: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(by)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self.wait()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        """Keep what it prints; the first address in it is where it listens."""
        assert process.stdout is not None
        with process.stdout, self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if said := _PAGE.match(line):
                    self.page_url = said[1]
                found = next((each for each in _ADDRESS.findall(line) if each != self._hub.url), "")
                self.url = self.url or found
                if self.url and (self.page_url or not self._setting.page):
                    self._told.set()
        self._told.set()
