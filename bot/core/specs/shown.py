"""A plan for people to read before anything is made: its phases, tasks, prerequisites and counts, as Markdown."""

from collections.abc import Iterable
from typing import Final

from bot.core.messages.words import counted
from bot.core.outbound import code_span, inert
from bot.core.specs.diff import Change, Diff, Kind
from bot.core.specs.planned import Phase, Plan, Priority

_MOST_NAMED: Final = 20


def plan_markdown(plan: Plan, diff: Diff) -> str:
    """The plan; `diff`: against what is there."""
    changes = {change.task.key: change for change in diff.changes}
    several = len({phase.prefix for phase in plan.phases}) > 1
    parts = [_head(plan, diff)]
    parts += [
        "\n".join([_heading(phase, several=several), "", *(_line(changes[task.key]) for task in phase.tasks)])
        for phase in plan.phases
    ]
    return "\n\n".join((*parts, *_aside(diff)))


def counts(diff: Diff) -> str:
    """`3 new, 1 changed, 4 unchanged`."""
    said = [f"{len(found)} {kind.value}" for kind in Kind if (found := diff.of(kind))]
    return ", ".join(said) or "nothing"


def _head(plan: Plan, diff: Diff) -> str:
    size = f"{counted(len(plan.tasks), 'task')} in {counted(len(plan.phases), 'phase')}"
    return f"**{inert(plan.project)}**: {size} ({counts(diff)})"


def _heading(phase: Phase, *, several: bool) -> str:
    whose = f"{phase.prefix}, phase" if several else "Phase"
    return f"### {whose} {phase.number}" + (f": {inert(phase.name)}" if phase.name else "")


def _line(change: Change) -> str:
    task = change.task
    facts = [task.category.value] if task.priority is Priority.NORMAL else [task.priority.value, task.category.value]
    facts += [f"after {', '.join(task.prerequisites[:_MOST_NAMED])}"] if task.prerequisites else []
    facts += [f"{_criteria(len(task.acceptance_criteria), len(task.test_steps))}"]
    facts += [_state(change)]
    return f"- **{task.key}** {inert(task.title)} ({'; '.join(filter(None, facts))})"


def _criteria(criteria: int, steps: int) -> str:
    """`4 criteria, 3 test steps`."""
    said = f"{criteria} {'criterion' if criteria == 1 else 'criteria'}"
    return f"{said}, {counted(steps, 'test step')}" if steps else said


def _state(change: Change) -> str:
    if change.kind is Kind.UNCHANGED:
        return "unchanged"
    said = ["new"] if change.kind is Kind.NEW else []
    said += [f"changed: {', '.join(change.fields)}"] if change.fields else []
    said += [f"left as it is: {', '.join(change.left)}, as {change.why}"] if change.left else []
    return "; ".join(said)


def _aside(diff: Diff) -> Iterable[str]:
    if diff.gone:
        named = ", ".join(code_span(each.title, 80) for each in diff.gone[:_MOST_NAMED])
        more = f" and {len(diff.gone) - _MOST_NAMED} more" if len(diff.gone) > _MOST_NAMED else ""
        yield f"Not in this plan any more, and left as they are: {named}{more}."
    if diff.twice:
        yield f"Several tasks have these keys; the first of each counts: {', '.join(diff.twice[:_MOST_NAMED])}."
