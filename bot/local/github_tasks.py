"""GitHub issues as tasks: what the planner says of each, in the words of the one status contract. Pure."""

from collections.abc import Iterator
from typing import assert_never

from bot.core.ledger import DONE
from bot.core.model import Issue, Snapshot, Source
from bot.core.order import Blocker
from bot.core.requests import content_sha
from bot.core.series import priority
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    Made,
    Making,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    RoundsUsed,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)
from bot.core.survey import Survey
from bot.trackers.tracker import Listing, Prerequisite, Priority, Problem, Status, Task

SOMEBODY = "another run"
"""Who has an issue that is not ours."""


def listing_of(snapshot: Snapshot, survey: Survey, agent: str) -> Listing:
    """Every issue that was read, by number. `survey` was made on our own behalf, and `agent` is our name."""
    issues = {**snapshot.closed, **snapshot.issues}
    there = [issues[number] for number in sorted(issues) if not issues[number].is_pull]
    problems = [each for issue in there if (each := _problem(issue, survey.situations.get(issue.number)))]
    wrong = {problem.id for problem in problems}
    tasks = (task_of(issue, survey.situations.get(issue.number), agent) for issue in there)
    return Listing(tuple(task for task in tasks if task.id not in wrong), tuple(problems))


def task_of(issue: Issue, situation: Situation | None, agent: str) -> Task:
    """One issue. Only what a person who may ask has asked for is eligible, and what holds it back comes before it."""
    status, eligible = standing(issue, situation)
    holder = ""
    if status is Status.IN_PROGRESS:
        holder = agent if isinstance(situation, Running) and situation.ours else SOMEBODY
    return Task(
        id=str(issue.number),
        name=f"#{issue.number}",
        title=issue.title,
        status=status,
        revision=f"{content_sha(issue)} {status} {holder}",
        body=issue.body,
        priority=Priority(priority(issue.labels) + 1),
        labels=issue.labels,
        series=issue.milestone,
        prerequisites=tuple(_prerequisites(situation)),
        claimed_by=holder,
        eligible=eligible,
        url=issue.url,
    )


def standing(issue: Issue, situation: Situation | None) -> tuple[Status, bool]:
    """Where an issue stands, and whether a run of ours may take it (or make the gate say why it can't)."""
    if not issue.open:
        dropped = issue.state_reason in {"not_planned", "duplicate"}
        return Status.CANCELLED if dropped else Status.DONE, False
    match situation:
        case Start() | Unstartable() | Waiting() | Lost():
            return Status.TODO, True
        case Ended(record, again):
            if again:
                return Status.TODO, True
            return Status.IN_REVIEW if record.code == DONE else Status.BLOCKED, False
        case Running() | Queued():
            return Status.IN_PROGRESS, False
        case RoundsUsed() | PullMerged():
            return Status.IN_REVIEW, False
        case PullClosed():
            return Status.BLOCKED, False
        case None | Unasked() | Withdrawn() | Refused() | Hold() | Invalid() | Closed() | Making() | Made():
            return Status.TODO, False
        case _:
            assert_never(situation)


def _prerequisites(situation: Situation | None) -> Iterator[Prerequisite]:
    if isinstance(situation, Waiting):
        yield from (_prerequisite(blocker) for blocker in situation.on if blocker.source is not Source.PHASE)


def _prerequisite(blocker: Blocker) -> Prerequisite:
    """What titles say is seen in the titles again; the rest is named as the tasks are."""
    if blocker.local:
        return Prerequisite(str(blocker.ref.number), f"#{blocker.ref.number}", blocker.standing)
    return Prerequisite(str(blocker.ref), str(blocker.ref), blocker.standing)


def _problem(issue: Issue, situation: Situation | None) -> Problem | None:
    if not isinstance(situation, Invalid):
        return None
    where = " → ".join(situation.path)
    text = f"#{issue.number} can't start: {situation.reason} ({where}). Its status comment says what to do."
    return Problem(str(issue.number), issue.title, text)
