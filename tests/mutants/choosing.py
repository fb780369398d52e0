"""Which tests of a module's judges look at a mutant: those that call the changed function, the quickest first.

Learned from one run of them all on the unchanged module, with a trace of calls into its file. What is changed outside of
functions, or in one that runs while modules are imported, concerns them all.
"""

import ast
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

IMPORT: Final = ""
"""In place of a test's name: while no test ran."""

OURS: Final = {"bot", "tests", "conftest", "__main__", "__mp_main__", "pytest_timeout"}
"""What each fork imports anew: modules that may import the changed one, and plugins that pytest wants to import."""


class Watch:
    """A pytest plugin: writes down how long each test took, and the first lines of the functions it called in a file."""

    def __init__(self, file: Path, notes: Path) -> None:
        self._file, self._notes = str(file.resolve()), notes
        self._seconds: dict[str, float] = {}
        self._called: dict[str, set[int]] = {IMPORT: set()}
        self._now = self._called[IMPORT]
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, _event: str, _arg: object) -> None:
        if frame.f_code.co_filename == self._file and frame.f_code.co_name != "<module>":
            self._now.add(frame.f_code.co_firstlineno)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Around one test with its fixtures."""
        begun = time.process_time()
        self._now = self._called.setdefault(item.nodeid, set())
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            self._now = self._called[IMPORT]
            self._seconds[item.nodeid] = time.process_time() - begun

    def pytest_sessionfinish(self) -> None:
        """Stop, and write it down."""
        sys.settrace(None)
        threading.settrace(None)
        called = {name: sorted(lines) for name, lines in self._called.items()}
        libraries = [name for name in sys.modules if name.partition(".")[0] not in OURS]
        self._notes.write_text(json.dumps({"seconds": self._seconds, "called": called, "libraries": libraries}))


class Only:
    """A pytest plugin: runs the chosen tests, in their order."""

    def __init__(self, chosen: Sequence[str]) -> None:
        self._chosen = {name: place for place, name in enumerate(chosen)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Of everything in the chosen files."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self._chosen), key=lambda item: self._chosen[item.nodeid]
        )


@dataclass(frozen=True)
class Judges:
    """A module's tests, as `Watch` wrote them down."""

    seconds: Mapping[str, float]
    called: Mapping[str, frozenset[int]]
    functions: tuple[range, ...]
    """The lines of each function in the file."""
    libraries: tuple[str, ...] = ()
    """The modules of others that were imported."""

    def of(self, line: int) -> list[str]:
        """The tests for a change of `line`."""
        around = [lines for lines in self.functions if line in lines]
        quick = sorted(self.seconds, key=lambda name: (round(self.seconds[name], 2), name))
        if not around:
            return quick
        inner = min(around, key=len)
        if any(first in inner for first in self.called[IMPORT]):
            return quick
        return [name for name in quick if any(first in inner for first in self.called[name])]


def read(notes: Path, source: str) -> Judges:
    """The notes of a run on a module with this text."""
    noted = json.loads(notes.read_text())
    called = {name: frozenset(lines) for name, lines in noted["called"].items()}
    return Judges(noted["seconds"], called, tuple(_functions(source)), tuple(noted.get("libraries", ())))


def _functions(source: str) -> Iterator[range]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min(node.lineno, *(each.lineno for each in node.decorator_list), node.lineno)
            yield range(first, (node.end_lineno or first) + 1)
