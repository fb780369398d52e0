"""Work and publish as the server dispatches them, against the sandbox: no gate, no claim branch, the App's comments."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import parse_repo_config
from bot.core.effects import Dispatch
from bot.core.model import ActionsRun, Claim, RunState, Snapshot
from bot.core.plan import plan
from bot.core.run import Admission
from bot.core.settings import RepoConfig
from bot.core.situation import Start
from bot.errors import ConfigError
from bot.github.action_client import Access, ActionGitHub
from bot.job.admit import admission_for
from bot.job.facts import read_facts
from bot.job.handover import admission_to_json
from bot.sandbox.model import Script
from bot.sandbox.pulls import part
from bot.sandbox.records import App, Issue
from bot.sandbox.tokens import Token
from tests.stories.invariants import check_end
from tests.stories.town import CONFIG, Run, Town, settled_town, stand_in_agent

PERMISSIONS = {
    "actions": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}


@dataclass
class Served:
    """A town and what of the server matters to the jobs: its admission, and what it says on the issue."""

    town: Town
    app: App
    token: Token

    @property
    def github(self) -> ActionGitHub:
        """The App's eyes and hands."""
        return ActionGitHub(Access(self.town.repo.full_name, self.token.value, self.town.hub.api_url))

    def admits(self, issue: Issue) -> Admission:
        """Admit a ready issue."""
        snapshot = read_facts(self.github, clock=self.town.clock)
        config = parse_repo_config(snapshot.config_text)
        start = plan(snapshot, config).survey.situations[issue.number]
        assert isinstance(config, RepoConfig)
        assert isinstance(start, Start), start
        return admission_for(snapshot, config, start, snapshot.head_oid, server_id=self.app.bot.id)

    def dispatches(self, admission: Admission) -> Run:
        """Start the workflow and say that it runs."""
        workflow = self.town.hub.actions.find_workflow(self.town.repo, "ai-ready.yml")
        record = self.town.hub.actions.create_run(
            self.town.repo, workflow, event="workflow_dispatch", actor=self.app.bot, payload={}
        )
        self.town.hub.actions.update_run(record, status="in_progress")
        folder = self.town.folder / "runs" / str(record.id)
        folder.mkdir(parents=True)
        self.says(admission, ActionsRun(record.id, RunState.ACTIVE, name=f"ai-ready [{admission.run_key}]"))
        run = Run(self.town, record, folder, {"admission": admission_to_json(admission)})
        self.town.admitted.add(admission.run_key)
        return run

    def says(self, admission: Admission, run: ActionsRun) -> Snapshot:
        """One pass of the server, with this run in its ledger; what it looked at."""
        snapshot = read_facts(self.github, focus={admission.issue}, clock=self.town.clock)
        at = snapshot.now - timedelta(seconds=1)
        claim = Claim(admission.issue, admission.run_key, run.id, at, at + timedelta(days=1), 1.0, ledger=True)
        seen = replace(
            snapshot, claims={**snapshot.claims, admission.issue: claim}, runs={**snapshot.runs, run.id: run}
        )
        effects = [e for e in plan(seen, RepoConfig()).effects if not isinstance(e, Dispatch)]
        assert all(answer.ok for answer in self.github.apply(effects, seen))
        return seen

    def statuses(self, issue: Issue) -> list[str]:
        """Every status comment, whoever made it."""
        return [comment.body for comment in issue.comments if "ai-ready:status" in comment.body]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A town with the App; at the end everything that always holds is checked."""
    with ExitStack() as stack:
        town = stack.enter_context(settled_town(tmp_path / "town", Script()))
        stand_in_agent(town)
        app = town.hub.app_registry.create("ready", town.repo.owner, permissions=PERMISSIONS)
        installation = town.hub.app_registry.install(app, town.repo.owner)
        yield Served(town, app, town.hub.tokens.for_installation(installation, repos=(town.repo,)))
        check_end(town.hub, town.repo, admitted=town.admitted)


def test_from_dispatch_to_draft_with_one_status_comment(served: Served) -> None:
    """Publish goes on in the App's own comment, without a claim, and tells nobody else of the end."""
    town, issue = served.town, served.town.asked()
    run = served.dispatches(served.admits(issue))
    assert town.labels(issue) == {"ai-ready", "ai-running"}
    log = town.hub.requests

    log.clear()
    outcome = run.work()
    looks = [request for request in log.api() if request.job == "work"]
    log.clear()
    end = run.publish()
    writes = [request for request in log.api() if request.job == "publish"]
    run.end()

    assert (outcome.verdict, end.verdict) == ("done", "done")
    assert town.verdict(issue) == "Done: draft PR #2 is up for review."
    assert town.labels(issue) == {"ai-done"}
    assert len(served.statuses(issue)) == 1
    assert "**Done**" in served.statuses(issue)[0]
    assert f"/actions/runs/{run.record.id}" in town.pulls()[0].body
    assert len(looks) <= 2
    assert len(writes) <= 4
    assert "repository_dispatch" not in [event.name for event in town.events]


def test_publishing_again_and_a_rerun_of_everything_change_nothing(served: Served) -> None:
    """Q35: the agent does not begin, no second verdict is said, and a newer request is left as it is."""
    town = served.town
    with town.clock.ago(60):  # the whole run takes less than a second here, and GitHub's times have no fractions
        issue = town.asked()
    run = served.dispatches(served.admits(issue))
    run.work()
    run.publish()
    town.comment(issue, "/ai run")
    served.says(served.admits(issue), ActionsRun(77, RunState.ACTIVE))
    running = (town.labels(issue), served.statuses(issue))

    outcome = run.work()
    end = run.publish()
    run.end()

    assert (outcome.verdict, outcome.turns) == ("blocked", 0)
    assert "has its verdict already" in outcome.text
    assert end.verdict == "done"
    assert len(town.verdicts(issue)) == 1
    assert (town.labels(issue), served.statuses(issue)) == running
    town.hub.issues.remove_label(issue, "ai-running", town.rita)


def test_a_prerequisite_reopened_after_the_dispatch(served: Served) -> None:
    """P15: one verdict that names it, nothing spent, and the request goes on when it has closed again."""
    town = served.town
    first = town.issue("[SHOP-1.1] First")
    town.hub.issues.close(first, town.rita)
    second = town.asked("[SHOP-1.2] Second")
    run = served.dispatches(served.admits(second))
    town.hub.issues.reopen(first, town.rita)

    outcome = run.work()
    run.publish()
    run.end()

    assert outcome.again
    assert town.verdict(second).startswith("Blocked (cancelled): ")
    assert "#1" in town.verdict(second)
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    town.hub.issues.close(first, town.rita)
    assert served.admits(second).run_key.endswith("-2")


@pytest.mark.parametrize("result", ["cancelled", "skipped"])
def test_a_run_that_the_server_took_back_before_it_began(served: Served, result: str) -> None:
    """Work never ran: publish tells by the facts why, and whether the request goes on."""
    town = served.town
    first = town.issue("[SHOP-1.1] First")
    town.hub.issues.close(first, town.rita)
    second = town.asked("[SHOP-1.2] Second")
    run = served.dispatches(served.admits(second))
    town.hub.issues.reopen(first, town.rita)

    end = run.publish(result)
    run.end("cancelled")

    assert "#1" in end.sentence
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    assert "/ai why" in town.verdict_bodies(second)[0]


def withdrawn(town: Town, issue: Issue) -> None:
    town.hub.issues.remove_label(issue, "ai-ready", town.rita)


def stopped(town: Town, issue: Issue) -> None:
    town.comment(issue, "/ai stop")


def nothing(town: Town, issue: Issue) -> None:
    """Somebody pressed *Cancel workflow*."""


def held(town: Town, issue: Issue) -> None:
    """The same, while nothing new would start: what had been dispatched had its room."""
    town.push({".github/ai-ready.yml": f"enabled: false\n{CONFIG}"})


@pytest.mark.parametrize("cause", [withdrawn, stopped])
def test_a_run_whose_request_is_gone_before_it_began_leaves_nothing_blocked(
    served: Served, cause: Callable[[Town, Issue], None]
) -> None:
    """One verdict, as every run has; but an issue for which nobody asks stands in nobody's way."""
    town, issue = served.town, served.town.asked()
    run = served.dispatches(served.admits(issue))
    cause(town, issue)

    run.publish("cancelled")
    run.publish("cancelled")
    run.end("cancelled")

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."
    assert town.labels(issue) == set()
    assert "**Withdrawn**" in served.statuses(issue)[0]


@pytest.mark.parametrize("cause", [nothing, held])
def test_a_run_that_somebody_stopped_before_it_began_is_over(
    served: Served, cause: Callable[[Town, Issue], None]
) -> None:
    town, issue = served.town, served.town.asked()
    run = served.dispatches(served.admits(issue))
    cause(town, issue)

    run.publish("cancelled")
    run.end("cancelled")

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."
    assert town.labels(issue) == {"ai-blocked"}


def test_a_request_made_during_the_run_is_not_answered_by_it(served: Served) -> None:
    """Nothing but the status block says when a run of the server began."""
    town, issue = served.town, served.town.asked()
    run = served.dispatches(served.admits(issue))
    run.work()
    with town.clock.ago(-60):
        town.comment(issue, "/ai run --minutes 3")
        run.publish()
        run.end()
        again = served.admits(issue)

    assert again.run_key.startswith("1-C")


def test_a_review_round(served: Served) -> None:
    """Asked for on the pull request: the same branch, an answer in the conversation, one verdict more."""
    town, issue = served.town, served.town.asked()
    first = served.dispatches(served.admits(issue))
    first.work()
    first.publish()
    first.end()
    [pull] = town.pulls()
    comments = [{"path": "hello.py", "line": 1, "body": "Louder"}]
    town.clock.shift += timedelta(seconds=2)  # GitHub's times are of whole seconds
    town.hub.reviews.submit(pull, town.rita, event="REQUEST_CHANGES", comments=comments)
    town.comment(pull, "/ai fix")
    admission = served.admits(issue)
    stand_in_agent(town, "echo 'HELLO' > hello.py", [("thread-1", "It is.")])

    run = served.dispatches(admission)
    outcome, end = run.work(), run.publish()
    run.end()

    assert (admission.kind, admission.pull) == ("fix", pull.number)
    assert (outcome.verdict, end.verdict) == ("done", "done")
    assert town.verdicts(issue)[1:] == ["Done: draft PR #2 is updated and up for review again."]
    [thread] = part(pull).threads
    assert [comment.user is town.hub.actions_bot for comment in thread.comments] == [False, True]
    assert town.read("ai/issue-1", "hello.py") == "HELLO\n"


def test_a_run_that_nobody_asked_for_says_nothing(served: Served) -> None:
    """R63: dispatched by hand with a run key of one's own."""
    town, issue = served.town, served.town.asked()
    made = served.admits(issue)
    forged = replace(made, run_key="1-C4711-1")
    run = served.dispatches(made)
    run.outputs["admission"] = admission_to_json(forged)

    outcome = run.work()
    end = run.publish()

    assert outcome.verdict == "blocked"
    assert "Nobody asked" in end.sentence
    assert town.verdicts(issue) == []
    assert town.labels(issue) == {"ai-ready", "ai-running"}
    run.outputs["admission"] = admission_to_json(made)
    assert run.work().verdict == "done"
    run.publish()


def test_a_round_that_nobody_asked_for_says_nothing_and_uses_up_none(served: Served) -> None:
    """Whoever may dispatch by hand names a pull request that there is."""
    town, issue = served.town, served.town.asked()
    first = served.dispatches(served.admits(issue))
    first.work()
    first.publish()
    first.end()
    [pull] = town.pulls()
    town.clock.shift += timedelta(seconds=2)
    town.comment(pull, "/ai fix")
    made = served.admits(issue)
    run = served.dispatches(made)
    run.outputs["admission"] = admission_to_json(replace(made, run_key="1-C4711-1"))

    outcome, end = run.work(), run.publish()

    assert (made.kind, outcome.verdict) == ("fix", "blocked")
    assert "Nobody asked" in end.sentence
    assert len(town.verdicts(issue)) == 1
    run.outputs["admission"] = admission_to_json(made)
    run.work()
    run.publish()
    run.end()


def test_a_run_whose_issue_a_gate_holds_leaves_the_end_to_that(served: Served) -> None:
    """Both are installed, and both took it at the same moment: one run, one verdict."""
    town, issue = served.town, served.town.asked()
    mine = served.admits(issue)
    other = town.start()
    other.gate()
    run = served.dispatches(mine)

    assert run.work().verdict == "blocked"
    run.publish()
    assert town.verdicts(issue) == []
    run.end()

    other.work()
    other.publish()
    other.end()
    assert town.verdict(issue).startswith("Done")


@pytest.mark.parametrize("job", ["work", "publish"])
def test_an_admission_of_another_repository_is_refused(served: Served, job: str) -> None:
    issue = served.town.asked()
    made = served.admits(issue)
    run = served.dispatches(made)
    run.outputs["admission"] = admission_to_json(replace(made, repo="acme/other"))

    with pytest.raises(ConfigError, match="acme/other"):
        run.work() if job == "work" else run.publish()
    run.outputs["admission"] = admission_to_json(replace(made, repo="Acme/Shop"))
    run.work()
    run.publish()
