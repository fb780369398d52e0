"""What we remember inside a task's own text of what we wrote there, so that what people changed is left to them.

A marked text is ours up to the marker, a hidden line; what stands behind it (notes, people's additions) never is. The
fingerprint does not depend on white space or on how a source spells lists, for some write Markdown anew.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from bot.core.markers import hide, reveal
from bot.core.names import TASK_MARKER
from bot.core.specs.body import meta_body, task_body
from bot.core.specs.planned import META_KEY, Plan, PlannedTask, Priority

_LINE: Final = re.compile(rf"<!-- {TASK_MARKER} \{{[^\n]*\}} -->")


@dataclass(frozen=True, slots=True)
class Mark:
    """What we wrote."""

    init: str
    """Names the initialization that wrote it."""
    key: str
    title: str
    """With the key."""
    priority: str
    prerequisites: frozenset[str]
    text: str
    """The fingerprint of the text."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with a marker in it."""

    ours: str
    mark: Mark
    behind: str
    """What stands behind the marker."""

    @property
    def is_as_written(self) -> bool:
        """Nobody changed our part."""
        return fingerprint(self.ours) == self.mark.text


def marked_body(task: PlannedTask, init: str) -> str:
    """The text of a planned task with its marker."""
    text = task_body(task)
    first = frozenset(task.prerequisites)
    mark = Mark(init, task.key, task.full_title, task.priority.value, first, fingerprint(text))
    return f"{text}\n\n{marker(mark)}"


def marked_meta_body(plan: Plan, init: str) -> str:
    """The text of the task that keeps a plan's tasks together, with its marker."""
    text = meta_body(plan)
    mark = Mark(init, META_KEY, plan.meta_title, Priority.NORMAL.value, frozenset(), fingerprint(text))
    return f"{text}\n\n{marker(mark)}"


def marker(mark: Mark) -> str:
    """The hidden line."""
    data = {
        "init": mark.init,
        "key": mark.key,
        "title": mark.title,
        "priority": mark.priority,
        "prerequisites": sorted(mark.prerequisites),
        "text": mark.text,
    }
    return hide(TASK_MARKER, data)


def read_mark(body: str) -> Marked | None:
    """The marked part of a text; None: there is no marker, or none that can be read."""
    found, data = _LINE.search(body), reveal(TASK_MARKER, body)
    if found is None or data is None:
        return None
    texts = [data.get(name) for name in ("init", "key", "title", "priority", "text")]
    first = data.get("prerequisites")
    if not all(isinstance(each, str) for each in texts) or not isinstance(first, list):
        return None
    init, key, title, priority, text = map(str, texts)
    if priority not in {each.value for each in Priority}:
        return None
    mark = Mark(init, key, title, priority, frozenset(map(str, first)), text)
    return Marked(body[: found.start()], mark, body[found.end() :])


def unmarked(body: str) -> str:
    """A text without our marker: nothing is hidden in it that its reader would miss."""
    found = _LINE.search(body) if read_mark(body) else None
    return f"{body[: found.start()].rstrip()}{body[found.end() :]}" if found else body


def fingerprint(text: str) -> str:
    """Of the words: white space at the ends of lines, empty lines, escapes and the spelling of bullets don't count."""
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
    plain = (re.sub(r"\\(?=[^A-Za-z0-9\s])", "", re.sub(r"^[*+](?= )", "-", line)) for line in lines if line)
    return hashlib.sha256("\n".join(plain).encode(errors="replace")).hexdigest()[:32]
