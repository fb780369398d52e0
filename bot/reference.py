"""Makes the pages of reference in docs/ out of the code, so that they can't say anything else.

`python -m bot.reference` rewrites them; a test compares them. The words come from the docstrings of `bot.core.settings`
and `bot.progress.events`, the tables of `bot.config_variables` and `bot.core.commands`, and the advice of
`bot.core.messages`.
"""

import ast
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import bot.core.settings
import bot.progress.events
from bot.config_rules import BOUNDS, LEVELS
from bot.config_variables import LAPTOP_VARIABLES, SERVER_VARIABLES, STEP_VARIABLES, Variable
from bot.core.commands import COMMANDS, MAX_GUIDANCE
from bot.core.messages.verdict import ADVICE, NEXT_STEP
from bot.core.names import CONFIG_PATH, Reason
from bot.core.paths import BUILT_IN
from bot.core.settings import RepoConfig
from bot.progress.events import NAMES, Todo
from bot.progress.journal import EVENTS_FILE, LONGEST, MOST_BYTES, MOST_ITEMS
from bot.reference_migrating import migrating_page
from bot.reference_table import MADE_BY, table

# ------------------------------------------------------------------------------------ configuration


@cache
def _docstrings(module: ModuleType) -> Mapping[tuple[str, str], str]:
    """(class, field) → the docstring below the field."""
    found: dict[tuple[str, str], str] = {}
    for each in ast.parse(inspect.getsource(module)).body:
        body = each.body if isinstance(each, ast.ClassDef) else []
        for field, text in pairwise(body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[each.name, name] = " ".join(words.split())  # type: ignore[attr-defined]
    return found


def _values(hint: Any, key: str) -> str:
    """What a key takes, in a few words."""
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    if hint in (int, float):
        low, high = BOUNDS[key]
        return f"{'whole number' if hint is int else 'number'}, {low:,} to {high:,}"
    if get_origin(hint) is Mapping:
        return (
            f"text for {', '.join(f'`{level}`' for level in LEVELS)}" if key == "agent.models" else "names with texts"
        )
    return "list of paths" if get_origin(hint) is tuple else {bool: "`true`, `false`", str: "text"}[hint]


def _yaml(value: Any) -> str:
    """A default as it would be written in the file, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:g}"
        case str():
            return value if value.replace("-", "").replace("_", "").isalnum() else f'"{value}"'
        case tuple():
            return "[]"
        case _:
            return "{" + ", ".join(f"{key}: {each}" for key, each in value.items()) + "}"


def config_example() -> str:
    """The file that sets every key to its default."""
    lines = []
    for field in fields(RepoConfig):
        value = getattr(RepoConfig(), field.name)
        if is_dataclass(value):
            inner = [f"  {each.name}: {_yaml(getattr(value, each.name))}" for each in fields(value)]
            lines += [f"{field.name}:", *inner]
        else:
            lines.append(f"{field.name}: {_yaml(value)}")
    return "\n".join(lines)


def _rows(settings: Any, where: str) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        value, key = getattr(settings, field.name), f"{where}{field.name}"
        if not is_dataclass(value):
            words = _docstrings(bot.core.settings)[type(settings).__name__, field.name]
            yield f"`{key}`", _values(hints[field.name], key), f"`{_yaml(value)}`", words


def config_table() -> str:
    """Every key of the config file: values, default, meaning; one table per section."""
    whole = RepoConfig()
    head = ("key", "values", "default", "meaning")
    parts = [table(head, _rows(whole, ""))]
    for field in fields(whole):
        section = getattr(whole, field.name)
        if is_dataclass(section):
            title = f"### `{field.name}`: {(type(section).__doc__ or '').rstrip('.')}"
            parts += [title, table(head, _rows(section, f"{field.name}."))]
    return "\n\n".join(parts)


def variable_table(variables: Iterable[Variable]) -> str:
    """Environment variables."""
    rows = (
        (
            f"`{each.name}`",
            each.meaning,
            ", ".join(f"`{step}`" for step in sorted(each.needed)) or "–",
            "yes" if each.secret else "",
        )
        for each in variables
    )
    return table(("variable", "meaning", "needed by", "secret"), rows)


def configuration_page() -> str:
    """docs/configuration.md."""
    return f"""{MADE_BY}

# Configuration

## The repository: `{CONFIG_PATH}`

The file is optional, and so is every key in it. Only the file on the default branch counts: a run can't change its own
rules. A key that does not exist, a wrong type or a number outside its range stops new runs with *Blocked
(config-invalid)*, which names the line, the key and what would be right.

Numbers and `true`/`false` are written without quotes (`yes`, `no`, `on` and `off` are understood, too). Texts are taken
as they are written: `base: 1.10` is the branch `1.10`. Only where YAML would read a text as true or false, such as
`model: no`, it has to be quoted. A key with nothing after it keeps its default. Aliases, tags and files over 64 kB are
refused.

With every key at its default:

```yaml
{config_example()}
```

{config_table()}

### Protected paths

`protect` adds to this built-in list, `allow` takes from it. Patterns are those of `.gitignore`, without `!`:

{", ".join(f"`{path}`" for path in BUILT_IN)}

## The environment

What the steps are told by GitHub Actions, by the workflow file or by you. An empty variable counts as not set. What is
needed and not set ends the command with exit code 2 and the variable's name.

{variable_table(STEP_VARIABLES)}

### The server

What `ai-ready serve` reads, besides the addresses of GitHub and Slack above.

{variable_table(SERVER_VARIABLES)}

### The laptop

What `ai-ready start` reads, besides the model's keys and the addresses of GitHub above. `tracker.api_key_env` may name
another variable for Linear's key.

{variable_table(LAPTOP_VARIABLES)}
"""


# ------------------------------------------------------------------------------------------ commands


def command_table() -> str:
    """Every `/ai` command."""
    rows = ((f"`{each.usage}`", each.summary, each.where, each.who) for each in COMMANDS)
    return table(("command", "what it does", "where", "for people with"), rows)


def reason_table() -> str:
    """Every reason code of Blocked, with what it asks for."""
    rows = ((f"`{reason}`", ADVICE[reason], f"`{NEXT_STEP[reason]}`") for reason in Reason)
    return table(("reason", "what to do", "next command"), rows)


def commands_page() -> str:
    """docs/commands.md."""
    return f"""{MADE_BY}

# Commands

{command_table()}

A command is the first non-blank line of a **new** comment on an issue or on one of our pull requests. It is acknowledged
at once by a reaction: 👀 accepted, 😕 refused, with one short reply that says why (the same words are not said again
within ten minutes).

- `/ai` stands at the beginning of that line (up to three spaces may precede it). Commands in quotes, code blocks, HTML,
  lists, in the middle of a sentence or in an edited comment are ignored, and so are `/aix` and `/ai-ready`. Upper and
  lower case are the same; `/ai` alone is `/ai help`.
- One command per comment: a further line that begins with `/ai` ends the first one and is not read.
- *guidance* is free text for the agent. It goes on over the following lines; {MAX_GUIDANCE:,} characters are read.
- Options stand before the guidance, as `--usd 2` or `--usd=2`; `--` ends them. `--model` takes `opus`, `sonnet`,
  `haiku` or a model that the repository's config names; `--usd` an amount above 0; `--minutes` a whole number from 1 to
  300. A limit can only be lowered.
- A command is for the issue it stands on: `/ai run #12` is refused. `/ai run #12 is merged, build on it` is guidance.
- Words after a command that takes none are ignored: `/ai stop, please`.

## What it looks like

`/ai why` on an issue that waits, `/ai stop` while a run is at work, and a slip of the fingers:

![/ai why: what the issue waits for, in which order, since when a run is at work on it, and what is left of the caps](img/why.png)

![/ai stop: 👀, and five seconds later Blocked (cancelled), with the work kept on the branch](img/stop.png)

![/ai stpo: 😕, and the nearest command](img/typo.png)

The first one on a phone:

![The same answer on a narrow screen](img/why-phone.png)

`/ai init` and `/ai approve`: the plan, what is answered when its issues are made, and more in
[From a spec to tasks](init.md#on-github-ai-init):

> Blocked (needs-input): The plan of issues for #1 waits for approval.
>
> **Shop**: 3 tasks in 2 phases (3 new) …

> **Issues made**: #2 keeps 3 issues together. None of them is worked on before somebody puts the label `ai-ready` on it.
>
> - AUTH-1.1: #3 …

## What a Blocked verdict asks for

{reason_table()}

The verdict of a review round ends with `/ai fix` in place of `/ai retry` or `/ai run`: a round reads the reviews again. That
of a run that planned issues ends with `/ai init`.
"""


# -------------------------------------------------------------------------------------------- events

_TIME: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
_JSON_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _shape(hint: Any) -> dict[str, Any]:
    """A type of `bot.progress.events` as JSON Schema."""
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _shape(get_args(hint)[0])}
    return _object(hint) if is_dataclass(hint) else {"type": _JSON_TYPES[hint]}


def _object(kind: Any) -> dict[str, Any]:
    hints, words = get_type_hints(kind), _docstrings(bot.progress.events)
    return {
        "description": kind.__doc__,
        "type": "object",
        "properties": {
            name: {**_shape(hint), "description": words[kind.__name__, name]} for name, hint in hints.items()
        },
        "required": list(hints),
        "additionalProperties": False,
    }


def events_schema() -> str:
    """docs/events.schema.json: one line of events.jsonl."""
    words = _docstrings(bot.progress.events)
    envelope = {
        "time": {"type": "string", "pattern": _TIME, "description": words["Entry", "time"]},
        "elapsed": {"type": "number", "description": words["Entry", "elapsed"]},
        "run": {"type": "string", "description": words["Entry", "run"]},
        "issue": {"type": "integer", "description": words["Entry", "issue"]},
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of events.jsonl",
        "$comment": MADE_BY,
        "type": "object",
        "properties": envelope,
        "required": [*envelope, "event", "data"],
        "oneOf": [{"properties": {"event": {"const": name}, "data": _object(kind)}} for kind, name in NAMES.items()],
        "unevaluatedProperties": False,
    }
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def event_table() -> str:
    """Every event with its data."""
    words = _docstrings(bot.progress.events)
    rows = []
    for kind, name in NAMES.items():
        data = (f"`{field.name}`: {words[kind.__name__, field.name]}" for field in fields(kind))
        rows.append((f"`{name}`", kind.__doc__ or "", "<br>".join(data)))
    return table(("event", "when", "data"), rows)


def events_page() -> str:
    """docs/events.md."""
    todo = ", ".join(f"`{field.name}`" for field in fields(Todo))
    return f"""{MADE_BY}

# The events of a run

`{EVENTS_FILE}` in the artifact `ai-ready-log-<run key>` of the workflow run has one JSON object per line, written as it
happens ([how to read a run](progress.md)). Each line has `time` (UTC), `elapsed` (seconds since the run began), `run`
(its key), `issue`, `event` and `data`; [events.schema.json](events.schema.json) is its JSON Schema. A later version may
add events and data: pass over what you don't know.

Texts are one line of at most {LONGEST} characters without secrets, lists have at most {MOST_ITEMS} entries. After
{MOST_BYTES // 1_000_000} MB what the agent does is left out, and `log-cut` says so; phases, commands and the verdict are
always there. A file without `verdict` at its end is of a run that was killed, or that still goes on.

{event_table()}

An entry of `todos` has {todo}.
"""


PAGES: Final = {
    "migrating.md": migrating_page,
    "configuration.md": configuration_page,
    "commands.md": commands_page,
    "events.md": events_page,
    "events.schema.json": events_schema,
}


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parent.parent / "docs")
