"""Runs git, and nothing else of ours does: on git folders that are ours alone, with a configuration of ours alone.

Owns the environment git sees. No system, user or environment configuration, no hooks, no file system monitor, no
filters, pagers, editors or credential helpers; the token travels in git's environment for one command that talks to
one repository, never in an argument, an address or a file (an argument is readable by every process).
"""

import base64
import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from bot.core.names import GITHUB_ACTIONS_BOT_ID, Reason
from bot.core.secret import Secret
from bot.errors import AiReadyError, Blocked

BOT_NAME = "github-actions[bot]"
BOT_EMAIL = f"{GITHUB_ACTIONS_BOT_ID}+github-actions[bot]@users.noreply.github.com"
"""Who commits, as GitHub links it to the account."""

NEUTRAL: tuple[tuple[str, str], ...] = (
    ("advice.detachedHead", "false"),
    ("core.attributesFile", os.devnull),
    ("core.autocrlf", "false"),
    ("core.bigFileThreshold", "16m"),  # larger ones are streamed, neither diffed nor held in memory
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.quotePath", "false"),
    ("core.untrackedCache", "false"),
    ("credential.helper", ""),  # the empty value forgets those before it
    ("diff.ignoreSubmodules", "all"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("protocol.file.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("push.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    ("user.name", BOT_NAME),
    ("user.email", BOT_EMAIL),
)
"""What every command runs with; see git-config(1)."""

NETWORK_VARIABLES = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"),
    }
)
"""Of the caller's environment, what git may see: how to reach the server from here, and whom to trust."""

MAX_OUTPUT = 64 << 20
STDERR_TAIL = 4000


class Stop(Protocol):
    """Somebody may want everything to stop (`bot.agent.process.Cancel`)."""

    @property
    def is_set(self) -> bool:
        """Whether somebody asked."""
        ...


@dataclass(frozen=True, slots=True)
class NeverStop:
    """Nobody will."""

    is_set: bool = False


class GitFailed(AiReadyError):
    """A git command failed. `str()` is one sentence; both are redacted."""

    def __init__(self, command: str, exit_code: int, stderr: str) -> None:
        last = stderr.strip().splitlines()[-1:] or [f"exit code {exit_code}"]
        super().__init__(f"git {command} failed: {last[0][:300]}")
        self.command = command
        self.stderr = stderr
        """The end of what it said on stderr and stdout."""

    @property
    def disk_full(self) -> bool:
        """The machine's disk was full."""
        words = ("No space left on device", "Out of diskspace", "Disk quota exceeded")
        return any(word in self.stderr for word in words)


@dataclass(frozen=True, slots=True)
class Remote:
    """The repository on the server, and the token that opens it."""

    url: str
    """`https://…`, `http://…` or `file:///…`, without credentials."""
    token: Secret = field(default=Secret(""))

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"https", "http", "file"} or parts.username or parts.password:
            raise ValueError("a remote is http(s) or file, without credentials in its address")

    def config(self) -> tuple[tuple[str, str], ...]:
        """The header that authenticates, for this address only (as actions/checkout does it, but in memory)."""
        if not self.token:
            return ()
        basic = base64.b64encode(f"x-access-token:{self.token.reveal()}".encode()).decode()
        return ((f"http.{self.url}.extraheader", f"AUTHORIZATION: basic {basic}"),)


def remote_of(server_url: str, repo: str, token: Secret) -> Remote:
    """Where `owner/repo` is on a server; on `file://` it may be bare (`repo.git`) or not."""
    base = server_url.rstrip("/")
    if base.startswith("file://"):
        bare = Path(urlsplit(base).path) / f"{repo}.git"
        return Remote(f"{base}/{repo}.git" if bare.exists() else f"{base}/{repo}")
    return Remote(f"{base}/{repo}.git", token)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a git command ended."""

    exit_code: int
    """-1: killed at its time limit."""
    out: bytes
    err: str
    cut: bool = False
    """It had more to say than was asked for, and was stopped."""


@dataclass(frozen=True, slots=True)
class Git:
    """Git on one git folder of ours, optionally with a work tree."""

    folder: Path
    work_tree: Path | None = None
    redact: Callable[[str], str] = str
    stop: Stop = NeverStop()
    network: Mapping[str, str] = field(default_factory=dict)
    """The caller's environment, of which `NETWORK_VARIABLES` are passed on."""

    def on(self, work_tree: Path) -> "Git":
        """The same, looking at `work_tree`."""
        return replace(self, work_tree=work_tree)

    def __call__(
        self,
        *words: str,
        data: bytes | IO[bytes] = b"",
        remote: Remote | None = None,
        seconds: float = 120,
        most: int = MAX_OUTPUT,
    ) -> bytes:
        """Run `git words…`; its stdout. Raises `GitFailed`, or `Blocked(cancelled)` when told to stop.

        `data` is its stdin (an open, unbuffered file: from where it stands). More than `most` bytes of output are an error here; see `attempt`.
        """
        ran = self.attempt(*words, data=data, remote=remote, seconds=seconds, most=most)
        if ran.cut:
            raise GitFailed(words[0], -1, f"more than {most} bytes of output")
        if ran.exit_code != 0:
            raise GitFailed(words[0], ran.exit_code, ran.err)
        return ran.out

    def line(self, *words: str) -> str:
        """The one line a command prints."""
        return self(*words).decode("utf-8", "surrogateescape").strip()

    def attempt(
        self,
        *words: str,
        data: bytes | IO[bytes] = b"",
        remote: Remote | None = None,
        seconds: float = 120,
        most: int = MAX_OUTPUT,
    ) -> Ran:
        """As calling it, but how it ended is the caller's to judge."""
        end = time.monotonic() + seconds
        with contextlib.ExitStack() as stack:
            stdin, stderr = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            if isinstance(data, bytes):
                stdin.write(data)
                stdin.seek(0)
            process = subprocess.Popen(
                (_program(), *words),
                env=self._environment(remote),
                cwd=self.work_tree or self.folder,
                stdin=stdin if isinstance(data, bytes) else data,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                start_new_session=True,
            )
            stack.enter_context(process)
            try:
                out, cut, late = self._read(process, end, most)
            finally:
                _end(process)
            exit_code = -1 if late else process.returncode
            return Ran(exit_code, out, self._said(stderr, out, remote), cut)

    def _read(self, process: subprocess.Popen[bytes], end: float, most: int) -> tuple[bytes, bool, bool]:
        """Stdout up to `most` bytes; whether there was more; whether time ran out."""
        assert process.stdout is not None  # noqa: S101 (for the type checker: it is PIPE)
        out = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while len(out) <= most:
                if self.stop.is_set:
                    raise Blocked(Reason.CANCELLED, "The run was cancelled.")
                if time.monotonic() >= end:
                    return bytes(out), False, True
                if not selector.select(0.1):
                    continue
                data = os.read(process.stdout.fileno(), 1 << 18)
                if not data:
                    return bytes(out), False, not _ends(process, end)
                out += data
        return bytes(out[:most]), True, False

    def _environment(self, remote: Remote | None) -> dict[str, str]:
        pairs = (*NEUTRAL, *(remote.config() if remote else ()))
        config = {"GIT_CONFIG_COUNT": str(len(pairs))}
        for index, (key, value) in enumerate(pairs):
            config[f"GIT_CONFIG_KEY_{index}"] = key
            config[f"GIT_CONFIG_VALUE_{index}"] = value
        return {
            **{name: value for name, value in self.network.items() if name in NETWORK_VARIABLES},
            "PATH": f"{Path(_program()).parent}:{os.defpath}",
            "HOME": os.devnull,
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "GIT_PAGER": "cat",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_DIR": str(self.folder),
            **({"GIT_WORK_TREE": str(self.work_tree)} if self.work_tree else {}),
            **config,
        }

    def _said(self, stderr: IO[bytes], out: bytes, remote: Remote | None) -> str:
        """The end of both streams, without secrets."""
        size = stderr.seek(0, os.SEEK_END)
        stderr.seek(max(0, size - STDERR_TAIL))
        text = (stderr.read() + b"\n" + out[-STDERR_TAIL:]).decode("utf-8", "replace").strip()
        if remote and remote.token:
            text = text.replace(remote.token.reveal(), "***")
        return self.redact(re.sub(r"(?i)(authorization: *\w+ +)\S+", r"\1***", text))


def make_git_folder(folder: Path, **settings: object) -> Git:
    """Make an empty bare git folder, without anybody's template. `settings` are `Git`'s."""
    folder.mkdir(parents=True)
    git = Git(folder, **settings)  # type: ignore[arg-type]
    git("init", "--quiet", "--bare", "--template=", "--initial-branch=none")
    return git


@lru_cache(maxsize=1)
def _program() -> str:
    found = shutil.which("git")
    if found is None:
        raise Blocked(Reason.SETUP_FAILED, "There is no git on this machine: install git 2.31 or newer.")
    return found


def _ends(process: subprocess.Popen[bytes], end: float) -> bool:
    """Whether it ends by itself in time, now that it has closed its stdout."""
    try:
        process.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it stays, whatever it was doing."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
