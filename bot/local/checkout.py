"""The user's own repository: read, and written only where it holds branches of ours.

Git runs on its git folder with our configuration on top (no hooks, no filters, no file system monitor), and only
plumbing at that: HEAD, index and work tree stay as they are.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from bot.core.outbound import one_line
from bot.errors import InternalError, UsageError
from bot.job.git import Git
from bot.job.push import OURS

NOWHERE = "0" * 40


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree of the user's and the git folders behind it."""

    root: Path
    own: Git
    """On the git folder of this very work tree: its HEAD."""
    common: Git
    """On the git folder that all work trees of the repository share: refs, objects, configuration."""
    personal: tuple[Path, ...] = ()
    """Where the user's own git configuration is: read for the name alone."""

    @property
    def name(self) -> str:
        """The project's name, as people's tools expect it."""
        return self.root.name or "repository"

    @property
    def key(self) -> str:
        """The name, and what tells it from another checkout of that name."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip("-.") or "repository"
        return f"{readable[:40]}-{sha256(os.fsencode(self.root)).hexdigest()[:8]}"

    @property
    def asker(self) -> str:
        """`Name <address>` as the user's git has it; empty: it knows nobody."""
        name, address = (one_line(self._setting(f"user.{key}", *self.personal), 100) for key in ("name", "email"))
        clean = [part.replace("<", "").replace(">", "").strip() for part in (name, address)]
        return f"{clean[0]} <{clean[1]}>" if all(clean) else ""

    @property
    def origin(self) -> str:
        """The address of the remote `origin` as it is configured; empty: there is none."""
        return self._setting("remote.origin.url")

    def head_branch(self) -> str:
        """The branch that is checked out here; empty: none is (detached)."""
        return self._short(self.own.attempt("symbolic-ref", "--quiet", "HEAD").out, "refs/heads/")

    def origin_head(self) -> str:
        """The default branch of `origin` as git noted it when it was cloned; empty: it did not."""
        ran = self.common.attempt("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        return self._short(ran.out, "refs/remotes/origin/")

    def oid(self, ref: str) -> str:
        """The commit that `ref` is at; empty: there is no such ref."""
        ran = self.common.attempt("rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        return ran.out.decode("ascii").strip() if ran.exit_code == 0 else ""

    def branch(self, name: str) -> str:
        """The commit that a branch is at; empty: it is not there."""
        return self.oid(f"refs/heads/{name}")

    def contains(self, tip: str, commit: str) -> bool:
        """Whether `tip` was reached from `commit`; both are here."""
        return self.common.attempt("merge-base", "--is-ancestor", commit, tip).exit_code == 0

    def unsaved(self) -> bool:
        """Whether something here is in no commit; a file that was merely touched counts, too."""
        looking, off, ours = self.own.on(self.root), self._without_filters(), (".", ":(exclude,top).ai-ready")
        for words in (
            ("diff-index", "--cached", "--name-only", "--ignore-submodules=all", "HEAD", "--", *ours),
            ("diff-files", "--name-only", "--ignore-submodules=all", "--", *ours),
            ("ls-files", "--others", "--exclude-standard", "--directory", "--", *ours),
        ):
            ran = looking.attempt(*off, *words, seconds=60, most=4096)
            if ran.cut or ran.out.strip():
                return True
        return False

    def is_committed(self, name: str) -> bool:
        """Whether git keeps the file of this name (or will, by the index): it came with the repository, or goes with it."""
        return bool(self.own.on(self.root).attempt("ls-files", "--cached", "-z", "--", f":(top,literal){name}").out)

    def _without_filters(self) -> tuple[str, ...]:
        """What makes git compare files without running the filters of the repository's configuration."""
        listed = ("config", "--local", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(clean|process|required)$")
        names = self.common.attempt(*listed).out.decode("utf-8", "surrogateescape").split("\0")
        values = {name: "false" if name.endswith(".required") else "" for name in names if name}
        return tuple(word for name, value in values.items() for word in ("-c", f"{name}={value}"))

    def where_checked_out(self, branch: str) -> Path | None:
        """The work tree in which a branch is checked out; None: in none."""
        place = None
        for line in self.common("worktree", "list", "--porcelain").split(b"\n"):  # -z is of git 2.36
            word, _, value = line.partition(b" ")
            if word == b"worktree":
                place = Path(os.fsdecode(value))
            elif word == b"branch" and value.decode("utf-8", "surrogateescape") == f"refs/heads/{branch}":
                return place
        return None

    def move(self, branch: str, new: str, old: str) -> bool:
        """Put a branch of ours to `new` if it is at `old` (empty: is not there); whether that could be done."""
        if not OURS.fullmatch(branch):
            raise InternalError(f"{branch} is no branch that ai-ready writes.")
        words = ("update-ref", "-m", "ai-ready", f"refs/heads/{branch}", new, old or NOWHERE)
        return self.common.attempt(*words).exit_code == 0

    def drop(self, branch: str, old: str) -> None:
        """Take a branch of ours away if it is still at `old`."""
        if OURS.fullmatch(branch):
            self.common.attempt("update-ref", "-d", f"refs/heads/{branch}", old)

    def _setting(self, key: str, *files: Path) -> str:
        """Of the repository, else of the first of `files` that has it."""
        places = [("--local",), *(("--includes", "--file", str(file)) for file in files if file.is_file())]
        for words in places:
            ran = self.common.attempt("config", *words, "--get", key)
            if ran.exit_code == 0:
                return ran.out.decode("utf-8", "replace").strip()
        return ""

    @staticmethod
    def _short(ref: bytes, prefix: str) -> str:
        name = ref.decode("utf-8", "surrogateescape").strip()
        return name.removeprefix(prefix) if name.startswith(prefix) else ""


def open_checkout(folder: Path, environ: Mapping[str, str], *, redact: Callable[[str], str] = str) -> Checkout:
    """The checkout that `folder` is in. Raises `UsageError`: there is none, or it is one that runs can't start from."""
    root = folder.resolve()
    while not (root / ".git").exists():
        if root == root.parent:
            raise UsageError(
                f"{folder} is in no git repository: go to one, or make one with `git init` and a first commit."
            )
        root = root.parent
    own = _git_folder(root / ".git")
    common = own / "commondir"
    shared = (own / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else own
    home = Path(environ.get("HOME") or os.devnull)
    personal = (home / ".gitconfig", home / ".config" / "git" / "config")
    git = Git(shared, redact=redact, network=environ)
    _demand_whole(git, root)
    return Checkout(root, replace(git, folder=own), git, personal)


def _demand_whole(git: Git, root: Path) -> None:
    """Raise `UsageError` for what can't be lent: objects that are not here, or have names of another kind."""
    ran = git.attempt("config", "--local", "--get-regexp", r"^(extensions\.objectformat|remote\..*\.promisor)$")
    kinds = dict(line.partition(" ")[::2] for line in ran.out.decode("utf-8", "replace").splitlines())
    if kinds.get("extensions.objectformat", "sha1") != "sha1":
        raise UsageError(
            f"{root} names its objects by SHA-256, which ai-ready can't work with yet: use a clone with SHA-1."
        )
    if "true" in kinds.values():
        raise UsageError(
            f"{root} is a partial clone, in which files are missing that a work tree needs: bring them with "
            "`git fetch --refetch --no-filter`, then `git config --unset remote.origin.promisor`; or clone again."
        )


def _git_folder(there: Path) -> Path:
    """A linked work tree (and a submodule) has a file that says where its git folder is."""
    if there.is_dir():
        return there.resolve()
    words = there.read_text(encoding="utf-8", errors="surrogateescape").strip()
    folder = (there.parent / words.removeprefix("gitdir:").strip()).resolve()
    if not words.startswith("gitdir:") or not folder.is_dir():
        raise UsageError(f"{there} does not lead to a git folder: repair it with `git worktree repair`.")
    return folder
