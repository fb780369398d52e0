"""Where the graph puts what: phases as columns, no box on another, an arrow for whatever is named."""

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

from bot.core.boards.board import State
from bot.core.model import Issue
from bot.page.arrows import HIGH, WIDE
from bot.page.fitting import fitting, width
from bot.page.graph import EDGES, LONGEST, READABLE, Drawing, draw
from tests.page.sample import asked, closed, planned, unasked


def drawn(*issues: Issue, opened: tuple[str, ...] = ()) -> Drawing:
    return draw(planned(*issues).project, opened)


def overlaps(drawing: Drawing) -> list[tuple[str, str]]:
    return [
        (one.head, other.head)
        for one, other in combinations(drawing.boxes, 2)
        if abs(one.x - other.x) < WIDE and abs(one.y - other.y) < HIGH
    ]


def crossed(drawing: Drawing) -> list[tuple[str, str]]:
    """What each arrow that turns corners runs over, its own two boxes included."""
    found = []
    for arrow in drawing.arrows:
        if "Q" not in arrow.path:
            continue
        spots = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", arrow.path)]
        for (x, y), (u, v) in pairwise(spots):
            assert min(x, y, u, v) > 0, arrow
            assert max(x, u) <= drawing.width, arrow
            assert max(y, v) <= drawing.height, arrow
            for box in drawing.boxes:
                apart = (
                    min(x, u) >= box.x + WIDE or max(x, u) <= box.x or min(y, v) >= box.y + HIGH or max(y, v) <= box.y
                )
                found += [] if apart else [(arrow.words, box.head)]
    return found


def several(series: int, phases: int, tasks: int, first: int) -> Iterator[Issue]:
    """Each waits for one of a series before its own, or of an earlier phase: in any direction, and without cycles."""
    number = first
    for at in range(series):
        for phase in range(1, phases + 1):
            for task in range(1, tasks + 1):
                before = first + number * 37 % (at * phases * tasks or number)
                on = [before] if before < first + at * phases * tasks + (phase - 1) * tasks else []
                yield asked(number, f"[S{at}-{phase}.{task}] Task", on=on)
                number += 1


def x_of(drawing: Drawing, number: int) -> float:
    return next(box.x for box in drawing.boxes if box.issue and box.issue.id == str(number))


def test_phases_are_columns_and_tasks_go_down() -> None:
    drawing = drawn(asked(3, "[A-2.1] c"), asked(1, "[A-1.1] a"), asked(2, "[A-1.2] b"), asked(4, "[A-10.1] d"))

    boxes = {box.issue.id: box for box in drawing.boxes if box.issue}
    assert boxes["1"].x == boxes["2"].x < boxes["3"].x < boxes["4"].x
    assert boxes["1"].y < boxes["2"].y
    assert [each.text for each in drawing.headings if not each.large] == [
        "Phase 1 · 0 of 2 closed",
        "Phase 2 · 0 of 1 closed",
        "Phase 10 · 0 of 1 closed",
    ]
    assert "A-1.2 (#2) waits for A-1.1 (#1): phase order" in [each.words for each in drawing.arrows]
    assert overlaps(drawing) == []


def test_what_has_no_phase_stands_right_of_what_it_waits_for() -> None:
    drawing = drawn(
        asked(1, "a"), asked(2, "b", on=[1]), asked(3, "c", on=[2]), asked(4, "d", on=[1, 3]), asked(5, "e")
    )

    assert x_of(drawing, 1) < x_of(drawing, 2) < x_of(drawing, 3) < x_of(drawing, 4)
    assert sorted(each.words for each in drawing.arrows) == [
        "#2 waits for #1: GitHub dependency",
        "#3 waits for #2: GitHub dependency",
        "#4 waits for #1: GitHub dependency",
        "#4 waits for #3: GitHub dependency",
    ]
    assert overlaps(drawing) == []


def test_nothing_lies_on_anything_in_a_web_of_a_hundred() -> None:
    webs = [asked(n, f"Issue {n}", on=[each for each in (n // 2, n - 7) if each > 0]) for n in range(1, 101)]
    phases = [asked(200 + n, f"[SHOP-{n // 12}.{n % 12 + 1}] Task", on=[n]) for n in range(1, 90)]

    drawing = drawn(*webs, *phases)

    assert len(drawing.boxes) == 189
    assert overlaps(drawing) == []
    assert max(box.x + WIDE for box in drawing.boxes) <= drawing.width
    assert max(box.y + HIGH for box in drawing.boxes) <= drawing.height
    assert len([each for each in drawing.arrows if each.kind == "github"]) > 150


def test_cycles_are_drawn_too() -> None:
    """Issues in one don't wait, they can't start; whoever waits for them does."""
    drawing = drawn(asked(1, "a", on=[2]), asked(2, "b", on=[1]), asked(3, "c", on=[1]))

    assert {box.issue.id for box in drawing.boxes if box.issue} == {"1", "2", "3"}
    assert {box.state for box in drawing.boxes} == {State.BLOCKED, State.WAITING}


def test_nobodys_ideas_are_counted_not_drawn() -> None:
    drawing = drawn(unasked(1, "Idea"), unasked(2, "Named"), asked(3, "Asked", on=[2]))

    assert {box.issue.id for box in drawing.boxes if box.issue} == {"2", "3"}
    assert drawing.left_out == 1


def test_thousands_are_drawn_phase_by_phase_until_one_is_opened() -> None:
    many = [asked(n, f"[BIG-{n // 50 + 1}.{n % 50 + 1}] Task {n}") for n in range(2_000)]
    extra = [closed(5_000, "[OLD-1.1] Gone")]

    folded = drawn(*many, *extra)
    assert len(folded.boxes) == 41
    assert not folded.whole
    assert {box.head for box in folded.boxes} == {"50 issues", "1 issue"}

    opened = drawn(*many, *extra, opened=("3.BIG",))
    assert sum(box.issue is not None for box in opened.boxes) == 50
    assert [each.closes for each in opened.headings if each.closes] == ["3.BIG"]
    assert overlaps(opened) == []
    assert len(many) > READABLE


def test_arrows_are_bounded() -> None:
    dense = [asked(n, f"Issue {n}", on=range(max(1, n - 20), n)) for n in range(1, 150)]

    drawing = drawn(*dense)

    assert len(drawing.arrows) == EDGES
    assert drawing.cut > 0
    assert all(x_of(drawing, n) < x_of(drawing, n + 1) for n in range(1, 149))
    assert crossed(drawing) == []
    assert overlaps(drawing) == []


def test_no_arrow_runs_over_a_box() -> None:
    """To the right and back, up and down, within a series and a column, to issues without a phase, opened or not."""
    few = list(several(4, 5, 5, 1))
    loose = [asked(1_000 + n, "Task", on=[n]) for n in range(30, 60)]
    many = list(several(12, 7, 12, 1))
    for drawing in (drawn(*few, *loose), drawn(*many), drawn(*many, opened=("2.S5", "4.S11"))):
        assert sum("Q" in each.path for each in drawing.arrows) > 50
        assert crossed(drawing) == []
        assert overlaps(drawing) == []


def test_every_text_fits_its_box() -> None:
    """Whatever its characters: the head shares its line with the word of the state."""
    titles = ("漢" * 100, "i" * 100, "W" * 100, "🎉" * 100, "Ten per cent off from three", "e\u0301" * 100)
    drawing = drawn(*(asked(n, f"[MIGRATION-{n}.1] {title}") for n, title in enumerate(titles, 1)))

    words = {int(box.issue.id): box.words for box in drawing.boxes if box.issue}
    assert len(words[1]) < len(words[2]) / 2
    assert words[5] == titles[4]
    assert all(width(each) <= LONGEST for each in words.values())
    for box in drawing.boxes:
        assert width(box.head, bold=True) + width(box.word) * 10 / 12 < LONGEST


def test_a_text_that_just_fits_is_whole() -> None:
    for text in ("iiii", "a b c", "漢字", ""):
        assert fitting(text, width(text)) == text
        assert fitting(f"{text}m", width(text) + 0.5) != f"{text}m"
