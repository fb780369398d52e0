"""What an issue of an earlier plan is to read, measured against what it says at this moment. Pure."""

from typing import NamedTuple

from bot.core.inits.portion import Update
from bot.core.specs.diff import Existing, compare
from bot.core.specs.mark import read_mark
from bot.core.specs.planned import Plan
from bot.core.specs.rewriting import rewritten


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
    change = compare(Plan("", (update.task,)), [existing_of(update.number, now)]).changes[0]
    if change.existing is None or not change.fields:
        return None
    text = rewritten(change, now.body, update.init)
    return Text(text.title or now.title, text.body) if text is not None else None
