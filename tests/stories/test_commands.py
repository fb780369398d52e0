"""Commands and our own comments, when people edit or delete them meanwhile; and where commands have no place."""

import pytest

from tests.stories.conftest import Opens
from tests.stories.test_asking import reactions
from tests.stories.town import Town


def gates(town: Town) -> None:
    """The gates of what happened, and one more."""
    town.settle()
    town.start().all_jobs()
    town.settle()


def test_a_command_that_was_edited_in_or_deleted_is_none(opens_quick: Opens) -> None:
    """C05, C06."""
    town = opens_quick()
    issue = town.issue()
    edited = town.comment(issue, "Nice.")
    town.hub.issues.edit_comment(edited, town.rita, "/ai run")
    deleted = town.comment(issue, "/ai run")
    town.hub.issues.delete_comment(deleted, town.rita)

    gates(town)

    assert (town.said(issue), town.labels(issue), town.admitted) == ([], set(), set())
    assert reactions(town, issue) == []


@pytest.mark.parametrize("what", ["status", "verdict"])
@pytest.mark.parametrize("how", ["deleted", "edited"])
def test_our_own_comments_may_be_deleted_and_edited(opens_quick: Opens, what: str, how: str) -> None:
    """O08: no second run, no second verdict; what still matters is said again, once."""
    town = opens_quick()
    issue = town.issue()
    town.comment(issue, "/ai run")
    town.settle()
    [comment] = [each for each in issue.comments if f"ai-ready:{what}" in each.body]
    if how == "deleted":
        town.hub.issues.delete_comment(comment, town.rita)
    else:
        town.hub.issues.edit_comment(comment, town.rita, "Nonsense.")

    gates(town)
    gates(town)

    assert len(town.admitted) == 1
    town.admitted.clear()  # whose verdict is no longer to be found
    assert len(town.pulls()) == 1
    assert town.labels(issue) == {"ai-done"}
