"""How Hypothesis plays the machine."""

from typing import Any

from hypothesis import HealthCheck, Phase, settings


def profile(examples: int, steps: int, *, shrink: bool = False, **more: Any) -> settings:
    """So many examples of up to so many steps; nothing is kept between two calls. `shrink`: minutes for a short one."""
    return settings(
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        **more,
    )
