"""Where the checks judge: the tree that would be published, in a folder and a home that the agent never touched.

In the agent's own folder a check can be made to lie without a trace in the diff: an ignored `pytest.pyc` that
`python -m pytest` imports first, a `usercustomize.py` in the home, an altered program in `.venv`. So the judged tree is
checked out anew, setup runs there once more, and both are thrown away afterwards.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.run import Admission
from bot.job.git import make_git_folder
from bot.job.workspace import Ground, Workspace, lend_history


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command of the repository runs."""

    folder: Path
    home: Path | None = None
    """None: the home that the agent has, too."""

    @property
    def environment(self) -> dict[str, str]:
        """What says so to the command."""
        return {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp")} if self.home else {}


@contextmanager
def fresh_place(workspace: Workspace, tree: str, admission: Admission, ground: Ground) -> Iterator[Place]:
    """Check `tree` out anew, owned by the isolation's user; gone afterwards. Raises `GitFailed`, `Blocked(cancelled)`."""
    root = Path(tempfile.mkdtemp(prefix="judge-", dir=ground.root))
    root.chmod(0o711)
    try:
        store = make_git_folder(root / "store.git", redact=ground.screen.text, stop=ground.cancel)
        (store.folder / "objects" / "info" / "alternates").write_text(f"{workspace.git.folder / 'objects'}\n")
        if (workspace.git.folder / "shallow").exists():
            shutil.copyfile(workspace.git.folder / "shallow", store.folder / "shallow")
        folder, home = root / workspace.tree.path.name, root / "home"
        folder.mkdir(mode=0o755)
        git = store.on(folder)
        git("read-tree", tree)
        git("checkout-index", "--all", "--force", "--index", seconds=600)
        lend_history(git, folder, admission.branch, workspace.start)
        (home / "tmp").mkdir(parents=True)
        home.chmod(0o700)
        for path in (folder, home):
            ground.isolation.own(path)
        yield Place(folder, home)
    finally:
        if not ground.cancel.is_set:  # the whole run's folder goes then, after the outcome was handed over
            ground.isolation.discard(root)
