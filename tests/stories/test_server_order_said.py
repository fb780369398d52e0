"""What the server says on GitHub of an issue that does not run yet: on what, why, its place, what is left of the caps."""

import re
from dataclasses import replace
from pathlib import Path

from bot.sandbox.actions.instant import BLOCKED, DONE
from bot.sandbox.records import Issue
from tests.stories.server_town import (
    BY_WEBHOOKS,
    SERVER_CONFIG,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
)

WAITING = """\
**Waiting** for 4 issues to close. It starts by itself then.

| waits for | because of | state |
|---|---|---|
| #2 | named in the description | up for review: #6 |
| #3 | GitHub dependency | blocked: its last run needs a person |
| #4 | sub-issue | requested |
| #1 | phase order | open; nobody has asked for it |

As of TIME: place 1 of 2 of all that are ready or waiting · 0 of 10 runs at work · 2 of 500 runs used today · $1.01 of \
$500.00 spent or reserved today. `/ai why` has the figures of the moment.

Asked for by `rita`. Taking the label `ai-ready` off, or `/ai stop`, withdraws it."""

WHY = """\
**Waiting** for 4 issues to close. It starts by itself then. Its place among all that are ready or waiting: 1 of 2.

**It comes down to**

- #2: its pull request #6 is up for review. Merge it, or close the issue otherwise.
- #3: its last run ended Blocked (runner-lost). Its verdict comment says why; `/ai retry` there asks again.
- #1: open, and nobody has asked for it. Label it `ai-ready`, or close it when it is done.

**It waits for**

- #2 (named in the description): its pull request #6 is up for review
- #3 (GitHub dependency): its last run ended Blocked (runner-lost)
- #4 (sub-issue): asked for, and waits itself
- #1 (phase order): open, and nobody has asked for it

**Caps**: 0 of 10 runs at work · 2 of 500 runs used today · $1.01 of $500.00 spent or reserved today. The day ends at TIME."""


def test_a_waiting_issue_says_on_what_and_why_and_where_it_is(tmp_path: Path) -> None:
    """Each source and state in one table; the comment keeps up as they change, and `/ai why` says it in full."""
    config = SERVER_CONFIG.replace("limits: {", "limits: {attempts: 1, ")
    plan = Plan(config=config, ends=lambda run: BLOCKED if run.inputs["issue"] == "3" else DONE)
    with quick_town(tmp_path, plan, rules=BY_WEBHOOKS) as town:
        town.issue("[A-1.1] First")
        reviewed, stuck = town.issue("Reviewed"), town.issue("Stuck")
        child = town.issue("Child", "Depends on #1")
        issue = town.issue("[A-1.2] All of it", "Depends on #2")
        town.hub.links.block(issue, stuck, town.maintainer)
        town.hub.links.add_child(issue, child, town.maintainer)
        for each, label in ((reviewed, "ai-done"), (stuck, "ai-blocked")):
            town.label(each)
            town.labelled(each, label)
        town.label(child)
        town.labelled(child, "ai-ready", "ai-waiting")
        town.label(issue)
        town.labelled(issue, "ai-ready", "ai-waiting")
        assert shown(town, issue) == WAITING

        town.comment(issue, "/ai why")
        town.until(lambda: len(town.bot_comments(issue)) == 2, "the answer")
        assert timeless(town.bot_comments(issue)[1]) == WHY

        merged = town.pull_of(reviewed)
        assert merged is not None
        town.merge(merged)
        town.until(lambda: "**Waiting** for 3 issues" in town.status(issue), "the merge in the status")
        assert "| #2 |" not in town.status(issue)
        town.comment(stuck, "/ai run")
        town.until(lambda: len(town.verdicts(stuck)) == 2, "its second run")
        town.labelled(stuck, "ai-blocked")
        for each in (stuck, child, town.repo.issues[1]):
            town.close(each)
        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        assert len(town.bot_comments(issue)) == 3
        town.looks()
        check_server_town(town)


def test_how_far_a_prerequisite_is_alone_is_no_request_until_the_timer_looks(tmp_path: Path) -> None:
    """Its pull request opens: nothing is written for that alone, but beside whatever else is said, or at the next look."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        server = town.server
        assert isinstance(server, InProcessServer)
        first = town.issue("[A-1.1] First")
        second = town.issue("[A-1.2] Second")
        with town.hub.lock:
            town.label(first)
            town.label(second)
        assert town.verdict(first).startswith("Done")
        town.labelled(first, "ai-done")
        served = server.served
        town.issue("Something else, which makes it look")
        town.until(lambda: server.served > served, "the look at that")
        assert "up for review" not in town.status(second)
        pull = town.pull_of(first)
        assert pull is not None

        town.looks()
        assert f"| #1 | phase order | up for review: #{pull.number} |" in town.status(second)
        town.merge(pull)
        assert town.verdict(second).startswith("Done")
        check_server_town(town)


HELD = """\
**On hold**: 1 of 1 runs are at work (`limits.concurrent`).

It is the next to start. It is ready otherwise and starts by itself when there is room.

As of TIME: place 1 of 2 of those that wait for room · 1 of 1 runs at work · 1 of 500 runs used today · $1.00 of \
$500.00 spent or reserved today. `/ai why` has the figures of the moment."""


def test_a_held_issue_says_which_cap_its_turn_and_what_is_left(tmp_path: Path) -> None:
    plan = Plan(config=SERVER_CONFIG.replace("concurrent: 10", "concurrent: 1"))
    with quick_town(tmp_path, plan, rules=replace(BY_WEBHOOKS, workers=1)) as town:
        town.actions.hold("in_progress")
        issues = [town.issue(title) for title in ("One", "Two", "Three")]
        with town.hub.lock:  # one look finds all three
            for issue in issues:
                town.label(issue)
        first, second, third = issues
        town.labelled(first, "ai-ready", "ai-running")
        for issue in (second, third):
            town.labelled(issue, "ai-ready", "ai-waiting")
        assert shown(town, second) == HELD
        assert "It is among the next 10 to start." in shown(town, third)
        assert "place 2 of 2 of those that wait for room" in shown(town, third)

        town.actions.hold("")
        for issue in issues:
            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
        assert town.order() == [1, 2, 3]
        town.looks()
        check_server_town(town)


def shown(town: ServerTown, issue: Issue) -> str:
    """The status comment as its readers see it, without its times."""
    return timeless(town.status(issue))


def timeless(text: str) -> str:
    """What people read of a comment, without its times."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", text.partition("\n\n<!-- ai-ready")[0])
