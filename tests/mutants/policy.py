"""The modules that decide what the bot may do, and the tests that judge each of them: the one list of both."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Judged:
    """A module and its judges."""

    module: str
    tests: tuple[str, ...]
    """Quick ones first: the first that fails ends it."""
    without: str = ""
    """Tests that are left out, as in pytest's `-k`: they measure time, or think of many hundreds of examples."""

    @property
    def options(self) -> tuple[str, ...]:
        """For pytest: those of `agent` need none of the rooms in its conftest, which imports every backend."""
        return ("--noconftest",) if self.module.startswith("agent/") else ()

    @property
    def path(self) -> str:
        """From the root of the repository."""
        return f"bot/{self.module}.py"


def _judged(module: str, *tests: str, without: str = "") -> Judged:
    return Judged(module, tuple(f"tests/{test}.py" for test in tests), without)


_SPEED = "test_a_megabyte_takes_well_under_seconds or test_a_megabyte_takes_well_under_a_second or test_time_grows"
_LIVES = "test_quiescence or test_a_crash_after_any_effect or test_the_order_of_the_input or test_nothing_starts_beyond or test_every_short_life"
_SLOW_GIT = "test_a_base_rewritten_to_the_distant_past or test_a_full_disk"

POLICY: Final = (
    _judged("job/redact", "job/test_redact", "job/test_disguise", without=_SPEED),
    _judged("job/disguise", "job/test_disguise"),
    _judged("agent/sanitize", "agent/test_sanitize", without=_SPEED),
    _judged("agent/hidden", "agent/test_sanitize", without=_SPEED),
    _judged("agent/unrendered", "agent/test_sanitize", without=_SPEED),
    _judged("agent/invisible", "agent/test_sanitize", without=_SPEED),
    _judged("agent/fencing", "agent/test_fencing"),
    _judged("agent/meter", "agent/test_meter", "agent/test_prices"),
    _judged("agent/closing", "agent/test_closing"),
    _judged("core/outbound", "core/test_outbound", without=_SPEED),
    _judged("core/joining", "core/test_outbound", "agent/test_sanitize", without=_SPEED),
    _judged("core/paths", "core/test_paths"),
    _judged("core/access", "core/test_access"),
    _judged(
        "core/asking",
        "core/test_access",
        "core/test_plan",
        "core/test_rounds",
        "core/test_plans",
        "core/test_inits",
        without=_LIVES,
    ),
    _judged("core/commands", "core/test_commands", "core/test_replies"),
    _judged("core/markers", "core/test_markers", "core/test_plan", "core/test_plan_ledger"),
    _judged("core/limits", "core/test_limits", "core/test_plan", "core/test_why"),
    _judged("core/pause", "core/test_access"),
    _judged("core/rounds", "core/test_conversations", "core/test_rounds", without=_LIVES),
    _judged("core/unbegun", "core/test_publishing", "job/test_recheck"),
    _judged("core/verdict", "core/test_verdict", "core/test_publishing"),
    _judged("core/publishing", "core/test_publishing", "core/test_conversations", "core/test_plans", without=_LIVES),
    _judged("core/plans", "core/test_plans", "core/test_rounds", without=_LIVES),
    _judged(
        "core/plan",
        "core/test_plan",
        "core/test_plan_ledger",
        "core/test_rounds",
        "core/test_plans",
        "core/test_inits",
        without=_LIVES,
    ),
    _judged("job/protect", "job/test_publish", without=_SLOW_GIT),
    _judged("job/bundle", "job/test_publish", without=_SLOW_GIT),
    _judged("job/recheck", "job/test_recheck"),
    _judged("job/admit", "job/test_admit", "job/test_recheck"),
    _judged("job/compare", "job/test_modes"),
)
