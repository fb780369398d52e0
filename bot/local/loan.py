"""What a run needs of the checkout, lent: a bare folder of ours that borrows its objects and has the refs that matter.

Runs fetch from it as from a server, so that nothing that talks git over a pipe ever opens the user's own.
"""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bot.job.git import Git, Remote, make_git_folder
from bot.local.checkout import Checkout

PACK_SECONDS = 600
MOST_BYTES = 1 << 30
"""Of a pack that holds one commit: more than any change may have."""


@dataclass(frozen=True, slots=True)
class Loan:
    """A bare git folder of ours that borrows the checkout's objects; runs fetch from it as from a server."""

    git: Git

    @property
    def remote(self) -> Remote:
        """How a run reaches it."""
        return Remote(self.git.folder.as_uri())

    def show(self, branch: str, commit: str) -> None:
        """Let a branch be at `commit` here; empty: it is not there."""
        if commit:
            self.git("update-ref", f"refs/heads/{branch}", commit)
        else:
            self.git("update-ref", "-d", f"refs/heads/{branch}")

    def oid(self, branch: str) -> str:
        """Where a branch is shown; empty: it is not there."""
        ran = self.git.attempt("rev-parse", "--quiet", "--verify", f"refs/heads/{branch}")
        return ran.out.decode("ascii").strip() if ran.exit_code == 0 else ""

    def take(self, git: Git, commit: str) -> None:
        """Bring a commit that was made in another folder of ours here; what it builds on is here already."""
        parents = git.line("rev-list", "--parents", "--max-count=1", commit).split()[1:]
        wanted = "\n".join([commit, *(f"^{oid}" for oid in parents)]) + "\n"
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self.git.folder) as folder:
            pack = Path(folder) / "pack"
            pack.write_bytes(
                git("pack-objects", "--quiet", "--revs", "--stdout", data=wanted.encode(), most=MOST_BYTES)
            )
            with pack.open("rb", buffering=0) as data:
                self.git("index-pack", "--stdin", "--fix-thin", "--strict", data=data, seconds=PACK_SECONDS)

    def give(self, checkout: Checkout, commit: str) -> None:
        """Bring `commit` and all that it needs into the checkout's own objects; no ref of theirs changes."""
        if checkout.common.attempt("cat-file", "-e", f"{commit}^{{commit}}").exit_code == 0:
            return
        known = checkout.common("for-each-ref", "--format=%(objectname)").decode("ascii").split()
        wanted = "\n".join([commit, *(f"^{oid}" for oid in dict.fromkeys(known))]) + "\n"
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self.git.folder) as folder:
            name = str(Path(folder) / "pack")
            words = ("pack-objects", "--quiet", "--revs", name)
            digest = self.git(*words, data=wanted.encode(), seconds=PACK_SECONDS).decode("ascii").strip()
            with Path(f"{name}-{digest}.pack").open("rb", buffering=0) as pack:
                checkout.common("index-pack", "--stdin", "--fix-thin", "--strict", data=pack, seconds=PACK_SECONDS)


def lend(checkout: Checkout, folder: Path) -> Loan:
    """Make the folder that borrows the checkout's objects, or open it where it is there already."""
    git = replace(checkout.common, folder=folder)
    if not (folder / "HEAD").is_file():
        if folder.exists():
            shutil.rmtree(folder)  # half made by a process of ours that was killed
        make_git_folder(folder, redact=git.redact, network=git.network)
    objects = checkout.common.folder / "objects"
    (folder / "objects" / "info" / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    shallow = checkout.common.folder / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, folder / "shallow")
    return Loan(git)
