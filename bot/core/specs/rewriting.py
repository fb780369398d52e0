"""How a task is brought to what the plan says of it now: its new title, priority and text, with what people wrote kept."""

from dataclasses import dataclass, replace

from bot.core.specs.body import meta_body, task_body
from bot.core.specs.diff import TEXT_FIELDS, Change
from bot.core.specs.mark import fingerprint, marker, read_mark
from bot.core.specs.planned import META_KEY, Plan, Priority


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a task becomes."""

    title: str
    """Empty: it stays."""
    body: str
    priority: Priority | None
    """None: it stays."""


def rewritten(change: Change, body: str, init: str) -> Rewrite | None:
    """What a changed task becomes; `body`: its text just now. None: that is not what the change was made for."""
    task, marked = change.task, read_mark(body)
    before = read_mark(change.existing.body) if change.existing else None
    if marked is None or before is None or (marked.ours, marked.mark) != (before.ours, before.mark):
        return None
    fields, mark = frozenset(change.fields), marked.mark
    text = marked.ours.rstrip()
    if fields & TEXT_FIELDS:
        text = task_body(task)
        mark = replace(mark, text=fingerprint(text))
    if "title" in fields:
        mark = replace(mark, title=task.full_title)
    if "priority" in fields:
        mark = replace(mark, priority=task.priority.value)
    if "prerequisites" in fields:
        mark = replace(mark, prerequisites=mark.prerequisites | frozenset(task.prerequisites))
    return Rewrite(
        task.full_title if "title" in fields else "",
        f"{text}\n\n{marker(replace(mark, init=init))}{marked.behind}",
        task.priority if "priority" in fields else None,
    )


def rewritten_meta(plan: Plan, body: str, init: str) -> str | None:
    """The text of META for a changed plan; None: it says so already, or somebody changed it."""
    marked, text = read_mark(body), meta_body(plan)
    if marked is None or marked.mark.key != META_KEY or not marked.is_as_written:
        return None
    if marked.mark.text == fingerprint(text):
        return None
    mark = replace(marked.mark, init=init, text=fingerprint(text))
    return f"{text}\n\n{marker(mark)}{marked.behind}"
