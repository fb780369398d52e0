"""The text editor that the model knows (`text_editor_20250728`): what its commands do to a text, and what it is told.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/text-editor-tool; `insert` brings its text as `insert_text`,
whatever that page says (anthropics/anthropic-sdk-python#1155). Files are `anthropic_hands`' to touch.
"""

from collections.abc import Mapping
from typing import Any

from bot.agent.anthropic_hands import CannotTouch, Hands
from bot.core.messages.words import counted

MOST_SHOWN = 60_000
"""Characters of a file, or of a list of files, that are shown at once."""

AROUND = 4
"""Lines shown before and after a change."""


def edit(hands: Hands, asked: Mapping[str, Any]) -> str:
    """Do one command; what the model is told. Raises `CannotTouch` with what is wrong."""
    path = text_of(asked, "path")
    match asked.get("command"):
        case "view":
            return view(hands, path, asked.get("view_range"))
        case "create":
            hands.write(path, text_of(asked, "file_text"))
            return f"{path} is written."
        case "str_replace":
            return _replace(hands, path, text_of(asked, "old_str"), text_of(asked, "new_str"))
        case "insert":
            return _insert(hands, path, asked)
        case other:
            raise CannotTouch(f"There is no command {str(other)[:50]}: use view, create, str_replace or insert.")


def view(hands: Hands, path: str, lines: object = None) -> str:
    """A folder's entries, or a file's lines with their numbers. Raises `CannotTouch`."""
    found = hands.look(path)
    if isinstance(found, list):
        return _shown("\n".join(found), "look into a folder of it") or "(nothing)"
    every = found.split("\n")
    return _shown(_numbered(every, *_range(lines, len(every)))) if found else "(the file is empty)"


def text_of(asked: Mapping[str, Any], name: str) -> str:
    """A text of the model's, fit to be written: halves of surrogate pairs, which no file can hold, are replaced."""
    value = asked.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _replace(hands: Hands, path: str, old: str, new: str) -> str:
    if not old:
        raise CannotTouch("`old_str` is empty: use `insert` or `create`.")
    text = hands.read(path)
    found = text.count(old)
    if found != 1:
        raise CannotTouch(
            f"`old_str` is not in {path} as it is written; look at the file again."
            if not found
            else f"`old_str` is {found} times in {path}: take more of what is around it, so that it is there once."
        )
    before = text.partition(old)[0].count("\n")
    changed = text.replace(old, new)
    hands.write(path, changed)
    return f"{path} is changed:\n{_excerpt(changed, before + 1, before + 1 + new.count(chr(10)))}"


def _insert(hands: Hands, path: str, asked: Mapping[str, Any]) -> str:
    new = text_of(asked, "insert_text") or text_of(asked, "new_str")
    lines = hands.read(path).split("\n")
    at, most = asked.get("insert_line"), len(lines) - (lines[-1] == "")
    if not isinstance(at, int) or not 0 <= at <= most:
        raise CannotTouch(f"`insert_line` is a whole number from 0 to {most}: {path} has {counted(most, 'line')}.")
    added = new.removesuffix("\n").split("\n")
    changed = "\n".join([*lines[:at], *added, *lines[at:]])
    hands.write(path, changed)
    return f"{path} is changed:\n{_excerpt(changed, at + 1, at + len(added))}"


def _excerpt(text: str, first: int, last: int) -> str:
    lines = text.split("\n")
    return _shown(_numbered(lines, max(1, first - AROUND), min(len(lines), last + AROUND)))


def _numbered(lines: list[str], first: int, last: int) -> str:
    return "\n".join(f"{number}\t{line}" for number, line in enumerate(lines[first - 1 : last], first))


def _shown(text: str, less: str = "ask for less with `view_range`") -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n[cut here: {less}]"


def _range(lines: object, most: int) -> tuple[int, int]:
    """The first and the last line of a `view_range`; without one, all."""
    if lines is None:
        return 1, most
    if not isinstance(lines, list) or len(lines) != 2 or not all(isinstance(line, int) for line in lines):
        raise CannotTouch("`view_range` is two whole numbers, such as [1, 50]; -1 as the second is the end.")
    first, last = lines
    last = most if last == -1 else min(last, most)
    if not 1 <= first <= last:
        raise CannotTouch(f"There are no lines {first} to {lines[1]}: there are {most}.")
    return first, last
