"""Where a run may live on the disk: outside every home, and passed by the user that its agent is."""

import os
import shutil
import tempfile
from pathlib import Path

from bot.agent.leftovers import RUN_FOLDER
from bot.core.names import Reason
from bot.errors import Blocked


def run_root(base: Path | None = None) -> Path:
    """Make this run's folder: ours, 0711, so that the isolated user passes through but neither lists nor writes it.

    It lies outside every home, because GitHub's runner keeps its own at 0750 where another uid can't pass. Raises
    `Blocked` when no place on this machine can be passed by another uid.
    """
    candidates = [base] if base else [Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108
    for candidate in candidates:
        if candidate.is_dir() and passable(candidate) and os.access(candidate, os.W_OK):
            root = Path(tempfile.mkdtemp(prefix=RUN_FOLDER, dir=candidate.resolve()))
            root.chmod(0o711)
            return root
    tried = ", ".join(str(candidate) for candidate in candidates)
    raise Blocked(Reason.SETUP_FAILED, f"No temporary folder here can be passed by another user (tried {tried}).")


def passable(path: Path) -> bool:
    """Whether everybody may pass every folder on the way to `path`, and through it if it is a folder."""
    real = path.resolve()
    folders = [real, *real.parents] if real.is_dir() else list(real.parents)
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def reachable(program: Path, *, root: Path) -> Path:
    """Where another uid can execute `program`: itself, or (from inside a 0750 home) a hard link or copy under `root`."""
    real = program.resolve()
    if passable(real) and real.stat().st_mode & 0o005 == 0o005:
        return real
    folder = root / "bin"
    folder.mkdir(mode=0o755, exist_ok=True)
    there = folder / real.name
    if not there.exists():
        try:
            if real.stat().st_mode & 0o005 != 0o005:  # a link would share the mode that keeps others out
                raise PermissionError
            os.link(real, there)
        except OSError:
            shutil.copyfile(real, there)
            there.chmod(0o755)
    return there
