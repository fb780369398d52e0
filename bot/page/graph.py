"""The graph of a project's issues, laid out: series below each other, phases as columns, the rest by dependencies. Pure.

Where there is a phase order it is the layout, for that is what people have in mind: a column for each phase, its issues
in order below each other. Issues without one are laid out in layers by what they wait for (fast-sugiyama). A project of
more than `READABLE` issues is drawn phase by phase, and each phase can be opened.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fast_sugiyama import from_edges

from bot.core.boards.board import State
from bot.core.outbound import one_line
from bot.page.shown import Issue, Project
from bot.page.words import counted

READABLE: Final = 200
"""Issues that are drawn one by one."""
MOST: Final = 250
"""Issues drawn of one open phase."""
EDGES: Final = 1_500
"""Arrows drawn at most."""

WIDE, HIGH = 220, 38
"""Of a box, in pixels."""
GAP, LINE = 56, 10
"""Between columns, and between boxes of one."""
HEAD = 30
"""Above the boxes of a column."""
BLOCK = 34
"""Between series."""
MARGIN = 12
LONGEST = 30
"""Characters of a title, as wide as Latin ones."""

LOUDEST: Final = (
    State.RUNNING,
    State.BLOCKED,
    State.APPROVAL,
    State.QUEUED,
    State.REVIEW,
    State.WAITING,
    State.IDLE,
    State.DROPPED,
    State.CLOSED,
)
"""What a phase that is drawn as one box is shown as: the first of these that one of its issues is."""


Spot = tuple[float, float]
"""A left upper corner."""
Ends = tuple[str, str]
"""What goes before, and what waits for it."""


@dataclass(frozen=True, slots=True)
class Box:
    """An issue, or a phase that is not open."""

    x: float
    y: float
    state: State
    head: str
    words: str
    issue: Issue | None = None
    opens: str = ""
    """Of a phase: what to add to `open` in the address."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of a series or of a phase."""

    x: float
    y: float
    text: str
    large: bool = False
    closes: str = ""
    """Of an open phase that could be closed: what to take out of `open`."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What waits for what, and why."""

    path: str
    kind: str
    """`phase`, or the first word of what else it is because of."""
    words: str


@dataclass(frozen=True, slots=True)
class Waits:
    """The arrows that end at one box, in words: for who reads rather than looks, or has no mouse to point with."""

    number: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    headings: tuple[Heading, ...]
    arrows: tuple[Arrow, ...]
    waits: Mapping[str, Waits]
    """By issue, or by phase that is not open."""
    left_out: int = 0
    """Issues that are not drawn: nothing waits for them and nobody asks for them."""
    cut: int = 0
    """Arrows that are not drawn, because there are too many."""
    whole: bool = True
    """False: some phases are drawn as one box."""


def draw(project: Project, opened: Collection[str] = ()) -> Drawing:
    """Lay it out; `opened`: the phases that are drawn issue by issue although there are many."""
    return _Drawer(project, frozenset(opened)).draw()


def group_name(issue: Issue) -> str:
    """Names an issue's phase in an address."""
    return "rest" if issue.phase is None else f"{issue.phase}.{issue.series}"


class _Drawer:
    """The working state of one drawing."""

    def __init__(self, project: Project, opened: frozenset[str]) -> None:
        tied = {end for edge in project.edges for end in (edge.before, edge.after)}
        self.project = project
        self.shown = [each for each in project.issues if each.phase is not None or each.id in tied or _asked(each)]
        self.few = len(self.shown) <= READABLE
        self.opened = opened
        self.tied = tied
        self.boxes: list[Box] = []
        self.headings: list[Heading] = []
        self.arrows: list[Arrow] = []
        self.at: dict[str, tuple[float, float, str]] = {}
        """Left upper corner of the box of each issue, and the name of that box."""
        self.routes: dict[Ends, list[Spot]] = {}
        """Of arrows that go around boxes: where they pass the columns between."""
        self.wide = 0.0
        self.waits: dict[str, list[str]] = {}

    def draw(self) -> Drawing:
        y = float(MARGIN)
        for series, phases in self._series().items():
            y = self._draw_series(series, phases, y) + BLOCK
        y = self._draw_rest([each for each in self.shown if each.phase is None], y)
        cut = self._draw_edges()
        return Drawing(
            width=round(self.wide + MARGIN),
            height=round(max(y, MARGIN)),
            boxes=tuple(self.boxes),
            headings=tuple(self.headings),
            arrows=tuple(self.arrows),
            waits={name: Waits(at, tuple(words)) for at, (name, words) in enumerate(self.waits.items(), 1)},
            left_out=len(self.project.issues) - len(self.shown),
            cut=cut,
            whole=all(box.issue is not None for box in self.boxes),
        )

    # ---------------------------------------------------------------------------------- with phases

    def _series(self) -> Mapping[str, Mapping[int, list[Issue]]]:
        found: dict[str, dict[int, list[Issue]]] = {}
        for issue in self.shown:
            if issue.phase is not None:
                found.setdefault(issue.series, {}).setdefault(issue.phase, []).append(issue)
        return {series: dict(sorted(phases.items())) for series, phases in found.items()}

    def _draw_series(self, series: str, phases: Mapping[int, list[Issue]], y: float) -> float:
        """Draw it below `y`; where it ends."""
        if series:
            self.headings.append(Heading(MARGIN, y + 16, _short(series, 60), large=True))
            y += HEAD
        bottom, x, before = y, float(MARGIN), ""
        for phase, issues in phases.items():
            bottom = max(bottom, self._draw_column(issues, x, y))
            name = f"Phase {phase}"
            if before:
                middle = y + 10
                words = f"{_of(series, name)} waits for {before.lower()}: phase order"
                self._arrow(self._first_box(issues), f"M{x - GAP + 4:g} {middle:g}H{x - 6:g}", "phase", words)
            x, before = x + WIDE + GAP, name
        self.wide = max(self.wide, x - GAP)
        return bottom

    def _first_box(self, issues: Sequence[Issue]) -> str:
        name = group_name(issues[0])
        return issues[0].id if self.few or name in self.opened else name

    def _draw_column(self, issues: Sequence[Issue], x: float, y: float) -> float:
        name, closed = group_name(issues[0]), sum(each.state.closed for each in issues)
        progress = f"{closed} of {len(issues)} closed"
        is_open = self.few or name in self.opened
        closes = "" if self.few or not is_open else name
        self.headings.append(Heading(x, y + 14, f"Phase {issues[0].phase} · {progress}", closes=closes))
        y += HEAD - 6
        if not is_open:
            return self._put_group(name, issues, x, y, counted(len(issues), "issue"), progress)
        for at, issue in enumerate(issues[:MOST]):
            self._put(issue, x, y)
            if at and not self.project.parallel:
                words = f"{_name(issue)} waits for {_name(issues[at - 1])}: phase order"
                self._arrow(issue.id, f"M{x + 16:g} {y - LINE:g}V{y - 3:g}", "phase", words)
            y += HIGH + LINE
        return self._put_more(issues[MOST:], x, y)

    # ------------------------------------------------------------------------------- without phases

    def _draw_rest(self, issues: Sequence[Issue], y: float) -> float:
        if not issues:
            return y - BLOCK
        is_open = self.few or "rest" in self.opened
        if self.at:
            closes = "" if self.few or not is_open else "rest"
            self.headings.append(Heading(MARGIN, y + 16, "Without a phase", large=True, closes=closes))
            y += HEAD
        if not is_open:
            self.wide = max(self.wide, MARGIN + WIDE)
            closed = sum(each.state.closed for each in issues)
            words = f"{closed} of {len(issues)} closed"
            return self._put_group("rest", issues, MARGIN, y, counted(len(issues), "issue"), words)
        tied = [each for each in issues[:MOST] if each.id in self.tied]
        loose = [each for each in issues[:MOST] if each.id not in self.tied]
        y = self._draw_layers(tied, y)
        y = self._draw_grid(loose, y)
        return self._put_more(issues[MOST:], MARGIN, y)

    def _draw_layers(self, issues: Sequence[Issue], y: float) -> float:
        """In layers from left to right by what waits for what; each component below the one before."""
        here = {each.id: each for each in issues}
        edges = [(e.before, e.after) for e in self.project.edges if e.before in here and e.after in here]
        lonely = [each for each in issues if not any(each.id in edge for edge in edges)]
        for positions, _, _, pieces in from_edges(edges, vertex_spacing=HIGH + LINE) if edges else ():
            # The library draws from top to bottom, what goes before below: its layers are our columns.
            column = {layer: at for at, layer in enumerate(sorted({place[1] for _, place in positions}, reverse=True))}
            top = min(place[0] for _, place in positions)
            spots = {node: (MARGIN + column[v] * (WIDE + GAP), y + u - top) for node, (u, v) in positions}
            for issue in issues:
                if issue.id in spots:
                    self._put(issue, *spots[issue.id])
            self.routes |= _routes(spots, pieces or ())
            self.wide = max(self.wide, max(x for x, _ in spots.values()) + WIDE)
            y = max(down for _, down in spots.values()) + HIGH + 2 * LINE
        return self._draw_grid(lonely, y)

    def _draw_grid(self, issues: Sequence[Issue], y: float) -> float:
        """Side by side: nothing is to be said of their order."""
        columns = max(1, min(4, round((self.wide or 4 * (WIDE + GAP)) / (WIDE + GAP))))
        for at, issue in enumerate(issues):
            across, down = at % columns, at // columns
            self._put(issue, MARGIN + across * (WIDE + GAP), y + down * (HIGH + LINE))
            self.wide = max(self.wide, MARGIN + (across + 1) * (WIDE + GAP) - GAP)
        return y + -(-len(issues) // columns) * (HIGH + LINE)

    # --------------------------------------------------------------------------------------- pieces

    def _put(self, issue: Issue, x: float, y: float) -> None:
        head = f"{issue.label} {issue.name.text}" if issue.label else issue.name.text
        self.boxes.append(Box(x, y, issue.state, _short(head, LONGEST), _short(_bare(issue), LONGEST), issue))
        self.at[issue.id] = (x, y, issue.id)

    def _put_group(self, name: str, issues: Sequence[Issue], x: float, y: float, head: str, words: str) -> float:
        states = {each.state for each in issues}
        state = next(each for each in LOUDEST if each in states)
        self.boxes.append(Box(x, y, state, head, words, opens=name))
        self.at |= {each.id: (x, y, name) for each in issues}
        return y + HIGH + LINE

    def _put_more(self, issues: Sequence[Issue], x: float, y: float) -> float:
        if not issues:
            return y
        self.headings.append(Heading(x, y + 14, f"… and {len(issues):,} more"))
        self.at |= {each.id: (x, y - HIGH, "") for each in issues}
        return y + HEAD

    def _draw_edges(self) -> int:
        """Draw what is named; of several between the same two boxes one. How many are left out."""
        found: dict[Ends, list[str]] = {}
        places: dict[Ends, tuple[Spot, Spot, str]] = {}
        by_id = {each.id: each for each in self.shown}
        for edge in self.project.edges:
            if edge.before not in self.at or edge.after not in self.at:
                continue
            (x, y, one), (u, v, other) = self.at[edge.before], self.at[edge.after]
            if one != other and one and other:
                words = f"{_name(by_id[edge.after])} waits for {_name(by_id[edge.before])}: {edge.because}"
                found.setdefault((one, other), []).append(words)
                places[one, other] = (x, y), (u, v), edge.because.split()[0].lower()
        for between in list(found)[:EDGES]:
            start, end, kind = places[between]
            reasons = found[between]
            if end[0] < start[0] + WIDE:  # it goes around on the right, which needs room
                self.wide = max(self.wide, max(start[0], end[0]) + WIDE + GAP / 2)
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            self._arrow(between[1], _curve(start, self.routes.get(between, []), end), kind, f"{reasons[0]}{more}")
        return max(0, len(found) - EDGES)

    def _arrow(self, to: str, path: str, kind: str, words: str) -> None:
        self.arrows.append(Arrow(path, kind, words))
        self.waits.setdefault(to, []).append(words)


def _routes(spots: Mapping[int | str, Spot], pieces: Iterable[tuple[int | str, int | str]]) -> dict[Ends, list[Spot]]:
    """By the two ends of each arrow that passes columns: where. The library names those places by numbers, issues are texts."""
    beside: dict[int | str, list[int | str]] = {}
    for one, other in pieces:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    found: dict[Ends, list[Spot]] = {}
    for start in spots:
        for first in beside.get(start, ()):
            passed: list[Spot] = []
            before, at = start, first
            while isinstance(at, int) and len(passed) < len(spots):
                passed.append(spots[at])
                before, at = at, next((each for each in beside[at] if each != before), start)
            if isinstance(start, str) and isinstance(at, str) and passed:
                found[start, at] = passed
    return found


def _curve(start: Spot, between: Sequence[Spot], end: Spot) -> str:
    """From the right side of one box to the left side of another; within a column around its right side."""
    (x, y), (u, v) = (start[0] + WIDE, start[1] + HIGH / 2), (end[0], end[1] + HIGH / 2)
    if u < x:
        side = max(x, u + WIDE) + GAP * 0.7
        v += HIGH / 4  # below what leaves there
        return f"M{x:g} {y:g}C{side:g} {y:g} {side:g} {v:g} {u + WIDE + 5:g} {v:g}"
    path = [f"M{x:g} {y:g}"]
    for left, down in sorted(between):
        level = down + HIGH / 2
        path.append(f"C{x + GAP / 2:g} {y:g} {left - GAP / 2:g} {level:g} {left:g} {level:g}H{left + WIDE:g}")
        x, y = left + WIDE, level
    reach = max(GAP / 2, (u - x) / 2)
    return f"{''.join(path)}C{x + reach:g} {y:g} {u - reach:g} {v:g} {u - 5:g} {v:g}"


def _of(series: str, phase: str) -> str:
    return f"{_short(series, 60)}, {phase.lower()}" if series else phase


def _asked(issue: Issue) -> bool:
    return issue.state not in (State.IDLE, State.CLOSED, State.DROPPED)


def _name(issue: Issue) -> str:
    return f"{issue.label} ({issue.name.text})" if issue.label else issue.name.text


def _bare(issue: Issue) -> str:
    """Its title without the key, which stands above it."""
    for lead in (f"[{issue.label}]", f"{issue.label}:", f"{issue.label} -"):
        if issue.label and issue.title.lstrip().upper().startswith(lead.upper()):
            return issue.title.lstrip()[len(lead) :]
    return issue.title


def _short(text: str, most: int) -> str:
    """As much of it as fits, in one line; wide characters count twice."""
    line, room = one_line(text, 300).strip(), most
    for at, width in enumerate(_widths(line)):
        room -= width
        if room < 0:
            return f"{line[: max(0, at - 1)].rstrip()}…"
    return line


def _widths(text: str) -> Iterable[int]:
    return (2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
