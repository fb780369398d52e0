"""Which mutants of a module there are: cosmic-ray's operators, one change each, in the order of the file.

Of each operator only the neighbours that a person could have meant (`<` for `<=`, `and` for `or`): of the others nearly
all end in an error at once and would only flatter the score. Annotations and decorators (`frozen`, a cache's size) decide
nothing and stay.
"""

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.entries import LeaveOutAnEntry

COMPARISONS: Final = (
    "Eq_NotEq|NotEq_Eq|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt|Is_IsNot|IsNot_Is|In_NotIn|NotIn_In"
)
SUMS: Final = "Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Div|FloorDiv_Mul|Mod_Mul|Pow_Mul|LShift_RShift|RShift_LShift|BitOr_BitAnd|BitAnd_BitOr"
OPERATORS: Final = re.compile(
    rf"core/(ReplaceComparisonOperator_({COMPARISONS})|ReplaceBinaryOperator_({SUMS})"
    r"|ReplaceUnaryOperator_(Delete_Not|USub_UAdd)|AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr"
    r"|ReplaceOrWithAnd|ReplaceBreakWithContinue|ReplaceContinueWithBreak|NumberReplacer|ExceptionReplacer|ZeroIterationForLoop)"
)

Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """A module with one thing changed."""

    operator: str
    line: int
    was: str
    """The lines that differ, without their indentation."""
    now: str
    code: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.operator}\n  - {self.was}\n  + {self.now}"


def mutants_of(path: Path) -> list[Mutant]:
    """All of them, each once."""
    source = path.read_text(encoding="utf-8")
    silent = list(_undecided(source))
    found: dict[str, Mutant] = {}
    for name, operator in _operators():
        nodes = ast_nodes(get_ast(source))
        places = ((node, *place) for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (node, start, end) in enumerate(places):
            if node.parent and node.parent.type == "parameters":
                continue  # the star before keywords is no product
            if any(begin <= start and end <= stop for begin, stop in silent):
                continue
            code = mutate_code(source, operator, occurrence)
            if code is not None and code not in found and _compiles(code):
                found[code] = Mutant(name, start[0], *_difference(source, code), code)
    return sorted(found.values(), key=lambda mutant: (mutant.line, mutant.operator, mutant.now))


def _operators() -> Iterator[tuple[str, Any]]:
    for name in operator_names():
        if OPERATORS.fullmatch(name):
            yield name.removeprefix("core/"), get_operator(name)()
    yield "LeaveOutAnEntry", LeaveOutAnEntry()


def _undecided(source: str) -> Iterator[tuple[Place, Place]]:
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        for part in parts:
            if part is not None:
                yield (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _difference(source: str, code: str) -> tuple[str, str]:
    lines = [line for line in difflib.ndiff(source.splitlines(), code.splitlines()) if line[0] in "+-"]
    was, now = (" ⏎ ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return was, now
