"""How long a lane that failed waits for its next try."""

import pytest

from bot.errors import GitHubError
from bot.server.scheduler import LONGEST_RETRY, back_off

BROKEN = GitHubError("bad gateway", status=502)
FORBIDDEN = GitHubError("no", status=403)


@pytest.mark.parametrize("refusal", [None, FORBIDDEN])
def test_what_stays_as_it_is_is_tried_less_and_less(refusal: GitHubError | None) -> None:
    assert [back_off(n, refusal, 60) for n in range(9)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert back_off(1_000_000, refusal, 60) == LONGEST_RETRY


def test_what_passes_by_itself_is_tried_as_often_as_everything_is_looked_at() -> None:
    assert [back_off(n, BROKEN, 60) for n in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert back_off(1_000_000, BROKEN, 86_400) == LONGEST_RETRY


def test_githubs_own_time_is_the_least() -> None:
    limited = GitHubError("slow down", status=429, retry_after=1_800)

    assert back_off(0, limited, 60) == 1_800
    assert back_off(9, GitHubError("slow down", status=429, retry_after=1), 60) == 60
