"""What a spec says by itself: the keys that its author gave to tasks, `- [AUTH-1.1] …` under `## Phase 1: …`.

They are read by us, from the text as people see it, so that no answer of an agent can lose, renumber or rename one.
A spec of plain prose has none, and that is fine.
"""

import re
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt

from bot.core import titles
from bot.core.outbound import one_line
from bot.core.specs.planned import MOST_TITLE, keyed
from bot.core.titles import Unkeyed

_BOX: Final = re.compile(r"\[[ xX]\][ \t]+")
_TAGGED: Final = re.compile(r"\[(?P<key>[^\[\]]+)\](?:\([^()]*\))?(?P<title>.*)")
_PHASE: Final = re.compile(r"phase[ \t]+(?P<number>[0-9]{1,2})\b[ \t]*[:.\u2013\u2014-]?(?P<name>.*)", re.IGNORECASE)
_AROUND: Final = " \t*_:\u2013\u2014-"


@dataclass(frozen=True, slots=True)
class Tag:
    """A task that the spec names itself."""

    key: str
    title: str
    """The rest of its line."""
    text: str
    """The rest of its line, and what follows in the same paragraph: a title may be wrapped."""
    phase: str
    """What the heading above it calls the phase; empty: it doesn't."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec, read."""

    text: str
    tags: tuple[Tag, ...] = ()
    flaws: tuple[str, ...] = ()
    """Sentences: what its author has to mend before anything can be planned."""
    notes: tuple[str, ...] = ()
    """Sentences: what looks like a key and is none."""


def read_spec(text: str) -> Spec:
    """The spec in `text`, which is Markdown with nothing hidden in it."""
    tags: dict[str, Tag] = {}
    flaws: list[str] = []
    notes: list[str] = []
    phases: dict[int, str] = {}
    heading = False
    for token in MarkdownIt("commonmark").disable("inline").parse(text):
        if token.type != "inline":
            heading = token.type == "heading_open"
            continue
        line, _, more = token.content.partition("\n")
        line = _BOX.sub("", line.lstrip(_AROUND), count=1).lstrip(_AROUND)
        if heading and (found := _PHASE.match(line)):
            phases[int(found["number"])] = one_line(found["name"].strip(_AROUND), MOST_TITLE)
            continue
        tag = _tag(line, more, phases)
        if tag is None:
            notes += _near_miss(line)
        elif not tag.title:
            notes.append(f"{tag.key} stands in the spec without a title, so it is taken for a mention.")
        elif tag.key in tags and tags[tag.key].title != tag.title:
            flaws.append(f"The spec has {tag.key} twice: `{tags[tag.key].title}` and `{tag.title}`.")
        else:
            tags.setdefault(tag.key, tag)
    return Spec(text, tuple(tags.values()), tuple(flaws), tuple(dict.fromkeys(notes)))


def _tag(line: str, more: str, phases: dict[int, str]) -> Tag | None:
    found = _TAGGED.match(line)
    place = keyed(found["key"]) if found else None
    if found is None or place is None:
        return None
    title = one_line(found["title"].strip(_AROUND), MOST_TITLE)
    return Tag(place.label, title, f"{found['title']} {more}", phases.get(place.phase, ""))


def _near_miss(line: str) -> tuple[str, ...]:
    """Only of what stands in brackets where a key would: prose is full of numbers."""
    read = titles.parse(line) if line.startswith("[") else None
    if not isinstance(read, Unkeyed) or not read.note:
        return ()
    return (f"`{one_line(line, 60)}` in the spec: {read.note}.",)
