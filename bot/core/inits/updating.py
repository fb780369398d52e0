"""What an issue of an earlier plan is to read, measured against what it says at this moment. Pure."""

from typing import NamedTuple

from bot.core.inits.portion import Update
from bot.core.specs.diff import Existing, compare
from bot.core.specs.mark import marked_body, read_mark
from bot.core.specs.planned import Plan

_TITLE, _PREREQUISITES = "title", "prerequisites"


class Text(NamedTuple):
    """Of an issue."""

    title: str
    body: str


def existing_of(number: int, text: Text, *, settled: str = "") -> Existing:
    """An issue as a plan is compared with it. Its relations are those that we made: what people did to them is theirs."""
    marked = read_mark(text.body)
    related = marked.mark.prerequisites if marked is not None else None
    return Existing(str(number), text.title, text.body, prerequisites=related, settled=settled)


def updated(update: Update, now: Text) -> Text | None:
    """The text to write; None: nothing is ours to change."""
    found = compare(Plan("", (update.task,)), [existing_of(update.number, now)]).changes[0]
    marked = read_mark(now.body)
    if found.existing is None or not found.fields or marked is None:
        return None
    title = update.task.full_title if _TITLE in found.fields else now.title
    if {*found.left} - {_TITLE, _PREREQUISITES}:
        return Text(title, now.body) if title != now.title else None
    return Text(title, marked_body(update.task, update.init, behind=marked.behind))
