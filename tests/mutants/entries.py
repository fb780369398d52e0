"""An operator of our own for cosmic-ray: one entry of a written-out tuple, list, set or dict is left out.

A policy is often a table (what is protected, which formats are secrets), and each of its rows must be missed by a test.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cosmic_ray.operators.operator import Example, Operator

LITERALS = {"testlist_comp", "dictorsetmaker", "testlist_star_expr"}


class LeaveOutAnEntry(Operator):  # type: ignore[misc]
    """`{a, b}` becomes `{b}`, and `{a}`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Each entry of a literal with two of them or more."""
        for entry in _entries(node):
            yield entry[0].start_pos, entry[-1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Without entry `index` and the comma after it."""
        entries = _entries(node)
        gone = entries.pop(index)
        rest = [part for entry in entries for part in entry]
        if len(entries) == 1 and len(rest) == 1:
            rest.append(gone[-1])  # a tuple of one entry is none without its comma
        node.children = rest
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        """For cosmic-ray."""
        return (Example("A = {1, 2}", "A = { 2,}"),)


def _entries(node: Any) -> list[list[Any]]:
    """The entries' parts, each with its comma; none where it is no table."""
    if node.type not in LITERALS or any(child.type in {"sync_comp_for", "comp_for"} for child in node.children):
        return []
    entries: list[list[Any]] = [[]]
    for child in node.children:
        entries[-1].append(child)
        if child.type == "operator" and child.value == ",":
            entries.append([])
    return [entry for entry in entries if entry] if len([e for e in entries if e]) > 1 else []
