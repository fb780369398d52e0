"""The server and the order of issues: phases, a diamond, a cycle; who waits starts by itself, once, and not earlier.

Nearly all of it without the reconcile timer (`BY_WEBHOOKS`): what happens, a webhook made happen.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.records import Comment, Issue
from tests.stories.server_town import BY_WEBHOOKS, ServerTown, check_server_town, quick_town

PHASES = tuple(
    f"[SHOP-{key}] Part {key}" for key in ("1.1", "1.2", "1.3", "2.1", "2.2", "3.1", "4.1", "4.2", "5.1", "10.1")
)


def test_ten_phases_labelled_at_once_run_one_after_the_other(tmp_path: Path) -> None:
    """By themselves: nobody does anything but label and merge. Each starts after the merge of the one before."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        issues = [town.issue(title) for title in reversed(PHASES)]
        with town.reviewing():
            for issue in issues[::2] + issues[1::2]:
                town.label(issue)
            town.until(lambda: not any(issue.open for issue in issues), "everything merged", timeout=90)
            town.until(lambda: not any(town.labels(issue) for issue in issues), "everything tidied up")

        in_order = list(reversed(issues))
        assert town.order() == [issue.number for issue in in_order]
        for before, dispatched in zip(in_order, town.actions.dispatches[1:], strict=False):
            assert before.closed_at is not None
            assert before.closed_at <= dispatched.at
        assert [len(town.verdicts(issue)) for issue in issues] == [1] * 10
        town.looks()
        check_server_town(town)


# ------------------------------------------------------------------------------------------ the diamond


def diamond(town: ServerTown) -> tuple[Issue, Issue, Issue, Issue]:
    """A, then B and C beside each other, then D; not asked for yet."""
    a = town.issue("A")
    b, c = (town.issue(title, f"Depends on #{a.number}") for title in "BC")
    return a, b, c, town.issue("D", f"Depends on #{b.number} and #{c.number}")


def test_in_a_diamond_the_last_one_starts_when_the_later_parent_closes(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        a, b, c, d = issues = diamond(town)
        for issue in reversed(issues):
            town.label(issue)
        for ready in ([a], [b, c]):
            for issue in ready:
                town.labelled(issue, "ai-done")
            merge(town, ready[0])
        town.looks()
        assert (b.open, c.open) == (False, True)
        assert town.runs(d) == []
        assert town.labels(d) == {"ai-ready", "ai-waiting"}

        merge(town, c)
        town.labelled(d, "ai-done")
        town.looks()
        assert town.order()[0] == a.number
        assert sorted(town.order()) == sorted(issue.number for issue in issues)
        assert c.closed_at is not None
        assert c.closed_at <= town.actions.dispatches[-1].at
        check_server_town(town)


@pytest.mark.parametrize("doubled", [0.0, 1.0], ids=["once", "twice"])
def test_parents_that_close_at_the_same_moment_start_the_last_one_once(tmp_path: Path, doubled: float) -> None:
    """P27: the deliveries overtake each other, or come twice besides."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        a, b, c, d = diamond(town)
        town.label(d)
        town.labelled(d, "ai-ready", "ai-waiting")
        town.close(a)
        town.hub.webhooks.scatter_seconds, town.hub.webhooks.double_share = 0.1, doubled
        with town.hub.lock:
            town.close(b)
            town.close(c)
        town.labelled(d, "ai-done")
        town.looks()
        assert town.order() == [d.number]
        check_server_town(town)


# -------------------------------------------------------------------------------------------- the cycle


def break_by_edit(town: ServerTown, one: Issue, _two: Issue) -> None:
    """The text no longer says it; as it was edited, it has to be asked for again."""
    with town.clock.ago(60):
        town.hub.issues.edit(one, town.maintainer, body="Say hello.")
    town.until(lambda: town.verdicts(one), "the edit noticed")
    assert town.verdicts(one)[0].startswith("Blocked (edited-after-approval)")
    town.comment(one, "/ai run")


def break_by_link(town: ServerTown, one: Issue, two: Issue) -> None:
    """GitHub's own dependency is taken away: nothing was edited."""
    town.hub.links.unblock(one, two, town.maintainer)


@pytest.mark.parametrize("breaks", [break_by_edit, break_by_link])
def test_a_cycle_is_said_once_and_goes_on_when_it_is_broken(
    tmp_path: Path, breaks: Callable[[ServerTown, Issue, Issue], None]
) -> None:
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        by_link = breaks is break_by_link
        one = town.issue("One", "Say hello." if by_link else "Depends on #2")
        two = town.issue("Two", "Depends on #1")
        if by_link:
            town.hub.links.block(one, two, town.maintainer)
        for issue in (one, two):
            with town.clock.ago(120):
                town.label(issue)
        town.until(lambda: all("wait for each other" in town.status(issue) for issue in (one, two)), "both say it")
        for issue in (one, two):
            town.labelled(issue, "ai-ready", "ai-waiting")
        town.looks()
        said = len(town.events)
        town.looks(5)
        assert [(event.name, event.action) for event in town.events[said:]] == []
        assert "#1 → #2 → #1" in town.status(one)
        assert "#2 → #1 → #2" in town.status(two)
        assert town.order() == []

        with town.reviewing():
            breaks(town, one, two)
            town.until(lambda: not (one.open or two.open), "both merged")
            town.until(lambda: not any(town.labels(issue) for issue in (one, two)), "everything tidied up")
        assert town.order() == [1, 2]
        assert [len(town.bot_comments(issue)) for issue in (one, two)] == [2 if by_link else 3, 2]
        town.looks()
        check_server_town(town)


# ------------------------------------------------------------------------- requests that come and go


def test_ai_run_on_a_waiting_issue_is_accepted_once_and_runs_later(tmp_path: Path) -> None:
    """Eyes at once; the status goes on saying what it waits for; then that very request is what runs."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first = town.issue("[A-1.1] First")
        second = town.issue("[A-1.2] Second")
        with town.clock.ago(60):
            town.label(second)
        town.labelled(second, "ai-ready", "ai-waiting")
        comment = said(town, second, "/ai run --minutes 3 Mind the gap.")
        town.until(lambda: reactions(comment), "a reaction")
        town.looks()
        assert reactions(comment) == ["eyes"]
        assert town.labels(second) == {"ai-ready", "ai-waiting"}
        assert "| #1 | phase order | open; nobody has asked for it |" in town.status(second)
        assert len(town.bot_comments(second)) == 1
        assert town.order() == []

        town.close(first)
        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        [dispatched] = town.actions.dispatches
        assert dispatched.run_key == f"{second.number}-C{comment.id}-1"
        [run] = town.runs(second)
        assert '"minutes": 3' in run.inputs["admission"] or '"minutes":3' in run.inputs["admission"]
        assert "Mind the gap." in run.inputs["admission"]
        assert reactions(comment) == ["eyes"]
        town.looks()
        check_server_town(town)


def test_a_label_taken_off_while_it_waits_and_put_on_again(tmp_path: Path) -> None:
    """P30: withdrawn, and nothing starts; put on again it is another request with a run key of its own."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first = town.issue("[A-1.1] First")
        second = town.issue("[A-1.2] Second")
        with town.clock.ago(60):
            town.label(second)
        town.labelled(second, "ai-ready", "ai-waiting")
        old = label_key(second)

        town.hub.issues.remove_label(second, "ai-ready", town.maintainer)
        town.labelled(second)
        town.until(lambda: "**Withdrawn**" in town.status(second), "the withdrawal said")
        town.close(first)
        town.looks()
        assert town.order() == []

        town.label(second)
        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        assert [each.run_key for each in town.actions.dispatches] == [label_key(second)]
        assert label_key(second) != old
        town.looks()
        check_server_town(town)


def test_a_label_taken_off_while_it_is_queued_and_put_on_again(tmp_path: Path) -> None:
    """The run is cancelled before it begins; the next request has another run key."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        issue = town.issue()
        with town.clock.ago(60):
            town.label(issue)
        town.actions.hold("queued")
        town.labelled(issue, "ai-ready", "ai-queued")
        [run] = town.runs(issue)

        town.hub.issues.remove_label(issue, "ai-ready", town.maintainer)
        town.until(lambda: run.conclusion == "cancelled", "the run cancelled")
        town.until(lambda: town.verdicts(issue), "its verdict")
        town.looks()
        assert [line.split(":")[0] for line in town.verdicts(issue)] == ["Blocked (cancelled)"]
        assert town.labels(issue) == set()
        assert "**Withdrawn**" in town.status(issue)

        town.actions.hold("")
        with town.clock.ago(-2):  # GitHub's times are whole seconds
            town.label(issue)
        assert town.verdict(issue, 2).startswith("Done")
        town.labelled(issue, "ai-done")
        assert len({each.run_key for each in town.actions.dispatches}) == 2
        town.looks()
        check_server_town(town)


# ------------------------------------------------------------------------------------------- small words


def merge(town: ServerTown, issue: Issue) -> None:
    """The maintainer merges the draft of an issue."""
    pull = town.pull_of(issue)
    assert pull is not None
    town.merge(pull)


def said(town: ServerTown, issue: Issue, body: str) -> Comment:
    """The maintainer comments."""
    town.comment(issue, body)
    return issue.comments[-1]


def reactions(comment: Comment) -> list[str]:
    """Everybody's reactions."""
    return [reaction.content for reaction in comment.reactions]


def label_key(issue: Issue) -> str:
    """The run key of the first run of the label's newest request."""
    times = [e.created_at for e in issue.timeline if e.event == "labeled" and e.detail["label"].name == "ai-ready"]
    return f"{issue.number}-L{int(times[-1].timestamp())}-1"
