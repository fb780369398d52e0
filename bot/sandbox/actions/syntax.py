"""The grammar of workflow expressions: text -> tokens -> tree. Pure; `expressions` gives the tree its meaning.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import re
from dataclasses import dataclass
from typing import Any

from bot.sandbox.actions.problems import Unsupported


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression and where it stands."""

    kind: str
    """`number`, `string`, `name` or `op`."""
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written."""

    value: Any


@dataclass(frozen=True, slots=True)
class Context:
    """`github`, `needs`, …: the start of a path."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`of.key` or `of[key]`; a `Literal("*")` from `.*` is `Every`."""

    of: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """`of.*`: all values of an object or array."""

    of: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; the name is lower-cased."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`!of`."""

    of: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`."""

    op: str
    left: "Node"
    right: "Node"


Node = Literal | Context | Index | Every | Call | Not | Binary

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.]))
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    |(?P<op>\|\||&&|==|!=|<=|>=|[<>!().\[\],*]))""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_LEVELS: tuple[tuple[str, ...], ...] = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
"""Operators, loosest first."""


def tokens(text: str) -> list[Token]:
    """The words of `text`. Raises `Unsupported` at the first thing that is none."""
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise Unsupported(f"expression {text!r}: can't read {text[position:]!r}")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup), match.end()))
        position = match.end()
    return found


def parse(text: str) -> Node:
    """The tree of a whole expression. Raises `Unsupported` where it isn't one."""
    parser = _Parser(text)
    node = parser.binary(0)
    if parser.peek():
        raise Unsupported(f"expression {text!r}: unexpected {parser.peek()!r}")
    return node


def string_value(token: Token) -> str:
    """What a string token says."""
    return token.text[1:-1].replace("''", "'")


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    def peek(self) -> str:
        """The next word; empty at the end."""
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise Unsupported(f"expression {self._text!r} ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, text: str) -> None:
        found = self._next()
        if found.text != text:
            raise Unsupported(f"expression {self._text!r}: expected {text!r}, found {found.text!r}")

    def binary(self, level: int) -> Node:
        """An expression of operators of `level` and tighter."""
        if level == len(_LEVELS):
            return self._unary()
        node = self.binary(level + 1)
        while self.peek() in _LEVELS[level]:
            op = self._next().text
            node = Binary(op, node, self.binary(level + 1))
        return node

    def _unary(self) -> Node:
        if self.peek() == "!":
            self._next()
            return Not(self._unary())
        return self._path(self._primary())

    def _path(self, node: Node) -> Node:
        while self.peek() in (".", "["):
            if self._next().text == ".":
                name = self._next()
                node = Every(node) if name.text == "*" else Index(node, Literal(name.text))
            else:
                key = self.binary(0)
                self._expect("]")
                node = Index(node, key)
        return node

    def _primary(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return Literal(_number(token.text))
        if token.kind == "string":
            return Literal(string_value(token))
        if token.text == "(":
            node = self.binary(0)
            self._expect(")")
            return node
        if token.kind == "name":
            return self._name(token.text)
        raise Unsupported(f"expression {self._text!r}: unexpected {token.text!r}")

    def _name(self, name: str) -> Node:
        if self.peek() != "(":
            return Literal(_CONSTANTS[name]) if name in _CONSTANTS else Context(name.lower())
        self._next()
        arguments: list[Node] = []
        while self.peek() != ")":
            if arguments:
                self._expect(",")
            arguments.append(self.binary(0))
        self._expect(")")
        return Call(name.lower(), tuple(arguments))


def _number(text: str) -> float | int:
    if "0x" in text:
        return int(text, 16)
    value = float(text)
    return int(value) if value.is_integer() else value
