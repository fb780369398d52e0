"""Reads the repository's config file: YAML text → `RepoConfig`, or the one sentence that says what to correct.

Works on YAML's nodes, not on loaded values: they know their line, show a key that is there twice, and keep a scalar
as it was written, so that `base: 1.10` is the branch 1.10 and `model: no` is not a boolean to be guessed at. Imported
only where there is a file to read (`bot.config.parse_repo_config`): start-up time is measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import yaml

from bot.config_rules import BOUNDS, ELSEWHERE, ENV_NAME, LEVELS, SHAPES
from bot.core.outbound import code_span
from bot.core.settings import ConfigProblem, RepoConfig
from bot.errors import ConfigError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 5

_BOOLEANS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    text: str


class _Wrong(Exception):
    """Something in the file can't be used; `node` says where."""

    def __init__(self, node: yaml.Node | yaml.Event, text: str) -> None:
        super().__init__(text)
        mark = node.start_mark  # none in a value that no file holds
        self.problem = _Problem(mark.line + 1 if mark else 1, text)


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses what a config has no use for and an attacker has: aliases and depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node and what is in it (PyYAML's hook)."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it untyped
        if isinstance(event, yaml.AliasEvent):
            raise _Wrong(event, "aliases (`*name`) are not supported; write the value out")
        if getattr(event, "tag", None):
            raise _Wrong(event, "tags (`!name`) are not supported; quote the text if it begins with `!`")
        if self.depth > MAX_DEPTH:
            raise _Wrong(event, "this is nested deeper than any key of ours")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def parse(text: str, *, path: str) -> RepoConfig | ConfigProblem:
    """The config in `text`, or its first problem (and how many more there are). Never raises."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return ConfigProblem(f"{path} is larger than {MAX_BYTES // 1024} kB: keep only what differs from the defaults.")
    problems: list[_Problem] = []
    try:
        config = _read(yaml.compose(text, _Loader), problems)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return ConfigProblem(f"{path}, line {line}: a character that YAML does not allow; remove it.")
    except yaml.MarkedYAMLError as error:
        return ConfigProblem(_broken(error, path))
    except _Wrong as wrong:
        return _problem([wrong.problem], path)
    return _problem(problems, path) if problems else config


def tracker_section(text: str) -> Any:
    """The section `tracker` of a text that `parse` takes, as plain data; None: there is none."""
    loader = _Loader(text)
    try:
        whole = loader.get_single_data()
    finally:
        loader.dispose()
    return whole.get("tracker") if isinstance(whole, dict) else None


def setting(key: str, text: str, shown: str) -> Any:
    """One value as its key takes it, when it comes from elsewhere than the file. Raises `ConfigError`.

    `key`: with its section (`limits.usd`). `shown`: what the person calls it, in our sentence.
    """
    section, _, name = key.rpartition(".")
    default: Any = getattr(RepoConfig(), section) if section else RepoConfig()
    node = yaml.ScalarNode(f"{_TAG}str", text)
    try:
        return _value(node, get_type_hints(type(default))[name], getattr(default, name), key, [])
    except _Wrong as wrong:
        words = wrong.problem.text.replace(f"`{key}`", f"`{shown}`")
        raise ConfigError(words if words.endswith("?") else f"{words}.") from None


def _problem(problems: list[_Problem], path: str) -> ConfigProblem:
    first, *others = sorted(problems, key=lambda problem: problem.line)
    more = f" (More problems: line {', '.join(str(each.line) for each in others[:10])}.)" if others else ""
    end = "" if first.text.endswith("?") else "."
    return ConfigProblem(f"{path}, line {first.line}: {first.text}{end}{more}")


def _broken(error: yaml.MarkedYAMLError, path: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{path}, line {mark.line + 1}" if mark else path
    words = error.problem or "it can't be parsed"
    advice = (
        "indent with spaces, not tabs" if "\\t" in words else "check the indentation, and quote texts with `: ` in them"
    )
    return f"{where}: this is not YAML we can read ({code_span(words, 160)}); {advice}."


def _read(node: yaml.Node | None, problems: list[_Problem]) -> RepoConfig:
    config: RepoConfig = _settings(node, RepoConfig(), "", problems)
    usd, per_day = config.limits.usd, config.limits.usd_per_day
    if usd > per_day:
        text = f"`limits.usd` ({usd:g}) is more than `limits.usd_per_day` ({per_day:g}): no run could ever start"
        problems.append(_Problem(_line_of(node, "limits"), text))
    return config


def _line_of(node: yaml.Node | None, key: str) -> int:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((name.start_mark.line + 1 for name, _ in pairs if name.value == key), 1)


# -------------------------------------------------------------------------------------- one key each


def _settings(node: yaml.Node | None, default: Any, where: str, problems: list[_Problem]) -> Any:
    """`default` (a dataclass of bot.core.settings) with what `node` says; problems of its keys are collected."""
    hints = get_type_hints(type(default))
    known = [field.name for field in fields(default)]
    given: dict[str, Any] = {}
    for key, value, full in _pairs(node, where, known, problems):
        try:
            if not _is_null(value):
                given[key] = _value(value, hints[key], getattr(default, key), full, problems)
        except _Wrong as wrong:
            problems.append(wrong.problem)
    return replace(default, **given)


def _pairs(
    node: yaml.Node | None, where: str, known: list[str], problems: list[_Problem]
) -> Iterator[tuple[str, yaml.Node, str]]:
    """Key, value and dotted key of each pair of a mapping whose keys are all `known` and there once."""
    if node is None or _is_null(node):
        return
    name = f"`{where}`" if where else "the file"
    if not isinstance(node, yaml.MappingNode) or node.tag != f"{_TAG}map":
        raise _Wrong(node, f"{name} holds keys with values, such as `{known[0]}: …`, not {_described(node)}")
    seen: dict[str, int] = {}
    for key_node, value in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
        line = key_node.start_mark.line + 1
        full = f"{where}.{key}" if where else key
        if key in seen:
            problems.append(_Problem(line, f"`{full}` is there twice (first in line {seen[key]}); keep one"))
        elif not where and key in ELSEWHERE:
            seen[key] = line
        elif key not in known:
            problems.append(_Problem(line, f"{_unknown(key, where)}{_nearest(key, known)}"))
        else:
            seen[key] = line
            yield key, value, full


def _unknown(key: str, where: str) -> str:
    place = f"in `{where}`" if where else "here"
    return f"there is no key {code_span(key, 60) or 'of this kind'} {place}"


def _nearest(word: str, known: list[str]) -> str:
    close = get_close_matches(word[:60].lower(), known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(f'`{each}`' for each in known)}"


def _value(node: yaml.Node, hint: Any, default: Any, key: str, problems: list[_Problem]) -> Any:
    if is_dataclass(hint):
        return _settings(node, default, key, problems)
    if get_origin(hint) is Literal:
        return _choice(node, get_args(hint), key)
    if get_origin(hint) is Mapping:
        return _mapping(node, default, key, problems)
    if get_origin(hint) is tuple:
        return _list(node, key)
    readers: Mapping[type, Callable[[yaml.Node, str], Any]] = {
        bool: _boolean,
        int: _integer,
        float: _number,
        str: _text,
    }
    return readers[hint](node, key)


def _boolean(node: yaml.Node, key: str) -> bool:
    word = node.value.lower() if _is_plain(node) else ""
    if word not in _BOOLEANS:
        quoted = " without quotes" if isinstance(node, yaml.ScalarNode) and node.value.lower() in _BOOLEANS else ""
        raise _Wrong(node, f"`{key}` takes `true` or `false`{quoted}, not {_described(node)}")
    return _BOOLEANS[word]


def _integer(node: yaml.Node, key: str) -> int:
    low, high = BOUNDS[key]
    if not _is_plain(node) or not _INTEGER.fullmatch(node.value) or not low <= int(node.value) <= high:
        raise _Wrong(
            node, f"`{key}` takes a whole number from {low:,} to {high:,}{_bare(node)}, not {_described(node)}"
        )
    return int(node.value)


def _number(node: yaml.Node, key: str) -> float:
    low, high = BOUNDS[key]
    if not _is_plain(node) or not _NUMBER.fullmatch(node.value) or not low <= float(node.value) <= high:
        raise _Wrong(node, f"`{key}` takes a number from {low:,} to {high:,}{_bare(node)}, not {_described(node)}")
    return float(node.value)


def _text(node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Wrong(node, f"`{key}` takes a text, not {_described(node)}")
    if _is_null(node):
        raise _Wrong(node, f"`{key}` takes a text here, not nothing")
    if _is_plain(node) and node.tag == f"{_TAG}bool":
        raise _Wrong(node, f"`{key}` takes a text; YAML reads {_described(node)} as true or false, so quote it")
    return _shaped(node, key)


def _shaped(node: yaml.Node, key: str) -> str:
    text = str(node.value)
    pattern, right = SHAPES.get(key, (None, ""))
    if pattern is not None and not pattern.fullmatch(text):
        # An address there is a secret in the wrong place: it is not repeated.
        shown = "an address" if "://" in text else _described(node)
        raise _Wrong(node, f"`{key}` takes {right}, not {shown}")
    return text


def _choice(node: yaml.Node, choices: tuple[str, ...], key: str) -> str:
    text = node.value if isinstance(node, yaml.ScalarNode) else ""
    if text not in choices:
        right = " or ".join(f"`{choice}`" for choice in choices)
        close = get_close_matches(text[:60].lower(), choices, n=1)
        raise _Wrong(
            node, f"`{key}` takes {right}, not {_described(node)}" + (f"; did you mean `{close[0]}`?" if close else "")
        )
    return text


def _list(node: yaml.Node, key: str) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _Wrong(node, f"`{key}` takes a list, such as `[docs/**]`, not {_described(node)}")
    return tuple(_text(item, key) for item in node.value)


def _mapping(node: yaml.Node, default: Mapping[str, str], key: str, problems: list[_Problem]) -> Mapping[str, str]:
    """`agent.models` (keeps the defaults of the levels that are not named) or `checks.env` (any names)."""
    if key == "agent.models":
        named = {level: _text(value, f"{key}.*") for level, value, _ in _pairs(node, key, list(LEVELS), problems)}
        return MappingProxyType({**default, **named})
    return MappingProxyType(dict(_environment(node, key, problems)))


def _environment(node: yaml.Node, key: str, problems: list[_Problem]) -> Iterator[tuple[str, str]]:
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(node, f"`{key}` takes names with values, such as `CI: true`, not {_described(node)}")
    names = [str(name.value) for name, _ in node.value]
    for name, value, _ in _pairs(node, key, names, problems):
        if not ENV_NAME.fullmatch(name):
            problems.append(
                _Problem(
                    value.start_mark.line + 1,
                    f"`{key}` can't set {code_span(name, 60)}: it is no name of a variable, or one that we keep",
                )
            )
        elif not isinstance(value, yaml.ScalarNode):
            problems.append(
                _Problem(value.start_mark.line + 1, f"`{key}.{name}` takes a text, not {_described(value)}")
            )
        else:
            yield name, "" if _is_null(value) else str(value.value)


# ------------------------------------------------------------------------------------------- nodes


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None


def _is_null(node: yaml.Node) -> bool:
    """Nothing was written (or `null`): the default holds, as when all keys below are commented out."""
    return _is_plain(node) and node.tag == f"{_TAG}null"


def _bare(node: yaml.Node) -> str:
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    return " without quotes" if quoted and _NUMBER.fullmatch(node.value) else ""


def _described(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys with values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return code_span(str(node.value), 60) or "an empty text"
