"""Slack hears of tasks on a laptop: a real webhook on loopback, the real loop, real task files."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.settings import Notify
from bot.local.ports import Attempt, Result, Watch
from bot.local.slack import TellingSlack
from bot.notify.teller import Teller
from bot.progress.events import PhaseBegan, TurnBegan
from bot.progress.journal import Journal
from bot.trackers.tracker import Task
from tests.local.loop_stage import Place, blocked, done
from tests.notify.channel import Behaviour, Channel

PULL = "https://github.example.com/acme/shop/pull/31"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(place: Place, channel: Channel, notify: Notify, logged: Callable[[str], None] = print) -> None:
    """The loop, to the end of its tasks."""
    place.config = replace(place.config, notify=notify)
    teller = Teller(channel.hooks, lambda text: text.replace("s3cret", "***"), logged)
    place.work = TellingSlack(place.work, teller, place.config)  # type: ignore[assignment]
    place.run()


def test_LG3_one_post_for_each_task_that_is_done_or_blocked(place: Place, channel: Channel) -> None:
    place.task("One <!channel>")
    place.task("Two")

    def says(task: Task, attempt: Attempt, _watch: Watch) -> Result:
        return done(attempt, pull=PULL) if task.title.startswith("One") else blocked(attempt, text="it has s3cret")

    place.work.says = says

    run(place, channel, Notify(interval=3_600))

    assert channel.texts == [
        f"One-channel One &lt;!channel&gt;: Done: the draft pull request is up for review. {PULL}",
        "Two Two: Blocked (tests-failed): it has ***",
    ]


def test_LG3_what_is_not_wanted_is_not_posted(place: Place, channel: Channel) -> None:
    place.task("One")

    run(place, channel, Notify(interval=3_600, on_complete=False))

    assert channel.posts == []


def test_LG3_progress_is_posted_every_interval(place: Place, channel: Channel) -> None:
    place.task("One")

    def says(_task: Task, attempt: Attempt, watch: Watch) -> None:
        journal = Journal(attempt.run_key, 0, screen=str, log=print, listeners=watch.listeners)
        journal.tell(PhaseBegan("agent", 1, 1))
        journal.tell(TurnBegan(3, 0.12))
        channel.wait_for(2)  # the agent is at work

    place.work.says = says

    run(place, channel, Notify(interval=0))

    told = re.compile(r"One One: At work for \d+ s: agent, 3 turns, \$0.12 of at most \$5.00\.")
    assert told.fullmatch(channel.texts[-2])
    assert channel.texts[-1] == "One One: Done: the work is on ai/task-One."


def test_LG3_a_slack_that_is_down_changes_nothing(place: Place, channel: Channel) -> None:
    task = place.task("One")
    channel.behaviour = Behaviour(500, "Oops!")
    logged: list[str] = []

    run(place, channel, Notify(interval=3_600), logged.append)

    assert place.status(task).value == "done"
    assert logged == ["Slack was not told (HTTP 500); nothing else depends on it."]
