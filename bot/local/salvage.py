"""What an attempt left in its tree that nobody handed over: collected into a commit, as a run does it at its end.

The agent's processes are ended and its files taken back first. What comes of it is handed over like a run's own result
and goes the same way to its branch, through the same checks.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bot.agent.isolation import isolation_again
from bot.agent.launching import Isolation
from bot.core.names import UNPUSHED, Reason
from bot.core.run import Outcome
from bot.job.bundle import make_bundle
from bot.job.collect import collect, known_baseline
from bot.job.commit import commit_tree
from bot.job.git import Git
from bot.job.handover import BUNDLE_FILE, hand_over
from bot.job.workspace import ContainedPath, Workspace, folder_name
from bot.local.worktrees import WORKED, Record

NOTHING_STARTED = "mark none"
CUT_OFF = "The runner was killed while the agent was at work."


@dataclass(frozen=True, slots=True)
class Wreck:
    """The tree of an attempt that is not under way any more, or nearly so."""

    tree: Path
    record: Record
    git: Git
    """Ours, on whatever: brings the settings."""


@contextlib.contextmanager
def caretaker(tree: Path, record: Record, log: Callable[[str], None]) -> Iterator[Isolation]:
    """Who can end the processes of a killed attempt and take its files back.

    Raises `Blocked(setup-failed)` when that can't be had here.
    """
    root = Path(tempfile.mkdtemp(prefix=".care-", dir=tree))
    root.chmod(0o711)
    with isolation_again(record.trace or NOTHING_STARTED, root=root, log=log) as isolation:
        yield isolation


def salvage(wreck: Wreck, isolation: Isolation) -> None:
    """Hand over, in the killed attempt's name, what it left."""
    admission = wreck.record.admission
    lost = Reason.RUNNER_LOST.value
    outcome = Outcome(admission.run_key, "blocked", reason=lost, text=CUT_OFF, model=admission.model)
    hand_over(Path(wreck.record.out), rescue(wreck, isolation, outcome))


def rescue(wreck: Wreck, isolation: Isolation, outcome: Outcome) -> Outcome:
    """`outcome` with a bundle of what the files are now, where it has none and there is something to be had."""
    workspace = _workspace(wreck)
    if workspace is None or outcome.commit_oid or outcome.reason in UNPUSHED:
        return outcome
    isolation.reclaim(workspace.tree.path)
    (workspace.git.folder / "index.lock").unlink(missing_ok=True)  # of a git of ours that was killed
    found = collect(workspace, known_baseline(workspace))
    if found.refusal is not None:
        return replace(outcome, reason=found.refusal.reason.value, text=found.refusal.text)
    if found.tree == workspace.git.line("rev-parse", f"{workspace.start}^{{tree}}"):
        return outcome
    admission = wreck.record.admission
    commit = commit_tree(workspace.git, found.tree, admission, merged=workspace.start != admission.head_oid)
    make_bundle(workspace.git, admission, commit, Path(wreck.record.out) / BUNDLE_FILE)
    return replace(outcome, commit_oid=commit)


def _workspace(wreck: Wreck) -> Workspace | None:
    """As `prepare` made it; None: the agent had not begun, so there is nothing of its."""
    if not (wreck.tree / WORKED).exists():
        return None
    place = wreck.tree / folder_name(wreck.record.admission.repo)
    git = replace(wreck.git, folder=wreck.tree / "store.git").on(place)
    return Workspace(git, ContainedPath(place, wreck.tree), git.line("rev-parse", "HEAD"), {}, ())
