"""What runs come to, day by day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.page.figures import as_csv, as_json, charts, days, duration
from tests.page.sample import NOW, a_run


def test_days_are_utc_and_count_what_ended_in_them() -> None:
    midnight = NOW.replace(hour=0)
    before = replace(a_run(1), ended_at=midnight - timedelta(seconds=1), usd=1.0)
    after = replace(a_run(2), ended_at=midnight, usd=2.0)
    running = replace(a_run(3), ended_at=None, usd=9.0)

    yesterday, today = days((before, after, running), NOW, 2)

    assert (yesterday.usd, today.usd) == (1.0, 2.0)
    assert (yesterday.done, today.done) == (1, 1)
    assert days((), NOW)[0].date == (NOW - timedelta(days=29)).date()


def test_times_are_medians_of_what_is_known() -> None:
    runs = [
        replace(a_run(n), asked_at=NOW - timedelta(minutes=wait), at=NOW - timedelta(minutes=1))
        for n, wait in enumerate((2, 3, 100))
    ]
    unknown = replace(a_run(9), asked_at=None)
    blocked = replace(a_run(10, "timed-out"), asked_at=NOW - timedelta(days=1))

    (today,) = days((*runs, unknown, blocked), NOW, 1)

    assert today.lead == 180.0
    assert today.waited == pytest.approx((2 * 60 + 99 * 60) / 2)
    assert today.verdicts == {"done": 4, "timed-out": 1}
    assert today.blocked == 1


def test_csv_has_a_column_for_each_verdict() -> None:
    runs = (a_run(1), a_run(2, "timed-out"), a_run(3, "timed-out", usd=0.25))

    head, row = as_csv(days(runs, NOW, 1)).splitlines()

    assert head == "date,usd,runs,done,timed-out,lead_seconds,waited_seconds"
    assert row == "2026-03-04,1.2500,3,1,2,900,300"
    assert as_json(days(runs, NOW, 1)) == [
        {
            "date": "2026-03-04",
            "usd": 1.25,
            "runs": 3,
            "verdicts": {"done": 1, "timed-out": 2},
            "lead_seconds": 900.0,
            "waited_seconds": 300.0,
        }
    ]


def test_bars_are_as_high_as_what_they_show() -> None:
    cost, verdicts, lead, _ = charts(days((a_run(1, usd=3), a_run(2, "timed-out", days_ago=1, usd=1.5)), NOW, 2))

    assert [bar.height for bar in cost.bars] == [75, 150]
    assert cost.top == "$3.00"
    assert [bar.words for bar in verdicts.bars] == [
        "2026-03-03: 1 blocked (timed-out 1)",
        "2026-03-04: 1 done",
    ]
    assert len(lead.bars) == 1
    assert charts(days((), NOW))[0].empty


def test_a_run_that_did_not_wait_is_no_empty_chart() -> None:
    """`Nothing to show yet` is for where nothing is known."""
    at_once = replace(a_run(1, usd=0.0), asked_at=NOW, at=NOW, ended_at=NOW)

    cost, _, lead, waited = charts(days((at_once,), NOW, 2))

    assert [(each.empty, each.top, len(each.bars)) for each in (lead, waited)] == [(False, "0 s", 1)] * 2
    assert (cost.top, [bar.words for bar in cost.bars]) == ("$0.00", ["2026-03-04: $0.00"])
    assert [each.empty for each in charts(days((), NOW))] == [True] * 4


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (172800, "2 d"),
        (187200, "2 d 4 h"),
    ],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert duration(seconds) == words
