"""Laws of `arrange`: by enumeration of small repositories, and against a naive reference on random ones."""

import itertools
import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import Issue, Link, Ref, Source
from bot.core.order import Arrangement, arrange
from bot.core.settings import OrderRules
from bot.core.titles import Keyed, Meta, parse_all

HERE = "o/r"
KEYS = ["[A-1.1] x", "[A-1.2] x", "[A-2.1] x", "x"]
LINKS: list[tuple[int, ...]] = [(), (1,), (2,), (3,), (2, 3)]


def small_worlds() -> list[dict[int, Issue]]:
    """Three issues: every combination of titles, of links among them, and of one being closed."""
    worlds: list[dict[int, Issue]] = []
    for titles in itertools.product(KEYS, repeat=3):
        for links in itertools.product(LINKS, repeat=3):
            closed = (len(worlds) * 7) % 4  # 0: none
            worlds.append(
                {
                    n: Issue(n, title, open=n != closed, links=tuple(Link(Ref(HERE, t), Source.NATIVE) for t in named))
                    for n, title, named in zip((1, 2, 3), titles, links, strict=True)
                }
            )
    return worlds


def plan(world: dict[int, Issue], candidates: set[int], rules: OrderRules | None = None) -> Arrangement:
    return arrange(world, candidates, rules=rules or OrderRules(), repo=HERE, text=lambda _: ())


def test_small_worlds_obey_the_laws() -> None:
    """8,000 states: each candidate in one group, input order without effect, nothing ready before its time."""
    started, worlds = time.process_time(), small_worlds()
    for world in worlds:
        found = plan(world, {1, 2, 3})
        groups = [*found.ready, *(w.number for w in found.waiting), *(i.number for i in found.invalid)]

        assert sorted(groups) == [n for n, issue in world.items() if issue.open]
        assert found == plan(dict(reversed(world.items())), {3, 2, 1})
        assert all(not naive_blockers(world, n, OrderRules()) for n in found.ready)
        assert {i.number for i in found.invalid} == naive_invalid(world, OrderRules())

    assert len(worlds) == 8_000
    assert time.process_time() - started < 8  # 2 s alone on a quiet machine


def test_something_can_always_go_on() -> None:
    """In every small world where all are asked for and nothing is invalid, something is ready until all are closed."""
    for world in small_worlds()[::5]:
        state = dict(world)
        while any(issue.open for issue in state.values()):
            found = plan(state, {1, 2, 3})
            if found.invalid:
                break
            assert found.ready
            first = state[found.ready[0]]
            state[first.number] = Issue(first.number, first.title, open=False)


# ------------------------------------------------------------------------------------ naive reference


def naive_blockers(world: dict[int, Issue], number: int, rules: OrderRules, asked: set[int] | None = None) -> set[int]:
    """What an open issue waits for, by looking at every pair (design.md §4, word for word)."""
    titles = parse_all({n: issue.title for n, issue in world.items()})
    mine, me = titles[number], world[number]
    found = set()
    for other, issue in world.items():
        key = titles[other]
        if not issue.open or isinstance(key, Meta):
            continue
        named = [link.source for link in me.links if link.ref.number == other]
        if asked is not None and number not in asked:
            named = [source for source in named if source is not Source.SUB_ISSUE]
        if named or (_same_series(mine, me, key, issue, rules) and _smaller(key, mine, rules)):
            found.add(other)
    return found


def _same_series(mine: object, me: Issue, key: object, issue: Issue, rules: OrderRules) -> bool:
    if not (isinstance(mine, Keyed) and isinstance(key, Keyed)):
        return False
    if rules.scope == "repository":
        return True
    if mine.prefix or key.prefix:
        return mine.prefix == key.prefix
    return me.milestone == issue.milestone


def _smaller(key: object, mine: object, rules: OrderRules) -> bool:
    assert isinstance(key, Keyed)
    assert isinstance(mine, Keyed)
    if rules.within_phase == "parallel":
        return key.phase < mine.phase
    return (key.phase, key.task, key.suffix) < (mine.phase, mine.task, mine.suffix)


def naive_invalid(world: dict[int, Issue], rules: OrderRules, asked: set[int] | None = None) -> set[int]:
    """Open issues that reach themselves, by Warshall's closure."""
    titles = parse_all({n: issue.title for n, issue in world.items()})
    nodes = [n for n, issue in world.items() if issue.open and not isinstance(titles[n], Meta)]
    reach = {n: naive_blockers(world, n, rules, asked) for n in nodes}
    for middle, start in itertools.product(nodes, nodes):
        if middle in reach[start]:
            reach[start] |= reach[middle]
    return {n for n in nodes if n in reach[n]}


TITLES = [f"[{p}-{k}] x" for p in "AB" for k in ("1.1", "1.1a", "1.2", "2.1")]
TITLES += ["1.1: x", "1.2: x", "Phase 2.1", "x", "[A-7] x", "[C-7] x", "META: x"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[int, Issue], set[int], OrderRules]:
    size = draw(st.integers(1, 9))
    numbers = st.integers(1, size)
    sources = st.sampled_from([Source.NATIVE, Source.SUB_ISSUE])
    links = st.lists(st.builds(Link, st.builds(Ref, st.just(HERE), numbers), sources), max_size=3).map(tuple)
    world = {
        n: Issue(
            n,
            draw(st.sampled_from(TITLES)),
            open=draw(st.sampled_from([True, True, True, False])),
            milestone=draw(st.sampled_from(["", "M"])),
            links=draw(links),
        )
        for n in range(1, size + 1)
    }
    rules = OrderRules(
        scope=draw(st.sampled_from(["series", "repository"])),
        within_phase=draw(st.sampled_from(["serial", "parallel"])),
    )
    return world, draw(st.sets(numbers)), rules


@settings(max_examples=400, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_agrees_with_the_naive_reference(
    drawn: tuple[dict[int, Issue], set[int], OrderRules], chance: random.Random
) -> None:
    """Blockers, invalid ones and ready ones are those of the pairwise definition; shuffling changes nothing."""
    world, asked, rules = drawn
    found = plan(world, asked, rules)
    trackers = {n for n, title in found.keys.items() if isinstance(title, Meta)}
    candidates = {n for n in asked if world[n].open} - trackers
    invalid = naive_invalid(world, rules, asked) & candidates
    blockers = {n: naive_blockers(world, n, rules, asked) for n in candidates}

    assert {i.number for i in found.invalid} == invalid
    assert set(found.ready) == {n for n in candidates - invalid if not blockers[n]}
    assert {w.number: {b.ref.number for b in w.on} for w in found.waiting} == {
        n: blockers[n] for n in candidates - invalid if blockers[n]
    }
    assert all(w.total == len(w.on) for w in found.waiting)
    for each in found.invalid:
        path = [step for step in each.path if isinstance(step, int)]
        assert path[0] == path[-1] == each.number
        assert all(there in naive_blockers(world, here, rules, asked) for here, there in itertools.pairwise(path))

    shuffled = list(world.items())
    chance.shuffle(shuffled)
    assert plan(dict(shuffled), asked, rules) == found
