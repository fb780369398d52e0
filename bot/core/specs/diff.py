"""A plan against the tasks that are there already, by key: what is new, changed, the same, gone; and what is left alone.

Three versions decide of each field, as in a merge: what we wrote last, what stands there now, what the plan says. Where
somebody else changed a field, it is theirs, and only said; work that has begun or ended is not rewritten either.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.core import titles
from bot.core.specs.body import CRITERIA, DESCRIPTION, STEPS, read_body, task_body
from bot.core.specs.mark import Marked, fingerprint, read_mark
from bot.core.specs.planned import META_KEY, Plan, PlannedTask, Priority, key_of
from bot.core.titles import Meta


@dataclass(frozen=True, slots=True)
class Existing:
    """A task or issue as it stands."""

    id: str
    title: str
    body: str
    priority: Priority | None = None
    """None: it can't be told, so it is not compared."""
    prerequisites: frozenset[str] | None = None
    """Keys that it waits for by relations; None: they can't be told."""
    settled: str = ""
    """Why it is not rewritten, such as `done` or `in_progress`; empty: it may be."""


class Kind(StrEnum):
    """What is to be done about a planned task."""

    NEW = "new"
    CHANGED = "changed"
    """We update it."""
    LEFT = "left"
    """It differs, and is not ours to change."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """A planned task, and what is there of it."""

    task: PlannedTask
    existing: Existing | None = None
    fields: tuple[str, ...] = ()
    """Of what is there, what we update."""
    left: tuple[str, ...] = ()
    """What differs from the plan and stays as it is."""
    why: str = ""
    """Why that stays."""

    @property
    def kind(self) -> Kind:
        """What is to be done."""
        if self.existing is None:
            return Kind.NEW
        if self.fields:
            return Kind.CHANGED
        return Kind.LEFT if self.left else Kind.UNCHANGED


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything that applying a plan does, and what it leaves."""

    changes: tuple[Change, ...]
    gone: tuple[Existing, ...] = ()
    """Made by an earlier plan, and not in this one: left as they are."""
    twice: tuple[str, ...] = ()
    """Keys that several tasks have; the first one counts."""

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """Those of one kind, in the plan's order."""
        return tuple(change for change in self.changes if change.kind is kind)


def compare(plan: Plan, there: Sequence[Existing]) -> Diff:
    """The plan against everything that is there, in the source's order; closed and done ones count as there."""
    there = [each for each in there if not is_meta(each)]
    by_key: dict[str, Existing] = {}
    twice: list[str] = []
    for each in there:
        key = key_of(each.title)
        if key and key in by_key:
            twice.append(key)
        elif key:
            by_key[key] = each
    planned = {task.key for task in plan.tasks}
    by_key |= _renamed(by_key, there, planned)
    counted = {each.id for key, each in by_key.items() if key in planned}
    gone = tuple(
        each for each in there if each.id not in counted and read_mark(each.body) and _key(each) not in planned
    )
    changes = tuple(_change(task, by_key.get(task.key)) for task in plan.tasks)
    return Diff(changes, gone, tuple(dict.fromkeys(key for key in twice if key in planned)))


def is_meta(existing: Existing) -> bool:
    """Whether it keeps other tasks together, by its title or by our marker."""
    marked = read_mark(existing.body)
    return isinstance(titles.parse(existing.title), Meta) or (marked is not None and marked.mark.key == META_KEY)


def _renamed(
    by_key: Mapping[str, Existing], there: Sequence[Existing], planned: AbstractSet[str]
) -> dict[str, Existing]:
    """Tasks whose title somebody gave another key, or none: the marker still says what they are."""
    found: dict[str, Existing] = {}
    for each in there:
        marked = read_mark(each.body)
        if marked and marked.mark.key not in by_key and key_of(each.title) not in planned:
            found.setdefault(marked.mark.key, each)
    return found


def _key(existing: Existing) -> str:
    marked = read_mark(existing.body)
    return key_of(existing.title) or (marked.mark.key if marked else "")


def _change(task: PlannedTask, existing: Existing | None) -> Change:
    if existing is None:
        return Change(task)
    marked = read_mark(existing.body)
    differing = _differing(task, existing, marked)
    if not differing:
        return Change(task, existing)
    if existing.settled:
        return Change(task, existing, left=tuple(differing), why=f"it is {existing.settled}")
    ours = tuple(field for field, is_ours in differing.items() if is_ours)
    theirs = tuple(field for field, is_ours in differing.items() if not is_ours)
    return Change(task, existing, ours, theirs, "somebody changed that" if theirs else "")


def _differing(task: PlannedTask, existing: Existing, marked: Marked | None) -> dict[str, bool]:
    """The fields in which a task differs from its plan; whether it is as we wrote it there."""
    mark = marked.mark if marked else None
    found: dict[str, bool] = {}
    if existing.title.strip() != task.full_title:
        found["title"] = mark is not None and existing.title.strip() == mark.title
    text = task_body(task)
    if fingerprint(marked.ours if marked else existing.body) != fingerprint(text):
        ours = marked is not None and marked.is_as_written
        found |= dict.fromkeys(_sections(marked.ours if marked else existing.body, text), ours)
    if existing.priority is not None and existing.priority is not task.priority:
        found["priority"] = mark is not None and existing.priority.value == mark.priority
    lacking = frozenset(task.prerequisites) - (existing.prerequisites or frozenset())
    if existing.prerequisites is not None and lacking:
        # One that we wrote and that is gone was taken out by somebody.
        found["prerequisites"] = mark is not None and not lacking <= mark.prerequisites
    return found


TEXT_FIELDS: Final = frozenset({DESCRIPTION, CRITERIA, STEPS, "text"})
"""All of a text: it is written as a whole."""


def _sections(before: str, after: str) -> tuple[str, ...]:
    """Which parts of a text differ."""
    old, new = read_body(before), read_body(after)
    pairs = {
        DESCRIPTION: (old.description, new.description),
        CRITERIA: (old.acceptance_criteria, new.acceptance_criteria),
        STEPS: (old.test_steps, new.test_steps),
    }
    return tuple(name for name, (was, is_now) in pairs.items() if was != is_now) or ("text",)
