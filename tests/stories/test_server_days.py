"""Caps of a day: what is used up holds, says so once, and goes on by itself on the next day in UTC."""

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from bot.sandbox.records import Issue
from tests.stories.server_town import SERVER_CONFIG, Plan, check_server_town, quick_town

NOON = time(12)
CAPS = {
    "runs": ("runs_per_day: 500", "runs_per_day: 2", "all 2 runs of this UTC day are used (`limits.runs_per_day`)"),
    "usd": ("usd_per_day: 500", "usd_per_day: 1.015", "less than the $1.00 that a run may cost is left of the $1.0"),
}
"""Which limit, and what is said. A run reserves a dollar and costs a cent: of $1.015, two of them leave too little."""


@pytest.mark.parametrize("cap", CAPS)
def test_what_is_used_up_today_goes_on_tomorrow(tmp_path: Path, cap: str) -> None:
    before, after, said = CAPS[cap]
    with quick_town(tmp_path, Plan(config=SERVER_CONFIG.replace(before, after))) as town:
        town.clock.shift = next_time(NOON, town.clock()) - town.clock()
        issues = [town.asked(f"Task {number}") for number in (1, 2, 3)]
        for issue in issues[:2]:
            assert town.verdict(issue).startswith("Done")
        held = issues[2]
        town.labelled(held, "ai-ready", "ai-waiting")
        town.until(lambda: said in town.status(held), said)
        town.looks()
        edited = edits(held)
        town.looks()
        assert edits(held) == edited

        town.clock.shift += timedelta(hours=11, minutes=45)  # not yet
        town.looks()
        assert town.runs(held) == []
        town.clock.shift += timedelta(minutes=30)
        assert town.verdict(held).startswith("Done")
        town.labelled(held, "ai-done")
        town.looks()
        assert town.order() == [1, 2, 3]
        check_server_town(town)


def next_time(at: time, now: datetime) -> datetime:
    """The next moment with this time of day."""
    today = datetime.combine(now.date(), at, now.tzinfo)
    return today if today > now else today + timedelta(days=1)


def edits(issue: Issue) -> int:
    """How often anything that was said on an issue was edited."""
    return sum(len(comment.edits) for comment in issue.comments)
