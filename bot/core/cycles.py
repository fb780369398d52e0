"""Which nodes of a graph wait for each other, and one cycle through each. Iterative and linear; knows no issues.

A graph is a mapping of node to the nodes it waits for; nodes are integers. Negative nodes are auxiliary ("everything
before this point of a series") and never show in an answer.
"""

from collections import deque
from collections.abc import Mapping, Sequence

Graph = Mapping[int, Sequence[int]]

SEARCH_BUDGET = 250_000
"""Members times edges up to which each member of a knot gets a cycle of its own; beyond, all share one."""


def cycles(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Each real node that (transitively) waits for itself, with a cycle: `9 → (9, 8, 9)`.

    A node that names itself and is in no longer cycle is left out: the caller sees that without us. The cycle starts
    and ends with its node and does not depend on the order of the graph's nodes; of a very large knot all members
    share the cycle through its smallest node.
    """
    found: dict[int, tuple[int, ...]] = {}
    for knot in _knots(graph):
        members = sorted(node for node in knot if node >= 0)
        if len(members) < 2:
            continue
        inside = frozenset(knot)
        edges = sum(successor in inside for node in knot for successor in graph.get(node, ()))
        shared = () if len(members) * edges <= SEARCH_BUDGET else _cycle_through(members[0], inside, graph)
        for member in members:
            found[member] = shared or _cycle_through(member, inside, graph)
    return found


def _knots(graph: Graph) -> list[list[int]]:
    """Strongly connected components of two nodes or more (Tarjan 1972, with a stack of our own)."""
    depth_of: dict[int, int] = {}
    lowest: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    knots: list[list[int]] = []
    for root in graph:
        if root in depth_of:
            continue
        depth_of[root] = lowest[root] = len(depth_of)
        path.append(root)
        on_path.add(root)
        stack = [(root, iter(graph[root]))]
        while stack:
            node, successors = stack[-1]
            for next_node in successors:
                if next_node not in depth_of:
                    depth_of[next_node] = lowest[next_node] = len(depth_of)
                    path.append(next_node)
                    on_path.add(next_node)
                    stack.append((next_node, iter(graph.get(next_node, ()))))
                    break
                if next_node in on_path and depth_of[next_node] < lowest[node]:
                    lowest[node] = depth_of[next_node]
            else:
                stack.pop()
                if stack and lowest[node] < lowest[stack[-1][0]]:
                    lowest[stack[-1][0]] = lowest[node]
                if lowest[node] == depth_of[node]:
                    knots += _unwind(node, path, on_path)
    return knots


def _unwind(node: int, path: list[int], on_path: set[int]) -> list[list[int]]:
    """Take the component that `node` closes off the path; nothing for a component of one."""
    at = len(path) - 1
    while path[at] != node:
        at -= 1
    component = path[at:]
    del path[at:]
    on_path.difference_update(component)
    return [component] if len(component) > 1 else []


def _cycle_through(start: int, inside: frozenset[int], graph: Graph) -> tuple[int, ...]:
    """A shortest way from `start` back to itself within its knot, without auxiliary nodes."""
    came_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for next_node in sorted(graph.get(node, ()), key=lambda each: (each < 0, abs(each))):
            if next_node == start and node != start:
                return _walked(start, node, came_from)
            if next_node in inside and next_node not in came_from and next_node != start:
                came_from[next_node] = node
                queue.append(next_node)
    raise AssertionError(f"{start} is in no cycle")  # a caller's error: `inside` is no knot


def _walked(start: int, last: int, came_from: Mapping[int, int]) -> tuple[int, ...]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    way.append(start)
    return tuple(node for node in reversed(way) if node >= 0)
