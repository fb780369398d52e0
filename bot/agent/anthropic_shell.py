"""The model's shell: one bash that lives from command to command, as the isolation's user.

Owns the pipe to it and the bounds of what comes back: time and output. What runs in it is hostile, so nothing it says is
believed: the line that ends a command's output can be forged, which deceives the model that forged it and nobody else.
Whatever is left of it dies with the isolation's processes.
"""

import contextlib
import os
import secrets
import selectors
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.agent.anthropic_output import MOST_OUTPUT, Output
from bot.agent.launching import Isolation
from bot.agent.process import DRAIN, TICK, Cancel
from bot.agent.uids import tool

LOST = "This ran in a new shell: the one before had ended since its last command."

END = 187
"""The descriptor that says that a command has ended, also when the command sent the shell's own output elsewhere."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One command."""

    output: str
    """Both streams, in order, cut in the middle where there was too much."""
    exit_code: int | None
    """None: it had to be stopped, or took the shell with it."""
    note: str = ""
    """What else there is to know of its end."""


class Shell:
    """Starts with the first command, and anew after its end."""

    def __init__(self, isolation: Isolation, env: Mapping[str, str], folder: Path, cancel: Cancel) -> None:
        """Its user, its whole environment, where it starts, and who stops it."""
        self._isolation, self._env, self._folder, self._cancel = isolation, env, folder, cancel
        self._bash: _Bash | None = None

    def run(self, command: str, *, seconds: float) -> Ran:
        """Run `command`; what takes longer than `seconds` is killed, and the shell with it."""
        lost = self._bash is not None and self._bash.ended
        if self._bash is None or lost:
            self.end(killing=False)
            self._bash = _Bash(self._isolation, self._env, self._folder)
        begun = time.monotonic()
        output = self._bash.say(command, lambda: self._cancel.is_set or time.monotonic() - begun >= seconds)
        if output.exit_code is not None:
            return Ran(output.text(), output.exit_code, LOST if lost else "")
        note = "Stopped: the run was cancelled." if self._cancel.is_set else ""
        if output.flooded:
            note = f"Stopped: it wrote more than {MOST_OUTPUT >> 20} MiB. The next command gets a new shell."
        elif time.monotonic() - begun >= seconds:
            note = f"Stopped after {seconds:.0f} s, with everything it started. The next command gets a new shell."
        else:
            note = note or f"The shell ended ({self._bash.how}). The next command gets a new one."
        self.end()
        return Ran(output.text(), None, note)

    def end(self, *, killing: bool = True) -> None:
        """Let go of the shell; `killing`, of everything that runs as its user."""
        if killing:
            self._isolation.kill_all()
        if self._bash is not None:
            self._bash.close()
            self._bash = None


class _Bash:
    """The process and its two pipes."""

    def __init__(self, isolation: Isolation, env: Mapping[str, str], folder: Path) -> None:
        launch = isolation.launch((tool("bash"), "--noprofile", "--norc"), env=env, cwd=folder)
        self._process = launch.start(
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            umask=0o022,
        )
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 (they are pipes)
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._waiting = bytearray(f"exec {END}>&1\n".encode())
        self._left = b""
        """What came after the end of the last command: of something that it left running."""

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self._process.poll() is not None

    @property
    def how(self) -> str:
        """It ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(DRAIN)
            return f"exit code {code}" if code >= 0 else f"signal {-code}"
        return "it closed its output"

    def say(self, command: str, late: Callable[[], bool]) -> Output:
        """Run one command, until it has ended, the shell has, or it is `late`."""
        token = secrets.token_hex(16)
        # bash reads its commands from its input, so what it runs gets another one; and the descriptor `END` stays bash's.
        line = f"{{ eval {shlex.quote(command)}; }} </dev/null {END}>&-; builtin printf '\\n%s %s\\n' {token} \"$?\" >&{END}\n"
        self._waiting += line.encode("utf-8", "replace")
        output = Output(token)
        output.feed(self._left)
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._in, selectors.EVENT_WRITE)
            while output.exit_code is None and not output.flooded and not late():
                if self.ended:
                    self._drain(output)
                    break
                ready = {key.fd for key, _ in selector.select(TICK)}
                if self._in in ready and not self._write():
                    selector.unregister(self._in)
                if self._out in ready and not self._read(output):
                    break
        self._left = output.rest
        return output

    def close(self) -> None:
        """Kill it, and let go of its pipes."""
        with contextlib.suppress(PermissionError):  # sudo is root's, and ends with its child
            self._process.kill()
        with self._process:
            pass

    def _write(self) -> bool:
        """Whether there is more to write."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            del self._waiting[: os.write(self._in, self._waiting)]
            return bool(self._waiting)
        return not self.ended

    def _read(self, output: Output) -> bool:
        """Whether more may come."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._out, 1 << 16)
            output.feed(data)
            return bool(data)
        return True

    def _drain(self, output: Output) -> None:
        """Read what is there; something that bash started may hold the pipe open."""
        end = time.monotonic() + DRAIN
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while time.monotonic() < end and selector.select(TICK) and self._read(output):
                pass
