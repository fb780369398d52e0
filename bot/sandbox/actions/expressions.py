"""What workflow expressions mean: evaluation, templates with `${{ }}`, and filling in the contexts that act lacks.

Pure. Follows https://docs.github.com/en/actions/reference/workflows-and-actions/expressions: loose equality, strings
compared without case, missing properties are null, `&&` and `||` return an operand.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.actions import syntax
from bot.sandbox.actions.problems import Unsupported

Contexts = Mapping[str, Any]
"""Context name (`github`, `needs`, …) -> its value."""

_STATUS_FUNCTIONS = ("success", "failure", "cancelled", "always")


class Partial(dict[str, Any]):
    """A context of which only these properties are known here; `fill_in` leaves its others to act."""


@dataclass(frozen=True, slots=True)
class Status:
    """What `success()`, `failure()` and `cancelled()` say."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False


def evaluate(text: str, contexts: Contexts, status: Status | None = None) -> Any:
    """The value of the expression `text` (without `${{ }}`). Raises `Unsupported` for what is not known here."""
    return _value(syntax.parse(text), contexts, status)


def condition(text: str, contexts: Contexts, status: Status) -> bool:
    """What an `if:` says; `success()` is meant where no status function is named. Empty text is `success()`."""
    inner = expression_of(text)
    if not inner.strip():
        return status.success
    named = any(token.kind == "name" and token.text.lower() in _STATUS_FUNCTIONS for token in syntax.tokens(inner))
    return (named or status.success) and truthy(evaluate(inner, contexts, status))


def expression_of(text: str) -> str:
    """The expression in an `if:`, which may or may not be wrapped in `${{ }}`."""
    spans = list(_spans(text))
    if not spans:
        return text
    start, end = spans[0]
    if text[: start - 3].strip() or text[end + 2 :].strip():
        raise Unsupported(f"if: {text!r} is more than one expression (and thus always true on GitHub)")
    return text[start:end]


def resolve(template: Any, contexts: Contexts) -> Any:
    """A value of the workflow file: a lone `${{ }}` gives its value, a mixed text is joined, others stay."""
    if not isinstance(template, str):
        return template
    spans = list(_spans(template))
    if len(spans) == 1 and spans[0][0] == 3 and spans[0][1] == len(template) - 2:
        return evaluate(template[3:-2], contexts)
    return _replace(template, lambda inner: text_of(evaluate(inner, contexts)))


def interpolate(template: Any, contexts: Contexts) -> str:
    """As `resolve`, always as text."""
    return text_of(resolve(template, contexts))


def fill_in(template: str, contexts: Contexts, *, bare: bool = False) -> str:
    """`template` with every path into `contexts` written as a literal; other contexts and functions stay as they are.

    `bare`: the text is an expression by itself (`if:`).
    """
    if bare and "${{" not in template:
        return _with_literals(template, contexts)
    return _replace(template, lambda inner: "${{" + _with_literals(inner, contexts) + "}}")


def truthy(value: Any) -> bool:
    """Falsy: false, 0, NaN, the empty string, null."""
    return not (value is None or value is False or value in (0, "") or _is_nan(value))


def text_of(value: Any) -> str:
    """How a value is written into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value) if isinstance(value, Mapping | list | tuple) else str(value)


# --------------------------------------------------------------------------------------- templates


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the insides of `${{ }}` begin and end; quoted strings may hold braces."""
    position = 0
    while (start := text.find("${{", position)) >= 0:
        match = re.compile(r"(?:[^'}]|'(?:[^']|'')*'|}(?!}))*").match(text, start + 3)
        end = match.end() if match else start
        if text[end : end + 2] != "}}":
            raise Unsupported(f"{text!r}: no }}}} after ${{{{")
        yield start + 3, end
        position = end + 2


def _replace(text: str, write: Callable[[str], str]) -> str:
    parts, position = [], 0
    for start, end in _spans(text):
        parts += [text[position : start - 3], write(text[start:end])]
        position = end + 2
    return "".join((*parts, text[position:]))


def _with_literals(text: str, contexts: Contexts) -> str:
    words = syntax.tokens(text)
    parts, position, at = [], 0, 0
    while at < len(words):
        word, last = words[at], at
        starts_path = word.kind == "name" and word.text.lower() in contexts and (at == 0 or words[at - 1].text != ".")
        if starts_path:
            last = _path_end(text, words, at)
            value = evaluate(text[word.start : words[last].end], contexts)
            if value is not None or not isinstance(contexts[word.text.lower()], Partial):
                parts += [text[position : word.start], _literal(value)]
                position = words[last].end
        at = last + 1
    return "".join((*parts, text[position:]))


def _path_end(text: str, words: list[syntax.Token], at: int) -> int:
    """The index of the last word of the path that begins at `at`."""
    while at + 1 < len(words) and words[at + 1].text in (".", "["):
        if words[at + 1].text == "." and words[at + 2].kind == "name":
            at += 2
        elif words[at + 1].text == "[" and words[at + 2].kind == "string" and words[at + 3].text == "]":
            at += 3
        else:
            raise Unsupported(f"expression {text!r}: only plain paths can be filled in")
    return at


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value is None or isinstance(value, bool | int | float):
        return "null" if value is None else text_of(value)
    return "fromJSON('" + json.dumps(value).replace("'", "''") + "')"


# -------------------------------------------------------------------------------------- evaluation


def _value(node: syntax.Node, contexts: Contexts, status: Status | None) -> Any:
    match node:
        case syntax.Literal(value):
            return value
        case syntax.Context(name):
            if name not in contexts:
                raise Unsupported(f"the context {name!r} is not known here")
            return contexts[name]
        case syntax.Index(of, key):
            return _index(_value(of, contexts, status), _value(key, contexts, status))
        case syntax.Every(of):
            return _Every(_values(_value(of, contexts, status)))
        case syntax.Not(of):
            return not truthy(_value(of, contexts, status))
        case syntax.Binary(op, left, right):
            return _binary(op, left, right, contexts, status)
        case syntax.Call(name, arguments):
            return _call(name, [_value(argument, contexts, status) for argument in arguments], status)


class _Every(list[Any]):
    """What `.*` gives: an index goes to each element."""


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else []


def _index(value: Any, key: Any) -> Any:
    if isinstance(value, _Every):
        return _Every([found for each in value if (found := _index(each, key)) is not None])
    if isinstance(value, Mapping):
        wanted = text_of(key).lower()
        return next((found for name, found in value.items() if str(name).lower() == wanted), None)
    if isinstance(value, list) and isinstance(key, int | float) and 0 <= key < len(value):
        return value[int(key)]
    return None


def _binary(op: str, left: syntax.Node, right: syntax.Node, contexts: Contexts, status: Status | None) -> Any:
    first = _value(left, contexts, status)
    if op == "&&":
        return _value(right, contexts, status) if truthy(first) else first
    if op == "||":
        return first if truthy(first) else _value(right, contexts, status)
    second = _value(right, contexts, status)
    if op in ("==", "!="):
        return _equal(first, second) is (op == "==")
    return _less(op, first, second)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        return left is right
    if left is None and right is None:
        return True
    return _number(left) == _number(right)


def _less(op: str, left: Any, right: Any) -> bool:
    a, b = (left.lower(), right.lower()) if _strings(left, right) else (_number(left), _number(right))
    outcomes = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
    return bool(outcomes[op])


def _strings(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _number(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0.0
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, bool | int | float) else math.nan


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


# --------------------------------------------------------------------------------------- functions


def _call(name: str, arguments: list[Any], status: Status | None) -> Any:
    if name in _STATUS_FUNCTIONS:
        if status is None:
            raise Unsupported(f"{name}() is known in `if:` only")
        return True if name == "always" else getattr(status, name)
    function = _FUNCTIONS.get(name)
    if function is None:
        raise Unsupported(f"the function {name}() is not known here")
    return function(*arguments)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_equal(each, what) for each in where)
    return text_of(what).lower() in text_of(where).lower()


def _format(template: Any, *values: Any) -> str:
    def write(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return text_of(values[int(match[1])])

    return re.sub(r"{{|}}|{(\d+)}", write, text_of(template))


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text_of(text))
    except ValueError:
        raise Unsupported(f"fromJSON can't read {text_of(text)!r}") from None


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, part: text_of(text).lower().startswith(text_of(part).lower()),
    "endswith": lambda text, part: text_of(text).lower().endswith(text_of(part).lower()),
    "format": _format,
    "join": lambda parts, by=",": text_of(by).join(map(text_of, parts)) if isinstance(parts, list) else text_of(parts),
    "tojson": lambda value: json.dumps(value, indent=2),
    "fromjson": _from_json,
}
