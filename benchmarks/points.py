"""What a look at a repository costs in GitHub's points, of which an installation has 5,000 an hour: by GitHub's formula.

"Add up the number of requests needed to fulfil each unique connection; assume that every request reaches its `first` or
`last`; divide by 100 and round; at least 1." Nothing is read: the documents are taken as the readers make them.
https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from benchmarks.tables import show
from bot.github import queries
from bot.github.gathering import Gathering, Part
from bot.github.wanted import NodeIds, Pages, TalksWanted, Wanted

AN_HOUR = 5_000
PERIODS = (60, 600)
"""Seconds between two looks at every repository: the default, and what docs/server.md has for many."""


SMALL = "server, again: 20 open issues, 3 of them asked for, 5 touched today"


def main(_runs: int) -> None:
    """Reckon and print."""
    now = datetime.now(UTC)
    server = Wanted("acme/shop", now, reviews=True, checks=True, remember=True)
    quiet = replace(server, talks=TalksWanted(pulls=False, checks=False))
    small = replace(quiet, pages=Pages().after({"open": 20, "asked": 3, "recent": 5, "refs": 3}))
    looks = {
        "server, a repository, the first time": server,
        SMALL: small,
        f"{SMALL}, a pull request open": replace(small, talks=TalksWanted(checks=False)),
        "server, again: 80 open issues, 20 of them asked for, 15 touched today": replace(
            quiet, pages=Pages().after({"open": 80, "asked": 20, "recent": 15, "refs": 20})
        ),
        "server, a candidate before its dispatch": replace(small, focus=(7,), everything=False),
        "gate, a whole repository": Wanted("acme/shop", now, (7,)),
        "work, one issue": Wanted("acme/shop", now, (7,), everything=False),
        "publish, one issue": Wanted("acme/shop", now, (7,), everything=False, prerequisites=False),
    }
    found = {title: points(_document(wanted)) for title, wanted in looks.items()}
    whole = found[SMALL]
    show(
        f"GitHub's points for one look, of {AN_HOUR:,} an hour and installation",
        ("", "points", "looks in an hour"),
        [(title, str(cost), f"{AN_HOUR / cost:,.0f}") for title, cost in found.items()],
        "small repositories that can be looked at on time, with nothing left for work: "
        + ", ".join(f"{AN_HOUR / whole / (3600 / period):,.0f} at {period} s" for period in PERIODS),
    )


def points(document: str) -> int:
    """Of one query."""
    parsed = parse(document)
    fragments = {each.name.value: each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)}
    asked = (each.selection_set for each in parsed.definitions if isinstance(each, OperationDefinitionNode))
    return max(1, round(sum(_requests(chosen, 1, fragments) for chosen in asked) / 100))


def _requests(chosen: SelectionSetNode | None, parents: int, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """Requests below `parents` nodes: one for each connection of each."""
    total = 0
    for each in chosen.selections if chosen is not None else ():
        if isinstance(each, FragmentSpreadNode):
            total += _requests(fragments[each.name.value].selection_set, parents, fragments)
            continue
        size = _page(each) if isinstance(each, FieldNode) else 0
        below = getattr(each, "selection_set", None)
        total += (parents if size else 0) + _requests(below, parents * (size or 1), fragments)
    return total


def _page(field: FieldNode) -> int:
    """How many nodes of a connection are asked for; 0: it is none."""
    sizes = (each.value for each in field.arguments or () if each.name.value in ("first", "last"))
    return next((int(size.value) for size in sizes if isinstance(size, IntValueNode)), 0)


def _document(wanted: Wanted) -> str:
    parts: list[Part] = Gathering(wanted, NodeIds()).parts()
    return queries.document(wanted.repo, [part.selection for part in parts], others=(queries.viewer(),))
