"""Publish, both halves joined: the branch on git, then "read facts → decide → apply" until the run has its verdict.

Safe to kill and run again anywhere: what is already on GitHub is found, not made twice.
"""

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.config import ActionEnv, parse_repo_config
from bot.core.effects import Effect, OpenPull, PostComment, PutStatus, ReplyInThread
from bot.core.ledger import notes_of, records
from bot.core.model import Issue, Pull, Snapshot
from bot.core.names import Reason
from bot.core.publishing import Ending, Step, next_step, pull_gone
from bot.core.run import Admission
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.survey import askers
from bot.core.unbegun import why_taken_back
from bot.core.verdict import Refusal, cancelled, missing_outcome, withheld
from bot.errors import Blocked, GitHubError
from bot.github.ports import Applied
from bot.job.admit import GitHub
from bot.job.boards import has_board, renew_boards
from bot.job.facts import refuse_a_person, utc_now, with_permissions
from bot.job.git import remote_of
from bot.job.handover import Digests, Received, receive
from bot.job.proposing import read_proposal
from bot.job.publish import Press, Pushed, prepare_branch
from bot.job.redact import Redactor
from bot.job.round import read_heard
from bot.notify.notice import Notice, Tell, nobody, notify_of, verdict_notice
from bot.progress.events import RunBegan
from bot.progress.summary import last_word
from bot.report import Report

ROUNDS = 12
"""Reads before publishing gives up; two are normal."""
LATE = timedelta(seconds=30)
"""How old a list of GitHub's may be: a comment whose answer got lost is looked for that long before it is said again."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What publishing needs from outside."""

    github: GitHub
    env: ActionEnv
    report: Report
    folder: Path
    """Where `work` left its files."""
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = field(default=time.sleep)
    served: bool = False
    """The server admitted the run."""
    tell: Tell = nobody
    """Is told of a verdict that was said just now, not of one that is found."""


@dataclass(frozen=True, slots=True)
class End:
    """How the run ended."""

    verdict: Literal["done", "blocked"]
    reason: str
    sentence: str
    pull: Pull | None = None


def publish(publisher: Publisher, admission: Admission, digests: Digests, work_result: str) -> End:
    """End a run: at most one push, one pull request, one verdict.

    Raises:
        GitHubError: GitHub could not be read or written to the end; running it again goes on from there.
    """
    received, failure = _received(publisher, admission, digests, work_result)
    outcome, server = received.outcome if received else None, publisher.env.server_url
    ending = Ending(admission, outcome, failure, server=server, served=publisher.served)
    prepared, said = False, None
    unheard: dict[type[Effect], datetime] = {}
    shown: Snapshot | None = None
    for attempt in range(ROUNDS):
        snapshot = shown or _read(publisher, admission)
        if not prepared:
            refuse_a_person(snapshot, admission.server_id)
            ending = _prepared(publisher, ending, received, snapshot)
            prepared = True
        ending = _with_threads(publisher, ending, snapshot)
        step = next_step(ending, snapshot)
        if any(publisher.clock() < unheard[kind] + LATE for kind in _says(step.effects) & unheard.keys()):
            _pause(publisher, attempt)
            continue
        answers = publisher.github.apply(_screened(publisher, step.effects), snapshot) if step.effects else ()
        failed = [answer for answer in answers if not answer.ok]
        said = _said(answers, snapshot) or said
        lost = _says(answer.effect for answer in failed if answer.unsure)
        unheard.update(dict.fromkeys(lost, publisher.clock()))
        if step.verdict and not any(answer.unsure or _may_be_said_yet(answer, snapshot) for answer in failed):
            end = _end(publisher, admission, step, failed)
            if said is not None:
                _tell(publisher, ending, said, snapshot)
            if not publisher.served and has_board(snapshot):
                renew_boards(publisher.github, publisher.clock, publisher.report.log)
            return end
        ending = _after_answering(publisher, _after_opening(ending, answers), answers)
        shown = _with_opened(ending, answers, snapshot)
        for answer in failed:
            if isinstance(answer.effect, PostComment):
                publisher.report.log(f"GitHub did not take the verdict: {answer.message or answer.status}")
        if failed or (attempt and not step.verdict):
            _pause(publisher, attempt)
    raise GitHubError(f"The verdict of run {admission.run_key} could not be published; run this job again.")


def _may_be_said_yet(answer: Applied, snapshot: Snapshot) -> bool:
    """A verdict that was refused is tried again; on an issue that is gone there is nowhere to say it."""
    return isinstance(answer.effect, PostComment) and answer.effect.issue in snapshot.issues


def _pause(publisher: Publisher, attempt: int) -> None:
    """An answer got lost, or a list is not up to date yet."""
    publisher.sleep(min(1.0 + attempt, 5.0))


def _says(effects: Iterable[Effect]) -> set[type[Effect]]:
    """Which of what must be said only once is among them: the verdict, answers to reviewers."""
    return {type(effect) for effect in effects if isinstance(effect, PostComment | ReplyInThread)}


def _read(publisher: Publisher, admission: Admission) -> Snapshot:
    """Other issues matter where one of them may have waited for this run's end; the server sees to that by itself."""
    if publisher.served:
        return publisher.github.issue_snapshot(admission.issue, now=publisher.clock(), prerequisites=False)
    return publisher.github.snapshot(focus={admission.issue}, now=publisher.clock())


def _received(
    publisher: Publisher, admission: Admission, digests: Digests, work_result: str
) -> tuple[Received | None, Refusal | None]:
    if not digests.outcome:
        return None, missing_outcome(work_result)
    try:
        return receive(publisher.folder, digests, admission), None
    except Blocked as blocked:
        if work_result == "cancelled":  # killed between saying what it wrote and handing it over
            return None, missing_outcome(work_result)
        return None, Refusal(Reason(blocked.code), blocked.text, blocked.details)


def _prepared(publisher: Publisher, ending: Ending, received: Received | None, snapshot: Snapshot) -> Ending:
    """Push the branch, unless the verdict was said already; settings come from the default branch, read now."""
    parsed = parse_repo_config(snapshot.config_text)
    config = RepoConfig() if isinstance(parsed, ConfigProblem) else parsed
    ending = replace(ending, settings=config.pull_request, attempts=config.limits.attempts)
    if received is None and ending.failure == cancelled():
        ending = replace(ending, failure=_never_begun(publisher, ending, parsed))
    issue = snapshot.issues.get(ending.admission.issue)
    said = issue is not None and any(
        record.run_key == ending.admission.run_key for record in records(issue, snapshot.own_ids)
    )
    if gone := pull_gone(ending.admission, snapshot):
        ending = replace(ending, failure=ending.failure or gone)
    if received is None or said or gone or ending.admission.kind == "plan":
        return ending
    if ending.admission.kind == "init":
        return _with_proposal(publisher, ending, received, issue)
    env = publisher.env
    with tempfile.TemporaryDirectory(prefix="ai-ready-publish-") as folder:
        remote = remote_of(env.server_url, ending.admission.repo, env.token)
        press = Press(Path(folder), remote, Redactor(env.secrets), env.others)
        answer = prepare_branch(ending.admission, received, config, press)
    if isinstance(answer, Pushed):
        publisher.report.log(f"Pushed {answer.commit[:12]} to {ending.admission.branch}.")
        outcome = replace(received.outcome, notes=tuple(dict.fromkeys((*received.outcome.notes, *answer.notes))))
        return replace(ending, outcome=outcome, pushed_oid=answer.commit)
    return replace(ending, kept=answer.kept, failure=withheld(received.outcome, answer.refusal))


def _with_proposal(publisher: Publisher, ending: Ending, received: Received, issue: Issue | None) -> Ending:
    """The plan of issues that the agent made, read as strictly as `work` did, against what is there by now."""
    if issue is None or not received.outcome.planned:
        return ending
    read = read_proposal(received.outcome.proposal, issue, Redactor(publisher.env.secrets), publisher.github)
    if isinstance(read, Refusal):
        return replace(ending, failure=read)
    return replace(ending, proposal=read)


def _with_threads(publisher: Publisher, ending: Ending, snapshot: Snapshot) -> Ending:
    """Which conversations may be answered, as this job itself reads them: `work` only says what to answer."""
    replies = ending.outcome.replies if ending.admission.kind == "fix" and ending.outcome else ()
    if all(reply.thread in ending.answered for reply in replies):
        return ending
    try:
        said = read_heard(publisher.github, snapshot, ending.admission.pull)
    except GitHubError as problem:  # the verdict counts more
        publisher.report.log(f"The review conversations are not answered: {problem}")
        return replace(ending, threads=())
    return replace(ending, threads=said.threads)


def _never_begun(publisher: Publisher, ending: Ending, config: RepoConfig | ConfigProblem) -> Refusal | None:
    """Why `work` was cancelled or skipped before it said anything: the server takes a run back for what is now so."""
    number, key = ending.admission.issue, ending.admission.run_key
    snapshot = publisher.github.issue_snapshot(number, now=publisher.clock())
    issue = snapshot.issues.get(number)
    if issue is None or not issue.open:
        return ending.failure
    known = with_permissions(publisher.github, snapshot, askers(snapshot))
    return why_taken_back(known, config, number, key) or ending.failure


def _after_opening(ending: Ending, answers: tuple[Applied, ...]) -> Ending:
    """What the answer to `OpenPull` changes: a refusal for good ends the run as Blocked (pr-failed)."""
    for answer in answers:
        if isinstance(answer.effect, OpenPull) and not answer.ok and not answer.unsure:
            exists = "already exists" in answer.message
            if not exists and answer.status not in {0, 429} and answer.status < 500:
                text = f"GitHub refused the pull request: {answer.message}"
                return replace(ending, failure=Refusal(Reason.PR_FAILED, text))
    return ending


def _after_answering(publisher: Publisher, ending: Ending, answers: tuple[Applied, ...]) -> Ending:
    """What was answered is not answered again; what GitHub refuses for good (a conversation that is gone) stays so."""
    decided = [each for each in answers if isinstance(each.effect, ReplyInThread) and not each.unsure]
    for answer in decided:
        if not answer.ok:
            publisher.report.log(f"GitHub refused an answer to a review conversation: {answer.message}")
    found = {each.effect.thread for each in decided if isinstance(each.effect, ReplyInThread)}
    return replace(ending, answered=ending.answered | found)


def _with_opened(ending: Ending, answers: tuple[Applied, ...], snapshot: Snapshot) -> Snapshot | None:
    """What was read, with the pull request that was opened as GitHub's answer shows it; None: that is not as it should be,
    or the lists are late (they do not show the status comment that gate made before), so look again.
    """
    issue = snapshot.issues.get(ending.admission.issue)
    if issue is None or notes_of(issue, snapshot.own_ids) is None:
        return None
    for answer in answers:
        made, asked = answer.pull, answer.effect
        if isinstance(asked, OpenPull) and answer.ok and made is not None:
            wanted = (asked.head, asked.base, asked.draft, ending.pushed_oid, True)
            if (made.head, made.base, made.draft, made.head_oid, made.open) == wanted:
                return replace(snapshot, pulls=(*snapshot.pulls, made))
    return None


def _said(answers: tuple[Applied, ...], snapshot: Snapshot) -> Notice | None:
    """The verdict that was posted just now; one of which no answer came is found by the next read."""
    posted = (answer.effect for answer in answers if answer.ok or answer.unsure)
    return next((notice for effect in posted if (notice := verdict_notice(effect, snapshot))), None)


def _tell(publisher: Publisher, ending: Ending, said: Notice, snapshot: Snapshot) -> None:
    if ending.outcome is not None:
        said = replace(said, usd=ending.outcome.usd, seconds=ending.outcome.seconds)
    notify = notify_of(parse_repo_config(snapshot.config_text))
    publisher.tell(notify, replace(said, log=ending.admission.run_url))


def _screened(publisher: Publisher, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Nothing leaves without having passed the redactor, whoever wrote it."""
    screen = Redactor(publisher.env.secrets)
    done: list[Effect] = []
    for effect in effects:
        if isinstance(effect, PostComment | PutStatus | OpenPull | ReplyInThread):
            effect = replace(effect, body=screen.text(effect.body))  # noqa: PLW2901
        done.append(effect)
    return tuple(done)


def _end(publisher: Publisher, admission: Admission, step: Step, failed: list[Applied]) -> End:
    report = publisher.report
    for answer in failed:
        report.log(f"GitHub refused {type(answer.effect).__name__}: {answer.message or answer.status}")
    if any(isinstance(answer.effect, PostComment) for answer in failed):
        report.error(f"The verdict could not be posted to #{admission.issue}.")
    if step.verdict == "done":
        number = step.pull.number if step.pull else 0
        sentence = f"Done: draft PR #{number} for #{admission.issue}."
        address = step.pull.url if step.pull else ""
        report.log(f"{sentence} {address}".strip())
    else:
        sentence = f"Blocked ({step.reason}): {step.text}"
        report.log(sentence)
    began = RunBegan.of(admission, publisher.env.server_url)
    opened = step.pull if step.verdict == "done" else None
    report.summarise(last_word(began, admission.issue, opened, step.reason, step.text))
    return End("done" if step.verdict == "done" else "blocked", step.reason, sentence, step.pull)
