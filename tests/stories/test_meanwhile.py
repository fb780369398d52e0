"""Stories of what becomes of the issue and its pull request between the work and its publishing (the Action)."""

import pytest

from bot.errors import GitHubError
from tests.stories.conftest import Opens
from tests.stories.test_crashes import MUTATION, killed_when, refused, worked
from tests.stories.town import stand_in_agent


@pytest.mark.parametrize("how", ["merged", "closed"])
def test_a_pull_request_that_is_decided_on_while_a_run_goes_on_with_it(opens_quick: Opens, how: str) -> None:
    """No second one that shows again what was decided: Blocked, with the work on the branch and a link (R48)."""
    town = opens_quick()
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    town.comment(issue, "/ai run louder")
    stand_in_agent(town, "echo 'print(1)' > louder.py")
    run = worked(town)
    if how == "merged":
        town.merge(pull)
    else:
        town.hub.issues.close(pull, town.rita)

    run.publish()
    run.end()

    assert town.verdicts(issue)[-1] == f"Blocked (cancelled): Its pull request was {how} while this run was at work."
    assert "/compare/main...ai/issue-1?expand=1" in town.verdict_bodies(issue)[-1]
    assert town.pulls() == [pull]
    assert town.read("ai/issue-1", "louder.py") == "print(1)\n"


def test_a_branch_that_is_merged_by_hand_before_it_has_a_pull_request(opens_quick: Opens) -> None:
    """Nothing is left to review: GitHub's own words, and no empty pull request (R49)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.drop("POST .*/pulls$", times=-1)
    killed_when(run, "publish", refused(town, "/pulls"), AI_READY_WORK_RESULT="success")
    town.hub.repos.update_ref(town.repo, "refs/heads/main", town.branch("ai/issue-1"), town.rita)

    run.publish()
    run.end()

    assert town.verdict(issue).startswith("Blocked (pr-failed): ")
    assert "No commits between main and ai/issue-1" in town.verdict(issue)
    assert town.pulls() == []


def test_a_locked_issue_gets_its_verdict(opens_quick: Opens) -> None:
    """Who may write may comment on it (R65)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.issues.lock(issue, town.rita)

    run.publish()
    run.end()

    assert town.verdict(issue).startswith("Done: draft PR #2")
    assert town.labels(issue) == {"ai-done"}


def test_a_verdict_of_an_issue_that_is_gone(opens_quick: Opens, capfd: pytest.CaptureFixture[str]) -> None:
    """There is nowhere to say it but in the job; the work has its pull request, and the claim is released (R65: 410)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.issues.delete(issue, town.rita)

    end = run.publish()
    run.end()
    town.admitted.clear()  # no verdict is owed

    assert end.pull is not None
    assert "::error title=ai-ready::The verdict could not be posted to #1." in capfd.readouterr().out
    assert town.branch("ai/claim-1") == ""


def test_a_verdict_that_is_refused_is_said_again(opens_quick: Opens) -> None:
    """GitHub says 403 twice, as to somebody who writes too much: one verdict all the same (R65)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.fail(MUTATION, 403, times=2)

    run.publish()
    run.end()

    assert town.verdict(issue).startswith("Done: draft PR #2")
    assert town.labels(issue) == {"ai-done"}
    assert len(town.pulls()) == 1


def test_a_verdict_that_is_refused_for_good_fails_its_job(
    opens_quick: Opens, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A person sees it, with GitHub's words; run again, it is said (R65)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.fail(MUTATION, 403, times=-1)

    monkeypatch.setattr("bot.job.endgame._pause", lambda *_: None)
    with pytest.raises(GitHubError, match="run this job again"):
        run.publish()
    monkeypatch.undo()
    town.hub.faults.clear()
    run.publish()
    run.end()

    assert "GitHub did not take the verdict: Server Error" in capfd.readouterr().out
    assert town.verdict(issue).startswith("Done: draft PR #2")
    assert len(town.pulls()) == 1
    assert town.labels(issue) == {"ai-done"}
