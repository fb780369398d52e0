"""What a model's tokens cost at list price, in US dollars. Owns the table; counts nothing by itself.

Source: https://docs.claude.com/en/about-claude/pricing, as carried by Claude Code 2.1.329, whose
`total_cost_usd` these figures reproduce. A model we don't know is charged at the dearest rates: a cap must never
be too generous by mistake.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PER_SEARCH = 0.01
"""US dollars for one web search by the server."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    above: int = 0
    """Prompts of more tokens than this cost `times` as much; 0: none do."""
    times: float = 1.0

    @property
    def cache_write(self) -> float:
        """Written for five minutes."""
        return self.input * 1.25

    @property
    def cache_write_hour(self) -> float:
        """Written for one hour."""
        return self.input * 2


DEAREST = Rates(15, 75, 1.5)

BY_MODEL: tuple[tuple[str, Rates], ...] = (
    ("mythos-5-2", Rates(8, 40, 0.2)),
    ("mythos-5-1", Rates(10, 50, 0.25)),
    ("mythos-5", Rates(10, 50, 1)),
    ("fable-5-2", Rates(8, 40, 0.2)),
    ("fable-5-1", Rates(10, 50, 0.25)),
    ("fable-5", Rates(10, 50, 1)),
    ("opus-5-5", Rates(4, 20, 0.2)),
    ("opus-5", Rates(5, 25, 0.5)),
    ("opus-4-[5-8]", Rates(5, 25, 0.5)),
    ("opus-4(-[01])?", DEAREST),
    ("3-opus", DEAREST),
    ("sonnet-5-5", Rates(2, 10, 0.1)),
    ("sonnet-5", Rates(2, 10, 0.2)),
    ("sonnet-4(-[056])?", Rates(3, 15, 0.3)),
    ("3-[57]-sonnet", Rates(3, 15, 0.3)),
    ("haiku-5-5", Rates(0.1, 0.5, 0.01, above=100_000, times=5)),
    ("haiku-4-5", Rates(1, 5, 0.1)),
    ("3-5-haiku", Rates(0.8, 4, 0.08)),
)
"""First match wins, so the newer name of a family stands before its prefix."""


def rates_of(model: str) -> Rates:
    """The rates of a model id (`claude-opus-5-5`, also with a date, a provider's prefix or a `[1m]` suffix)."""
    for name, rates in BY_MODEL:
        if re.search(rf"claude-{name}(?![0-9])(?!-[0-9](?![0-9]))", model):
            return rates
    return DEAREST


def cost(model: str, usage: Mapping[str, Any]) -> float:
    """US dollars for one answer, from the `usage` of the Messages API. Fields that are absent or odd count zero."""
    fresh, read = _count(usage, "input_tokens"), _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    detail = usage.get("cache_creation")
    hour = min(written, _count(detail, "ephemeral_1h_input_tokens")) if isinstance(detail, Mapping) else 0
    rates = rates_of(model)
    dollars = fresh * rates.input + read * rates.cache_read + _count(usage, "output_tokens") * rates.output
    dollars += (written - hour) * rates.cache_write + hour * rates.cache_write_hour
    times = rates.times if rates.above and fresh + read + written > rates.above else 1.0
    tools = usage.get("server_tool_use")
    searches = _count(tools, "web_search_requests") if isinstance(tools, Mapping) else 0
    return dollars * times / 1e6 + searches * PER_SEARCH


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
