"""The graph of a project's issues, laid out: series below each other, phases as columns, the rest by dependencies. Pure.

Where there is a phase order it is the layout, for that is what people have in mind: a column for each phase, its issues
in order below each other. Issues without one are laid out in layers by what they wait for (fast-sugiyama). A project of
more than `READABLE` issues is drawn phase by phase, and each phase can be opened.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from fast_sugiyama import from_edges

from bot.core.boards.board import State
from bot.page.arrows import GAP, HIGH, ROOM, WIDE, Band, Ends, Seat, Spot, Ways, curve, passed
from bot.page.fitting import fitting, width
from bot.page.shown import Issue, Project
from bot.page.words import counted

READABLE: Final = 200
"""Issues that are drawn one by one."""
MOST: Final = 250
"""Issues drawn of one open phase."""
EDGES: Final = 1_500
"""Arrows drawn at most."""
SPAN: Final = 400
"""Columns that all arrows between issues without a phase pass together. Of more, the library makes a drawing in which boxes
are lost among arrows, and takes seconds for the worst.
"""

LINE = 10
"""Between boxes of a column, in pixels."""
HEAD = 30
"""Above the boxes of a column."""
BLOCK = 34
"""Between series."""
MARGIN = 12
LONGEST = 18.3
"""Ems of a title in its box."""
HEADING = 33.0
"""Of the name of a series."""

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


SHORT: Final = {State.APPROVAL: "approval", State.IDLE: "not asked"}
"""Words of a state that are too long for a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """An issue, or a phase that is not open."""

    x: float
    y: float
    state: State
    head: str
    words: str
    word: str
    """Of its state."""
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
    ends: Ends = ("", "")
    """The boxes; of phase order none, which goes from column to column."""


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
        self.at: dict[str, Seat] = {}
        """Where the box of each issue is."""
        self.bands: list[Band] = []
        """The series so far."""
        self.routes: dict[Ends, list[Spot]] = {}
        """Of arrows that go around boxes: where they pass the columns between."""
        self.dense = False
        """Issues without a phase are laid out without the library."""
        self.wide = 0.0
        self.waits: dict[str, list[str]] = {}

    def draw(self) -> Drawing:
        room = ROOM if self.project.edges else 0
        y = float(MARGIN + room)
        for series, phases in self._series().items():
            top, y = y, self._draw_series(series, phases, y)
            self.bands.append(Band(top, y))
            y += BLOCK
        top, y = y, self._draw_rest([each for each in self.shown if each.phase is None], y)
        self.bands.append(Band(top, y))
        cut = self._draw_edges()
        return Drawing(
            width=round(self.wide + MARGIN),
            height=round(max(y + room, MARGIN)),
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
            self.headings.append(Heading(MARGIN, y + 16, fitting(series, HEADING, bold=True), large=True))
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
        tied = frozenset(end for edge in edges for end in edge)
        lonely = [each for each in issues if each.id not in tied]
        depths = _depths(edges)
        if sum(depths[after] - depths[before] for before, after in edges) > SPAN:
            self.dense = True
            return self._draw_grid(lonely, self._draw_depths([each for each in issues if each.id in tied], depths, y))
        for positions, _, _, pieces in from_edges(edges, vertex_spacing=HIGH + LINE) if edges else ():
            # The library draws from top to bottom, what goes before below: its layers are our columns.
            column = {layer: at for at, layer in enumerate(sorted({place[1] for _, place in positions}, reverse=True))}
            top = min(place[0] for _, place in positions)
            spots = {node: (MARGIN + column[v] * (WIDE + GAP), y + u - top) for node, (u, v) in positions}
            for issue in issues:
                if issue.id in spots:
                    self._put(issue, *spots[issue.id])
            self.routes |= passed(spots, pieces or ())
            self.wide = max(self.wide, max(x for x, _ in spots.values()) + WIDE)
            y = max(down for _, down in spots.values()) + HIGH + 2 * LINE
        return self._draw_grid(lonely, y)

    def _draw_depths(self, issues: Sequence[Issue], depths: Mapping[str, int], y: float) -> float:
        """As many columns as something waits one behind the other; quick, whatever there is."""
        bottom = dict.fromkeys(depths.values(), y)
        for issue in issues:
            at = depths[issue.id]
            self._put(issue, MARGIN + at * (WIDE + GAP), bottom[at])
            bottom[at] += HIGH + LINE
        self.wide = max(self.wide, MARGIN + max(bottom) * (WIDE + GAP) + WIDE)
        return max(bottom.values())

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
        self._box(x, y, issue.state, head, _bare(issue), issue=issue)
        self.at[issue.id] = Seat(x, y, issue.id, len(self.bands))

    def _put_group(self, name: str, issues: Sequence[Issue], x: float, y: float, head: str, words: str) -> float:
        states = {each.state for each in issues}
        self._box(x, y, next(each for each in LOUDEST if each in states), head, words, opens=name)
        self.at |= dict.fromkeys((each.id for each in issues), Seat(x, y, name, len(self.bands)))
        return y + HIGH + LINE

    def _box(
        self, x: float, y: float, state: State, head: str, words: str, *, issue: Issue | None = None, opens: str = ""
    ) -> None:
        """Its head and the word of its state share a line; the word is ten pixels high, not twelve."""
        word = SHORT.get(state, state.value)
        head = fitting(head, LONGEST - width(word) * 10 / 12 - 0.7, bold=True)
        self.boxes.append(Box(x, y, state, head, fitting(words, LONGEST), word, issue, opens))

    def _put_more(self, issues: Sequence[Issue], x: float, y: float) -> float:
        if not issues:
            return y
        self.headings.append(Heading(x, y + 14, f"… and {len(issues):,} more"))
        self.at |= dict.fromkeys((each.id for each in issues), Seat(x, y - HIGH, "", len(self.bands)))
        return y + HEAD

    def _draw_edges(self) -> int:
        """Draw what is named; of several between the same two boxes one. How many are left out."""
        found: dict[Ends, list[str]] = {}
        places: dict[Ends, tuple[Seat, Seat, str]] = {}
        by_id = {each.id: each for each in self.shown}
        for edge in self.project.edges:
            if edge.before not in self.at or edge.after not in self.at:
                continue
            start, end = self.at[edge.before], self.at[edge.after]
            if start.box != end.box and start.box and end.box:
                words = f"{_name(by_id[edge.after])} waits for {_name(by_id[edge.before])}: {edge.because}"
                found.setdefault((start.box, end.box), []).append(words)
                places[start.box, end.box] = start, end, edge.because.split()[0].lower()
        ways = Ways(self.bands)
        for between in list(found)[:EDGES]:
            start, end, kind = places[between]
            reasons = found[between]
            if end.x < start.x + WIDE:  # it goes around on the right, which needs room
                self.wide = max(self.wide, max(start.x, end.x) + WIDE + GAP - MARGIN)
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            self._arrow(between[1], self._way(ways, between, start, end), kind, f"{reasons[0]}{more}", between)
        return max(0, len(found) - EDGES)

    def _way(self, ways: Ways, between: Ends, start: Seat, end: Seat) -> str:
        """Among issues without a phase as the library has it, if it laid them out."""
        rest = len(self.bands) - 1
        if start.band == end.band == rest and not self.dense:
            return curve((start.x, start.y), self.routes.get(between, ()), (end.x, end.y))
        return ways.way(start, end)

    def _arrow(self, to: str, path: str, kind: str, words: str, ends: Ends = ("", "")) -> None:
        self.arrows.append(Arrow(path, kind, words, ends))
        self.waits.setdefault(to, []).append(words)


def _depths(edges: Sequence[Ends]) -> Mapping[str, int]:
    """How many go before each, one behind the other. Where they go round (which nobody who waits does), all are the first."""
    before: dict[str, list[str]] = {}
    for first, then in edges:
        before.setdefault(then, []).append(first)
        before.setdefault(first, [])
    found: dict[str, int] = {}
    try:
        for each in TopologicalSorter(before).static_order():
            found[each] = max((found[other] + 1 for other in before[each]), default=0)
    except CycleError:
        return dict.fromkeys(before, 0)
    return found


def _of(series: str, phase: str) -> str:
    return f"{fitting(series, HEADING, bold=True)}, {phase.lower()}" if series else phase


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
