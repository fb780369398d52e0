"""Running the tests that judge a module against its mutants: a process each, forked from one that has the libraries.

A mutant never lies on the disk: the fork imports the module from the changed text. The machine may be busy, so what runs
for ever is told by the processor time that it took.
"""

import gc
import importlib
import importlib.abc
import importlib.util
import os
import resource
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Final

import pytest
from hypothesis import settings

from tests.mutants.choosing import Judges, Only, Watch, read
from tests.mutants.making import Mutant
from tests.mutants.policy import Judged

OPTIONS: Final = (
    *(
        "-x",
        "-q",
        "--no-header",
        "--tb=line",
        "--timeout=30",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:unraisableexception",
    ),
    *("-p", "pytest_timeout"),
)
NEVER_IMPORTED = 99
MEMORY = 2 << 30
START_SECONDS, PATIENCE = 2, 3
"""CPU seconds to begin, and how many times as long as without the change: what takes longer runs for ever."""


class _Changed(SourceFileLoader):
    """A module out of a text."""

    def __init__(self, name: str, path: Path, text: str) -> None:
        super().__init__(name, str(path))
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Instead(importlib.abc.MetaPathFinder):
    """Finds one module: the changed one."""

    def __init__(self, name: str, path: Path, text: str) -> None:
        self._name, self._path, self._text = name, path, text

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Changed(fullname, self._path, self._text)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def prepare() -> None:
    """Let Hypothesis think of the same examples each time, and pytest load no more than it is told."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, print_blob=False)
    settings.load_profile("mutants")


def watch(judged: Judged, logs: Path) -> Judges:
    """Run all its tests without any change. Tells which of them calls what."""
    text, notes = Path(judged.path).read_text(encoding="utf-8"), logs / "tests.json"
    words = ["-k", f"not ({judged.without})"] if judged.without else []
    pid = _fork(judged, text, [*judged.tests, *words], lambda: Watch(Path(judged.path), notes), 300, logs / "0.log")
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(f"{judged.module}: its tests fail, or never import it, without any change; see {logs}/0.log")
    judges = read(notes, text)
    for name in judges.libraries:  # once, before the forks
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    return judges


def killed(judged: Judged, mutants: Mapping[int, Mutant], tests: Judges, *, jobs: int, logs: Path) -> set[int]:
    """The keys of those that some test noticed."""
    waiting, running, dead = dict(mutants), dict[int, int](), set[int]()
    while waiting or running:
        while waiting and len(running) < jobs:
            key = next(iter(waiting))
            mutant = waiting.pop(key)
            chosen = tests.of(mutant.line)
            if chosen:
                files = dict.fromkeys(name.partition("::")[0] for name in chosen)
                only = partial(Only, chosen)
                cpu = round(START_SECONDS + PATIENCE * sum(tests.seconds[name] for name in chosen))
                running[_fork(judged, mutant.code, [*files], only, cpu, logs / f"{key}.log")] = key
        if running:
            pid, status = os.wait()
            key = running.pop(pid)
            if os.waitstatus_to_exitcode(status) == NEVER_IMPORTED:
                sys.exit(f"{judged.module}: the tests could not be run; see {logs}/{key}.log")
            if status:
                dead.add(key)
    return dead


def _fork(judged: Judged, text: str, files: list[str], plugin: Callable[[], object], cpu: int, log: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = NEVER_IMPORTED
    try:
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        name = judged.path.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Instead(name, Path(judged.path).resolve(), text))
        ended = int(pytest.main([*OPTIONS, *judged.options, *files], plugins=[plugin()]))
        code = ended if ended or name in sys.modules else NEVER_IMPORTED
    except BaseException:  # noqa: BLE001 the fork must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
