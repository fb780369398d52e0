"""Files of the agent, read and written as the isolation's user: we never follow a path of its making ourselves.

Each touch is one short process of that user. Links, devices, pipes and permissions mean for it what they mean for the
agent's own shell, so nothing is gained by asking us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.agent.launching import Isolation
from bot.agent.process import Cancel, Command, Lines, Running, Tail

SECONDS = 30.0
"""For one touch: a pipe or a slow disk ends here."""

MOST_BYTES = 2 << 20
"""Of a file that is looked at or changed."""

MOST_LISTED = 500
"""Entries of a folder."""

READ = (
    'if [ -d "$1" ]; then echo folder; cd -- "$1" && find . -mindepth 1 -maxdepth 2 ! -path "*/.git/*" '
    '! -path "*/node_modules/*" | head -n "$3"; '
    'elif [ -f "$1" ]; then echo file; head -c "$2" -- "$1"; elif [ -e "$1" ]; then echo other; else echo nothing; fi'
)
WRITE = (
    'if [ -e "$1" ] && [ ! -f "$1" ]; then echo "This is not a file." >&2; exit 1; fi; '
    'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
)
SEARCH = 'grep -srnIE --exclude-dir=.git --exclude-dir=node_modules -e "$1" -- "$2" 2>&1 | cut -c 1-300 | head -n "$3"'


class CannotTouch(Exception):
    """It did not work; says why, for the model."""


class _Held:
    """Everything that was written, up to a bound."""

    def __init__(self, most: int) -> None:
        self.data, self._most = bytearray(), most

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self.data += data[: self._most - len(self.data)]

    def close(self) -> None:
        """Nothing more will come."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Reads and writes for the model."""

    isolation: Isolation
    env: Mapping[str, str]
    folder: Path
    """Where relative paths begin."""
    cancel: Cancel

    def look(self, path: str) -> str | list[str]:
        """The text of a file, or what is in a folder, two levels deep. Raises `CannotTouch`.

        Bytes that are no text survive a way back.
        """
        words = (self._full(path), str(MOST_BYTES + 1), str(MOST_LISTED))
        kind, _, data = self._run(READ, words).partition(b"\n")
        match kind:
            case b"folder":
                return sorted(data.decode("utf-8", "replace").splitlines())
            case b"file" if len(data) > MOST_BYTES:
                raise CannotTouch(f"{path} has more than {MOST_BYTES >> 20} MiB.")
            case b"file":
                return data.decode("utf-8", "surrogateescape")
            case b"nothing":
                raise CannotTouch(f"There is no {path}.")
            case _:
                raise CannotTouch(f"{path} is neither a file nor a folder.")

    def read(self, path: str) -> str:
        """The text of a file. Raises `CannotTouch`."""
        found = self.look(path)
        if isinstance(found, list):
            raise CannotTouch(f"{path} is a folder.")
        return found

    def write(self, path: str, text: str) -> None:
        """Make `text` the content of the file at `path`, with the folders on the way. Raises `CannotTouch`."""
        self._run(WRITE, (self._full(path),), text.encode("utf-8", "surrogateescape"))

    def search(self, pattern: str, path: str) -> str:
        """Lines that match an extended regular expression, below `path`. Raises `CannotTouch`."""
        found = self._run(SEARCH, (_word(pattern), self._full(path or "."), str(MOST_LISTED)))
        return found.decode("utf-8", "replace")

    def _full(self, path: str) -> str:
        if not path:
            raise CannotTouch("The path is missing.")
        return _word(str(PurePosixPath(self.folder, path)))

    def _run(self, script: str, words: tuple[str, ...], data: bytes = b"") -> bytes:
        command = Command(("/bin/sh", "-c", script, "sh", *words), self.folder, self.env, SECONDS, data, alone=False)
        out, err = _Held(MOST_BYTES + 64), Tail(5)
        ended = Running(command, self.isolation, self.cancel).run(out, Lines(err.add))
        if ended.killed == "timed-out":
            raise CannotTouch(f"That took longer than {SECONDS:.0f} s and was stopped.")
        if ended.returncode != 0 or ended.killed:
            raise CannotTouch(err.text() or ended.problem or f"It failed (exit code {ended.returncode}).")
        return bytes(out.data)


def _word(text: str) -> str:
    """`text` as an argument of a process."""
    if "\0" in text:
        raise CannotTouch("A NUL can't be part of that.")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
