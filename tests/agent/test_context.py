"""How much a model can have before it, by its name."""

import pytest

from bot.agent.context import window_of

WINDOWS = {
    "claude-opus-5-5": 1_000_000,
    "claude-sonnet-5": 1_000_000,
    "claude-haiku-5-5": 1_000_000,
    "claude-opus-4-8": 1_000_000,
    "claude-opus-4-7-20260101": 1_000_000,
    "claude-something-9": 1_000_000,
    "claude-opus-4-6": 200_000,
    "claude-opus-4-20250514": 200_000,
    "claude-sonnet-4-6": 200_000,
    "claude-sonnet-4-5-20250929": 200_000,
    "us.anthropic.claude-opus-4-6-v1": 200_000,
    "claude-haiku-4-5": 200_000,
    "claude-3-5-haiku-20241022": 200_000,
    "claude-opus-4-6[1m]": 1_000_000,
    "claude-sonnet-4-5[500k]": 500_000,
}
"""As `modelUsage.contextWindow` of CLI 2.1.329 has them, the last one apart."""


@pytest.mark.parametrize("model", WINDOWS)
def test_window(model: str) -> None:
    assert window_of(model) == WINDOWS[model]
