"""What an attempt left in its tree that nobody handed over: collected into a commit, as a run does it at its end.

The agent's processes are ended and its files taken back first. What comes of it is handed over like a run's own result
and goes the same way to its branch, through the same checks.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bot.agent.isolation import Isolation, isolation_again
from bot.core.names import UNPUSHED, Reason
from bot.core.run import Outcome
from bot.job.bundle import make_bundle
from bot.job.collect import Baseline, collect
from bot.job.commit import commit_tree
from bot.job.git import Git
from bot.job.handover import BUNDLE_FILE, hand_over
from bot.job.workspace import ContainedPath, Workspace, folder_name
from bot.local.worktrees import WORKED, Record

CUT_OFF = "The runner was killed while the agent was at work."


@dataclass(frozen=True, slots=True)
class Wreck:
    """A tree in which nobody works any more."""

    tree: Path
    record: Record
    git: Git
    """Ours, on nothing yet: brings the settings."""


def salvage(wreck: Wreck, log: Callable[[str], None]) -> None:
    """Hand over, in the killed attempt's name, what it left. Raises `Blocked` where its processes can't be ended here."""
    record = wreck.record
    outcome = Outcome(
        record.admission.run_key,
        "blocked",
        reason=Reason.RUNNER_LOST.value,
        text=CUT_OFF,
        model=record.admission.model,
    )
    with _its_isolation(wreck, log) as isolation:
        if isolation is not None:
            outcome = rescue(wreck, isolation, outcome)
    hand_over(Path(record.out), outcome)


def rescue(wreck: Wreck, isolation: Isolation, outcome: Outcome) -> Outcome:
    """`outcome` with a bundle of what the files are now, where it has none and there is something to be had."""
    workspace = _workspace(wreck)
    if workspace is None or outcome.commit_oid or outcome.reason in UNPUSHED:
        return outcome
    isolation.reclaim(workspace.tree.path)
    (workspace.git.folder / "index.lock").unlink(missing_ok=True)  # of a git of ours that was killed
    found = collect(workspace, Baseline())
    if found.refusal is not None:
        return replace(outcome, reason=found.refusal.reason.value, text=found.refusal.text)
    if found.tree == workspace.git.line("rev-parse", f"{workspace.start}^{{tree}}"):
        return outcome
    admission = wreck.record.admission
    merged = workspace.start != admission.head_oid
    commit = commit_tree(workspace.git, found.tree, admission, merged=merged)
    make_bundle(workspace.git, admission, commit, Path(wreck.record.out) / BUNDLE_FILE)
    return replace(outcome, commit_oid=commit)


def _workspace(wreck: Wreck) -> Workspace | None:
    """As `prepare` made it; None: the agent had not begun, so there is nothing of its."""
    if not (wreck.tree / WORKED).exists():
        return None
    place = wreck.tree / folder_name(wreck.record.admission.repo)
    git = replace(wreck.git, folder=wreck.tree / "store.git").on(place)
    return Workspace(git, ContainedPath(place, wreck.tree), git.line("rev-parse", "HEAD"), {}, ())


@contextlib.contextmanager
def _its_isolation(wreck: Wreck, log: Callable[[str], None]) -> Iterator[Isolation | None]:
    """None: it had not got as far as to start anything."""
    if not wreck.record.trace:
        yield None
        return
    root = Path(tempfile.mkdtemp(prefix=".salvage-", dir=wreck.tree))
    root.chmod(0o711)
    with isolation_again(wreck.record.trace, root=root, log=log) as isolation:
        yield isolation
