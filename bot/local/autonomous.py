"""The runner for programs, by the names of the runner before: `RunnerConfig`, `AutonomousRunner`, `AutonomousRunnerSDK`.

`start()` ends when no task is ready, as it did there. What a `RunnerConfig` says wins over the files of the checkout; what
it has no word for (the task source, Slack, …) comes from them.
"""

import asyncio
import contextlib
import sys
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, Self

from bot.agent.process import Cancel
from bot.config import laptop_environ, parse_setting
from bot.errors import ConfigError
from bot.job.redact import Redactor
from bot.local.log import Log
from bot.local.loop import Wish
from bot.local.overview import standing_of
from bot.local.runner import Company, Runner
from bot.local.seed_config import SEED_CONFIG, read_seed_config
from bot.local.session import RunnerState
from bot.local.settings import Flags, LocalSettings, read_settings
from bot.local.source import checkout_of, secrets_of
from bot.local.state import StateFolder
from bot.local.terminal import Terminal

_OURS: Final = {
    "backend": "agent.backend",
    "model": "agent.model",
    "max_tokens": "agent.max_tokens",
    "max_turns_per_task": "agent.max_turns",
    "max_tasks_per_session": "local.tasks",
    "rate_limit_rpm": "agent.requests_per_minute",
    "cost_limit_per_session": "local.usd",
    "execution_mode": "mode",
}
"""Field → key of ours."""


@dataclass(frozen=True)
class RunnerConfig:
    """What a runner goes by; each default is the documented one."""

    backend: str = "claude-code"
    model: str = "opus"
    max_tokens: int = 8192
    max_turns_per_task: int = 50
    max_tasks_per_session: int = 10
    rate_limit_rpm: int = 50
    cost_limit_per_session: float = 10.0
    execution_mode: str = "autonomous"
    path: Path | None = None
    """The file that it was read from; None: `.ai-agents/config.yml` of the checkout, where there is one."""

    @classmethod
    def from_yaml(cls, path: str | Path = SEED_CONFIG) -> Self:
        """What a file says. Raises `ConfigError`, with the first thing that is wrong in it."""
        found = read_seed_config(Path(path), laptop_environ(), shown=str(path))
        if found is None:
            raise ConfigError(f"Config file not found: {path}: correct the path.")
        for problem in found.problems:
            raise ConfigError(problem)
        names = {ours: name for name, ours in _OURS.items()}
        given: dict[str, Any] = {}
        for each in found.given:
            if name := names.get(each.key):
                given[name] = parse_setting(each.key, each.text, shown=each.shown)
        return cls(**given, path=Path(path))

    def flags(self, runner: Literal["", "sdk"] = "") -> Flags:
        """As our own command line would say it."""
        own = {_OURS[each.name]: str(getattr(self, each.name)) for each in fields(self) if each.name in _OURS}
        sort = "sdk" if self.backend == "claude-code-sdk" else runner
        return Flags(runner=sort, seed_config=self.path, settings=own)


class AutonomousRunner:
    """A runner in the checkout that the program runs in."""

    def __init__(self, config: RunnerConfig | None = None, *, sort: Literal["", "sdk"] = "") -> None:
        """Nothing is read or begun yet. `sort`: as `--runner` of the command line."""
        self.config = config or RunnerConfig()
        self._sort = sort
        self._environ = laptop_environ()
        self._root = checkout_of(Path.cwd())
        self._cancel = Cancel()

    def start(self, resume: bool = False) -> int:
        """Do task after task until none is ready or a limit is reached; 0: none was Blocked. `resume`: the last session.

        SIGINT and SIGTERM end it as `stop` does.

        Raises `AiReadyError` where it can't begin, with one sentence that says what to do.
        """
        settings = self._settings()
        redactor = Redactor(secrets_of(settings, self._environ))
        log = Log(settings.log_file, redactor.text)
        terminal = Terminal(sys.stderr, colours=False, keep=log.write)
        company = Company(terminal, self._cancel, listeners=(terminal,))
        ours = threading.current_thread() is threading.main_thread()  # elsewhere Python lets nobody hear of signals
        with self._cancel.on_signals() if ours else contextlib.nullcontext():
            return Runner(settings, self._environ, log, company).run(Wish(exit_when_idle=True), resume=resume)

    def stop(self) -> None:
        """End soon, from another thread: the agent is ended, its work is kept, its task is taken up again next time.

        This object has ended with that: make another one to go on.
        """
        self._cancel.set()

    def get_status(self) -> dict[str, Any]:
        """What the session came to so far: `state`, `tasks_completed`, `total_cost` and more."""
        settings = self._settings()
        return standing_of(StateFolder(settings.state_dir), settings.agent_id).as_json()

    @property
    def state(self) -> RunnerState:
        """What the runner is at."""
        return RunnerState(self.get_status()["state"])

    def _settings(self) -> LocalSettings:
        return read_settings(self.config.flags(self._sort), self._environ, self._root)


class AutonomousRunnerSDK:
    """The same for programs with an event loop; it stops at a failure."""

    def __init__(self, config: RunnerConfig | None = None) -> None:
        """Nothing is read or begun yet."""
        self._runner = AutonomousRunner(config, sort="sdk")

    async def start(self, resume: bool = False) -> int:
        """As `AutonomousRunner.start`. Cancelling it ends the agent, and waits until its work is safe."""
        working = asyncio.ensure_future(asyncio.to_thread(self._runner.start, resume))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            self._runner.stop()
            await working
            raise

    def get_status(self) -> dict[str, Any]:
        """As `AutonomousRunner.get_status`."""
        return self._runner.get_status()

    @property
    def state(self) -> RunnerState:
        """What the runner is at."""
        return self._runner.state
