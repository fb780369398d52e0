"""The server's machine has the time wrong: hours ahead until GitHub was heard, as after a long suspension."""

from datetime import timedelta
from pathlib import Path

from tests.stories.server_town import QUICK, InProcessServer, Plan, check_server_town, server_town

AHEAD = timedelta(hours=3)


def test_what_was_planned_by_a_clock_that_was_ahead_is_not_waited_for(tmp_path: Path) -> None:
    """By polling alone, so that nothing but timers starts anything. A lost run is also heard of in time."""
    plan = Plan(webhooks=False)
    with server_town(tmp_path, plan) as town:
        off = [AHEAD]
        server = town.server = InProcessServer(town, tmp_path / "server", plan, rules=QUICK)
        server.clock = lambda: town.clock() + off[0]
        server.start()
        try:
            town.until(lambda: server.served > 3, "every timer was planned")
            off[0] = timedelta()
            issue = town.asked()

            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
            check_server_town(town)
        finally:
            server.stop()
