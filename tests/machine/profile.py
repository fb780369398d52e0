"""How Hypothesis plays the machine."""

from typing import Any

from hypothesis import HealthCheck, settings


def profile(examples: int, steps: int, **more: Any) -> settings:
    """So many examples of up to so many steps; nothing is kept between two calls."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        **more,
    )
