"""`ai-ready config`: what counts in this checkout and where each setting came from; everything that is wrong, at once."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from bot.agent.claude_code import claude_version, find_cli
from bot.agent.isolation import demand_isolation
from bot.config import SlackHooks, laptop_env
from bot.errors import AiReadyError, ConfigError
from bot.job.sdk_session import check_sdk
from bot.job.session import ModelAccess
from bot.local.checkout import open_checkout
from bot.local.runner import ends_of
from bot.local.settings import Flags, LocalSettings, settle
from bot.local.source import open_source
from bot.local.starting import demand_ground
from bot.trackers.config import FileConfig, GithubConfig, kind_of

DEFAULT: Final = "default"

_BEHIND: Final = {
    "root": "root",
    "agent_id": "local.agent_id",
    "task_seconds": "task_seconds",
    "log_file": "local.log_file",
}
"""What is made of several settings, by the one that says where it came from."""


_ALWAYS: Final = frozenset(
    {"root", "tracker.type", "agent_id", "agent.backend", "agent.model", "agent.max_turns", "mode", "task_seconds"}
    | {"limits.usd", "local.tasks", "local.usd", "log_file"}
)
"""What people read even where they left it alone."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting."""

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Checkup:
    """What there is to say. No secrets."""

    settings: tuple[Shown, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def text(self) -> str:
        """For people."""
        told = [each for each in self.settings if each.origin != DEFAULT or each.key in _ALWAYS]
        lines = [f"{each.key}: {each.value or '–'}  ({each.origin})" for each in told]
        lines += ["Everything else is at its default; --json has it all."] if told else []
        lines += ["", *(f"Note: {each}" for each in self.notes)] if self.notes else []
        if self.problems:
            lines += ["", *(f"Wrong: {each}" for each in self.problems)]
        else:
            lines += ["", "Everything is in order: `ai-ready start` can begin."]
        return "\n".join(lines).strip("\n") + "\n"

    def json(self) -> str:
        """For machines."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def look_over(flags: Flags, environ: Mapping[str, str], root: Path) -> Checkup:
    """Read everything, look for what a run needs, and ask the task source whether it answers."""
    settled = settle(flags, environ, root)
    settings = settled.settings
    sdk = settings is not None and settings.repo.agent.backend == "anthropic-sdk"
    needs = [lambda: _slack(environ), lambda: _key(environ, sdk=sdk)]
    if not sdk:
        needs.append(lambda: _cli(environ))
    if settings is not None:
        needs.append(lambda: demand_isolation(settings.repo.agent.isolation))
        needs += [lambda: _git(settings, environ), lambda: _source(settings, environ)]
    problems = (*settled.problems, *(sentence for need in needs if (sentence := _wrong(need))))
    return Checkup(tuple(_shown(settings)), settings.notes, problems) if settings else Checkup(problems=problems)


# ------------------------------------------------------------------------------------- what a run needs


def _wrong(need: Callable[[], None]) -> str:
    try:
        need()
    except AiReadyError as error:
        return str(error)
    return ""


def _key(environ: Mapping[str, str], *, sdk: bool) -> None:
    env = laptop_env(environ)
    if sdk:
        check_sdk(ModelAccess("", 0, api_key=env.api_key, oauth_token=env.oauth_token))
    else:
        env.demand_model_key()


def _cli(environ: Mapping[str, str]) -> None:
    claude_version(find_cli(laptop_env(environ).claude, path=environ.get("PATH", "")))


def _git(settings: LocalSettings, environ: Mapping[str, str]) -> None:
    checkout = open_checkout(settings.root, laptop_env(environ).others)
    if not isinstance(settings.tracker, GithubConfig):
        demand_ground(checkout)


def _slack(environ: Mapping[str, str]) -> None:
    if SlackHooks.from_environ(environ).stray:
        raise ConfigError("SLACK_WEBHOOK_URL holds no address of a Slack webhook (https://hooks.slack.com/services/…).")


def _source(settings: LocalSettings, environ: Mapping[str, str]) -> None:
    source = open_source(settings, environ)
    if not isinstance(settings.tracker, FileConfig):  # its folder would be made, and nothing is written here
        ends_of(source, settings.local.finished)


# ------------------------------------------------------------------------------------------ what counts


def _shown(settings: LocalSettings) -> Iterator[Shown]:
    origins = settings.origins
    for key in ("root", "agent_id", "task_seconds", "log_file"):
        yield Shown(key, str(getattr(settings, key)), origins.get(_BEHIND[key], DEFAULT))
    yield Shown("tracker.type", kind_of(settings.tracker), origins.get("tracker", DEFAULT))
    for field in fields(settings.tracker):
        text = _written(getattr(settings.tracker, field.name))
        yield Shown(f"tracker.{field.name}", text, origins.get("tracker", DEFAULT))
    for key, value in _flat(settings.repo, ""):
        yield Shown(key, _written(value), origins.get(key, DEFAULT))


def _flat(settings: Any, where: str) -> Iterator[tuple[str, Any]]:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            yield from _flat(value, f"{where}{field.name}.")
        else:
            yield f"{where}{field.name}", value


def _written(value: Any) -> str:
    if isinstance(value, (Mapping, tuple)):
        return json.dumps(dict(value) if isinstance(value, Mapping) else list(value), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
