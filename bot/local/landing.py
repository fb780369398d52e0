"""From what an attempt handed over to a commit on a branch of the user's repository, and on GitHub to a draft PR.

The same re-checks as in `bot.job.publish`; only the last step is another one: objects are added, then one ref is moved
from where it was seen (compare-and-set). Safe to call again after a kill: a commit of the same run is recognised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.names import UNPUSHED, Reason
from bot.core.run import Admission, Outcome
from bot.core.settings import RepoConfig
from bot.core.verdict import Refusal, withheld
from bot.job.git import Git, Remote
from bot.job.handover import Received
from bot.job.publish import Press, Pushed, Withheld, prepare_branch
from bot.job.workspace import Screen
from bot.local.checkout import Checkout
from bot.local.loan import Loan
from bot.local.starting import checked_out


@dataclass(frozen=True, slots=True)
class Landed:
    """Where the work of an attempt is now, and what the attempt came to by that."""

    outcome: Outcome
    branch: str = ""
    """Holds it; empty: there is none, or it went nowhere."""
    commit: str = ""
    stays: bool = False
    """There is work that went nowhere: it is in the tree alone."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """What landing stands on."""

    checkout: Checkout
    loan: Loan
    folder: Path
    """A fresh folder of ours."""
    screen: Screen
    environ: Mapping[str, str]

    def deliver(self, git: Git, _remote: Remote, commit: str, branch: str) -> Refusal | None:
        """Put a branch of the checkout to `commit`, from where the loan shows it; None: it is there."""
        if place := self.checkout.where_checked_out(branch):
            return self._refused(branch, checked_out(branch, str(place)))
        old = self.loan.oid(branch)
        self.loan.take(git, commit)
        self.loan.give(self.checkout, commit)
        if self.checkout.move(branch, commit, old):
            return None
        text = f"Somebody changed the branch {branch} while the task was worked on; their commits stay as they are."
        return self._refused(branch, text)

    def _refused(self, branch: str, text: str) -> Refusal:
        """The loan shows the branch as it is now: what is decided next is decided on that."""
        self.loan.show(branch, self.checkout.branch(branch))
        return Refusal(Reason.BRANCH_CHANGED, text)


def resumes(admission: Admission) -> bool:
    """Whether the branch held something besides the base when the attempt began."""
    return admission.head_oid != admission.base_oid


def land(ramp: Ramp, admission: Admission, received: Received, config: RepoConfig) -> Landed:
    """Check once more what was handed over, and put it on its branch."""
    outcome = received.outcome
    if outcome.verdict == "done" and not outcome.commit_oid and resumes(admission):
        return Landed(outcome, admission.branch, admission.head_oid)
    # Whatever happened to the base meanwhile (a person amends commits of theirs), the work is worth keeping.
    ramp.loan.show(admission.base, admission.base_oid)
    ramp.loan.show(admission.branch, ramp.checkout.branch(admission.branch))
    press = Press(ramp.folder, ramp.loan.remote, ramp.screen, ramp.environ, ramp.deliver)
    match prepare_branch(admission, received, config, press):
        case Pushed(commit, _, notes):
            noted = replace(outcome, notes=tuple(dict.fromkeys((*outcome.notes, *notes))))
            return Landed(noted, admission.branch, commit)
        case Withheld(refusal, kept):
            stays = not kept and (received.bundle is not None or outcome.reason in UNPUSHED)
            held = _ended(outcome, withheld(outcome, refusal))
            if kept:
                return Landed(held, kept, ramp.checkout.branch(kept))
            return Landed(held, stays=stays)


def _ended(outcome: Outcome, refusal: Refusal | None) -> Outcome:
    if refusal is None:
        return outcome
    return replace(outcome, verdict="blocked", reason=refusal.reason.value, text=refusal.text, details=refusal.details)
