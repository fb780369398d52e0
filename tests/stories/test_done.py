"""Stories that end well: an asked-for issue becomes a draft pull request."""

from bot.sandbox.model import done, write
from tests.stories.conftest import Opens

HELLO = write("hello.py", "print('hello')\n")


def test_a_labelled_issue_becomes_a_draft_pull_request(opens: Opens) -> None:
    """Label → gate → work → publish: one draft, assigned to who asked, and one verdict that says so."""
    town = opens(HELLO, done("Said hello."))
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Done: draft PR #2")
    [pull] = town.pulls()
    assert pull.pull is not None
    assert pull.pull.draft
    assert (pull.pull.head, pull.pull.base) == ("ai/issue-1", "main")
    assert [user.login for user in pull.assignees] == ["rita"]
    assert "Closes #1" in pull.body
    assert town.read("ai/issue-1", "hello.py") == "print('hello')\n"
    assert town.labels(issue) == {"ai-done"}
