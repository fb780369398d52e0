"""The task source `github`: issues that people have asked for, run on this machine by gate, work and publish.

Nothing of the Action is made a second time here: claiming a task is what the gate does (with the branch `ai/claim-<n>`,
which Actions, servers and other laptops see, as we see theirs), and a run's verdict, labels and pull request are
`publish`'s. So authority is derived as on GitHub, and the repository's own config on its default branch sets the limits.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.config import ActionEnv, Step, parse_repo_config
from bot.core.effects import CloseIssue, Effect, PostComment, ReleaseClaim
from bot.core.model import Snapshot
from bot.core.names import Reason
from bot.core.outbound import COMMENT_LIMIT, fence, inert
from bot.core.run import Admission, Outcome
from bot.core.situation import Hold
from bot.core.survey import Survey, survey
from bot.core.view import Own
from bot.errors import Blocked, ConfigError, GitHubError
from bot.job.admit import gate, why_not
from bot.job.bench import at_bench
from bot.job.facts import read_facts
from bot.job.handover import digests_of, hand_over, receive
from bot.job.steps import gatekeeper, github_of, not_started, publish_here, work_here
from bot.job.telling import teller
from bot.local.beating import beating
from bot.local.github_tasks import listing_of
from bot.local.ports import Attempt, Result, Watch
from bot.local.runs import put_events_aside
from bot.report import Report
from bot.trackers.config import GithubConfig
from bot.trackers.tracker import (
    Listing,
    NewTask,
    NoRelations,
    NoSuchTask,
    SourceConfigError,
    SourceUnavailable,
    Status,
    Taken,
    Task,
    TrackerError,
    must_be_ours,
)

if TYPE_CHECKING:
    from bot.job.endgame import End

GIVEN_BACK: Final = "The runner gave this issue back before an agent had begun; its log says why."


def open_github(
    config: GithubConfig,
    *,
    agent: str,
    environ: Mapping[str, str],
    folder: Callable[[str], Path],
    say: Callable[[str], None],
) -> "GitHubTasks":
    """The issues of a repository, for one runner. `folder`: where the run of a key keeps what it tells.

    Raises `SourceConfigError` for a variable that is missing or wrong.
    """
    token = environ.get(config.api_key_env, "").strip()
    if not token:
        name = config.api_key_env
        raise SourceConfigError(f"API key not found: {name} is not set, and the task source github needs it.")
    repo = config.repo or environ.get("GITHUB_REPOSITORY", "").strip()
    if not repo:
        raise SourceConfigError("The task source github needs `tracker.repo: owner/name`.")
    try:
        env = ActionEnv.from_environ({**environ, "GITHUB_TOKEN": token, "GITHUB_REPOSITORY": repo}, Step.RUN)
    except ConfigError as problem:
        raise SourceConfigError(str(problem)) from problem
    return GitHubTasks(replace(env, run_id=0, run_attempt=1), agent, folder, say)


class GitHubTasks:
    """See `bot.trackers.tracker.Tracker`; `run_task` is the `RunTask` of its tasks. Not thread-safe, but for `check`."""

    def __init__(self, env: ActionEnv, agent: str, folder: Callable[[str], Path], say: Callable[[str], None]) -> None:
        self._env, self._agent, self._folder, self._say = env, agent, folder, say
        self._github = github_of(env, env.repository)
        # The same after a crash: a claim that this runner left is its own again.
        digest = hashlib.sha256(f"{agent} {env.repository.lower()}".encode()).digest()
        self._run_id = -(int.from_bytes(digest[:4]) % 2**31) - 1
        self._admitted: dict[str, Admission] = {}
        self._held: dict[int, str] = {}

    @property
    def source(self) -> str:
        """`github`."""
        return "github"

    def check(self, needed: Collection[Status]) -> None:
        """The repository can be read. GitHub has every status; whether we may write shows at the first claim."""
        del needed
        with _translated():
            read_facts(github_of(self._env, self._env.repository))

    def list(self) -> Listing:
        """As the planner sees it now; what is on hold is said once."""
        snapshot, seen = self._look()
        held = {n: why_not(each) for n, each in seen.situations.items() if isinstance(each, Hold)}
        for number, why in held.items():
            if self._held.get(number) != why:
                self._say(f"#{number} is {why}.")
        self._held = held
        return listing_of(snapshot, seen, self._agent)

    def get(self, task_id: str) -> Task:
        """By its number, with or without `#`."""
        number = task_id.removeprefix("#")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise NoSuchTask(f"There is no task {task_id[:80]} in {self._env.repository}: issues have numbers.")
        return self._found(*self._look(int(number)), number)

    def claim(self, task: Task) -> Task:
        """What the gate does: authority, order, limits, the branch `ai/claim-<n>`; then everything once more."""
        admission = self._admit(task)
        self._admitted[task.id] = admission
        revision = f"{admission.content_sha} {Status.IN_PROGRESS} {self._agent}"
        return replace(task, status=Status.IN_PROGRESS, claimed_by=self._agent, revision=revision)

    def heartbeat(self, task: Task) -> None:
        """A claim says itself until when it holds."""

    def set_status(self, task: Task, status: Status) -> Task:
        """What a run did not say itself: that an issue is given back or closed. The rest follows from what is so."""
        now = self.get(task.id)
        if now.status is status:
            return now
        must_be_ours(task, now, self._agent)
        mine = now.claimed_by == self._agent
        number = int(now.id)
        match status:
            case Status.BLOCKED if mine:
                self._give_up(now)
            case Status.TODO if mine:
                self._apply(number, ReleaseClaim(number))
                self._admitted.pop(now.id, None)
            case Status.DONE:
                self._apply(number, *([ReleaseClaim(number)] if mine else []), CloseIssue(number))
            case _:
                raise TrackerError(
                    f"{now.name} can't be made {status.value} from here: its state follows from its runs and its pull "
                    "request. Comment `/ai help` on it for what can be asked."
                )
        return self.get(now.id)

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """As a comment in which nothing mentions, links or commands."""
        number = int(task.id)
        if not (once and self._says(number, once)):
            self._apply(number, PostComment(number, fence(text, limit=COMMENT_LIMIT)))

    def attach(self, task: Task, url: str, title: str) -> None:
        """In a comment, unless one has it: the verdict of its run does."""
        number = int(task.id)
        if not self._says(number, url):
            self._apply(number, PostComment(number, f"{inert(title)}: {url}"))

    def create(self, new: NewTask) -> Task:
        """Issues are opened on GitHub."""
        raise TrackerError(f"Open the issue “{inert(new.title, 80)}” on GitHub, or plan a whole spec with `/ai init`.")

    def relate(self, task: Task, first: Task) -> None:
        """Relations are made on GitHub."""
        raise NoRelations(
            f"Say on GitHub that {task.name} is blocked by {first.name}, or write `Depends on {first.name}` into it."
        )

    # -------------------------------------------------------------------------------------------- runs

    def run_task(self, task: Task, attempt: Attempt, watch: Watch) -> Result:
        """Work and publish; see `bot.local.ports.RunTask`. What was finished before, and not published, is not done again.

        Raises `SourceUnavailable`: GitHub is away, and the same call goes on from there.
        """
        admission = self._admitted.get(task.id) or self._admit(task)
        out, report = self._folder(attempt.run_key), _Said(say_it=self._say)
        with _translated():
            outcome = _left(out, admission)
            if outcome is None:
                put_events_aside(out)
                with (
                    at_bench(self._env, admission, out, report, watch.cancel, watch.listeners) as bench,
                    beating(watch.beat),
                ):
                    outcome = work_here(self._env, admission, bench)
            end = publish_here(self._env, admission, out, report)
            tip = self._github.branch_oid(admission.branch)
        self._admitted.pop(task.id, None)
        return _result(admission, outcome, end, tip)

    def _admit(self, task: Task) -> Admission:
        """Raises `Taken`."""
        number = int(task.id)
        tell = teller(self._env, self._say).tell
        with _translated():
            came_to = gate(gatekeeper(self._env, self._github, tell), Own(self._run_id, issue=number), only=number)
        admission = came_to.admission
        if admission is None:
            raise Taken(not_started(came_to.situation(number), number).sentence)
        if admission.issue != number:
            raise Taken(f"This runner still has #{admission.issue}, so {task.name} has to wait.")
        return admission

    def _give_up(self, task: Task) -> None:
        """A claim without a run gets its verdict all the same."""
        admission = self._admitted.pop(task.id, None) or self._admit(task)
        out = self._folder(admission.run_key)
        hand_over(out, Outcome(admission.run_key, "blocked", Reason.CANCELLED, GIVEN_BACK))
        with _translated():
            publish_here(self._env, admission, out, _Said(say_it=self._say))

    # ------------------------------------------------------------------------------------------ GitHub

    def _look(self, *focus: int) -> tuple[Snapshot, Survey]:
        with _translated():
            snapshot = read_facts(self._github, focus=focus, paused=self._env.paused)
        return snapshot, survey(snapshot, parse_repo_config(snapshot.config_text), Own(self._run_id))

    def _found(self, snapshot: Snapshot, seen: Survey, number: str) -> Task:
        listing = listing_of(snapshot, seen, self._agent)
        for task in listing.tasks:
            if task.id == number:
                return task
        for problem in listing.problems:
            if problem.id == number:
                raise TrackerError(problem.text)
        raise NoSuchTask(f"There is no task {number} in {self._env.repository}.")

    def _says(self, number: int, words: str) -> bool:
        """Whether a comment of ours has `words`."""
        snapshot, _ = self._look(number)
        issue = snapshot.issues.get(number)
        said = issue.comments if issue else ()
        return any(words in comment.body for comment in said if comment.author.id in snapshot.own_ids)

    def _apply(self, number: int, *effects: Effect) -> None:
        snapshot, _ = self._look(number)
        with _translated():
            for answer in self._github.apply(effects, snapshot):
                if not answer.ok:
                    doing = f"GitHub refused {type(answer.effect).__name__} of #{number}: {answer.message}"
                    raise GitHubError(doing, status=answer.status, retry_after=answer.retry_after)


@dataclass(frozen=True, slots=True)
class _Said(Report):
    """What the steps say, said by the runner."""

    say_it: Callable[[str], None] = print

    def log(self, line: str) -> None:
        """See `Report.log`."""
        self.say_it(line)

    def error(self, sentence: str) -> None:
        """See `Report.error`."""
        self.say_it(sentence)


@contextmanager
def _translated() -> Iterator[None]:
    """What GitHub says no to, in the words of a task source."""
    try:
        yield
    except GitHubError as problem:
        if problem.transient:
            raise SourceUnavailable(str(problem), retry_after=problem.retry_after or 0.0) from problem
        raise TrackerError(str(problem)) from problem


def _left(out: Path, admission: Admission) -> Outcome | None:
    """What a process that was killed while it published had handed over for this very run."""
    digests = digests_of(out)
    try:
        return receive(out, digests, admission).outcome if digests.outcome else None
    except Blocked:
        return None


def _result(admission: Admission, outcome: Outcome, end: "End", tip: str) -> Result:
    """The verdict is publish's; `tip` is where the run's branch is now."""
    if (end.verdict, end.reason) != (outcome.verdict, outcome.reason):
        text = end.sentence.partition(": ")[2] if end.verdict == "blocked" else ""
        outcome = replace(outcome, verdict=end.verdict, reason=end.reason, text=text)
    moved = tip not in {"", admission.head_oid}
    return Result(
        outcome,
        branch=admission.branch if moved else "",
        commit=tip if moved else "",
        pull=end.pull.url if end.pull else "",
        told=True,
    )
