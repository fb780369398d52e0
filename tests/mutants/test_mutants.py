"""What is changed and what is not, who is asked about it, and one module through it all; `make mutants` for the others."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutants.choosing import IMPORT, Judges, read
from tests.mutants.making import mutants_of
from tests.mutants.policy import POLICY

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("A = ('a', 'b')", ["A = ( 'b',)", "A = ('a',)"]),
        ("A = {'a', 'b', 'c'}", ["A = { 'b', 'c'}", "A = {'a', 'c'}", "A = {'a', 'b',}"]),
        ("A = 1", ["A = 0", "A = 2"]),
        ("def f(a: int | None) -> int | str: return a", []),
        ("def f(*, a): return a * b", ["def f(*, a): return a / b"]),
        ("@cache(size=7)\ndef f(a): return not a", ["def f(a): return  a"]),
        ("if a < b: pass", ["if a <= b: pass", "if a >= b: pass", "if not a < b: pass"]),
        ("A = b is None and c", ["A = b is None or c", "A = b is not None and c"]),
        ("A = [b for b in c]", []),
    ],
)
def test_what_a_mutant_is(source: str, mutants: list[str], tmp_path: Path) -> None:
    """One thing that decides, changed to its neighbour; each row of a table left out."""
    file = tmp_path / "module.py"
    file.write_text(f"{source}\n")

    assert sorted(mutant.now for mutant in mutants_of(file)) == sorted(mutants)


def test_who_calls_a_function_is_asked_and_the_quickest_first(tmp_path: Path) -> None:
    """All are, where the change is outside of functions or in one that runs at import."""
    source = "A = 1\ndef f():\n    return A\ndef g():\n    return f()\nB = g()\n"
    called = {IMPORT: {4}, "slow": {2, 4}, "quick": {2}, "other": set[int]()}
    tests = Judges({"slow": 2.0, "quick": 0.1, "other": 1.0}, {k: frozenset(v) for k, v in called.items()}, ())
    notes = tmp_path / "notes.json"
    notes.write_text(
        '{"seconds": {"slow": 2, "quick": 0.1, "other": 1}, "called": {"": [4], "slow": [2, 4], "quick": [2], "other": []}}'
    )

    assert read(notes, source).of(3) == ["quick", "slow"]
    assert read(notes, source).of(5) == read(notes, source).of(1) == tests.of(9) == ["quick", "other", "slow"]


def test_the_lists_name_files() -> None:
    """Modules and their judges."""
    assert [name for judged in POLICY for name in (judged.path, *judged.tests) if not (ROOT / name).is_file()] == []


def test_a_module_goes_through_it() -> None:
    """The smallest one."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "core/access", "--jobs", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].split()[:4] == ["together", "6", "6", "0"]


def test_what_makes_no_difference_is_said_with_its_reason() -> None:
    """Of modules that there are."""
    entries = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text())

    assert entries.keys() <= {judged.module for judged in POLICY}
    assert all(set(entry) == {"was", "now", "why"} for each in entries.values() for entry in each)
