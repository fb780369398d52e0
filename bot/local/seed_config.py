"""Reads `.ai-agents/config.yml`: a file written for the runner that this one took over from keeps its meaning.

What was documented there but never read works here, or is refused with what to use instead; an unknown key is refused
with the nearest one. `${NAME}` stands for a variable where it did there: in the webhook's address and the team's id.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from bot.core.secret import Secret
from bot.local.layers import Given
from bot.local.seed_keys import KEYS

SEED_CONFIG: Final = ".ai-agents/config.yml"
TASKS: Final = "tasks"
"""Where below their `state_dir` our task files are: theirs were one JSON file."""

_KNOWN: Final = {each.key: each for each in KEYS}
_SECTIONS: Final = {key.rpartition(".")[0] for key in _KNOWN} | {"execution", "execution.approval"}
_DEFAULTS: Final = {each.key: each.default for each in KEYS}
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ON, _OFF = ("true", "yes", "on"), ("false", "no", "off")


@dataclass(frozen=True, slots=True)
class SeedConfig:
    """What the file says, in our words."""

    given: tuple[Given, ...] = ()
    tracker: Mapping[str, str] | None = None
    """The section `tracker` that its `state_provider` means; None: it has none."""
    default: Mapping[str, str] | None = None
    """The section where nothing says another one; None: there is no such file."""
    project_dir: str = ""
    instructions: str = ""
    """A file with words for the agent; it may not be there when it is the default."""
    webhook: Secret = Secret("")
    """The address itself."""
    notes: tuple[str, ...] = ()
    """What is not used, and what holds instead."""
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What is gathered while the file is read."""

    shown: str
    values: dict[str, tuple[str, Any, int]] = field(default_factory=dict)
    """By key: as written, as loaded, line."""
    problems: list[str] = field(default_factory=list)

    def at(self, line: int) -> str:
        return f"{self.shown}, line {line}"

    def text(self, key: str) -> str:
        """Empty: it is not there."""
        return self.values[key][0].strip() if key in self.values else ""


def read_seed_config(path: Path, environ: Mapping[str, str], *, shown: str = SEED_CONFIG) -> SeedConfig | None:
    """None: there is no such file. Never raises."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return SeedConfig(problems=(f"{shown} can't be read: {why}.",))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{shown}, line {mark.line + 1}" if mark else shown
        return SeedConfig(problems=(f"{where}: this is not YAML; check the indentation, and quote texts with `: `.",))
    found = _Found(shown)
    _walk(node, "", found)
    return _meant(found, environ)


def _walk(node: yaml.Node | None, where: str, found: _Found) -> None:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return
    if not isinstance(node, yaml.MappingNode):
        name = f"`{where}`" if where else "the file"
        found.problems.append(
            f"{found.at(node.start_mark.line + 1)}: {name} has keys of its own, such as `type: file`."
        )
        return
    for key_node, value in node.value:
        line = key_node.start_mark.line + 1
        key = f"{where}.{key_node.value}" if where else str(key_node.value)
        if key in found.values:
            found.problems.append(f"{found.at(line)}: `{key}` is there twice; keep one.")
        elif key in _SECTIONS:
            _walk(value, key, found)
        elif key in _KNOWN:
            _take(key, value, line, found)
        else:
            found.problems.append(f"{found.at(line)}: there is no key `{key[:80]}`{_nearest(key)}")


def _take(key: str, node: yaml.Node, line: int, found: _Found) -> None:
    loaded = yaml.safe_load(yaml.serialize(node))
    if loaded is None:
        return
    if isinstance(node, yaml.ScalarNode):
        found.values[key] = (str(node.value), loaded, line)
    elif isinstance(_DEFAULTS[key], list):
        found.values[key] = ("", loaded, line)
    else:
        found.problems.append(f"{found.at(line)}: `{key}` takes a single value, such as `{_DEFAULTS[key]}`.")


def _nearest(key: str) -> str:
    near = get_close_matches(key, [*_KNOWN, *sorted(_SECTIONS)], n=1)
    if not near:  # the right name in another section, or a key without its section
        near = [known for known in _KNOWN if known.rpartition(".")[2] == key.rpartition(".")[2]]
    return f"; did you mean `{near[0]}`?" if near else "; docs/migrating.md has all of them."


# ------------------------------------------------------------------------------------------ what it means


def _meant(found: _Found, environ: Mapping[str, str]) -> SeedConfig:
    hook, webhook = _webhook(found)
    return SeedConfig(
        given=(*_given(found), *hook),
        tracker=_tracker(found, environ),
        default={"type": "file", "folder": f"{_DEFAULTS['state_provider.state_dir']}/{TASKS}"},
        project_dir=found.text("autonomous.project_dir"),
        instructions=found.text("autonomous.system_prompt_path"),
        webhook=webhook,
        notes=tuple(dict.fromkeys(_notes(found))),
        problems=(*found.problems, *_refused(found)),
    )


def _given(found: _Found) -> Iterator[Given]:
    yield Given("local.log_file", _DEFAULTS["autonomous.log_file"], found.shown)
    for key, (text, _, line) in found.values.items():
        known = _KNOWN[key]
        if known.ours:
            yield Given(known.ours, dict(known.words).get(text, text), found.at(line), key)
    if found.text("autonomous.backend") == "claude-code-sdk":
        yield Given("local.on_failure", "stop", f"{found.shown} (`claude-code-sdk` stops at a failure)")
    if found.text("execution.checkpoints.on_context_high").lower() in _OFF:
        line = found.values["execution.checkpoints.on_context_high"][2]
        yield Given("checkpoints.context", "1", found.at(line))


def _notes(found: _Found) -> Iterator[str]:
    for key, (_, loaded, line) in found.values.items():
        known = _KNOWN[key]
        if known.said and (not known.fixed or (loaded == known.default and key.startswith("security."))):
            yield f"{found.at(line)}: `{key}` is not used: {known.said}."


def _refused(found: _Found) -> Iterator[str]:
    for key, (text, loaded, line) in found.values.items():
        known = _KNOWN[key]
        if known.fixed and loaded != known.default:
            value = f" `{text[:60]}`" if text else " that"
            yield f"{found.at(line)}: `{key}` can't be{value} here: {known.said}."
    text = found.text("execution.checkpoints.on_context_high")
    if text and text.lower() not in (*_ON, *_OFF):
        line = found.values["execution.checkpoints.on_context_high"][2]
        yield f"{found.at(line)}: `execution.checkpoints.on_context_high` takes `true` or `false`, not `{text[:60]}`."


def _webhook(found: _Found) -> tuple[tuple[Given, ...], Secret]:
    """`${NAME}`: the variable is named, as our own config does it. Anything else is the address itself."""
    for key in ("progress.slack_webhook", "execution.approval.notification.slack_webhook"):
        text = found.text(key)
        if variable := _VARIABLE.fullmatch(text):
            return (Given("notify.slack_webhook_env", variable[1], found.at(found.values[key][2]), key),), Secret("")
        if text:
            return (), Secret(text)
    return (), Secret("")


def _tracker(found: _Found, environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """Keys of other types than the one that was chosen mean nothing: the example has them side by side."""
    if not any(key.startswith("state_provider.") for key in found.values):
        return None
    kind = found.text("state_provider.type") or "file"
    section = {"type": kind}
    if kind == "file":
        section["folder"] = f"{found.text('state_provider.state_dir') or _DEFAULTS['state_provider.state_dir']}/{TASKS}"
    names = {"linear": ("api_key_env", "team_id", "project_name"), "github": ("api_key_env", "repo")}.get(kind, ())
    for name in names:
        if text := found.text(f"state_provider.{name}"):
            section[name] = _VARIABLE.sub(lambda match: environ.get(match[1], ""), text)
    if kind == "linear" and "api_key_env" not in section and (name := found.text("autonomous.linear_api_key_env")):
        section["api_key_env"] = name
    return section
