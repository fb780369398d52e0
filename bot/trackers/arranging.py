"""Tasks of any source into `core.order` and back: sources have ids, the planner has numbers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.model import Issue, Link, Ref, Source, Standing
from bot.core.names import StateLabel
from bot.core.order import Arrangement, Blocker, Invalid, Waiting, arrange, series_of
from bot.core.series import rank, series_under
from bot.core.settings import OrderRules
from bot.core.titles import Id, Keyed, Title
from bot.trackers.tracker import Listing, Prerequisite, Priority, Problem, Status, Task

_HERE = "tasks/here"
"""The planner's name for a source; it has but one."""

_PRIORITY = {
    Priority.URGENT: "priority: urgent",
    Priority.HIGH: "priority: high",
    Priority.NORMAL: "priority: normal",
    Priority.LOW: "priority: low",
}
_SPEECH = {Status.IN_PROGRESS: frozenset({StateLabel.RUNNING.value})}


@dataclass(frozen=True, slots=True)
class Arranged:
    """What comes first and what waits for what, in tasks."""

    ready: tuple[Task, ...]
    """May be claimed now, the first one first."""
    skipped: tuple[str, ...]
    """One line for each task that waits: `Skipping AUTH-2.1 - blocked by: AUTH-1.2 (in_progress)`."""
    invalid: tuple[str, ...]
    """One sentence for each task that can't become ready as things are."""
    notes: tuple[str, ...]
    """What people should know of titles, and of tasks that can't be read."""


def arrange_tasks(listing: Listing, rules: OrderRules) -> Arranged:
    """Arrange all tasks that are todo and for our agent. Ties go by the source's own order."""
    numbered = _Numbered.of(listing)
    candidates = [n for n, task in numbered.tasks.items() if task.status is Status.TODO and task.eligible]
    found = arrange(
        numbered.issues,
        candidates,
        rules=rules,
        repo=_HERE,
        standings=numbered.standings,
        text=lambda _: (),  # `depends on #12` in a task's text means another tracker's number, if anything
    )
    names = _Names(numbered, found)
    held = {number: line for number in found.ready if (line := names.held(number, rules))}
    return Arranged(
        ready=tuple(numbered.tasks[number] for number in found.ready if number not in held),
        skipped=(*(names.skip_line(waiting) for waiting in found.waiting), *held.values()),
        invalid=tuple(names.invalid(each) for each in found.invalid),
        notes=(
            *(problem.text for problem in listing.problems),
            *(f"{names.of(note.number)}: {note.note}" for note in found.notes),
        ),
    )


def built_on(task: Task, listing: Listing, rules: OrderRules) -> tuple[Task, ...]:
    """The tasks that come before `task` and are done: its work builds on theirs. The nearest ones, 50 at most."""
    reopened = {each.id: replace(each, status=Status.IN_REVIEW) for each in listing.tasks if each.status is Status.DONE}
    others = (reopened.get(each.id, each) for each in listing.tasks if each.id != task.id)
    numbered = _Numbered.of(Listing((replace(task, status=Status.TODO, eligible=True), *others)))
    found = arrange(numbered.issues, [1], rules=rules, repo=_HERE, standings=numbered.standings, text=lambda _: ())
    before = [each.ref.number for waiting in found.waiting for each in waiting.on]
    return tuple(numbered.tasks[number] for number in before if numbered.tasks[number].id in reopened)


@dataclass(frozen=True, slots=True)
class Waits:
    """One thing that a task waits for."""

    task: str
    """Its id; empty: it is not in the listing."""
    name: str
    source: Source
    standing: str


@dataclass(frozen=True, slots=True)
class Stand:
    """Where one task stands, for those who draw it."""

    task: Task
    key: Title
    series: str
    place: int = 0
    """Among those that are ready or wait, from 1; 0: it is not one of them."""
    waits: tuple[Waits, ...] = ()
    """The nearest ones."""
    total: int = 0
    """How many there are."""
    problem: str = ""
    """Why it can't start, or is held back; one sentence."""


def stands(listing: Listing, rules: OrderRules) -> tuple[Stand, ...]:
    """Every task of a listing, in order: what has a key by series, then the rest."""
    numbered = _Numbered.of(listing)
    todo = [n for n, task in numbered.tasks.items() if task.status is Status.TODO and task.eligible]
    found = arrange(numbered.issues, todo, rules=rules, repo=_HERE, standings=numbered.standings, text=lambda _: ())
    names = _Names(numbered, found)
    waiting, invalid = {each.number: each for each in found.waiting}, {each.number: each for each in found.invalid}
    places = {number: at for at, number in enumerate((n for n in found.order if n not in invalid), 1)}
    made = []
    for number, task in numbered.tasks.items():
        issue, key = numbered.issues[number], found.keys[number]
        series = series_under(rules, key, issue)[1] if isinstance(key, Keyed) else ""
        on, problem = waiting.get(number), ""
        if number in invalid:
            problem = names.invalid(invalid[number])
        elif number in places and on is None:
            problem = names.held(number, rules)
        stand = Stand(
            task=task,
            key=key,
            series=series,
            place=places.get(number, 0),
            waits=tuple(names.waits(each) for each in on.near(10)) if on else (),
            total=on.total if on else 0,
            problem=problem,
        )
        made.append(((not isinstance(key, Keyed), series, rank(key, issue), number), stand))
    return tuple(stand for _, stand in sorted(made, key=lambda each: each[0]))


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A listing with the numbers that it has in the planner."""

    tasks: Mapping[int, Task]
    issues: Mapping[int, Issue]
    problems: Mapping[int, Problem]
    strangers: Mapping[int, Prerequisite]
    """Prerequisites that are not in the listing."""

    @classmethod
    def of(cls, listing: Listing) -> "_Numbered":
        tasks = dict(enumerate(listing.tasks, 1))
        numbers = {task.id: number for number, task in tasks.items()}
        problems = dict(enumerate(listing.problems, len(tasks) + 1))
        numbers.update({problem.id: number for number, problem in problems.items()})
        strangers: dict[int, Prerequisite] = {}
        for task in listing.tasks:
            for each in task.prerequisites:
                if each.id not in numbers:
                    numbers[each.id] = len(numbers) + 1
                    strangers[numbers[each.id]] = each
        issues = {number: _issue(number, task, numbers) for number, task in tasks.items()}
        issues.update({number: Issue(number, problem.title) for number, problem in problems.items()})
        return cls(tasks, issues, problems, strangers)

    @property
    def standings(self) -> Mapping[Ref, Standing]:
        return {Ref(_HERE, number): each.standing for number, each in self.strangers.items()}


def _issue(number: int, task: Task, numbers: Mapping[str, int]) -> Issue:
    """What the planner eats of a task."""
    return Issue(
        number,
        task.title,
        open=task.status.open,
        state_reason="not_planned" if task.status is Status.CANCELLED else "",
        labels=frozenset({_PRIORITY[task.priority]}) | _SPEECH.get(task.status, frozenset()),
        milestone=task.series,
        links=tuple(Link(Ref(_HERE, numbers[each.id]), Source.NATIVE) for each in task.prerequisites),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """The planner's answers in people's words."""

    numbered: _Numbered
    found: Arrangement

    def of(self, number: int) -> str:
        """`AUTH-1.2` where the title has a key, else what the source calls it."""
        title = self.found.keys.get(number)
        if isinstance(title, Keyed | Id):
            return title.label
        if number in self.numbered.tasks:
            return self.numbered.tasks[number].name
        if number in self.numbered.problems:
            return self.numbered.problems[number].id
        return self.numbered.strangers[number].name

    def skip_line(self, waiting: Waiting) -> str:
        """Phase order first, ascending, as in `core.order.skip_line`; with the words of the source's statuses."""
        phases = [each for each in waiting.on if each.source is Source.PHASE]
        shown = [*reversed(phases), *(each for each in waiting.on if each.source is not Source.PHASE)]
        more = f", and {waiting.total - len(shown)} more" if waiting.total > len(shown) else ""
        words = ", ".join(f"{self.of(each.ref.number)} ({self._standing(each)})" for each in shown)
        return f"Skipping {self.of(waiting.number)} - blocked by: {words}{more}"

    def held(self, number: int, rules: OrderRules) -> str:
        """`order.on_blocked`: why a task that waits for nothing is not started all the same; empty: it may be."""
        if rules.on_blocked == "continue":
            return ""
        tasks, issues = self.numbered.tasks, self.numbered.issues
        for other, task in tasks.items():
            same = rules.on_blocked == "stop-repository" or series_of(issues[other]) == series_of(issues[number])
            if task.status is Status.BLOCKED and same:
                why = f"{self.of(other)} is blocked (`order.on_blocked: {rules.on_blocked}`)"
                return f"Skipping {self.of(number)} - {why}"
        return ""

    def waits(self, blocker: Blocker) -> Waits:
        """What is waited for."""
        task = self.numbered.tasks.get(blocker.ref.number)
        name = self.of(blocker.ref.number)
        return Waits(task.id if task else "", name, blocker.source, self._standing(blocker))

    def _standing(self, blocker: Blocker) -> str:
        task = self.numbered.tasks.get(blocker.ref.number)
        if task is not None:
            return task.status.value
        return blocker.standing.value if blocker.ref.number in self.numbered.strangers else "unreadable"

    def invalid(self, invalid: Invalid) -> str:
        """Why, and what to do."""
        name = self.of(invalid.number)
        path = [self.of(step if isinstance(step, int) else step.number) for step in invalid.path]
        match invalid.reason:
            case "self":
                return f"{name} depends on itself: take that dependency out."
            case "cycle":
                return f"{name} waits for itself ({' -> '.join(path)}): take one of these dependencies out."
            case _:
                return f"{name} depends on {path[0]}, which is not there: correct the dependency."
