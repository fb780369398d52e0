"""Progress posts: when, how often, and that they end with the run."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.config import SlackHooks
from bot.core.run import Admission
from bot.core.settings import Notify
from bot.notify.progress import Figures, progress_notice, progress_told
from bot.notify.teller import Teller
from tests.notify.channel import PATIENCE, Behaviour, Channel, slack_channel

ADMISSION = Admission(
    issue=7,
    repo="acme/shop",
    run_key="7-L1763715000-1",
    title="Greet",
    branch="ai/issue-7",
    base="main",
    base_oid="b0",
    head_oid="b0",
    approver_id=1,
    approver_login="rita",
    model="opus",
    usd=5.0,
    minutes=30,
    content_sha="0" * 64,
    run_url="https://github.com/acme/shop/actions/runs/9",
)
AT_ONCE = replace(Notify(), interval=0)
NOTICE = progress_notice(ADMISSION, "https://github.com", Figures(720))


@pytest.fixture
def channel() -> Iterator[Channel]:
    with slack_channel() as channel:
        yield channel


def teller(channel: Channel, lines: list[str]) -> Teller:
    return Teller(channel.hooks, str, lines.append, PATIENCE)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (Figures(40), "At work for 40 s."),
        (Figures(720, 0.4, 14, "tests"), "At work for 12 min: tests, 14 turns, $0.40 of at most $5.00."),
        (Figures(60, turns=1), "At work for 1 min: 1 turn."),
    ],
)
def test_the_sentence_says_what_is_known(figures: Figures, sentence: str) -> None:
    """Time always; what is done, turns and cost where they are known."""
    notice = progress_notice(ADMISSION, "https://github.com", figures)

    assert notice.sentence == sentence
    assert notice.issue.url == "https://github.com/acme/shop/issues/7"
    assert notice.log == ADMISSION.run_url


def test_it_is_told_again_and_again_until_the_end(channel: Channel) -> None:
    """Each time as things then stand; nothing comes after the end."""
    lines: list[str] = []
    asked = iter(range(60, 60_000, 60))

    with progress_told(
        teller(channel, lines),
        AT_ONCE,
        lambda: progress_notice(ADMISSION, "", Figures(next(asked))),
    ):
        channel.wait_for(3)
    count = len(channel.posts)

    assert channel.texts[:3] == [f"acme/shop#7 Greet: At work for {n} min." for n in (1, 2, 3)]
    assert lines == []
    assert "slack-progress" not in [thread.name for thread in threading.enumerate()]
    assert len(channel.posts) == count


def test_nothing_is_told_before_the_interval_is_over(channel: Channel) -> None:
    """A run that is quicker than the interval says its verdict and nothing else."""
    with progress_told(teller(channel, []), Notify(interval=3600), lambda: NOTICE):
        pass

    assert channel.posts == []


def test_slacks_wish_for_a_rest_is_kept(channel: Channel) -> None:
    """429 with Retry-After: the next post waits, though the interval is over."""
    channel.behaviour = Behaviour(429, "rate_limited", {"Retry-After": "2"})
    lines: list[str] = []
    with progress_told(teller(channel, lines), AT_ONCE, lambda: NOTICE):
        channel.wait_for(1)
        first = time.monotonic()
        channel.wait_for(2)
        assert time.monotonic() - first > 1.5

    assert "Slack was not told (HTTP 429 rate_limited); nothing else depends on it." in lines


def test_a_silent_slack_does_not_keep_a_run_that_ends(channel: Channel) -> None:
    """A post is under way when the work ends: it is left behind."""
    channel.behaviour = Behaviour(silent=True)
    with progress_told(teller(channel, []), AT_ONCE, lambda: NOTICE):
        channel.wait_for(1)
        began = time.monotonic()

    assert time.monotonic() - began < PATIENCE / 2


def test_without_an_address_there_is_no_thread() -> None:
    """And where one was meant, that is said once."""
    lines: list[str] = []
    nowhere = Teller(SlackHooks(), str, lines.append)
    for notify, told in ((Notify(), 0), (Notify("TEAM_B"), 1)):
        lines.clear()
        with progress_told(nowhere, notify, lambda: NOTICE):
            assert "slack-progress" not in [thread.name for thread in threading.enumerate()]
        assert len(lines) == told
