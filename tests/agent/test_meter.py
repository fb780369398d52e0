"""The budget of a run, to the token."""

import threading

import pytest

from bot.agent.meter import Meter, Reservation

MODEL = "claude-opus-5"
"""$5 and $25 for a million tokens in and out."""


def reserved(meter: Meter, max_tokens: int, *, size: int = 0, whole: bool = True) -> Reservation:
    reservation = meter.reserve(MODEL, max_tokens=max_tokens, size=size, whole=whole)
    assert reservation is not None
    return reservation


@pytest.mark.parametrize(
    ("budget", "wanted", "granted"),
    [
        (25.0, 2_000_000, 1_000_000),
        (25.0, 1000, 1000),
        (0.00641, 1000, 256),
        (0.00639, 1000, None),
        (0.00639, 200, 200),
        (0.00641, 256, 256),
        (1.0, 0, 0),
        (1.0, -5, 0),
        (0.0, 0, None),
        (0.0, 1000, None),
    ],
)
def test_how_long_an_answer_may_be(budget: float, wanted: int, granted: int | None) -> None:
    """What the budget pays for; 256 tokens, or all that was wanted, or nothing. An empty budget pays no prompt either."""
    meter = Meter(budget)

    reservation = meter.reserve(MODEL, max_tokens=wanted, size=0)

    assert (reservation and reservation.max_tokens) == granted
    assert (meter.requests, meter.refused) == ((1, 0) if reservation else (0, 1))


def test_what_was_spent_is_gone() -> None:
    """The next answer is paid from what is left."""
    meter = Meter(1.0)
    meter.settle(reserved(meter, 36_000), {"output_tokens": 36_000})

    assert 3_999 <= reserved(meter, 30_000).max_tokens <= 4_000


@pytest.mark.parametrize(
    ("size", "whole", "tokens"),
    [(0, True, 0), (3002, True, 1000), (3003, True, 1001), (300, False, 1_000_000), (6_000_000, False, 2_000_000)],
)
def test_how_large_a_prompt_is_taken_for(size: int, whole: bool, tokens: int) -> None:
    """Three bytes a token; a prompt that is not all there for the widest window."""
    assert reserved(Meter(100.0), 300, size=size, whole=whole).prompt_tokens == tokens


def test_an_unseen_end_pays_the_prompt_and_what_was_seen() -> None:
    """The prompt as if it was written to the cache, unless the answer's beginning said what it was."""
    meter = Meter(10.0)

    meter.settle_unseen(reserved(meter, 1000, size=3000), {}, seconds=0)
    assert meter.spent_usd == pytest.approx(1000 * 6.25 / 1e6)

    meter.settle_unseen(reserved(meter, 1000, size=3000), {"input_tokens": 10, "output_tokens": 900}, seconds=1)
    assert meter.spent_usd == pytest.approx((1000 * 6.25 + 10 * 5 + 900 * 25) / 1e6)


def test_a_report_waits_for_what_is_in_flight() -> None:
    """Until it is settled, and no longer."""
    meter = Meter(1.0)
    reservation = reserved(meter, 10_000)
    ending = threading.Timer(0.05, meter.settle, (reservation, {"output_tokens": 100}))
    ending.start()

    assert meter.settled_usd(seconds=1000) == pytest.approx(0.0025)
    ending.join()
