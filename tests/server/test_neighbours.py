"""Which repositories look again because of what was read of another one."""

from datetime import UTC, datetime

import pytest

from bot.core.model import Issue, Ref, Snapshot, Standing
from bot.server.neighbours import overtaken

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def home(*issues: Issue) -> Snapshot:
    """The repository in which something happened."""
    return Snapshot("Acme/Lib", NOW, "main", {issue.number: issue for issue in issues})


def theirs(standing: Standing, repo: str = "acme/lib") -> Snapshot:
    """Another one, which has read that of #5."""
    return Snapshot("acme/shop", NOW, "main", {}, standings={Ref(repo, 5): standing})


OPEN, CLOSED = Issue(5, "Five"), Issue(5, "Five", open=False)


@pytest.mark.parametrize(
    ("standing", "issues", "expected"),
    [
        (Standing.OPEN, (OPEN,), False),
        (Standing.OPEN, (CLOSED,), True),
        (Standing.OPEN, (), True),
        (Standing.CLOSED, (OPEN,), True),
        (Standing.NOT_PLANNED, (OPEN,), True),
        (Standing.CLOSED, (CLOSED,), False),
        (Standing.CLOSED, (), False),
        (Standing.MERGED, (), False),
        (Standing.UNREADABLE, (OPEN,), False),
        (Standing.UNKNOWN, (), False),
    ],
)
def test_what_they_have_is_compared_with_what_is_so(
    standing: Standing, issues: tuple[Issue, ...], expected: bool
) -> None:
    assert overtaken(theirs(standing), home(*issues)) is expected


def test_issues_of_other_repositories_do_not_count() -> None:
    assert not overtaken(theirs(Standing.OPEN, "acme/other"), home())
