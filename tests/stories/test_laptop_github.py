"""The source `github`: issues that people asked for, run on a laptop beside Actions, with the same authority and claims."""

import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.core.settings import OrderRules
from bot.local.github_source import GitHubTasks, open_github
from bot.local.ports import Attempt, Result, Watch
from bot.progress.events import Entry, PhaseBegan, Verdict
from bot.progress.state import Progress
from bot.sandbox.actions.processes import descendants, send
from bot.sandbox.model import done, needs_input, write
from bot.trackers.arranging import arrange_tasks
from bot.trackers.config import GithubConfig
from bot.trackers.tracker import NoSuchTask, SourceConfigError, Status, Taken, Task, TrackerError
from tests.stories.conftest import Opens
from tests.stories.town import COMMAND, CONFIG, HELLO, ROOT, Town, stand_in_agent, wait_until

WORK = (write("hello.py", "print('hello')\n"), done("Ok."))


class Laptop:
    """A runner's side of the source, in rita's name."""

    def __init__(self, town: Town, agent: str = "ada") -> None:
        self.town, self.agent = town, agent
        town.laptop = town.laptop or town.hub.tokens.personal(town.rita.user)
        town.tokens.append(town.laptop)
        self.said: list[str] = []
        self.heard: list[str] = []
        self.beats = 0
        self.tasks = self.began()

    @property
    def environ(self) -> dict[str, str]:
        assert self.town.laptop is not None
        return self.town.environ(
            self.town.laptop, None, ANTHROPIC_API_KEY=self.town.key, ANTHROPIC_BASE_URL=self.town.model.url
        )

    def began(self) -> GitHubTasks:
        """What a process of this runner has in its hands when it has just begun."""
        config = GithubConfig(repo=self.town.repo.full_name)
        runs = self.town.folder / "laptop"
        return open_github(
            config, agent=self.agent, environ=self.environ, folder=lambda key: runs / key, say=self.said.append
        )

    def run(self, task: Task, at_the_end: Callable[[], None] = lambda: None) -> Result:
        """`at_the_end`: when work has its outcome, before anything is published."""

        def hear(entry: Entry, _progress: Progress) -> None:
            if isinstance(entry.event, PhaseBegan):
                self.heard.append(entry.event.phase)
            if isinstance(entry.event, Verdict):
                at_the_end()

        def beat() -> None:
            self.beats += 1

        attempt = Attempt(
            task.id, task.name, self.agent, f"{task.id}-try-1", f"ai/issue-{task.id}", Path("/none"), datetime.now(UTC)
        )
        return self.tasks.run_task(task, attempt, Watch(Cancel(), (hear,), beat))


def test_TS6_issues_that_people_asked_for_are_tasks(opens_quick: Opens) -> None:
    """Only what somebody who may ask has asked for may be taken; closed ones say what is done."""
    town = opens_quick()
    asked, idle, strangers = town.asked(), town.issue("Idle"), town.issue("Asked by a stranger")
    town.label(asked, "priority: high")
    town.comment(strangers, "/ai run", by=town.mallory)
    town.hub.issues.close(idle, town.rita)
    laptop = Laptop(town)

    listing = laptop.tasks.list()

    found = {task.name: (task.status, task.eligible) for task in listing.tasks}
    assert found["#1"] == (Status.TODO, True)
    assert found["#3"] == (Status.TODO, False)
    task = laptop.tasks.get("#1")
    assert (task.id, task.title, task.body) == ("1", "Greet the world", "Say hello to everybody.")
    assert (task.priority.name, task.url) == ("HIGH", listing.tasks[0].url)
    assert [each.name for each in arrange_tasks(listing, OrderRules()).ready] == ["#1"]
    with pytest.raises(NoSuchTask):
        laptop.tasks.get("4711")
    let_actions_look(town)


def test_TS6_order_is_the_planners(opens_quick: Opens) -> None:
    """Phases, text and what is on hold, as the gate sees it."""
    town = opens_quick()
    for title in ("[SHOP-1.2] Second", "[SHOP-1.1] First"):
        town.asked(title)
    town.asked("Paint", "Depends on #2")
    town.asked("Itself", "Depends on #4")
    laptop = Laptop(town)

    arranged = arrange_tasks(laptop.tasks.list(), OrderRules())

    assert [task.name for task in arranged.ready] == ["#2"]
    assert set(arranged.skipped) == {
        "Skipping SHOP-1.2 - blocked by: SHOP-1.1 (todo)",
        "Skipping #3 - blocked by: SHOP-1.1 (todo)",
    }
    assert any(note.startswith("#4 can't start: self") for note in arranged.notes)
    let_actions_look(town)


def test_TS6_a_task_is_done_by_gate_work_and_publish(opens: Opens) -> None:
    """One draft pull request, one verdict, and nothing left for the runner to write."""
    town = opens(*WORK)
    issue = town.asked()
    laptop = Laptop(town)

    claimed = laptop.tasks.claim(laptop.tasks.get("1"))
    running = (town.labels(issue), town.branch("ai/claim-1") != "", laptop.tasks.get("1").claimed_by)
    result = laptop.run(claimed)

    assert (claimed.status, claimed.claimed_by) == (Status.IN_PROGRESS, "ada")
    assert running == ({"ai-ready", "ai-running"}, True, "ada")
    [pull] = town.pulls()
    assert (result.outcome.verdict, result.told, result.kept) == ("done", True, None)
    assert result.branch == "ai/issue-1"
    assert result.commit == town.branch("ai/issue-1")
    assert result.pull.endswith(f"/pull/{pull.number}")
    assert town.verdict(issue) == f"Done: draft PR #{pull.number} is up for review."
    assert town.labels(issue) == {"ai-done"}
    assert town.branch("ai/claim-1") == ""
    assert laptop.tasks.get("1").status is Status.IN_REVIEW
    assert laptop.heard[:4] == ["look", "checkout", "setup", "agent"]
    assert (town.folder / "laptop" / "1-try-1" / "events.jsonl").exists()


def test_TS6_a_blocked_run_says_so_on_the_issue(opens: Opens) -> None:
    town = opens(needs_input("In which language?"))
    issue = town.asked()
    laptop = Laptop(town)

    result = laptop.run(laptop.tasks.claim(laptop.tasks.get("1")))

    assert (result.outcome.verdict, result.outcome.reason) == ("blocked", "needs-input")
    assert (result.branch, result.pull, result.told) == ("", "", True)
    assert town.verdict(issue).startswith("Blocked (needs-input)")
    assert laptop.tasks.get("1").status is Status.BLOCKED


def test_TS10_a_laptop_and_actions_see_each_others_claims(opens_quick: Opens) -> None:
    """Of the two exactly one works on an issue, whoever came first."""
    town = opens_quick()
    first, second = town.asked("One"), town.asked("Two")
    laptop, other = Laptop(town), Laptop(town, "bob")
    stale = laptop.tasks.get("2")

    claimed = laptop.tasks.claim(laptop.tasks.get("1"))
    with pytest.raises(Taken, match="Another run is at work on it"):
        other.tasks.claim(other.tasks.get("1"))
    actions = town.start()
    actions.gate()
    took = actions.outputs["issue"]
    with pytest.raises(Taken):
        laptop.tasks.claim(stale)

    assert took == "2"
    assert [(task.name, task.claimed_by) for task in laptop.tasks.list().tasks] == [
        ("#1", "ada"),
        ("#2", "another run"),
    ]
    actions.work()
    actions.publish()
    actions.end()
    laptop.run(claimed)
    assert len(town.verdicts(first)) == len(town.verdicts(second)) == 1


def test_RP4_a_killed_runner_has_its_claim_again(opens: Opens) -> None:
    """Killed after the claim: the same run again. Killed while it published: what it had done is not done again."""
    town = opens(*WORK)
    issue = town.asked()
    laptop = Laptop(town)
    task = laptop.tasks.get("1")
    laptop.tasks.claim(task)

    laptop.tasks = laptop.began()
    again = laptop.tasks.get("1")
    assert (again.status, again.claimed_by) == (Status.IN_PROGRESS, "ada")
    with pytest.raises(TrackerError):
        laptop.run(laptop.tasks.claim(again), lambda: town.hub.faults.fail("graphql", 401, times=-1))
    town.hub.faults.clear()
    asked = len(town.model.requests)
    laptop.tasks = laptop.began()
    result = laptop.run(laptop.tasks.claim(laptop.tasks.get("1")))

    assert result.outcome.verdict == "done"
    assert asked > 0
    assert len(town.model.requests) == asked
    assert town.verdict(issue).startswith("Done: ")


def test_what_was_edited_after_it_was_asked_for_is_not_run(opens: Opens) -> None:
    """I4: the gate says Blocked on the issue; the runner only hears that it may not have it."""
    town = opens(*WORK)
    with town.clock.ago(60):
        issue = town.asked()
    laptop = Laptop(town)
    task = laptop.tasks.get("1")
    town.hub.issues.edit(issue, town.rita, body="Something else.")

    with pytest.raises(Taken, match="edited-after-approval"):
        laptop.tasks.claim(task)

    assert town.verdict(issue).startswith("Blocked (edited-after-approval)")
    assert town.model.requests == []
    let_actions_look(town)


def test_a_task_is_given_back_blocked_or_closed(opens_quick: Opens) -> None:
    town = opens_quick()
    back, blocked, closed = town.asked("Back"), town.asked("Blocked"), town.asked("Closed")
    laptop = Laptop(town)

    claimed = laptop.tasks.claim(laptop.tasks.get("1"))
    assert laptop.tasks.set_status(claimed, Status.TODO).status is Status.TODO
    claimed = laptop.tasks.claim(laptop.tasks.get("2"))
    assert laptop.tasks.set_status(claimed, Status.BLOCKED).status is Status.BLOCKED
    assert laptop.tasks.set_status(laptop.tasks.get("3"), Status.DONE).status is Status.DONE

    assert town.verdicts(back) == []
    assert town.verdict(blocked).startswith("Blocked (cancelled)")
    assert not closed.open
    with pytest.raises(TrackerError, match="can't be made in_review"):
        laptop.tasks.set_status(laptop.tasks.get("1"), Status.IN_REVIEW)
    let_actions_look(town)


def test_notes_command_nothing_and_links_are_said_once(opens: Opens) -> None:
    town = opens(*WORK)
    issue = town.issue()
    laptop = Laptop(town)
    task = laptop.tasks.get("1")

    laptop.tasks.comment(task, "/ai run @mallory fixes #1")
    for _ in range(2):
        laptop.tasks.comment(task, "Blocked.\n\nRun `7-try-1`", once="Run `7-try-1`")
        laptop.tasks.attach(task, "https://github.example.com/acme/shop/pull/31", "Draft PR #31")

    comments = [comment.body for comment in issue.comments]
    assert comments[0].startswith("```text\n/ai run ")
    assert sum("pull/31" in body for body in comments) == 1
    assert sum("7-try-1" in body for body in comments) == 1
    assert laptop.tasks.get("1").eligible is False


def clone_of(town: Town) -> Path:
    """A clone whose owner has set the source up."""
    clone = town.folder / "clone"
    subprocess.run(("git", "clone", "-q", str(town.repo.path), str(clone)), check=True, capture_output=True, timeout=60)
    config = clone / ".github" / "ai-ready.yml"
    config.write_text(f"{CONFIG}tracker: {{type: github, repo: {town.repo.full_name}}}\n")
    return clone


def started(laptop: Laptop, clone: Path) -> "subprocess.Popen[str]":
    """`ai-ready start`, until nothing is ready any more."""
    return subprocess.Popen(
        (COMMAND, "start", "--exit-when-idle"),
        cwd=clone,
        env={**laptop.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def git_status(clone: Path) -> bytes:
    return subprocess.run(("git", "status", "--porcelain"), cwd=clone, capture_output=True, check=True).stdout


def test_TS6_the_runner_works_through_issues(opens_quick: Opens) -> None:
    """`ai-ready start` in a clone: the issue that is ready is done, the one behind it waits for its merge."""
    town = opens_quick()
    first, second = town.asked("[SHOP-1.1] First"), town.asked("[SHOP-1.2] Second")
    clone = clone_of(town)
    before = git_status(clone)

    process = started(Laptop(town), clone)
    said, _ = process.communicate(timeout=110)

    assert process.returncode == 0, said
    assert "Skipping SHOP-1.2 - blocked by: SHOP-1.1 (in_review)" in said
    assert "✓ #1 Done: draft pull request http" in said
    assert town.verdict(first).startswith("Done: draft PR #3")
    assert town.verdicts(second) == []
    assert git_status(clone) == before
    let_actions_look(town)


def test_RP4_after_kill_9_the_runner_goes_on_with_its_issue(opens: Opens) -> None:
    """Killed while the agent was at work: the same issue, the same claim, one verdict."""
    town = opens()
    began, may_end = town.folder / "began", town.folder / "may-end"
    stand_in_agent(town, f"touch {began}; until [ -e {may_end} ]; do sleep 0.02; done; {HELLO}")
    issue = town.asked()
    laptop, clone = Laptop(town), clone_of(town)

    killed = started(laptop, clone)
    wait_until(began.exists, "the agent begins")
    its = descendants(killed.pid)
    killed.kill()
    killed.communicate()
    send(its, signal.SIGKILL)
    claim = town.branch("ai/claim-1")
    may_end.touch()
    again = started(laptop, clone)
    said, _ = again.communicate(timeout=110)

    assert claim
    assert again.returncode == 0, said
    assert "Taking up #1 again: its run was cut short." in said
    assert town.verdict(issue).startswith("Done: draft PR #2")
    assert len(town.pulls()) == 1


def test_a_stopped_run_says_so_once_and_may_be_asked_for_again(opens: Opens) -> None:
    """`ai-ready stop`, or Ctrl-C: on GitHub a run ends with its verdict, as everywhere."""
    town = opens()
    began = town.folder / "began"
    stand_in_agent(town, f"touch {began}; sleep 100")
    issue = town.asked()
    laptop, clone = Laptop(town), clone_of(town)

    process = started(laptop, clone)
    wait_until(began.exists, "the agent begins")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=110)

    assert process.returncode == 0, said
    assert town.verdict(issue).startswith("Blocked (cancelled)")
    assert town.branch("ai/claim-1") == ""
    stand_in_agent(town)
    with town.clock.ago(-2):  # later than the verdict by GitHub's clock, which has whole seconds
        town.comment(issue, "/ai retry")
    again = started(laptop, clone)
    said, _ = again.communicate(timeout=110)
    assert "✓ #1 Done" in said
    assert len(town.verdicts(issue)) == 2


def let_actions_look(town: Town) -> None:
    """Actions of the same repository find nothing that they do not know, and finish what is left."""
    for _ in range(5):
        before = len(town.events)
        town.start().all_jobs()
        if not [event for event in town.events[before:] if event.token_kind == "pat"]:
            return
    raise AssertionError("there is always something more to say")


@pytest.mark.parametrize(
    ("config", "environ", "words"),
    [
        (GithubConfig("a/b"), {}, "API key not found: GITHUB_TOKEN is not set, and the task source github needs it"),
        (GithubConfig("a/b", "MY_GITHUB_PAT"), {"GITHUB_TOKEN": "t"}, "API key not found: MY_GITHUB_PAT is not set"),
        (GithubConfig(), {"GITHUB_TOKEN": "t"}, "needs `tracker.repo: owner/name`"),
        (GithubConfig("a/b"), {"GITHUB_TOKEN": "t", "GITHUB_API_URL": "x"}, "GITHUB_API_URL"),
    ],
)
def test_TS6_CF3_what_is_missing_is_named(
    config: GithubConfig, environ: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceConfigError, match=words):
        open_github(config, agent="ada", environ=environ, folder=tmp_path.joinpath, say=print)
