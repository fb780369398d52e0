"""The end of an attempt: what was handed over lands, the result is put down, the tree goes. May be done again after a kill."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bot.agent.launching import Isolation
from bot.config import LaptopEnv
from bot.core.effects import OpenPull
from bot.core.messages.pull import task_pull_body, task_pull_title
from bot.core.run import Admission, Outcome
from bot.core.settings import RepoConfig
from bot.errors import Blocked
from bot.job.handover import BUNDLE_FILE, OUTCOME_FILE, Digests, Received, receive, sha256_of
from bot.job.push import push
from bot.job.redact import Redactor
from bot.local import worktrees
from bot.local.checkout import Checkout
from bot.local.landing import Landed, Ramp, land
from bot.local.loan import Loan
from bot.local.origin import Origin
from bot.local.ports import Result
from bot.local.pulls import Desk, open_draft
from bot.local.results import write_result
from bot.local.worktrees import Record
from bot.progress.events import Verdict
from bot.progress.journal import Journal

LENT = "lent.git"
PRESS = "press"


@dataclass(frozen=True, slots=True)
class Yard:
    """What an attempt stands on besides its tree."""

    config: RepoConfig
    env: LaptopEnv
    screen: Redactor
    checkout: Checkout
    loan: Loan
    origin: Origin | None


def taken(record: Record) -> Received:
    """What was handed over. Raises `Blocked(internal-error)` when that can't be used."""
    out = Path(record.out)
    bundle = out / BUNDLE_FILE
    digests = Digests(sha256_of(out / OUTCOME_FILE), sha256_of(bundle) if bundle.exists() else "")
    return receive(out, digests, record.admission)


def landed(yard: Yard, record: Record, received: Received) -> Landed:
    """Bring it to its branch in the checkout."""
    with _fresh(Path(record.out) / PRESS) as folder:
        ramp = Ramp(yard.checkout, yard.loan, folder, yard.screen, yard.env.others)
        return land(ramp, record.admission, received, yard.config)


def finish(yard: Yard, tree: Path, record: Record, isolation: Isolation, journal: Journal, *, url: str) -> Result:
    """Land what was handed over, put the result down and take the tree away. `url`: the task's page."""
    there = landed(yard, record, taken(record))
    outcome, pull = there.outcome, ""
    if outcome.verdict == "done" and there.commit and yard.origin is not None and yard.origin.repo:
        try:
            pull = _on_github(yard, yard.origin, record.admission, there, url)
        except Blocked as blocked:
            outcome = replace(
                outcome, verdict="blocked", reason=blocked.code, text=blocked.text, details=blocked.details
            )
    branch, commit = _where(yard, record, there)
    result = Result(outcome, branch, commit, pull, tree if there.stays else None)
    _tell(journal, outcome)
    if there.stays:
        isolation.reclaim(tree)
        worktrees.keep(tree, record, outcome.reason)
    out = Path(record.out)
    write_result(out, result)
    if not there.stays:
        worktrees.remove(tree, isolation)
    (out / BUNDLE_FILE).unlink(missing_ok=True)
    return result


def _on_github(yard: Yard, origin: Origin, admission: Admission, there: Landed, url: str) -> str:
    """Push the branch and open its draft pull request; its address. Raises `Blocked` with what to do."""
    from bot.github.action_client import Access, ActionGitHub  # noqa: PLC0415 (brings PyGithub)

    refusal = push(yard.loan.git, origin.remote, there.commit, there.branch)
    if refusal is not None:
        text = f"{refusal.text.rstrip('.')}. The work is on the branch {there.branch} of this checkout."
        raise Blocked(refusal.reason, text, details=refusal.details)
    body = task_pull_body(admission.task, url, there.outcome, run_key=admission.run_key)
    wanted = OpenPull(
        there.branch,
        admission.base,
        task_pull_title(admission.title, admission.task),
        yard.screen.text(body),
        yard.config.pull_request.draft,
    )
    github = ActionGitHub(Access(origin.repo, yard.env.token.reveal(), yard.env.api_url))
    return open_draft(Desk(github, origin.repo, yard.env.server_url), wanted, there.commit).url


def _where(yard: Yard, record: Record, there: Landed) -> tuple[str, str]:
    """The branch with the work, and its commit: this attempt's, or what there was before it."""
    admission = record.admission
    if there.branch:
        return there.branch, there.commit
    if admission.head_oid == record.onto:
        yard.checkout.drop(admission.branch, record.onto)  # it has nothing of its own
        return "", ""
    if admission.head_oid == admission.base_oid:
        return "", ""
    return admission.branch, yard.checkout.branch(admission.branch)


def _tell(journal: Journal, outcome: Outcome) -> None:
    usd, seconds = round(outcome.usd, 4), round(outcome.seconds, 1)
    journal.tell(Verdict(outcome.verdict, outcome.reason, outcome.text, outcome.turns, usd, seconds))


@contextlib.contextmanager
def _fresh(folder: Path) -> Iterator[Path]:
    """An empty folder, whatever a kill left there; gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
