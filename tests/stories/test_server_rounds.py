"""Review rounds with the server: who asks on the pull request, how often, and what becomes of it when that ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import CAREFUL
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Review
from tests.stories.server_town import SERVER_CONFIG, InProcessServer, Plan, ServerTown, check_server_town, quick_town

SECOND = timedelta(seconds=2)
"""GitHub's times are of whole seconds: what comes after a run comes in another one."""
WITH_CI = SERVER_CONFIG + "pull_request: {fix_ci: true}\n"
SHORT = SERVER_CONFIG.replace("limits: {", "limits: {review_rounds: 1, ")


@contextmanager
def reviewed_town(
    folder: Path, config: str = SERVER_CONFIG, *, webhooks: bool = True
) -> Iterator[tuple[ServerTown, Issue, Issue]]:
    """An issue is done and its draft is up for review; jobs look again before they begin, as real ones do."""
    plan = Plan(config=config, ends=lambda _run: CAREFUL, webhooks=webhooks)
    with quick_town(folder, plan) as town:
        town.hub.create_user("walt")
        town.repo.set_collaborator(town.hub.user("walt"), "write")
        issue = town.asked()
        assert town.verdict(issue).startswith("Done: draft PR")
        pull = town.pull_of(issue)
        assert pull is not None
        town.labelled(issue, "ai-done")
        town.clock.shift += SECOND
        yield town, issue, pull
        check_server_town(town)


def keys(town: ServerTown) -> list[str]:
    return [each.run_key for each in town.actions.dispatches]


@pytest.mark.parametrize("webhooks", [True, False], ids=["webhook", "polling"])
def test_a_review_that_requests_changes_starts_one_round(tmp_path: Path, webhooks: bool) -> None:
    with reviewed_town(tmp_path, webhooks=webhooks) as (town, issue, pull):
        before = part(pull).head_oid
        line = ("done/x.txt", 1, "Why?")
        review = town.review(pull, "changes_requested", "Name it better.", [line], by=town.hub.person("walt"))

        assert town.verdict(issue, 2).startswith(f"Done: draft PR #{pull.number}")
        town.labelled(issue, "ai-done")
        town.looks()

        assert keys(town)[1:] == [f"{issue.number}-R{review.id}-1"]
        assert part(pull).head_oid != before
        assert [one.number for one in town.pulls()] == [pull.number]
        admission = town.runs(issue)[-1].inputs["admission"]
        assert f'"kind":"fix","pull":{pull.number}' in admission.replace(" ", "")
        assert "Name it better." in admission
        assert '"approver_login":"walt"' in admission.replace(" ", "")


@pytest.mark.parametrize("webhooks", [True, False], ids=["webhook", "polling"])
def test_fix_on_the_issue_starts_one_round(tmp_path: Path, webhooks: bool) -> None:
    with reviewed_town(tmp_path, webhooks=webhooks) as (town, issue, pull):
        town.comment(issue, "/ai fix Blue.")

        assert town.verdict(issue, 2).startswith(f"Done: draft PR #{pull.number} is updated")
        town.looks()
        comment = next(each for each in issue.comments if each.body == "/ai fix Blue.")

        assert keys(town)[1:] == [f"{issue.number}-C{comment.id}-1"]
        assert [one.content for one in comment.reactions] == ["eyes"]


def test_fix_is_acknowledged_at_once_and_comes_after_a_run_that_is_at_work(tmp_path: Path) -> None:
    with reviewed_town(tmp_path) as (town, issue, pull):
        town.actions.hold("in_progress")
        town.comment(pull, "/ai fix the names")
        town.labelled(issue, "ai-running")
        town.clock.shift += SECOND
        town.comment(pull, "/ai fix and the tests")
        town.until(lambda: [one.content for one in pull.comments[-1].reactions] == ["eyes"], "acknowledged")
        town.looks()
        assert len(keys(town)) == 2

        town.actions.hold("")
        assert town.verdict(issue, 3).startswith("Done")
        town.looks()

        assert keys(town)[1:] == [f"{issue.number}-C{comment.id}-1" for comment in pull.comments[:2]]
        assert [comment.user.type for comment in pull.comments] == ["User", "User"]


def test_red_ci_of_our_commits_is_mended_once_a_commit_and_within_the_cap(tmp_path: Path) -> None:
    with reviewed_town(tmp_path, WITH_CI.replace("limits: {", "limits: {review_rounds: 2, ")) as (town, issue, pull):
        town.ci(pull, "", name="Slow")
        town.ci(pull, "action_required", name="Waits")
        town.looks()
        assert len(keys(town)) == 1

        for run in town.runs():
            if run.status != "completed":
                town.hub.actions.update_run(run, status="completed", conclusion="failure")
        assert town.verdict(issue, 2).startswith("Done")
        for _ in range(3):
            town.clock.shift += SECOND
            town.ci(pull)
            town.looks()

        assert [key.split("-")[1][0] for key in keys(town)] == ["L", "S", "S"]
        assert len(set(keys(town))) == 3
        town.until(lambda: "has had all 2 review rounds" in town.status(issue), "the cap is said")
        assert f"CI of #{pull.number} is red" in town.status(issue)


def test_red_ci_of_a_persons_commit_is_theirs(tmp_path: Path) -> None:
    with reviewed_town(tmp_path, WITH_CI) as (town, _issue, pull):
        town.hub.repos.commit_files(town.repo, part(pull).head, {"mine.txt": "x\n"}, town.maintainer, "By hand")
        town.ci(pull)
        town.looks()

        assert len(keys(town)) == 1


def test_without_fix_ci_red_ci_starts_nothing(tmp_path: Path) -> None:
    with reviewed_town(tmp_path) as (town, _issue, pull):
        town.ci(pull)
        town.looks()

        assert len(keys(town)) == 1


def test_beyond_the_cap_fix_gets_one_reply_and_a_review_one_line(tmp_path: Path) -> None:
    with reviewed_town(tmp_path, SHORT) as (town, issue, pull):
        town.review(pull, body="Once.")
        town.verdict(issue, 2)
        town.labelled(issue, "ai-done")
        town.clock.shift += SECOND

        town.comment(pull, "/ai fix again")
        town.until(lambda: len(town.bot_comments(pull)) == 1, "a reply")
        town.review(pull, body="Twice.")
        town.until(lambda: "its only review round" in town.status(issue), "the status says so")
        town.looks()

        assert len(keys(town)) == 2
        assert "its only review round" in town.bot_comments(pull)[0]
        assert len(town.bot_comments(pull)) == 1
        assert town.labels(issue) == {"ai-done"}


def test_chatter_on_the_pull_request_starts_nothing(tmp_path: Path) -> None:
    with reviewed_town(tmp_path, WITH_CI) as (town, issue, pull):
        walt, stranger = town.hub.person("walt"), town.visitor
        for words in ("Nice!", "please /ai fix", "> /ai fix", "```\n/ai fix\n```", "fix it", "@ai-ready fix", "LGTM"):
            town.comment(pull, words, by=walt)
        town.comment(pull, "/ai fix", by=stranger)
        town.review(pull, "approved", by=walt)
        town.review(pull, "commented", "Why?", [("done/x.txt", 1, "Hm?"), ("done/x.txt", 1, "/ai fix")], by=walt)
        town.review(pull, "changes_requested", "No!", by=stranger)
        town.hub.reviews.answer(part(pull).threads[0], walt, "/ai fix")
        review = town.review(pull, "changes_requested", "No.", by=walt)
        town.hub.reviews.dismiss(pull, review.id, town.maintainer, "never mind")
        for conclusion in ("success", "cancelled", "neutral", "action_required"):
            town.ci(pull, conclusion)
        bot = town.hub.tokens.acting_as(town.app.bot)
        town.comment(pull, "/ai fix", by=bot)
        town.review(pull, "changes_requested", "/ai fix", by=bot)
        town.looks(3)

        runs = [
            key for key in keys(town) if f"-R{review.id}-" not in key
        ]  # it may have been seen before it was dismissed
        assert len(runs) == 1
        assert town.verdicts(issue)[0].startswith("Done")


Withdraw = Callable[[ServerTown, Issue, Issue, Review], object]
WAYS_BACK: dict[str, Withdraw] = {
    "approved": lambda town, _issue, pull, _review: town.review(pull, "approved"),
    "dismissed": lambda town, _issue, pull, review: town.hub.reviews.dismiss(pull, review.id, town.maintainer, "no"),
    "stopped on the issue": lambda town, issue, _pull, _review: town.comment(issue, "/ai stop"),
    "stopped on the pull request": lambda town, _issue, pull, _review: town.comment(pull, "/ai stop"),
}


@pytest.mark.parametrize("way", WAYS_BACK)
def test_a_round_that_is_taken_back_before_it_began_leaves_the_draft_up_for_review(tmp_path: Path, way: str) -> None:
    with reviewed_town(tmp_path) as (town, issue, pull):
        town.actions.hold("queued")
        review = town.review(pull, body="Change it.")
        town.labelled(issue, "ai-queued")
        town.clock.shift += SECOND

        WAYS_BACK[way](town, issue, pull, review)
        assert town.verdict(issue, 2).startswith("Blocked (cancelled)")
        town.labelled(issue, "ai-done")
        town.actions.hold("")
        town.looks()

        assert len(keys(town)) == 2
        assert f"#{pull.number} is up for review" in town.status(issue)


def test_stop_on_the_pull_request_ends_a_round_that_is_at_work(tmp_path: Path) -> None:
    with reviewed_town(tmp_path) as (town, issue, pull):
        town.actions.hold("in_progress")
        town.comment(pull, "/ai fix")
        town.labelled(issue, "ai-running")
        town.clock.shift += SECOND

        town.comment(pull, "/ai stop")
        assert town.verdict(issue, 2).startswith("Blocked (cancelled)")
        town.actions.hold("")
        town.until(lambda: [one.content for one in pull.comments[-1].reactions] == ["eyes"], "acknowledged")
        town.looks()

        assert len(keys(town)) == 2
        assert pull.open


def test_a_pull_request_closed_while_a_round_waits_frees_the_issue(tmp_path: Path) -> None:
    with reviewed_town(tmp_path, SERVER_CONFIG) as (town, issue, pull):
        town.push({".github/ai-ready.yml": "enabled: false\n"})
        town.looks(1)
        town.review(pull, body="Change it.")
        town.labelled(issue, "ai-waiting")

        town.close(pull)
        town.labelled(issue)

        assert town.status(issue).startswith(f"**Free again**: #{pull.number} was closed")


@pytest.mark.parametrize("asked", [False, True], ids=["after the run", "while a round waits"])
def test_a_merge_into_another_branch_closes_the_issue(tmp_path: Path, asked: bool) -> None:
    config = SERVER_CONFIG + "pull_request: {base: develop}\n"
    with quick_town(tmp_path, Plan(config=config)) as town:
        town.hub.repos.create_ref(
            town.repo, "refs/heads/develop", town.hub.repos.branch_oid(town.repo, "main"), town.maintainer
        )
        issue = town.asked()
        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        (pull,) = town.pulls()
        assert part(pull).base == "develop"
        if asked:
            town.push({".github/ai-ready.yml": config + "enabled: false\n"})
            town.looks(1)
            town.clock.shift += SECOND
            town.comment(pull, "/ai fix")
            town.labelled(issue, "ai-waiting")

        town.merge(pull)
        town.until(lambda: not issue.open, "closed with its pull request")
        town.labelled(issue)

        assert "develop" in town.status(issue)
        check_server_town(town)


def test_the_servers_own_words_never_ask_again(tmp_path: Path) -> None:
    """Whatever it says is said again by another bot, on the issue and on the pull request, a hundred times over."""
    with reviewed_town(tmp_path, SHORT) as (town, issue, pull):
        town.comment(pull, "/ai fix")
        town.verdict(issue, 2)
        town.labelled(issue, "ai-done")
        town.comment(pull, "/ai fix again")
        town.until(lambda: len(town.bot_comments(pull)) == 1, "a reply")
        town.looks()
        echo = town.hub.tokens.acting_as(town.hub.actions_bot)
        before = len(town.hub.issues.comments(issue)), len(town.hub.issues.comments(pull)), len(keys(town))
        assert isinstance(town.server, InProcessServer)

        words = [*town.bot_comments(issue), *town.bot_comments(pull)]
        for turn in range(100):
            said = words[turn % len(words)].partition("<!--")[0]
            town.comment(pull if turn % 2 else issue, f"{said}\n\n/ai fix", by=echo)
        town.looks(2)

        after = len(town.hub.issues.comments(issue)), len(town.hub.issues.comments(pull)), len(keys(town))
        assert (after[0] + after[1] - before[0] - before[1], after[2]) == (100, before[2])
