"""The text of one task file: Markdown with a small front matter, as people write it by hand. Pure.

    ---
    status: todo
    depends_on: [AUTH-1.1]
    ---
    # [AUTH-1.2] Limit the rate of logins

    After five wrong passwords …

Edits replace one value or add one line; whatever else stands there, comments and keys of other tools too, stays byte for byte.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import yaml

from bot.trackers.tracker import Priority, Status

KEYS: Final = ("status", "priority", "labels", "depends_on", "milestone", "claimed_by", "pull_request")
"""What we read of the front matter; all optional."""

_FENCE: Final = "---"
_HEADING: Final = re.compile(r"#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_SECTION: Final = re.compile(r"##?[ \t]+(.*?)[ \t]*")
_CODE: Final = re.compile(r" {0,3}(```|~~~)")
_NOTES: Final = "## Notes"
_PLAIN: Final = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./:#@+-]*(?<!:)")
_NULLS: Final = ("", "~", "null")


class BadTask(Exception):
    """A file that can't be read as a task; `line` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


@dataclass(frozen=True, slots=True)
class TaskFile:
    """One task as its file says."""

    text: str
    title: str
    body: str
    status: Status
    priority: Priority
    labels: frozenset[str]
    depends_on: tuple[str, ...]
    milestone: str
    claimed_by: str
    pull_request: str

    def edited(self, values: Mapping[str, str]) -> str:
        """The text with these keys set; an empty value takes a key's line out."""
        text = self.text
        for key, value in values.items():
            text = _edited(text, key, value)
        return text

    def reworded(self, title: str, body: str) -> str:
        """The text with another title and another body; the front matter stays."""
        _, behind, _ = _split(self.text)
        at, _ = _titled(self.text[behind:])
        end = _line_end(self.text)
        above = "".join(self.text[behind:].splitlines(keepends=True)[:at])
        words = end.join(body.strip().splitlines())
        return f"{self.text[:behind]}{above}# {title}{end}" + (f"{end}{words}{end}" if words else "")

    def noted(self, heading: str, note: str) -> str:
        """The text with a note at its end, under the heading `## Notes`."""
        end = _line_end(self.text)
        head = self.text if not self.text or self.text.endswith("\n") else self.text + end
        sections = [line for _, line in _outside_code(self.text) if _SECTION.fullmatch(line)]
        title = "" if sections and sections[-1].rstrip() == _NOTES else f"{end}{_NOTES}{end}"
        words = end.join(note.strip().splitlines())
        return f"{head}{title}{end}**{heading}**{end}{end}{words}{end}"


def new_text(title: str, body: str, values: Mapping[str, str]) -> str:
    """The file of a new task."""
    front = "".join(f"{key}: {value}\n" for key, value in values.items() if value)
    text = body.strip()
    return f"{_FENCE}\n{front}{_FENCE}\n# {title}\n" + (f"\n{text}\n" if text else "")


def quoted(value: str) -> str:
    """A value as YAML reads it back, whatever it holds."""
    if _PLAIN.fullmatch(value) and value.lower() not in ("yes", "no", "on", "off", "true", "false", "null"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def title_of(text: str) -> str:
    """The first heading of the text behind the front matter; empty: there is none. Never raises."""
    try:
        _, behind, _ = _split(text)
    except BadTask:
        behind = 0
    return _titled(text[behind:])[1]


def parse(text: str) -> TaskFile:
    """Read a file's text. Raises `BadTask`, which says the line and what to correct."""
    front, behind, first = _split(text)
    values = _values(front, first)
    at, title = _titled(text[behind:])
    if not title:
        line = text.count("\n", 0, behind) + 1
        raise BadTask(line, "the task has no title; write one as the first heading, `# [AUTH-1.1] What to do`")
    lines = text[behind:].splitlines(keepends=True)
    return TaskFile(
        text=text,
        title=title,
        body="".join(lines[at + 1 :]).strip(),
        status=_status(values),
        priority=_priority(values),
        labels=frozenset(_texts(values, "labels")),
        depends_on=_texts(values, "depends_on"),
        milestone=_word(values, "milestone"),
        claimed_by=_word(values, "claimed_by"),
        pull_request=_word(values, "pull_request"),
    )


# ------------------------------------------------------------------------------------------ the text's parts


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text.split("\n", 1)[0] + "\n" else "\n"


def _split(text: str) -> tuple[str, int, int]:
    """The front matter's text, where the text behind it begins, and the front matter's first line, from 0."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != _FENCE:
        return "", len(text) - sum(map(len, lines)), 0
    for at, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            start = len(text) - sum(map(len, lines))
            return "".join(lines[1:at]), start + sum(map(len, lines[: at + 1])), 1
    raise BadTask(1, "the front matter has no end; close it with a line `---`")


def _titled(behind: str) -> tuple[int, str]:
    """Which line is the first heading, and what it says."""
    for at, line in _outside_code(behind):
        if match := _HEADING.fullmatch(line):
            return at, match[1].strip()
    return 0, ""


def _outside_code(text: str) -> list[tuple[int, str]]:
    """The lines that are not in fenced code."""
    found: list[tuple[int, str]] = []
    fence = ""
    for at, line in enumerate(text.splitlines()):
        if match := _CODE.match(line):
            fence = "" if fence == match[1] else fence or match[1]
        elif not fence:
            found.append((at, line))
    return found


def _edited(text: str, key: str, value: str) -> str:
    """The text with one key set, or (`value` empty) without it."""
    front, behind, first = _split(text)
    end = _line_end(text)
    if not first:
        start = 1 if text.startswith("\ufeff") else 0
        block = f"{_FENCE}{end}{key}: {value}{end}{_FENCE}{end}"
        return text[:start] + block + text[start:] if value else text
    closing = text.rindex(_FENCE, 0, behind)
    begin = closing - len(front)
    for name, node in _pairs(front, first):
        if name.value == key:
            if not value:
                from_line = front.rfind("\n", 0, name.start_mark.index) + 1
                to_line = front.find("\n", node.end_mark.index) + 1 or len(front)
                return text[: begin + from_line] + text[begin + to_line :]
            blank = " " if node.start_mark.index == name.end_mark.index + 1 else ""
            return text[: begin + node.start_mark.index] + blank + value + text[begin + node.end_mark.index :]
    return text[:closing] + f"{key}: {value}{end}" + text[closing:] if value else text


# -------------------------------------------------------------------------------------------- the values

_Values = Mapping[str, tuple[int, yaml.Node]]


def _pairs(front: str, first: int) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values of the front matter; only what a line can be added to."""
    for at, line in enumerate(front.splitlines()):
        if line.startswith(("---", "...", "%")):
            raise BadTask(
                min(at, front.count("\n")) + first + 1, f"a line of the front matter can't begin with `{line[:3]}`"
            )
    try:
        root = yaml.compose(front, yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        raise BadTask(_line(front, first, error.position), "a character that YAML does not allow; remove it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = f"this is not YAML ({error.problem}); quote texts with `: ` or `[` in them"
        raise BadTask(_line(front, first, mark.index if mark else 0), words) from None
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode) or root.flow_style or root.start_mark.column:
        raise BadTask(first + 1, "the front matter must be lines like `status: todo`, one key a line, not indented")
    for name, _ in root.value:
        if not isinstance(name, yaml.ScalarNode):
            where = _line(front, first, name.start_mark.index)
            raise BadTask(where, "a key must be a word, as in `status: todo`")
    return list(root.value)


def _line(front: str, first: int, at: int) -> int:
    """The file's line, as editors count them: YAML ends lines at some characters more."""
    return min(front.count("\n", 0, at) + 1, max(front.count("\n"), 1)) + first


def _values(front: str, first: int) -> _Values:
    found: dict[str, tuple[int, yaml.Node]] = {}
    for name, node in _pairs(front, first):
        line = _line(front, first, name.start_mark.index)
        if name.value in found:
            raise BadTask(line, f"`{name.value}` is there twice; keep one of them")
        if name.value not in KEYS:
            near = get_close_matches(name.value.lower().replace("-", "_").replace(" ", "_"), KEYS, n=1, cutoff=0.85)
            if near:  # any other unknown key is somebody else's; this one would be obeyed by nobody
                raise BadTask(line, f"there is no key `{name.value}`; did you mean `{near[0]}`?")
        found[name.value] = (line, node)
    return {key: value for key, value in found.items() if key in KEYS}


def _word(values: _Values, key: str) -> str:
    if key not in values:
        return ""
    line, node = values[key]
    if not isinstance(node, yaml.ScalarNode) or "\n" in node.value:
        raise BadTask(line, f"`{key}` must be one word or text")
    return "" if not node.style and node.value.lower() in _NULLS else str(node.value).strip()


def _texts(values: _Values, key: str) -> tuple[str, ...]:
    """A list, or a single value."""
    if key not in values:
        return ()
    line, node = values[key]
    if not isinstance(node, yaml.SequenceNode):
        word = _word(values, key)
        return (word,) if word else ()
    if not all(isinstance(each, yaml.ScalarNode) for each in node.value):
        raise BadTask(line, f"`{key}` must be a list of texts, as in `[AUTH-1.1, set-up]`")
    return tuple(dict.fromkeys(str(each.value).strip() for each in node.value if each.value.strip()))


def _status(values: _Values) -> Status:
    word = _word(values, "status")
    try:
        return Status(word.lower().replace("-", "_").replace(" ", "_")) if word else Status.TODO
    except ValueError:
        known = ", ".join(Status)
        raise BadTask(values["status"][0], f"there is no status `{word[:40]}`; use one of {known}") from None


def _priority(values: _Values) -> Priority:
    word = _word(values, "priority")
    try:
        return Priority[word.upper()] if word else Priority.NORMAL
    except KeyError:
        known = ", ".join(each.name.lower() for each in Priority)
        raise BadTask(values["priority"][0], f"there is no priority `{word[:40]}`; use one of {known}") from None
