"""Review rounds without a server: `/ai fix` on our pull request or its issue asks for one, and nothing else does."""

from datetime import timedelta

import pytest

from bot.sandbox.model import Scene, done, write
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue
from tests.stories.conftest import Opens
from tests.stories.town import Town

ROUNDS = (
    Scene("Say it twice.", write("hello.py", "print('hello')\nprint('hello')\n"), done("Ok.")),
    Scene("", write("hello.py", "print('hello')\n"), done("Ok.")),
)
SHORT = "agent: {model: sonnet, isolation: none}\nlimits: {usd: 1, minutes: 5, review_rounds: 1}\n"


def reviewed(town: Town) -> tuple[Issue, Issue]:
    """An issue whose draft is up for review, and that draft."""
    issue = town.asked()
    town.settle()
    assert town.verdict(issue).startswith("Done")
    (pull,) = town.pulls()
    town.clock.shift += timedelta(seconds=2)  # GitHub's times are of whole seconds
    return issue, pull


def reactions(pull: Issue) -> list[str]:
    return [reaction.content for comment in pull.comments for reaction in comment.reactions]


@pytest.mark.parametrize("on_the_issue", [False, True], ids=["pull request", "issue"])
def test_fix_starts_one_round_on_the_same_branch(opens: Opens, *, on_the_issue: bool) -> None:
    town = opens(*ROUNDS)
    issue, pull = reviewed(town)
    before = part(pull).head_oid

    comment = town.comment(issue if on_the_issue else pull, "/ai fix Say it twice.")
    town.settle()

    assert [line.split(" ")[0] for line in town.verdicts(issue)] == ["Done:", "Done:"]
    assert f'"run":"{issue.number}-C{comment.id}-1"' in town.verdict_bodies(issue)[1]
    assert '"kind":"fix"' in town.verdict_bodies(issue)[1]
    assert f'"pull":{pull.number}' in town.verdict_bodies(issue)[1]
    assert town.pulls() == [pull]
    assert part(pull).head_oid != before
    assert [reaction.content for reaction in comment.reactions] == ["eyes"]
    assert town.labels(issue) == {"ai-done"}
    assert f"You are working on pull request #{pull.number}" in town.prompts()[-1]
    assert "Say it twice." in town.prompts()[-1]


def test_fix_whose_event_was_lost_is_found_by_the_hour(opens: Opens) -> None:
    town = opens(*ROUNDS)
    issue, pull = reviewed(town)
    town.comment(pull, "/ai fix")
    town.handled = len(town.events)

    town.start().all_jobs()
    town.settle()

    assert len(town.verdicts(issue)) == 2
    assert reactions(pull) == ["eyes"]


def test_fix_while_a_round_is_at_work_comes_after_it_by_itself(opens: Opens) -> None:
    town = opens(*ROUNDS)
    issue, pull = reviewed(town)
    town.comment(pull, "/ai fix one")
    run = town.next_run()
    assert run is not None
    run.gate()
    town.clock.shift += timedelta(seconds=2)
    town.comment(pull, "/ai fix two")
    beside = town.next_run()
    assert beside is not None
    assert not beside.all_jobs().is_admitted
    assert reactions(pull) == ["eyes", "eyes"]

    run.work()
    run.publish()
    run.end()
    town.settle()

    assert len(town.verdicts(issue)) == 3
    assert "two" in town.prompts()[-1]


def test_reviews_red_ci_and_strangers_start_nothing_without_a_server(
    opens: Opens, capfd: pytest.CaptureFixture[str]
) -> None:
    town = opens(*ROUNDS, config=f"{SHORT}pull_request: {{fix_ci: true}}\n")
    issue, pull = reviewed(town)
    town.hub.reviews.submit(pull, town.rita, event="REQUEST_CHANGES", body="No.")
    town.comment(pull, "/ai fix", by=town.mallory)
    town.settle()
    town.start().all_jobs()

    assert len(town.verdicts(issue)) == 1
    assert [body for body in town.said(pull) if "only people with write" in body]
    assert town.labels(issue) == {"ai-done"}
    printed = capfd.readouterr().out
    print(printed)  # what always holds is checked on it as well
    assert "`pull_request.fix_ci` needs the App server" in printed


def test_fix_beyond_the_cap_and_elsewhere_is_refused_once(opens: Opens) -> None:
    town = opens(*ROUNDS, config=SHORT)
    issue, pull = reviewed(town)
    other = town.issue("Another one")
    town.comment(other, "/ai fix")
    town.comment(pull, "/ai fix")
    town.settle()
    town.clock.shift += timedelta(seconds=2)
    town.comment(pull, "/ai fix again")
    town.settle()
    town.start().all_jobs()

    assert len(town.verdicts(issue)) == 2
    assert reactions(pull) == ["eyes", "confused"]
    assert [line for body in town.said(pull) for line in body.splitlines() if "its only review round" in line]
    assert [body for body in town.said(other) if "there is none for this issue" in body]


def test_a_pull_request_closed_unmerged_frees_the_issue(opens: Opens) -> None:
    town = opens(*ROUNDS)
    issue, pull = reviewed(town)
    town.hub.issues.close(pull, town.rita)
    town.start().all_jobs()

    assert town.labels(issue) == set()
    assert town.status(issue).startswith(f"**Free again**: #{pull.number} was closed")


def test_a_merge_into_another_branch_closes_the_issue(opens: Opens) -> None:
    config = "agent: {model: sonnet, isolation: none}\nlimits: {usd: 1, minutes: 5}\npull_request: {base: develop}\n"
    town = opens(*ROUNDS, config=config)
    town.hub.repos.create_ref(town.repo, "refs/heads/develop", town.branch("main"), town.rita)
    issue, pull = reviewed(town)
    assert part(pull).base == "develop"

    town.merge(pull)
    town.start().all_jobs()
    town.settle()

    assert not issue.open
    assert town.labels(issue) == set()
    assert "develop" in town.status(issue)
