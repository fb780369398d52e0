"""How often the server asks GitHub: what `make bench` measures, held where a request more would creep in unseen."""

from pathlib import Path

import pytest

from tests.stories.server_town import quick_town

GRAPHQL = "POST /api/graphql"


@pytest.mark.story
def test_a_dispatch_beside_another_run_takes_three_requests_in_a_row(tmp_path: Path) -> None:
    """The look, the look at the candidate after its claim, the dispatch; the run under way is known from the ledger."""
    with quick_town(tmp_path) as town:
        town.actions.hold("queued")
        first = town.asked("First")
        town.labelled(first, "ai-ready", "ai-queued")
        town.looks()
        second = town.issue("Second")
        town.looks()
        before = len(town.requests())

        town.label(second)
        town.labelled(second, "ai-ready", "ai-queued")

        asked = [one for one in town.requests(before) if "/collaborators/" not in one]
        dispatch = next(at for at, one in enumerate(asked) if one.endswith("/dispatches"))
        assert asked[dispatch - 2 : dispatch + 1] == [GRAPHQL, GRAPHQL, asked[dispatch]]
        assert not any("runs?" in one for one in town.requests())
        town.actions.hold("")
        town.verdict(first)
        town.verdict(second)
