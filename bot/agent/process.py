"""Running one command of somebody else's: bounded in time and memory, read to its end, killed with all it started.

Owns spawning, reading and ending; what the lines mean is the caller's. Commands of the repository go through
`run_command`, the Claude CLI through `Running` (claude_code.py).
"""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Literal, Protocol

from bot.agent.launching import Isolation, Launch, Launcher

Killed = Literal["", "timed-out", "cancelled", "over-budget", "hung", "flooded", "context"]
"""Why *we* ended a process; the words of `core.run.AgentReport.stopped_for`."""

TICK = 0.05
"""Seconds between looks at the deadline and at a cancel."""

DRAIN = 0.5
"""Seconds to read what is left in the pipes once everything is dead (a process we can't see may hold them open)."""

FORWARDED = 4 << 20
"""Bytes of one command's output that reach the live log; the rest is read and dropped."""

PASSED_ON = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT"),
        *("GIT_SSL_CAINFO", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "pythonLocation", "Python_ROOT_DIR", "Python3_ROOT_DIR"),
        *("JAVA_HOME", "GOROOT", "DOTNET_ROOT"),
    }
)
"""Our variables that commands of the repository get: where tools and certificates are. Nothing else passes."""


class Cancel:
    """Somebody wants everything to stop. Set once, from any thread or signal handler; never unset."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._interrupts = False

    def set(self) -> None:
        """Ask everything that watches this to stop."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """While inside, SIGINT, SIGTERM and SIGHUP set this instead of ending us. Main thread only.

        GitHub cancels a step with SIGINT, 7.5 s, SIGTERM, 2.5 s, SIGKILL: the first one must do. A terminal that is
        closed says SIGHUP, and an agent must not go on without us; what `nohup` started does not hear it.
        """

        def note(_number: int, _frame: FrameType | None) -> None:
            self.set()
            if self._interrupts:
                self._interrupts = False  # once: the next signal must not cut short what follows from this one
                raise KeyboardInterrupt

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """While inside (and inside `on_signals`), being asked ends a wait that looks at nothing, such as for an answer
        of GitHub's, with `KeyboardInterrupt`.
        """
        if self.is_set:
            raise KeyboardInterrupt
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    """Its whole environment: see `environment`."""
    seconds: float
    """Wall clock it may take."""
    stdin: bytes = b""
    """Empty: /dev/null."""
    alone: bool = True
    """At its end everything else of the isolation is killed, too; otherwise only when it had to be stopped."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    exit_code: int
    """Its own; 128 + n when signal n ended it, 127 when it could not be started, -1 when we killed it."""
    seconds: float
    tail: str
    """The last lines of stdout and stderr together, without terminal codes; not redacted."""
    killed: Killed = ""


def environment(isolation: Isolation, ours: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a command of the repository: a few of `ours`, who it is, then `extra`.

    `extra` is `checks.env`. A proxy's address with a password in it does not pass.
    """
    passed = {name: value for name, value in ours.items() if name in PASSED_ON or name.startswith("LC_")}
    for name in [name for name, value in passed.items() if name.lower().endswith("_proxy") and "@" in value]:
        del passed[name]
    return {**passed, "TERM": "dumb", "CI": "true", **isolation.identity(), **extra}


def run_command(
    command: Command,
    isolation: Launcher,
    *,
    cancel: Cancel,
    on_line: Callable[[str], None] | None = None,
    tail_lines: int = 50,
) -> Finished:
    """Run `command` to its end, its deadline or a cancel; afterwards no process of the isolation is left.

    `on_line` gets the lines as they come, up to `FORWARDED` bytes of them; the tail always holds the last ones.
    """
    tail = Tail(tail_lines, on_line)
    lines = Lines(tail.add)
    running = Running(command, isolation, cancel)
    ended = running.run(lines, None)
    if ended.problem:
        tail.add(ended.problem)
    exit_code = -1 if ended.killed else ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
    return Finished(exit_code, ended.seconds, tail.text(), ended.killed)


class Sink(Protocol):
    """Takes the output of a process as it is read."""

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


@dataclass(slots=True)
class Lines:
    """Bytes in, lines out, in bounded memory: of a line longer than `longest` only the beginning is kept."""

    on_line: Callable[[str], None]
    longest: int = 64 << 10
    on_overlong: Callable[[], None] = lambda: None
    _held: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._take(piece)
            self._emit()
        self._take(rest)

    def close(self) -> None:
        """Nothing more will come: what is held is the last line."""
        if self._held:
            self._emit()

    def _take(self, piece: bytes) -> None:
        room = self.longest - len(self._held)
        self._held += piece[:room]
        if len(piece) > room and not self._skipping:
            self._skipping = True
            self.on_overlong()

    def _emit(self) -> None:
        line = self._held.decode("utf-8", "replace")
        self._held.clear()
        self._skipping = False
        self.on_line(line)


TERMINAL_CODES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?|[\x00-\x08\x0b-\x1f\x7f]"
)
"""ANSI sequences and control characters other than tab (ECMA-48)."""


def plain(line: str) -> str:
    """`line` as a terminal would leave it: the last of several overwritten states, without terminal codes."""
    return TERMINAL_CODES.sub("", line.rstrip("\r").rpartition("\r")[2])


class Tail:
    """The last lines of an output, handed on to `on_line` as they come."""

    def __init__(self, lines: int, on_line: Callable[[str], None] | None = None) -> None:
        self._kept: deque[str] = deque(maxlen=lines)
        self._on_line = on_line
        self._left = FORWARDED

    def add(self, line: str) -> None:
        """Take one line."""
        shown = plain(line)
        self._kept.append(shown[:1000])
        if self._on_line is None or self._left <= 0:
            return
        self._left -= len(shown) + 1
        self._on_line(shown if self._left > 0 else "[the rest of the output is not shown here]")

    def text(self) -> str:
        """The kept lines."""
        return "\n".join(self._kept)


@dataclass(frozen=True, slots=True)
class Ended:
    """The raw end of a process."""

    returncode: int
    """As `Popen` says it: negative for a signal; 127 when it could not be started."""
    seconds: float
    killed: Killed
    problem: str = ""
    """Why it could not be started."""


class Running:
    """One process from its start to the death of everything it started."""

    def __init__(self, command: Command, isolation: Launcher, cancel: Cancel) -> None:
        self._command, self._isolation, self._cancel = command, isolation, cancel
        self._started = time.monotonic()
        self._deadline = self._started + command.seconds
        self._late: Killed = "timed-out"
        self._killed: Killed = ""

    def stop(self, why: Killed) -> None:
        """End it now; the first reason given stays."""
        self._killed = self._killed or why

    def hurry(self, seconds: float, why: Killed) -> None:
        """It should be done: give it only `seconds` more, and call it `why` when it takes longer."""
        soon = time.monotonic() + seconds
        if soon < self._deadline:
            self._deadline, self._late = soon, why

    def run(self, out: Sink, err: Sink | None, *, each_tick: Callable[[], None] = lambda: None) -> Ended:
        """Feed `out` and `err` (None: both streams go to `out`) until it has ended; then kill what is left of it."""
        launch = self._isolation.launch(self._command.argv, env=self._command.env, cwd=self._command.cwd)
        try:
            process = self._spawn(launch, merged=err is None)
        except OSError as error:
            return Ended(
                127, time.monotonic() - self._started, "", f"{launch.argv[0]} could not be started: {error.strerror}"
            )
        with process, selectors.DefaultSelector() as selector:
            for stream, lines in ((process.stdout, out), (process.stderr, err)):
                if stream is not None and lines is not None:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, selectors.EVENT_READ, lines)
            try:
                while selector.get_map() and process.poll() is None and not self._over():
                    self._read(selector, TICK)
                    each_tick()
                while process.poll() is None and not self._over():  # closed its pipes and lives on
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(TICK)
                    each_tick()
            finally:
                self._end(process)
            self._drain(selector)
        out.close()
        if err is not None:
            err.close()
        return Ended(process.returncode, time.monotonic() - self._started, self._killed)

    def _spawn(self, launch: Launch, *, merged: bool) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            stdin: IO[bytes] | int = subprocess.DEVNULL
            if self._command.stdin:
                # A nameless file, so that a child that never reads its input can't make us wait.
                stdin = stack.enter_context(tempfile.TemporaryFile())
                stdin.write(self._command.stdin)
                stdin.seek(0)
            return launch.start(
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                umask=0o022,
            )

    def _over(self) -> bool:
        if self._cancel.is_set:
            self.stop("cancelled")
        elif time.monotonic() >= self._deadline:
            self.stop(self._late)
        return bool(self._killed)

    def _read(self, selector: selectors.BaseSelector, wait: float) -> bool:
        """Read what is there; False when nothing was."""
        ready = selector.select(wait)
        for key, _ in ready:
            data = os.read(key.fd, 1 << 16)
            if data:
                key.data.feed(data)
            else:
                selector.unregister(key.fileobj)
        return bool(ready)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the group, then whatever left it; sudo, which is root's, ends by itself when its child is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if self._command.alone or self._killed:
            self._isolation.kill_all()
        process.wait()

    def _drain(self, selector: selectors.BaseSelector) -> None:
        end = time.monotonic() + DRAIN
        while selector.get_map() and time.monotonic() < end and self._read(selector, TICK):
            pass
