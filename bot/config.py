"""What we are told from outside: the environment, as frozen data. The only reader of `os.environ`.

`VARIABLES` is the documentation of every variable, and nothing here reads another. An empty variable is one that is not
set, as GitHub Actions sets inputs nobody gave to empty. The repository's config file is read by `parse_repo_config`.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, cast
from urllib.parse import unquote, urlsplit

from bot.config_laptop import LaptopEnv
from bot.config_page import PageEnv
from bot.config_reader import Reader, actor_of, graphql_url, server_url
from bot.config_slack import SlackHooks
from bot.config_variables import SECRET_NAMES, VARIABLES, Step, Variable
from bot.core.model import Actor
from bot.core.names import CONFIG_PATH, REPOSITORY
from bot.core.pause import is_pause
from bot.core.secret import Secret
from bot.core.settings import ConfigProblem, RepoConfig
from bot.errors import ConfigError
from bot.report import Report

__all__ = [
    "SECRET_NAMES",
    "VARIABLES",
    "ActionEnv",
    "DemoEnv",
    "LaptopEnv",
    "PageEnv",
    "PersonEnv",
    "ServerEnv",
    "SlackHooks",
    "Step",
    "Variable",
    "WorkResult",
    "action_env",
    "action_report",
    "demo_env",
    "known_secrets",
    "laptop_env",
    "laptop_environ",
    "page_env",
    "parse_repo_config",
    "parse_setting",
    "parse_tracker_section",
    "person_env",
    "server_env",
]


def parse_repo_config(text: str | None, *, path: str = CONFIG_PATH) -> RepoConfig | ConfigProblem:
    """The repository's config, or the one sentence that says what to correct. Never raises; None: there is no file."""
    if text is None or not text.strip():
        return RepoConfig()
    from bot.repo_config import parse  # noqa: PLC0415 (brings YAML: most repositories have no config file)

    return parse(text, path=path)


def parse_tracker_section(text: str) -> Any:
    """The section `tracker` of a text that `parse_repo_config` took, as plain data; None: there is none."""
    if not text.strip():
        return None
    from bot.repo_config import tracker_section  # noqa: PLC0415

    return tracker_section(text)


def parse_setting(key: str, text: str, *, shown: str) -> Any:
    """A value of the config that came from a flag, a variable or another file. Raises `ConfigError`, which says `shown`."""
    from bot.repo_config import setting  # noqa: PLC0415

    return setting(key, text, shown)


def laptop_environ() -> Mapping[str, str]:
    """This process's environment, for the runner on a laptop: `bot.local.settings` and the task source pick from it."""
    return MappingProxyType(dict(os.environ))


WorkResult = Literal["", "success", "failure", "cancelled", "skipped"]


@dataclass(frozen=True, slots=True)
class ActionEnv:
    """What a job step (or `ai-ready run`) was told. Texts that were not given are empty, numbers 0."""

    token: Secret
    repository: str
    api_url: str
    """Without a slash at the end, as are the next two."""
    graphql_url: str
    server_url: str
    event_name: str
    event_path: Path | None
    run_id: int
    run_attempt: int
    actor: Actor
    """Who caused the run, as GitHub says."""
    output_path: Path | None
    summary_path: Path | None
    issue: int
    run_key: str
    paused: bool
    admission: str
    outcome_sha256: str
    bundle_sha256: str
    work_result: WorkResult
    api_key: Secret
    oauth_token: Secret
    model_url: str
    claude: str
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The whole environment but our secrets, for those who pick from it by name (git, the agent's commands)."""
    slack: SlackHooks = field(default_factory=SlackHooks)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], step: Step) -> "ActionEnv":
        """Read and check everything. Raises `ConfigError`, which names the variable and what to do."""
        reader = Reader(environ)
        reader.demand(step)
        slack = SlackHooks.from_environ(environ)
        secret = SECRET_NAMES | slack.addresses.keys()
        api_url = reader.address("GITHUB_API_URL", "https://api.github.com")
        return cls(
            token=Secret(reader.text("GITHUB_TOKEN")),
            repository=reader.shaped("GITHUB_REPOSITORY", REPOSITORY, "owner/name"),
            api_url=api_url,
            graphql_url=graphql_url(api_url, reader.address("GITHUB_GRAPHQL_URL", "")),
            server_url=reader.address("GITHUB_SERVER_URL", server_url(api_url), files=True),
            event_name=reader.text("GITHUB_EVENT_NAME"),
            event_path=reader.path("GITHUB_EVENT_PATH"),
            run_id=reader.number("GITHUB_RUN_ID"),
            run_attempt=reader.number("GITHUB_RUN_ATTEMPT") or 1,
            actor=actor_of(reader.number("GITHUB_ACTOR_ID"), reader.text("GITHUB_ACTOR")),
            output_path=reader.path("GITHUB_OUTPUT"),
            summary_path=reader.path("GITHUB_STEP_SUMMARY"),
            issue=reader.number("AI_READY_ISSUE"),
            run_key=reader.shaped("AI_READY_RUN_KEY", _RUN_KEY, "a run key such as 7-C123-1"),
            paused=is_pause(reader.text("AI_READY_PAUSED")),
            admission=reader.text("AI_READY_ADMISSION"),
            outcome_sha256=reader.shaped("AI_READY_OUTCOME_SHA256", _SHA256, "64 hexadecimal digits"),
            bundle_sha256=reader.shaped("AI_READY_BUNDLE_SHA256", _SHA256, "64 hexadecimal digits"),
            work_result=cast(
                "WorkResult", reader.shaped("AI_READY_WORK_RESULT", _RESULT, "success, failure, cancelled or skipped")
            ),
            api_key=Secret(reader.text("ANTHROPIC_API_KEY")),
            oauth_token=Secret(reader.text("CLAUDE_CODE_OAUTH_TOKEN")),
            model_url=reader.address("ANTHROPIC_BASE_URL", ""),
            claude=reader.text("AI_READY_CLAUDE"),
            others=MappingProxyType({name: value for name, value in environ.items() if name not in secret}),
            slack=slack,
        )

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that was given: what redaction must know."""
        ours = (self.token, self.api_key, self.oauth_token, *self.slack.secrets)
        return tuple(secret for secret in ours if secret)

    def model_key(self) -> tuple[str, Secret]:
        """Variable and value of the model's key; the API key wins over the token, as in the CLI. Raises `ConfigError`."""
        if self.api_key:
            return "ANTHROPIC_API_KEY", self.api_key
        if self.oauth_token:
            return "CLAUDE_CODE_OAUTH_TOKEN", self.oauth_token
        raise ConfigError(
            "There is no key for the model: set the secret ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN in the "
            "repository (Settings → Secrets and variables → Actions) and pass it in the workflow file."
        )


def action_env(step: Step, *, repository: str = "") -> ActionEnv:
    """This process's environment for `step`; a `repository` that is given wins. Raises `ConfigError`."""
    if repository and not REPOSITORY.fullmatch(repository):
        raise ConfigError("--repo has to be owner/name.")
    environ = {**os.environ, "GITHUB_REPOSITORY": repository} if repository else os.environ
    return ActionEnv.from_environ(environ, step)


def known_secrets() -> tuple[Secret, ...]:
    """Every secret in this process's environment: what must never be shown."""
    reader = Reader(os.environ)
    whole = SECRET_NAMES - {"AI_READY_WEBHOOK_SECRET", "AI_READY_PRIVATE_KEY", "AI_READY_DATABASE_URL"}
    parts = (*_elements(reader), _key_text(reader), *_passwords(reader.text("AI_READY_DATABASE_URL")))
    texts = (*map(reader.text, sorted(whole)), *parts)
    return (*(Secret(text) for text in texts if text), *SlackHooks.from_environ(os.environ).addresses.values())


def action_report() -> Report:
    """The runner's write channels, where there are any."""
    reader = Reader(os.environ)
    return Report(
        output=reader.path("GITHUB_OUTPUT"),
        summary=reader.path("GITHUB_STEP_SUMMARY"),
        annotate=reader.text("GITHUB_ACTIONS") == "true",
        colours=_colours(reader),
    )


def _colours(reader: Reader) -> bool:
    """Whether what we print is read on a terminal by somebody who wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not reader.text("NO_COLOR") and reader.text("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class DemoEnv:
    """What `ai-ready demo` takes from outside."""

    api_key: Secret
    model_url: str
    claude: str
    colour: bool
    """False: NO_COLOR is set (https://no-color.org)."""
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The whole environment but our secrets: where tools and certificates are."""


def demo_env() -> DemoEnv:
    """This process's environment for the demo. Raises `ConfigError`."""
    reader = Reader(os.environ)
    return DemoEnv(
        api_key=Secret(reader.text("ANTHROPIC_API_KEY")),
        model_url=reader.address("ANTHROPIC_BASE_URL", ""),
        claude=reader.text("AI_READY_CLAUDE"),
        colour=not reader.text("NO_COLOR"),
        others=MappingProxyType({name: value for name, value in os.environ.items() if name not in SECRET_NAMES}),
    )


def laptop_env(environ: Mapping[str, str] | None = None) -> LaptopEnv:
    """This process's environment (or the one given) for the runner on a laptop. Raises `ConfigError`."""
    return LaptopEnv.from_environ(os.environ if environ is None else environ)


def page_env(environ: Mapping[str, str]) -> PageEnv:
    """Where this environment wants the page, and who may look. Raises `ConfigError`."""
    return PageEnv.read(Reader(environ))


@dataclass(frozen=True, slots=True)
class PersonEnv:
    """What `ai-ready setup` and `ai-ready doctor` take from outside: a person's facts, not a job's."""

    token: Secret
    """GITHUB_TOKEN, else GH_TOKEN; empty: ask `gh`."""
    api_url: str
    """Without a slash at the end, as is the next."""
    server_url: str
    state: Path
    """Where the server keeps its things: `$XDG_STATE_HOME/ai-ready`, by default `~/.local/state/ai-ready`."""
    server: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables of the server, those that a file holds included; secrets among them."""


def person_env(server: Mapping[str, str] | None = None) -> PersonEnv:
    """This process's environment; it wins over `server`, what an env file says. Raises `ConfigError`."""
    reader = Reader({**(server or {}), **os.environ})
    api_url = reader.address("GITHUB_API_URL", "https://api.github.com")
    home = reader.path("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    ours = {name: text for name in os.environ if name.startswith("AI_READY_") and (text := reader.text(name))}
    return PersonEnv(
        token=Secret(reader.text("GITHUB_TOKEN") or reader.text("GH_TOKEN")),
        api_url=api_url,
        server_url=reader.address("GITHUB_SERVER_URL", server_url(api_url)),
        state=home / "ai-ready",
        server=MappingProxyType({**(server or {}), **ours}),
    )


@dataclass(frozen=True, slots=True)
class ServerEnv:
    """What `ai-ready serve` was told."""

    app_id: int
    private_key: Secret
    """PEM text with real line ends; empty: it is in `private_key_path`."""
    private_key_path: Path | None
    webhook_secrets: tuple[Secret, ...]
    """Any of them may have signed a delivery. Empty: webhooks are off."""
    database_url: Secret
    """With its password, where it has one."""
    state_folder: Path | None
    """Where the default database is; to be made, for its owner alone. None: `database_url` was given."""
    reconcile_seconds: int
    concurrent: int
    """Runs at a time per installation."""
    paused: bool
    """Nothing is started, in no repository."""
    api_url: str
    """Without a slash at the end, as are the next two."""
    graphql_url: str
    server_url: str
    slack: SlackHooks = field(default_factory=SlackHooks)
    page: PageEnv = PageEnv()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ServerEnv":
        """Read and check everything. Raises `ConfigError`, which names the variables and what to do."""
        reader = Reader(environ)
        silent = reader.shaped("AI_READY_WEBHOOKS", _OFF, "`off`, or not set").lower() == "off"
        path = reader.path("AI_READY_PRIVATE_KEY_PATH")
        spared = {"AI_READY_WEBHOOK_SECRET"} if silent else set()
        reader.demand(Step.SERVE, spared=spared | ({"AI_READY_PRIVATE_KEY"} if path else set()))
        if path and reader.text("AI_READY_PRIVATE_KEY"):
            raise ConfigError("AI_READY_PRIVATE_KEY and AI_READY_PRIVATE_KEY_PATH are both set: keep one of them.")
        given = reader.text("AI_READY_DATABASE_URL")
        folder = None if given else _state_folder(reader)
        api_url = reader.address("GITHUB_API_URL", "https://api.github.com")
        return cls(
            app_id=reader.number("AI_READY_APP_ID"),
            private_key=Secret(_key_text(reader)),
            private_key_path=path,
            webhook_secrets=() if silent else _webhook_secrets(reader),
            database_url=Secret(given or f"sqlite:///{folder}/ai-ready.sqlite3"),
            state_folder=folder,
            reconcile_seconds=reader.within("AI_READY_RECONCILE_SECONDS", 5, 86_400, default=60),
            concurrent=reader.within("AI_READY_CONCURRENT", 1, 1_000, default=10),
            paused=is_pause(reader.text("AI_READY_PAUSED")),
            api_url=api_url,
            graphql_url=graphql_url(api_url, reader.address("GITHUB_GRAPHQL_URL", "")),
            server_url=reader.address("GITHUB_SERVER_URL", server_url(api_url), files=True),
            slack=SlackHooks.from_environ(environ),
            page=PageEnv.read(reader),
        )


def server_env() -> ServerEnv:
    """This process's environment for the server. Raises `ConfigError`."""
    return ServerEnv.from_environ(os.environ)


SHORTEST_WEBHOOK_SECRET: Final = 16
"""Characters. A shorter one could be found by trying, from one delivery that somebody has seen."""


def _elements(reader: Reader) -> list[str]:
    return [each.strip() for each in reader.text("AI_READY_WEBHOOK_SECRET").split(",")]


def _webhook_secrets(reader: Reader) -> tuple[Secret, ...]:
    given = _elements(reader)
    if any("\udc80" <= char <= "\udcff" for each in given for char in each):
        raise ConfigError("AI_READY_WEBHOOK_SECRET is not UTF-8 text.")
    if any(len(each) < SHORTEST_WEBHOOK_SECRET for each in given):
        raise ConfigError(
            f"AI_READY_WEBHOOK_SECRET has to be at least {SHORTEST_WEBHOOK_SECRET} characters, each of them where there "
            "are several with commas between: make one with `openssl rand -hex 32`, and give the App the same."
        )
    return tuple(map(Secret, given))


def _key_text(reader: Reader) -> str:
    """A private key as systems without multi-line variables give it: a backslash and n for a line's end, or CRLF."""
    return reader.text("AI_READY_PRIVATE_KEY").replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n")


def _passwords(url: str) -> tuple[str, ...]:
    """The password in a database's address, as written and as meant."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return (url,)
    return tuple(dict.fromkeys((password, unquote(password))))


def _state_folder(reader: Reader) -> Path:
    """Where our state lives when nothing else is said. https://specifications.freedesktop.org/basedir-spec/latest/."""
    state, home = reader.path("XDG_STATE_HOME"), reader.path("HOME")
    if state and state.is_absolute():  # a relative one is to be ignored
        return state / "ai-ready"
    if home and home.is_absolute():
        return home / ".local" / "state" / "ai-ready"
    raise ConfigError(
        "AI_READY_DATABASE_URL is not set, and there is no HOME to keep a SQLite file in: set one of them."
    )


# ------------------------------------------------------------------------------------- one variable each

_OFF = re.compile(r"off|on", re.IGNORECASE)

_RUN_KEY = re.compile(r"[0-9]{1,10}-[A-Za-z0-9_-]{1,80}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RESULT = re.compile(r"success|failure|cancelled|skipped")
