import pytest

from bot.agent.meter import Meter
from bot.agent.prices import BY_MODEL, DEAREST, Rates, cost, rates_of


@pytest.mark.parametrize(
    ("model", "rates"),
    [
        ("claude-opus-5-5", Rates(4, 20, 0.2)),
        ("claude-opus-5-5[1m]", Rates(4, 20, 0.2)),
        ("claude-opus-5", Rates(5, 25, 0.5)),
        ("claude-opus-5-20260101", Rates(5, 25, 0.5)),
        ("claude-opus-4-5-20251101", Rates(5, 25, 0.5)),
        ("claude-opus-4-1-20250805", Rates(15, 75, 1.5)),
        ("claude-opus-4-20250514", Rates(15, 75, 1.5)),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", Rates(3, 15, 0.3)),
        ("claude-sonnet-4-6", Rates(3, 15, 0.3)),
        ("claude-sonnet-5-5", Rates(2, 10, 0.1)),
        ("claude-3-5-haiku-20241022", Rates(0.8, 4, 0.08)),
        ("claude-haiku-4-5-20251001", Rates(1, 5, 0.1)),
        ("claude-fable-5-2", Rates(8, 40, 0.2)),
    ],
)
def test_known_models_cost_their_list_price(model: str, rates: Rates) -> None:
    """With a date, a provider's prefix or a suffix, too."""
    assert rates_of(model) == rates


@pytest.mark.parametrize(
    "model", ["", "gpt-7", "claude-opus-6", "claude-opus-5-9", "claude-opus-4-55", "claude-next-1"]
)
def test_unknown_models_cost_the_most(model: str) -> None:
    """A cap is never too generous by mistake."""
    assert rates_of(model) == DEAREST
    assert all(DEAREST.output >= rates.output and DEAREST.input >= rates.input for _, rates in BY_MODEL)


def test_every_kind_of_token_counts() -> None:
    """Fresh, read from the cache, written for minutes and for an hour, put out, and searches."""
    usage = {
        "input_tokens": 1_000_000,
        "output_tokens": 1_000_000,
        "cache_read_input_tokens": 1_000_000,
        "cache_creation_input_tokens": 2_000_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000_000, "ephemeral_1h_input_tokens": 1_000_000},
        "server_tool_use": {"web_search_requests": 3},
    }

    assert cost("claude-opus-5", usage) == pytest.approx(5 + 25 + 0.5 + 6.25 + 10 + 0.03)


def test_long_prompts_of_haiku_cost_more() -> None:
    """Above 100,000 tokens of prompt everything costs five times as much."""
    short = {"input_tokens": 100_000, "output_tokens": 1000}
    long = {"input_tokens": 50_000, "cache_read_input_tokens": 50_001, "output_tokens": 1000}

    assert cost("claude-haiku-5-5", short) == pytest.approx(0.01 + 0.0005)
    assert cost("claude-haiku-5-5", long) == pytest.approx((0.005 + 0.00050001 + 0.0005) * 5)


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": None},
        {"output_tokens": "9"},
        {"input_tokens": -5},
        {"cache_creation": 3, "server_tool_use": []},
    ],
)
def test_odd_usage_counts_nothing(usage: dict[str, object]) -> None:
    """And never pays money back."""
    assert cost("claude-opus-5", usage) == 0


def test_the_meter_reserves_and_settles() -> None:
    """Money set aside comes back as what was really spent."""
    meter = Meter(1.0)
    first = meter.reserve("claude-opus-5", max_tokens=30_000, size=30)
    assert first is not None
    assert first.max_tokens == 30_000

    second = meter.reserve("claude-opus-5", max_tokens=30_000, size=30)
    assert second is not None
    assert 9_900 < second.max_tokens < 10_000  # $0.75 of the dollar, and a few cents of prompt, are spoken for
    assert meter.reserve("claude-opus-5", max_tokens=30_000, size=30) is None

    meter.settle(first, {"output_tokens": 100})
    meter.settle(second, {})

    assert meter.spent_usd == pytest.approx(0.0025)
    assert meter.settled_usd(seconds=0) == meter.spent_usd
    assert (meter.requests, meter.refused) == (2, 1)


def test_big_prompts_at_once_are_reserved() -> None:
    """Sending many huge prompts before the first is answered does not multiply the budget."""
    meter = Meter(1.0)

    taken = [meter.reserve("claude-opus-5", max_tokens=1000, size=3_000_000) for _ in range(5)]

    assert [reservation is not None for reservation in taken] == [True, False, False, False, False]


def test_what_is_in_flight_counts_in_full() -> None:
    """A report made while an answer is still coming is never too low."""
    meter = Meter(1.0)
    meter.reserve("claude-opus-5", max_tokens=10_000, size=0)

    assert meter.settled_usd(seconds=0.01) == pytest.approx(0.25)


def test_an_unseen_end_is_charged_by_the_clock() -> None:
    """At most what a model can write in that time, at most what it was allowed to."""
    meter = Meter(10.0)
    for seconds in (1.0, 1000.0):
        reservation = meter.reserve("claude-opus-5", max_tokens=1000, size=3000)
        assert reservation is not None
        meter.settle_unseen(reservation, {"input_tokens": 0, "output_tokens": 1}, seconds=seconds)

    assert meter.spent_usd == pytest.approx((300 + 1000) * 25 / 1e6)
