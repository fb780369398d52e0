"""Where a run works: a git folder of ours, and a work tree that belongs to the agent.

Owns what is where and whose it is. Under the run's folder (`bot.agent.places.run_root`):

    store.git/   ours: objects, index, refs; the agent can read the objects and write nothing
    REPO/        the agent's: the files, and a throwaway `.git` that borrows our objects, so that it can log, diff
                 and commit for itself; nothing of that `.git` is ever read by us
    home/        the agent's HOME (the isolation's)

What the agent leaves is collected by `bot.job.collect` with our git folder; no submodule and no LFS content is
fetched, for that would need more than this repository's token.
"""

import os
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.agent.launching import Isolation
from bot.agent.process import Cancel
from bot.core.names import Reason
from bot.core.paths import listed
from bot.core.run import Admission
from bot.errors import Blocked, InternalError
from bot.job.commit import merge_commit
from bot.job.fetch import fetch_commits
from bot.job.git import BOT_EMAIL, BOT_NAME, Git, Remote, make_git_folder
from bot.job.merge import Merge, Unmerged, merge_base_in
from bot.progress.events import Event

HISTORY = 20
"""Commits the agent sees of the past: enough to learn a project's manners, little to fetch."""

GUIDES = ("CLAUDE.md", "AGENTS.md")
GUIDE_BYTES = 64 << 10

WHOLE_LISTING = 1 << 30
"""Bytes of a listing of every file of a repository: several millions of them."""

JUNK = (
    *("__pycache__/", "*.py[co]", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".coverage"),
    *("*.egg-info/", ".venv/", "node_modules/", ".DS_Store", ".nyc_output/"),
)
"""Never part of a change unless the repository tracks them: what running its tests leaves behind."""


class Screen(Protocol):
    """Knows the secrets of this process (`bot.job.redact.Redactor`)."""

    def text(self, text: str) -> str:
        """`text` without secrets."""
        ...

    def found(self, data: bytes) -> list[str]:
        """The kinds of secrets that are in `data`."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What every step of a job stands on."""

    root: Path
    """The run's folder: ours, outside every home."""
    isolation: Isolation
    cancel: Cancel
    screen: Screen
    log: Callable[[str], None]
    """For the live log alone."""
    tell: Callable[[Event], None]
    """For everybody who listens to the run."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Our environment; what passes to git and to commands is picked by name there."""


@dataclass(frozen=True, slots=True)
class ContainedPath:
    """A real folder, reached through no symlink, inside a folder of ours; making one is the check."""

    path: Path
    root: Path

    def __post_init__(self) -> None:
        found = self.path.lstat()
        inside = self.path.parent.resolve() == self.root.resolve()
        if not stat.S_ISDIR(found.st_mode) or not inside or self.root.stat().st_uid != os.geteuid():
            raise InternalError(f"{self.path} is not a folder of this run.")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A checked-out repository, ready for the agent."""

    git: Git
    """Ours, looking at the tree."""
    tree: ContainedPath
    start: str
    """The commit the agent's changes are made on: the run's, or where its base had moved on, the merge of both."""
    guides: Mapping[str, str]
    """CLAUDE.md and AGENTS.md as they are on the base branch, cut at `GUIDE_BYTES`."""
    notes: tuple[str, ...]
    """What the agent does not see."""
    merge: Merge | None = None
    """The base, merged into the run's branch."""


def prepare(admission: Admission, remote: Remote, ground: Ground, *, elsewhere: str = "") -> Workspace:
    """Fetch and check out what the run starts from, without leaving a credential anywhere.

    A base that has moved on is merged, unless the pull request goes `elsewhere`.

    Raises `Blocked`: an empty repository, a commit that is gone, a server that can't be read, a full disk.
    """
    if not admission.head_oid or not admission.base_oid:
        raise Blocked(Reason.SETUP_FAILED, "The repository has no commit yet: push a first one, then ask again.")
    git = make_git_folder(
        ground.root / "store.git", redact=ground.screen.text, stop=ground.cancel, network=ground.environ
    )
    oids = (admission.head_oid, admission.base_oid)
    fetch_commits(git, remote, oids, branches=(admission.base, admission.branch), depth=HISTORY)
    found = Unmerged(f"the pull request goes to {elsewhere}") if elsewhere else merge_base_in(git, remote, admission)
    merge = found if isinstance(found, Merge) else None
    start = merge_commit(git, merge, admission) if merge else admission.head_oid
    tree = ground.root / folder_name(admission.repo)
    tree.mkdir(mode=0o755)
    git = git.on(tree)
    _exclude(git, JUNK)
    git("checkout", "--quiet", "--force", "--detach", start, seconds=600)
    lend_history(git, tree, admission.branch, start)
    guides = read_guides(git, admission.base_oid)
    notes = (*_unseen(git), *_unmerged(found, admission))
    workspace = Workspace(git, ContainedPath(tree, ground.root), start, guides, notes, merge)
    ground.isolation.own(tree)
    return workspace


def _unmerged(found: Merge | Unmerged | None, admission: Admission) -> tuple[str, ...]:
    if not isinstance(found, Unmerged):
        return ()
    return (f"{admission.base} was not merged into {admission.branch}: {found.why}",)


def read_guides(git: Git, commit: str) -> dict[str, str]:
    """The project's words to agents, from `commit` and never from the work tree, where an agent may have put them.

    A guide that is a symlink to the other one (a common habit) is left out: the other one is there.
    """
    guides = {}
    for entry in git("ls-tree", "-z", commit, "--", *GUIDES).decode("utf-8", "replace").split("\0"):
        mode, _, name = entry.partition("\t")
        if mode.startswith("100"):
            blob = git.attempt("cat-file", "blob", f"{commit}:{name}", most=GUIDE_BYTES)
            guides[name] = blob.out.decode("utf-8", "replace")
    return guides


def exclude(workspace: Workspace, paths: list[bytes]) -> None:
    """These untracked paths (folders end in `/`) are not part of the change from now on."""
    patterns = [b"/" + re.sub(rb"([\\*?\[\] !#])", rb"\\\1", path) for path in paths if b"\n" not in path]
    with (workspace.git.folder / "info" / "exclude").open("ab") as file:
        file.writelines(pattern + b"\n" for pattern in patterns)


def _exclude(git: Git, patterns: tuple[str, ...]) -> None:
    info = git.folder / "info"
    info.mkdir(exist_ok=True)
    (info / "exclude").write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")


def folder_name(repo: str) -> str:
    """The repository's name, as people's tools expect it (some take a project's name from its folder)."""
    name = repo.rpartition("/")[2]
    return "repository" if name in {"", ".", "..", "home", "bin", "store.git"} else name


def lend_history(git: Git, tree: Path, branch: str, commit: str) -> None:
    """Make the agent's own `.git`, on `branch` at `commit`: our objects borrowed read-only, no remote, no credential."""
    lent = tree / ".git"
    for folder in ("objects/info", "refs/heads", "info"):
        (lent / folder).mkdir(parents=True)
    (lent / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="ascii")
    head = lent / "refs" / "heads" / branch
    head.parent.mkdir(parents=True, exist_ok=True)
    head.write_text(f"{commit}\n", encoding="ascii")
    (lent / "objects" / "info" / "alternates").write_text(f"{git.folder / 'objects'}\n", encoding="utf-8")
    # The files change their owner after checkout: without checkStat every one would be read again to compare.
    (lent / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfileMode = true\n\tcheckStat = minimal\n"
        f'\ttrustctime = false\n[user]\n\tname = "{BOT_NAME}"\n\temail = "{BOT_EMAIL}"\n',
        encoding="utf-8",
    )
    for name in ("shallow", "index"):
        if (git.folder / name).exists():
            shutil.copyfile(git.folder / name, lent / name)


def _unseen(git: Git) -> tuple[str, ...]:
    """What a checkout with this repository's token alone does not bring."""
    notes = []
    told = git("ls-files", "-z", "--stage", "--", ".gitmodules", ":(glob)**/.gitattributes").split(b"\0")
    if any(entry.endswith(b"\t.gitmodules") for entry in told):
        entries = git("ls-files", "-z", "--stage", most=WHOLE_LISTING).split(b"\0")
        modules = [os.fsdecode(entry.partition(b"\t")[2]) for entry in entries if entry.startswith(b"160000 ")]
        notes.append(f"Submodules were not fetched, the agent saw them empty: {listed(modules)}")
    attributes = [entry for entry in told if entry.endswith(b".gitattributes")]
    if any(b"filter=lfs" in git("cat-file", "blob", entry.split(b" ")[1].decode()) for entry in attributes[:50]):
        notes.append("Files in Git LFS were not fetched, the agent saw their pointers")
    return tuple(notes)
