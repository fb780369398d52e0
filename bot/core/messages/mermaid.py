"""A board as a Mermaid flowchart that GitHub renders: whatever a title is, it only ever is the text of a node.

https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, pairwise, product
from types import MappingProxyType

from bot.core.boards.board import Board, Member, State
from bot.core.outbound import clean
from bot.core.titles import Keyed

NODES = 100
"""Issues that are drawn one by one; of more, phases."""
EDGES = 400
"""Mermaid draws 500 at most: https://mermaid.js.org/config/schema-docs/config.html#maxedges"""
LONGEST = 45_000
"""Characters; Mermaid takes 50,000."""
TITLE, SHORT = 60, 16
"""Characters of a title, and where that comes to too much."""

GLYPHS: Mapping[State, str] = MappingProxyType(
    {
        State.CLOSED: "✅",
        State.DROPPED: "➖",
        State.RUNNING: "🔵",
        State.QUEUED: "🔹",
        State.REVIEW: "🟣",
        State.BLOCKED: "⛔",
        State.APPROVAL: "✋",
        State.WAITING: "⏳",
        State.IDLE: "⚪",
    }
)
_LOOKS: Mapping[State, tuple[str, str, str]] = MappingProxyType(
    {
        State.CLOSED: ("done", "#1a7f37", "#2da44e"),
        State.DROPPED: ("dropped", "#57606a", "#8c959f"),
        State.RUNNING: ("running", "#0969da", "#54aeff"),
        State.QUEUED: ("queued", "#0a3069", "#54aeff"),
        State.REVIEW: ("review", "#8250df", "#c297ff"),
        State.BLOCKED: ("blocked", "#cf222e", "#ff8182"),
        State.APPROVAL: ("approval", "#6639ba", "#c297ff"),
        State.WAITING: ("waiting", "#7d4e00", "#d4a72c"),
        State.IDLE: ("idle", "#424a53", "#8c959f"),
    }
)
"""Class, fill and border; white text on each can be read on a light and on a dark page."""

_LOUDEST = (State.RUNNING, State.QUEUED, State.BLOCKED, State.APPROVAL, State.REVIEW, State.WAITING, State.IDLE)
"""What a phase is shown as: the first of these that one of its issues is."""


def chart(board: Board) -> str:
    """The flowchart, without its fence; empty for a board that even phase by phase is too large for one."""
    if len(board.members) <= NODES:
        for title in (TITLE, SHORT):
            text = "\n".join(_chart_of_issues(board, title))
            if len(text) <= LONGEST:
                return text
    text = "\n".join(_chart_of_phases(board))
    return text if len(text) <= LONGEST else ""


def escaped(text: str, limit: int) -> str:
    """`text` as it can stand between the double quotes of a node: letters, digits and a little punctuation as they
    are, everything else as Mermaid's `#code;`.
    """
    line = " ".join(clean(text[: 4 * limit]).split())
    line = line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
    return "".join(char if char.isalnum() or char in " .,-" else f"#{ord(char)};" for char in line)


# ------------------------------------------------------------------------------------- issue by issue


def _chart_of_issues(board: Board, title: int) -> Iterator[str]:
    yield "flowchart TD"
    phases = _phases(board)
    several = len({series for series, _ in phases}) > 1
    for at, ((_, phase), members) in enumerate(phases.items()):
        yield f'  subgraph p{at}["{_heading(members[0], phase, several=several)}"]'
        yield from (f"    {_node(member, title)}" for member in members)
        yield "  end"
    yield from (f"  {_node(member, title)}" for member in board.members if not isinstance(member.key, Keyed))
    yield from (f"  {edge}" for edge in islice(_edges(board, phases), EDGES))
    if phases:
        yield f"  class {','.join(f'p{at}' for at in range(len(phases)))} phase"
        yield "  classDef phase fill:none,stroke:#8c959f"
    yield from _styles({member.state for member in board.members})


def _node(member: Member, title: int) -> str:
    name = _LOOKS[member.state][0]
    words = f"#{member.number} {member.title or member.label}".rstrip()
    return f'n{member.number}["{GLYPHS[member.state]} {escaped(words, title)}"]:::{name}'


def _edges(board: Board, phases: "Phases") -> Iterator[str]:
    """Phase order from one key to the next, then what is named."""
    numbered = list(phases.items())
    for (at, ((series, _), before)), (later, ((other, _), after)) in pairwise(enumerate(numbered)):
        if series != other:
            continue
        if board.parallel:
            yield f"p{at} --> p{later}"
        else:
            yield from _arrows(_last(before), _first(after))
    for _, members in numbered if not board.parallel else ():
        groups = list(_side_by_side(members))
        for before, after in pairwise(groups):
            yield from _arrows(before, after)
    yield from (f"n{before} -.-> n{after}" for before, after in board.edges)


def _arrows(before: Iterable[Member], after: Iterable[Member]) -> Iterator[str]:
    return (f"n{one.number} --> n{other.number}" for one, other in product(tuple(before), tuple(after)))


def _side_by_side(members: list[Member]) -> Iterator[list[Member]]:
    """Those with the same key don't wait for each other."""
    group: list[Member] = []
    for member in members:
        if group and group[0].label != member.label:
            yield group
            group = []
        group.append(member)
    if group:
        yield group


def _first(members: list[Member]) -> list[Member]:
    return next(_side_by_side(members))


def _last(members: list[Member]) -> list[Member]:
    return list(_side_by_side(members))[-1]


# ------------------------------------------------------------------------------------- phase by phase


def _chart_of_phases(board: Board) -> Iterator[str]:
    yield "flowchart TD"
    phases = list(_phases(board).items())
    several = len({series for (series, _), _ in phases}) > 1
    states: set[State] = set()
    others = [member for member in board.members if not isinstance(member.key, Keyed)]
    for at, ((_, phase), members) in enumerate(phases[:NODES]):
        states.add(state := _together(members))
        yield f'  p{at}["{GLYPHS[state]} {_heading(members[0], phase, several=several)}#58; {_count(members)}"]:::{_LOOKS[state][0]}'
    if others:
        states.add(state := _together(others))
        yield f'  rest["{GLYPHS[state]} Without a phase#58; {_count(others)}"]:::{_LOOKS[state][0]}'
    for (at, ((series, _), _)), (later, ((other, _), _)) in pairwise(enumerate(phases[:NODES])):
        if series == other:
            yield f"  p{at} --> p{later}"
    yield from _styles(states)


def _together(members: Iterable[Member]) -> State:
    states = {member.state for member in members}
    return next((state for state in _LOUDEST if state in states), State.CLOSED)


def _count(members: list[Member]) -> str:
    return f"{sum(member.state.closed for member in members)} of {len(members)} closed"


# ---------------------------------------------------------------------------------------------- both

Phases = dict[tuple[str, int], list[Member]]
"""The members with a key, by series and phase, in order."""


def _phases(board: Board) -> Phases:
    found: Phases = {}
    for member in board.members:
        if isinstance(member.key, Keyed):
            found.setdefault((member.series, member.key.phase), []).append(member)
    return found


def _heading(member: Member, phase: int, *, several: bool) -> str:
    prefix = member.key.prefix if isinstance(member.key, Keyed) else ""
    return f"{escaped(prefix, 40)} Phase {phase}" if several and prefix else f"Phase {phase}"


def _styles(states: Iterable[State]) -> Iterator[str]:
    for state in sorted(states):
        name, fill, stroke = _LOOKS[state]
        yield f"  classDef {name} fill:{fill},stroke:{stroke},color:#ffffff"
