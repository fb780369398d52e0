"""Where a task's work starts: which base, which commit, what is there already. Brought into the loan, then decided.

On GitHub the base is what the server has. Elsewhere it is the newer of what `origin` and this machine have: work that
was merged here and not pushed yet counts. Never what is in no commit.
"""

from dataclasses import dataclass, replace

from bot.core.names import Reason
from bot.errors import Blocked, UsageError
from bot.job.fetch import QUIET_FETCH, remote_branches, stubborn
from bot.job.git import Git, GitFailed
from bot.job.push import OURS
from bot.local.checkout import Checkout
from bot.local.loan import Loan
from bot.local.origin import Origin
from bot.local.ports import Attempt

NOTHING_YET = "The repository has no commit yet: make a first one (`git commit`), then start again."

IN_THE_WAY = "There is a branch called `ai`, so git can't have branches below `ai/`: rename it (`git branch -m ai …`)."


def demand_ground(checkout: Checkout) -> None:
    """Raise `UsageError` for what would block one task after the other: no commit yet, no room for our branches."""
    if not checkout.oid("HEAD"):
        raise UsageError(NOTHING_YET)
    if checkout.branch("ai"):
        raise UsageError(IN_THE_WAY)


@dataclass(frozen=True, slots=True)
class Start:
    """Where an attempt begins."""

    base: str
    """The branch that the work is meant for."""
    base_oid: str
    head_oid: str
    """The base's, or that of the branch where there is work on it."""
    notes: tuple[str, ...] = ()
    builds_on: bool = False
    """What is there besides the base is finished work of other tasks."""


def find_start(checkout: Checkout, loan: Loan, origin: Origin | None, attempt: Attempt, wanted_base: str) -> Start:
    """Decide, with every commit that matters in the loan, and the branch in the checkout where it has to go on.

    Raises `Blocked`: no commit yet, no branch to call the base, a branch of the task that is checked out or went two ways.
    """
    if place := checkout.where_checked_out(attempt.branch):
        raise Blocked(Reason.BRANCH_CHANGED, checked_out(attempt.branch, str(place)))
    if checkout.branch("ai"):
        raise Blocked(Reason.SETUP_FAILED, IN_THE_WAY)
    there = _Server(loan.git, origin, on_github=bool(origin and origin.repo))
    base = wanted_base or there.default() or local_default(checkout)
    if not base:
        head = checkout.head_branch()
        where = f"{head} is checked out" if head else "No branch is checked out (HEAD is detached)"
        text = f"{where}: check out the branch that the work is for, or set `pull_request.base`."
        raise Blocked(Reason.SETUP_FAILED, text)
    base_oid, notes = _base(checkout, there, base)
    if origin is not None and there.origin is None:
        notes = (*notes, "origin did not answer: the work began at what this machine knew of it")
    if checkout.unsaved():
        notes = (*notes, "What is in no commit of the checkout was left out: the work began at the last commit")
    start = Start(base, base_oid, base_oid, notes)
    tip = _branch(checkout, loan, there, attempt.branch)
    if not tip and attempt.onto:
        _move(checkout, attempt.branch, attempt.onto, "")
        tip = attempt.onto
    if tip and not _contains(loan.git, base_oid, tip):
        start = replace(start, head_oid=tip, builds_on=tip == attempt.onto)
    elif tip and tip != base_oid:  # all of it is in the base by now: begin anew, from there
        loan.give(checkout, base_oid)
        _move(checkout, attempt.branch, base_oid, tip)
        tip = base_oid
    for branch, oid in ((base, base_oid), (attempt.branch, tip)):
        loan.show(branch, oid)
    return start


def checked_out(branch: str, place: str) -> str:
    """Why nothing is written to a branch that somebody looks at."""
    return f"The branch {branch} is checked out in {place}, and is left as it is: check out another one there, then start again."


@dataclass(slots=True)
class _Server:
    """`origin`, asked at most until it does not answer."""

    git: Git
    origin: Origin | None
    on_github: bool

    def default(self) -> str:
        """Its default branch; empty: not known."""
        if self.origin is None:
            return ""
        try:
            words = ("ls-remote", "--symref", self.origin.remote.url, "HEAD")
            out = stubborn(self.git, self.origin.remote, *words).decode("utf-8", "replace")
        except GitFailed:
            self.origin = None
            return ""
        first = out.partition("\n")[0].split()
        return first[1].removeprefix("refs/heads/") if first[:1] == ["ref:"] and len(first) > 1 else ""

    def tip(self, branch: str) -> str:
        """Where a branch is there, with its commits here; empty: it is not there, or the server does not answer."""
        if self.origin is None:
            return ""
        remote = self.origin.remote
        try:
            found = remote_branches(self.git, remote, [branch]).get(branch, "")
            if found and self.git.attempt("cat-file", "-e", f"{found}^{{commit}}").exit_code != 0:
                stubborn(self.git, remote, *QUIET_FETCH, remote.url, f"+refs/heads/{branch}:refs/origin/{branch}")
        except (GitFailed, Blocked) as problem:
            if isinstance(problem, Blocked) and problem.code == Reason.CANCELLED:
                raise
            self.origin = None
            return ""
        return found


def local_default(checkout: Checkout) -> str:
    """The default branch as this machine knows it; empty: it does not.

    Else it is the one that is checked out; where that is one of ours, somebody only looks at it.
    """
    if name := checkout.origin_head():
        return name
    head = checkout.head_branch()
    if head and not OURS.fullmatch(head):
        return head
    return next((name for name in ("main", "master") if checkout.branch(name)), "")


def _base(checkout: Checkout, there: _Server, base: str) -> tuple[str, tuple[str, ...]]:
    here = checkout.branch(base)
    known = there.tip(base) or checkout.oid(f"refs/remotes/origin/{base}")
    if not (here or known):
        if checkout.oid("HEAD"):
            raise Blocked(Reason.SETUP_FAILED, f"There is no branch {base} here: set `pull_request.base` to one.")
        raise Blocked(Reason.SETUP_FAILED, NOTHING_YET)
    if not known or not here or here == known:
        return known or here, ()
    if there.on_github:
        ahead = not _contains(there.git, known, here)
        note = f"Commits on {base} that are not on GitHub yet were left out: push them first where the task needs them"
        return known, (note,) if ahead else ()
    if _contains(there.git, here, known):
        return here, ()
    if _contains(there.git, known, here):
        return known, ()
    return known, (f"{base} here and at origin went two ways; the work starts from origin's",)


def _branch(checkout: Checkout, loan: Loan, there: _Server, branch: str) -> str:
    """The newest of the branch, here and on GitHub; what people pushed there comes here first."""
    here = checkout.branch(branch)
    pushed = there.tip(branch) if there.on_github else ""
    if not pushed or pushed == here or (here and _contains(loan.git, here, pushed)):
        return here
    if here and not _contains(loan.git, pushed, here):
        text = (
            f"The branch {branch} went two ways, here and on GitHub: merge them, or delete the one that is not wanted."
        )
        raise Blocked(Reason.BRANCH_CHANGED, text)
    loan.give(checkout, pushed)
    _move(checkout, branch, pushed, here)
    return pushed


def _move(checkout: Checkout, branch: str, new: str, old: str) -> None:
    if not checkout.move(branch, new, old):
        text = f"The branch {branch} could not be moved: somebody else did at the same time. Start again."
        raise Blocked(Reason.BRANCH_CHANGED, text)


def _contains(git: Git, tip: str, commit: str) -> bool:
    return git.attempt("merge-base", "--is-ancestor", commit, tip).exit_code == 0
