"""What a project's runs come to, day by day: cost, verdicts, lead time, waiting time. Pure. Days are UTC."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any, Final

from bot.core.ledger import DONE
from bot.page.shown import Run

DAYS: Final = 30
"""That are charted."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day's runs, by when they ended."""

    date: date
    usd: float
    verdicts: Mapping[str, int]
    """`done` and reason codes, and how many runs ended so."""
    lead: float | None
    """Median seconds from the request to the pull request, of the runs that are done; None: nobody knows."""
    waited: float | None
    """Median seconds from the request to the beginning of the run."""

    @property
    def done(self) -> int:
        """Runs that are done."""
        return self.verdicts.get(DONE, 0)

    @property
    def blocked(self) -> int:
        """All others that ended."""
        return sum(self.verdicts.values()) - self.done

    @property
    def reasons(self) -> str:
        """Why those are blocked: `tests-failed 2, timed-out 1`."""
        return ", ".join(f"{verdict} {count}" for verdict, count in self.verdicts.items() if verdict != DONE)


def days(runs: Iterable[Run], now: datetime, count: int = DAYS) -> tuple[Day, ...]:
    """The last `count` days, oldest first, the one of `now` included."""
    today = now.astimezone(UTC).date()
    by_day: dict[date, list[Run]] = {today - timedelta(days=back): [] for back in range(count - 1, -1, -1)}
    for run in runs:
        if run.ended_at is not None and (at := run.ended_at.astimezone(UTC).date()) in by_day:
            by_day[at].append(run)
    return tuple(_day(at, ended) for at, ended in by_day.items())


def _day(at: date, ended: Sequence[Run]) -> Day:
    leads = [
        (run.ended_at - run.asked_at).total_seconds()
        for run in ended
        if run.verdict == DONE and run.ended_at and run.asked_at
    ]
    waits = [(run.at - run.asked_at).total_seconds() for run in ended if run.asked_at]
    verdicts = Counter(run.verdict or "unknown" for run in ended)
    return Day(at, sum(run.usd for run in ended), dict(sorted(verdicts.items())), _median(leads), _median(waits))


def _median(seconds: Sequence[float]) -> float | None:
    return max(0.0, median(seconds)) if seconds else None


def as_json(charted: Iterable[Day]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "date": day.date.isoformat(),
            "usd": round(day.usd, 4),
            "runs": sum(day.verdicts.values()),
            "verdicts": dict(day.verdicts),
            "lead_seconds": day.lead,
            "waited_seconds": day.waited,
        }
        for day in charted
    ]


def as_csv(charted: Sequence[Day]) -> str:
    """For spreadsheets: a column for each verdict that there was."""
    verdicts = sorted({verdict for day in charted for verdict in day.verdicts})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["date", "usd", "runs", *verdicts, "lead_seconds", "waited_seconds"])
    for day in charted:
        counts = [day.verdicts.get(verdict, 0) for verdict in verdicts]
        times = ["" if each is None else round(each) for each in (day.lead, day.waited)]
        table.writerow([day.date.isoformat(), f"{day.usd:.4f}", sum(counts), *counts, *times])
    return out.getvalue()


# ------------------------------------------------------------------------------------------- drawn

WIDE, HIGH = 720, 150
"""Of a chart's bars, in pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, or a part of one."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars by day."""

    title: str
    top: str
    """What the highest bar is."""
    bars: tuple[Bar, ...]
    first: str
    last: str
    keys: tuple[tuple[str, str], ...] = ()
    """Kind and words of what the bars' parts are."""

    @property
    def empty(self) -> bool:
        """Nothing is known yet."""
        return not self.bars


def charts(charted: Sequence[Day]) -> tuple[Chart, ...]:
    """The four of them."""
    return (
        _chart(
            "Cost per day",
            charted,
            lambda day: (("usd", day.usd if day.verdicts else None),),
            lambda usd: f"${usd:.2f}",
        ),
        _chart(
            "Runs by verdict",
            charted,
            lambda day: (("done", day.done or None), ("blocked", day.blocked or None)),
            lambda runs: f"{runs:.0f}",
            (("done", "done"), ("blocked", "blocked")),
        ),
        _chart("From request to pull request (median)", charted, lambda day: (("lead", day.lead),), duration),
        _chart("From request to run (median)", charted, lambda day: (("waited", day.waited),), duration),
    )


def _chart(
    title: str,
    charted: Sequence[Day],
    parts: Any,
    words: Any,
    keys: tuple[tuple[str, str], ...] = (),
) -> Chart:
    values = [[(kind, value) for kind, value in parts(day) if value is not None] for day in charted]
    top = max((sum(value for _, value in each) for each in values), default=0.0)
    step = WIDE / max(1, len(charted))
    bars: list[Bar] = []
    for at, (day, each) in enumerate(zip(charted, values, strict=True)):
        y = float(HIGH)
        for kind, value in each:
            height = max(HIGH * value / top if top else 0.0, 1.0)  # nothing at all is a figure, too
            y -= height
            label = f" {kind}" if keys else ""
            reasons = f" ({day.reasons})" if kind == "blocked" else ""
            said = f"{day.date.isoformat()}: {words(value)}{label}{reasons}"
            bars.append(Bar(round(at * step + 1, 2), round(y, 2), round(step - 2, 2), round(height, 2), kind, said))
    first, last = (charted[0].date.isoformat(), charted[-1].date.isoformat()) if charted else ("", "")
    return Chart(title, words(top) if bars else "", tuple(bars), first, last, keys)


def duration(seconds: float) -> str:
    """A length of time for people: `0.4 s`, `48 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    if 0 < seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days_, hours = divmod(hours, 24)
    return f"{days_} d {hours} h" if hours else f"{days_} d"
