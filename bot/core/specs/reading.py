"""An agent's answer → a plan, or every flaw of it as one sentence. Strict: nothing is guessed, nothing repaired.

What the spec itself names (`spec.Tag`) has to be there: each key, in the spec's order, with the spec's title.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.core.cycles import cycles
from bot.core.outbound import clean, one_line
from bot.core.specs.planned import (
    MOST_DESCRIPTION,
    MOST_ITEM,
    MOST_ITEMS,
    MOST_PROJECT,
    MOST_TASKS,
    MOST_TITLE,
    Category,
    Plan,
    PlannedTask,
    Priority,
    key_of,
    keyed,
)
from bot.core.specs.schema import FIELDS, TASK_FIELDS
from bot.core.specs.spec import Spec, Tag

MOST_FLAWS: Final = 20

_TEXTS: Final = ("key", "title", "description", "priority", "category", "phase")
_LISTS: Final = ("acceptance_criteria", "test_steps", "prerequisites")


@dataclass(frozen=True, slots=True)
class Flawed:
    """An answer that is no plan."""

    flaws: tuple[str, ...]
    """One sentence each, at most `MOST_FLAWS`."""
    problem: str = ""
    """The agent's own words for why there can be no plan: asking again is of no use."""


def read_answer(answer: Any, spec: Spec, *, most: int = MOST_TASKS) -> Plan | Flawed:
    """The plan in an answer of the form that `schema` asks for; `most`: tasks."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("tasks"), list):
        return Flawed(("The answer has no list of tasks.",))
    entries: list[Any] = answer["tasks"]
    problem = answer.get("problem", "")
    if not entries:
        said = one_line(problem, MOST_ITEM) if isinstance(problem, str) else ""
        return Flawed(("The answer has no task in it.",), said)
    if len(entries) > most:
        return Flawed((f"The plan has {len(entries)} tasks, and {most} are the most: make them larger.",))
    flaws = [*_foreign("The answer", answer, FIELDS), *_not_text("The answer", answer, ("project",))]
    tasks: list[PlannedTask] = []
    for number, entry in enumerate(entries, 1):
        read = _task(number, entry)
        if isinstance(read, PlannedTask):
            tasks.append(read)
        else:
            flaws += read
    if not flaws:
        tasks = [_as_the_spec_has_it(task, spec) for task in tasks]
        flaws = [*_together(tasks), *_kept(tasks, spec)]
    if flaws:
        return Flawed(tuple(flaws[:MOST_FLAWS]))
    return Plan(one_line(answer["project"], MOST_PROJECT), tuple(tasks))


# ----------------------------------------------------------------------------------------- one task


def _task(number: int, entry: Any) -> PlannedTask | list[str]:
    if not isinstance(entry, Mapping):
        return [f"Task {number} is no object."]
    key = entry.get("key")
    place = keyed(key) if isinstance(key, str) else None
    name = place.label if place else f"Task {number}"
    flaws = [*_foreign(name, entry, TASK_FIELDS), *_not_text(name, entry, _TEXTS), *_not_texts(name, entry, _LISTS)]
    if flaws:
        return flaws
    if place is None:
        shown = one_line(entry["key"], 40)
        return [f"{name} has the key `{shown}`: a key is of the form AUTH-1.2, a prefix and numbers from 0 to 99."]
    title = _title(entry["title"], place.label)
    lists = {field: tuple(filter(None, (_item(each) for each in entry[field]))) for field in _LISTS}
    flaws = [*_bounds(name, title, entry, lists), *_choices(name, entry)]
    if flaws:
        return flaws
    return PlannedTask(
        place.label,
        title,
        clean(entry["description"]).strip(),
        lists["acceptance_criteria"],
        lists["test_steps"],
        Priority(entry["priority"]),
        Category(entry["category"]),
        one_line(entry["phase"], MOST_TITLE),
        tuple(dict.fromkeys(found.label if (found := keyed(each)) else each for each in lists["prerequisites"])),
    )


def _foreign(name: str, entry: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    for field in entry:
        if field not in known:
            yield f"{name} has a field `{one_line(str(field), 40)}` that nobody asked for."


def _not_text(name: str, entry: Mapping[str, Any], fields: Sequence[str]) -> Iterator[str]:
    for field in fields:
        if not isinstance(entry.get(field), str):
            yield f"{name} has no text as `{field}`."


def _not_texts(name: str, entry: Mapping[str, Any], fields: Sequence[str]) -> Iterator[str]:
    for field in fields:
        value = entry.get(field)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            yield f"{name} has no list of texts as `{field}`."


def _bounds(name: str, title: str, entry: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if not title:
        yield f"{name} has no title."
    if len(title) > MOST_TITLE:
        yield f"{name} has a title of {len(title)} characters; {MOST_TITLE} are the most."
    if not entry["description"].strip():
        yield f"{name} has no description."
    if len(entry["description"]) > MOST_DESCRIPTION:
        yield f"{name} has a description of {len(entry['description'])} characters; {MOST_DESCRIPTION} are the most."
    for field, items in lists.items():
        if len(items) > MOST_ITEMS:
            yield f"{name} has {len(items)} `{field}`; {MOST_ITEMS} are the most."
        if any(len(item) > MOST_ITEM for item in items):
            yield f"{name} has an entry of more than {MOST_ITEM} characters in `{field}`."
    if not lists["acceptance_criteria"]:
        yield f"{name} has no acceptance criteria, so nobody could say when it is done."


def _choices(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    for field, choices in (("priority", Priority), ("category", Category)):
        known = [each.value for each in choices]
        if entry[field] not in known:
            yield f"{name} has the {field} `{one_line(entry[field], 40)}`; there are {', '.join(known)}."


def _title(text: str, key: str) -> str:
    """Without the key, which agents like to say again."""
    title = one_line(text, 4 * MOST_TITLE)
    return title.partition("]")[2].strip() if title.startswith("[") and key_of(title) == key else title


def _item(text: str) -> str:
    """One line, without the mark of a list."""
    return re.sub(r"^(?:[-*+]|[0-9]{1,2}[.)])[ ]+(?:\[[ xX]\][ ]+)?", "", one_line(text, 4 * MOST_ITEM))


# ------------------------------------------------------------------------------------ all of them


def _together(tasks: Sequence[PlannedTask]) -> Iterator[str]:
    """What is wrong between tasks: keys twice, prerequisites that are not there, come later or wait in a circle."""
    numbers = {task.key: number for number, task in reversed([*enumerate(tasks)])}
    for number, task in enumerate(tasks):
        if numbers[task.key] != number:
            yield f"{task.key} is there twice."
    for task in tasks:
        for key in task.prerequisites:
            first = tasks[numbers[key]] if key in numbers else None
            if first is None:
                yield f"{task.key} waits for `{one_line(key, 40)}`, which is not in the plan."
            elif key == task.key:
                yield f"{task.key} waits for itself."
            elif first.place.prefix == task.place.prefix and _order(first) > _order(task):
                yield f"{task.key} waits for {key}, which comes after it by its number."
    yield from _circles(tasks, numbers)


def _circles(tasks: Sequence[PlannedTask], numbers: Mapping[str, int]) -> Iterator[str]:
    """Those over several prefixes: a task waits for what it names, and for the one before it in its own series."""
    graph = {n: [numbers[key] for key in task.prerequisites if key in numbers] for n, task in enumerate(tasks)}
    series: dict[str, list[int]] = {}
    for number in sorted(range(len(tasks)), key=lambda each: _order(tasks[each])):
        before = series.setdefault(tasks[number].place.prefix, [])
        later = [n for n in graph[number] if n in before or tasks[n].place.prefix != tasks[number].place.prefix]
        graph[number] = [*later, *before[-1:]]
        before.append(number)
    told: set[int] = set()
    for number, path in cycles(graph).items():
        if number not in told:
            told.update(path)
            yield f"These wait for each other: {' → '.join(tasks[step].key for step in path)}."


def _order(task: PlannedTask) -> tuple[int, int, str]:
    return task.place.phase, task.place.task, task.place.suffix


# --------------------------------------------------------------------------- what the spec has itself


def _as_the_spec_has_it(task: PlannedTask, spec: Spec) -> PlannedTask:
    """With the spec's own words for the phase, and its spelling of the title."""
    tag = next((each for each in spec.tags if each.key == task.key), None)
    if tag is None:
        return task
    title = tag.title if _plain(task.title) == _plain(tag.title) else task.title
    return replace(task, title=title, phase=tag.phase or task.phase)


def _kept(tasks: Sequence[PlannedTask], spec: Spec) -> Iterator[str]:
    """Which of the spec's own keys the plan lost, moved or renamed."""
    by_key = {task.key: task for task in tasks}
    there = [tag for tag in spec.tags if tag.key in by_key]
    for tag in spec.tags:
        if tag.key not in by_key:
            yield f"The spec has `[{tag.key}] {tag.title}`, and the plan does not."
        elif not _is_title(by_key[tag.key].title, tag):
            yield f"The spec calls {tag.key} `{tag.title}`, and the plan `{one_line(by_key[tag.key].title, 80)}`."
    wanted = [tag.key for tag in there]
    found = [task.key for task in tasks if task.key in set(wanted)]
    if sorted(found) == sorted(wanted) and found != wanted:
        at = next(number for number, key in enumerate(wanted) if found[number] != key)
        yield f"The spec has {wanted[at]} where the plan has {found[at]}: keep the spec's order."


def _is_title(title: str, tag: Tag) -> bool:
    """The rest of its line; where that is wrapped, more of the paragraph may belong to it."""
    said = _plain(title)
    return said == _plain(tag.title) or (said.startswith(_plain(tag.title)) and _plain(tag.text).startswith(said))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).casefold().strip()
