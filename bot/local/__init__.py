"""The continuous runner for a laptop: tasks of any source, one after the other, by the same work and verdict as the Action.

For programs: `AutonomousRunner(RunnerConfig(model="opus")).start()`, by the names that the runner before had.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.local.autonomous import AutonomousRunner, AutonomousRunnerSDK, RunnerConfig
    from bot.local.session import RunnerState

__all__ = ["AutonomousRunner", "AutonomousRunnerSDK", "RunnerConfig", "RunnerState"]


def __getattr__(name: str) -> Any:
    """Import what programs ask for when they do: every command passes by here."""
    if name == "RunnerState":
        from bot.local.session import RunnerState  # noqa: PLC0415

        return RunnerState
    if name in __all__:
        from bot.local import autonomous  # noqa: PLC0415

        return getattr(autonomous, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
