"""Publish, the git half: from what `work` handed over to a commit on the server's branch, or why not.

Runs where the write token is and executes nothing that came with the work: a clean git folder, one commit out of the
bundle, of which only the changes to the tree are kept. The commit that is pushed is made here, so that its author,
message, dates and parents are ours. Starting again after a kill is safe: a commit of the same run that is already on the branch is
recognised by its trailer and its tree.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.names import UNPUSHED, Reason, kept_branch
from bot.core.run import Admission, Outcome
from bot.core.settings import RepoConfig
from bot.core.verdict import Refusal, conflicts_left
from bot.errors import Blocked
from bot.job.bundle import builds_on_base, open_bundle
from bot.job.commit import commit_tree, run_of
from bot.job.extent import bomb
from bot.job.fetch import QUIET_FETCH, disk_full, fetch_commits, remote_branches, stubborn
from bot.job.git import Git, GitFailed, Remote, make_git_folder
from bot.job.handover import Received
from bot.job.merge import Merge, Unmerged, merge_base_in, protected_conflicts, unresolved
from bot.job.protect import Inspection, inspect_change, rebuild, rules_of
from bot.job.push import push
from bot.job.workspace import Screen

LATER_COMMITS = 50
"""Commits on top of ours among which our own is looked for."""

CLOCK_SLACK = 7 * 86_400
"""Seconds by which committers' clocks may be off when we look whether the base was rewritten."""

NONE_SINCE = "no commits selected for shallow requests"
"""What git says when every commit of a branch is older than the date asked for."""


Deliver = Callable[[Git, Remote, str, str], Refusal | None]
"""Puts a branch to a commit, without force: `deliver(git, remote, commit, branch)`; None: it is there."""


@dataclass(frozen=True, slots=True)
class Press:
    """What publishing stands on."""

    folder: Path
    """A fresh folder of ours."""
    remote: Remote
    screen: Screen
    environ: Mapping[str, str]
    deliver: Deliver = push
    """How a commit gets onto a branch there."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The run's commit is on the server's branch."""

    commit: str
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What deserves a look, as this side sees it."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """The run's branch is left as it is, and why: None when there was nothing to push."""

    refusal: Refusal | None
    kept: str = ""
    """The branch on which the work is all the same: people went on with the run's own meanwhile."""


def prepare_branch(admission: Admission, received: Received, config: RepoConfig, press: Press) -> Pushed | Withheld:
    """Verify what was handed over and push it. Raises nothing a run can cause; what it can is in `Withheld`."""
    outcome = received.outcome
    if received.bundle is None or not outcome.commit_oid:
        return Withheld(_nothing_there(outcome))
    if outcome.verdict == "blocked" and outcome.reason in UNPUSHED:
        return Withheld(None)
    try:
        return _prepare(admission, received.bundle, config, press)
    except Blocked as blocked:
        return Withheld(Refusal(Reason(blocked.code), blocked.text, blocked.details))
    except GitFailed as error:
        if error.disk_full:
            return Withheld(Refusal(Reason.SETUP_FAILED, disk_full().text))
        return Withheld(Refusal(Reason.INTERNAL_ERROR, "git failed while the work was being published.", str(error)))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return Withheld(Refusal(Reason.SETUP_FAILED, disk_full().text))


def _prepare(admission: Admission, bundle: Path, config: RepoConfig, press: Press) -> Pushed | Withheld:
    remote = press.remote
    git = make_git_folder(press.folder / "clean.git", redact=press.screen.text, network=press.environ)
    there = remote_branches(git, remote, [admission.base, admission.branch])
    tip = there.get(admission.branch, "")
    merged = builds_on_base(bundle, admission)
    wanted = [admission.head_oid, *([admission.base_oid] if merged else []), *([tip] if tip else [])]
    fetch_commits(git, remote, wanted, branches=(admission.base, admission.branch), depth=LATER_COMMITS if tip else 1)
    unpacked = open_bundle(git, bundle, admission)
    found = merge_base_in(git, remote, admission) if merged else None
    merge = found if isinstance(found, Merge) else None
    if merged and merge is None:
        why = found.why if isinstance(found, Unmerged) else "the branch has that already"
        text = f"The commit that was handed over merges the base, which can't be checked: {why}."
        return Withheld(Refusal(Reason.INTERNAL_ERROR, text))
    start = merge.tree if merge else admission.head_oid
    if refusal := bomb(git, start, unpacked.tree):
        return Withheld(refusal)
    rules = rules_of(config)
    inspection = inspect_change(git, start, unpacked.tree, rules, press.screen)
    theirs = protected_conflicts(merge, rules.guard) if merge else None
    refusal = inspection.refusal or theirs or _nothing_done(inspection, admission, merge)
    if refusal:
        return Withheld(refusal)
    tree = rebuild(git, start, inspection.changes)
    if merge and (left := unresolved(git, merge, tree, admission)):
        return Withheld(conflicts_left(left))
    paths = tuple(change.path for change in inspection.changes)
    below = (admission.head_oid, *((admission.base_oid,) if merged else ()))
    ours = _already_there(git, admission, tip, tree, below)
    if ours:
        return Pushed(ours, paths, inspection.notes)
    refusal = _base_moved(git, admission, there, press) or _branch_moved(admission, tip)
    commit = commit_tree(git, tree, admission, merged=merged)
    refusal = refusal or press.deliver(git, remote, commit, admission.branch)
    if refusal is None:
        return Pushed(commit, paths, inspection.notes)
    return Withheld(refusal, _keep(git, press, admission, commit) if refusal.reason is Reason.BRANCH_CHANGED else "")


def _nothing_there(outcome: Outcome) -> Refusal | None:
    if outcome.verdict == "done":
        return Refusal(Reason.INTERNAL_ERROR, "The work job said Done but handed over no commit.")
    return None


def _nothing_done(inspection: Inspection, admission: Admission, merge: Merge | None) -> Refusal | None:
    """A merge alone is something where it had conflicts, or where the pull request was to be brought up to date."""
    if inspection.changes or (merge and (merge.conflicts or admission.kind == "fix")):
        return None
    return Refusal(Reason.NO_CHANGES, "The commit that was handed over changes nothing.")


def _already_there(git: Git, admission: Admission, tip: str, tree: str, below: tuple[str, ...]) -> str:
    """Our own commit, when an earlier try of this very run has pushed it; people may have gone on from it."""
    if not tip or tip == admission.head_oid:
        return ""
    words = ("rev-list", f"--max-count={LATER_COMMITS}", tip, "--not", *below)
    for commit in git(*words).decode("ascii").split():
        same = git.line("rev-parse", f"{commit}^{{tree}}") == tree
        if same and run_of(git, commit) == admission.run_key:
            return commit
    return ""


def _keep(git: Git, press: Press, admission: Admission, commit: str) -> str:
    """Push the run's commit to a branch of its own, beside what people put on the run's meanwhile; that branch's name.

    Empty where it can't be, or where they took commits back: that may have a reason, and ours stands on those.
    """
    name, remote = kept_branch(admission.run_key), press.remote
    there = remote_branches(git, remote, [admission.branch, name])
    tip = there.get(admission.branch, "")
    if not tip:
        return ""
    fetch_commits(git, remote, [tip], branches=(admission.branch,), depth=LATER_COMMITS)
    if git.attempt("merge-base", "--is-ancestor", admission.head_oid, tip).exit_code != 0:
        return ""
    if name in there:
        return name  # an earlier try of this very run
    return "" if press.deliver(git, remote, commit, name) else name


def _branch_moved(admission: Admission, tip: str) -> Refusal | None:
    """Whether the branch, now at `tip`, is still what the run started from."""
    continues = admission.head_oid != admission.base_oid
    if tip not in ({admission.head_oid} if continues else {"", admission.head_oid}):
        what = "is gone" if not tip else "has other commits now"
        return Refusal(Reason.BRANCH_CHANGED, f"The branch {admission.branch} {what}; it is left as it is.")
    return None


def _base_moved(git: Git, admission: Admission, there: Mapping[str, str], press: Press) -> Refusal | None:
    """Whether the base still holds what the run started from."""
    base = there.get(admission.base, "")
    if not base:
        return Refusal(Reason.BASE_CHANGED, f"The branch {admission.base}, which the work is meant for, is gone.")
    if base != admission.base_oid and not _descends(git, admission, press, base):
        text = f"The history of {admission.base} was rewritten while the run was at work."
        return Refusal(Reason.BASE_CHANGED, text)
    return None


def _descends(git: Git, admission: Admission, press: Press, tip: str) -> bool:
    """Whether `tip` was reached from the run's base by adding commits.

    Fetches commits only, back to the base's date, into a folder of their own. Raises `GitFailed` when it can't.
    """
    fetch_commits(git, press.remote, [admission.base_oid], branches=(), depth=1)
    born = int(git.line("show", "--no-patch", "--format=%ct", admission.base_oid))
    history = make_git_folder(press.folder / "history.git", redact=press.screen.text, network=press.environ)
    words = (*QUIET_FETCH, "--filter=tree:0", f"--shallow-since={born - CLOCK_SLACK}")
    try:
        stubborn(history, press.remote, *words, press.remote.url, f"{tip}:refs/ai-ready/base")
    except GitFailed as error:
        if NONE_SINCE in error.stderr:
            return False
        raise
    # Exit code 1: it is not; 128: the base is not among them at all.
    return history.attempt("merge-base", "--is-ancestor", admission.base_oid, tip).exit_code == 0
