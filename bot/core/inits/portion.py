"""What of an approved plan is made next: a little at a time, each piece as data. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.core import titles
from bot.core.inits.proposal import Proposal
from bot.core.inits.tally import META, Tally
from bot.core.markers import hide
from bot.core.model import Issue
from bot.core.names import PROJECT_MARKER
from bot.core.specs.mark import marked_body, marked_meta_body
from bot.core.specs.planned import PlannedTask, Priority, key_of

AT_ONCE: Final = 4
"""Issues made (or brought up to date) in one go: with what is noted before and after, what GitHub takes in a few seconds."""

RELATIONS_AT_ONCE: Final = 10

LATE: Final = timedelta(seconds=120)
"""How old a list of GitHub's may be: an issue that may have been made is looked for that long before it is made again."""

MOST_TRIES: Final = 3
"""Refusals for good, one after the other, before a person is asked."""

_OLD_LABELS: Final = {Priority.URGENT: "P0", Priority.HIGH: "P1", Priority.NORMAL: "P2", Priority.LOW: "P3"}


@dataclass(frozen=True, slots=True)
class NewIssue:
    """An issue to make."""

    key: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    """The first of them that the repository has is put on."""


@dataclass(frozen=True, slots=True)
class Update:
    """An issue to bring up to date, as far as nobody changed it."""

    number: int
    task: PlannedTask
    init: str


@dataclass(frozen=True, slots=True)
class Relation:
    """`issue` is blocked by `other`, or has it as a sub-issue."""

    kind: Literal["blocked-by", "sub-issue"]
    issue: int
    other: int


@dataclass(frozen=True, slots=True)
class Portion:
    """What is done in one go; of one kind only."""

    new: tuple[NewIssue, ...] = ()
    updates: tuple[Update, ...] = ()
    relations: tuple[Relation, ...] = ()
    finish: str = ""
    """The line of the META issue that ends it."""


def init_name(spec: int) -> str:
    """Names an initialization in the issues that it made."""
    return f"issue-{spec}"


def opening(approval: str, proposal: Proposal) -> Tally:
    """The ledger before anything is made."""
    return Tally(approval, proposal.sha, len(proposal.plan.tasks), proposal.there)


def with_seen(tally: Tally, proposal: Proposal, issues: Mapping[int, Issue], spec: int) -> Tally:
    """With the issues that are there by their titles: of a run that died, or of people who belong to the repository."""
    known = tally.numbers
    wanted = {task.key for task in proposal.plan.tasks} - known.keys()
    found: dict[str, int] = {}
    for number in sorted(issues):
        issue = issues[number]
        if issue.is_pull or issue.foreign or number == spec:
            continue
        key = META if _is_meta(issue, proposal) else key_of(issue.title)
        if key in wanted or (key == META and META not in known):
            found.setdefault(key, number)
    if not found:
        return tally
    left = tuple(key for key in tally.begun if key not in found)
    return replace(tally, made=(*tally.made, *found.items()), begun=left)


def next_portion(proposal: Proposal, tally: Tally, now: datetime, spec: int) -> Portion | None:
    """What to do now; None: wait, as it is not known yet whether something was made."""
    numbers = tally.numbers
    doubted = any(key not in numbers for key in tally.begun)
    if doubted and tally.begun_at is not None and now - tally.begun_at < LATE:
        return None
    if META not in numbers:
        return Portion(new=(_meta(proposal, spec),))
    if missing := [task for task in proposal.plan.tasks if task.key not in numbers]:
        return Portion(new=tuple(_new(task, spec) for task in missing[:AT_ONCE]))
    if updates := tuple(_updates(proposal, numbers, spec))[tally.changed :][:AT_ONCE]:
        return Portion(updates=updates)
    if relations := tuple(_relations(proposal, numbers))[tally.related :][:RELATIONS_AT_ONCE]:
        return Portion(relations=relations)
    return Portion(finish=project_line(proposal, tally, spec))


def project_line(proposal: Proposal, tally: Tally, spec: int) -> str:
    """What META remembers of the plan: its name, and the number of each issue."""
    tasks = {task.key for task in proposal.plan.tasks}
    made = {key: number for key, number in tally.made if key in tasks}
    return hide(PROJECT_MARKER, {"v": 1, "spec": spec, "plan": proposal.sha, "issues": made})


def _meta(proposal: Proposal, spec: int) -> NewIssue:
    return NewIssue(META, proposal.plan.meta_title, _meta_text(proposal, spec))


def _meta_text(proposal: Proposal, spec: int) -> str:
    """Where it comes from stands behind the part that is the plan's."""
    return f"{marked_meta_body(proposal.plan, init_name(spec))}\n\nSpecification: #{spec}"


def _new(task: PlannedTask, spec: int) -> NewIssue:
    labels = (f"priority: {task.priority.value}", _OLD_LABELS[task.priority])
    return NewIssue(task.key, task.full_title, marked_body(task, init_name(spec)), labels)


def _updates(proposal: Proposal, numbers: Mapping[str, int], spec: int) -> Iterator[Update]:
    for task in proposal.plan.tasks:
        if task.key in proposal.changed:
            yield Update(numbers[task.key], task, init_name(spec))


def _relations(proposal: Proposal, numbers: Mapping[str, int]) -> Iterator[Relation]:
    """In a fixed order. New issues are made as sub-issues; of those that were there people decide, once META is."""
    if META not in proposal.numbers:
        for task in proposal.plan.tasks:
            if task.key in proposal.numbers:
                yield Relation("sub-issue", numbers[META], numbers[task.key])
    for key, first in proposal.waits:
        if key in numbers and first in numbers:
            yield Relation("blocked-by", numbers[key], numbers[first])


def _is_meta(issue: Issue, proposal: Proposal) -> bool:
    same = " ".join(issue.title.split()).casefold() == " ".join(proposal.plan.meta_title.split()).casefold()
    return issue.open and same and isinstance(titles.parse(issue.title), titles.Meta)
