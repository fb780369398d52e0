"""The runner's story, with real task files and records."""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from bot.core.names import Reason
from bot.core.settings import Limits
from bot.errors import UsageError
from bot.local.claims import Claim, ClaimFile
from bot.local.hooks import Hooks
from bot.local.loop import NOTHING, Wish
from bot.local.ports import Attempt, Result, Watch
from bot.local.prompts import Answer, Decision
from bot.local.session import RunnerState
from bot.local.state import UnreadableState
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Listing, SourceConfigError, SourceUnavailable, Status, Task
from tests.local.loop_stage import AGENT, Died, Place, blocked, done

SINGLE = Wish(single=True)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def hook(folder: Path, name: str, script: str) -> Hooks:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Hooks(folder, folder, dict(os.environ), lambda _line: None)


# ------------------------------------------------------------------------------------------- the order


def test_OR1_OR4_OR5_tasks_are_done_in_phase_order(place: Place) -> None:
    """META first, and never run."""
    for title in ("[AUTH-2.1] Sessions", "[AUTH-1.3] Pages", "META: Auth", "[AUTH-1.1] Tables", "[AUTH-1.2] Login"):
        place.task(title)

    assert place.run() == 0
    assert place.worked_on() == ["AUTH-1.1", "AUTH-1.2", "AUTH-1.3", "AUTH-2.1"]


def test_OR6_waiting_tasks_are_told_in_these_words(place: Place) -> None:
    place.task("[AUTH-1.1] Tables", status=Status.DONE)
    FileTracker(place.folder / "tasks", "bob").claim(place.task("[AUTH-1.2] Login"))
    place.task("[AUTH-1.3] Pages")
    place.task("[AUTH-2.1] Sessions")

    place.run()

    assert "Skipping AUTH-2.1 - blocked by: AUTH-1.2 (in_progress), AUTH-1.3 (todo)" in place.voice.said
    assert place.worked_on() == []


def test_OR3_without_keys_the_highest_priority_comes_first(place: Place) -> None:
    low, high = place.task("A low one"), place.task("A high one")
    path = place.folder / "tasks" / f"{high.id}.md"
    path.write_text(path.read_text().replace("status: todo", "status: todo\npriority: high"))

    place.run()

    assert place.worked_on() == [high.name, low.name]


def test_OR7_a_task_that_waits_for_itself_is_reported_and_others_go_on(place: Place) -> None:
    first, second, third = place.task("One"), place.task("Two"), place.task("Three")
    place.tracker.relate(first, first)
    place.tracker.relate(second, third)

    place.run()

    assert place.worked_on() == ["Three", "Two"]
    assert any("One depends on itself" in line for line in place.voice.said)


def test_what_a_task_builds_on_is_asked_once_and_kept(place: Place) -> None:
    place.task("[A-1.1] One")
    place.task("[A-1.2] Two")
    asked: list[tuple[str, list[str]]] = []

    def onto(task: Task, listing: Listing) -> str:
        asked.append((task.name, [each.status.value for each in listing.tasks]))
        return task.name * 3

    place.onto = onto
    place.run()

    assert asked == [("A-1.1", ["todo", "todo"]), ("A-1.2", ["done", "todo"])]
    assert [attempt.onto for attempt in place.work.attempts] == ["A-1.1A-1.1A-1.1", "A-1.2A-1.2A-1.2"]


# ----------------------------------------------------------------------------------------- the verdict


def test_TS11_LG5_a_task_that_is_done_holds_the_pull_request_and_the_note(place: Place) -> None:
    task = place.task("One", "What people wrote.")
    url = "https://github.example.com/acme/shop/pull/31"
    place.work.says = lambda _task, attempt, _watch: done(attempt, pull=url)

    assert place.run() == 0

    text = place.text(task)
    assert place.status(task) is Status.IN_REVIEW
    assert f"pull_request: {url}" in text or f'pull_request: "{url}"' in text
    assert f"Done: draft pull request {url} is up for review." in text
    assert "$0.50 · 3 turns" in text
    assert "I did it." in text
    assert "What people wrote." in text


def test_without_a_pull_request_a_task_is_done_and_its_note_names_the_branch(place: Place) -> None:
    task = place.task("One")

    place.run()

    assert place.status(task) is Status.DONE
    assert "Done: the work is on ai/task-One." in place.text(task)
    assert "`git merge ai/task-One`" in place.text(task)


def test_TS12_LG5_a_task_that_is_blocked_holds_why_and_is_not_tried_again(place: Place) -> None:
    task, other = place.task("One"), place.task("Two")
    place.work.says = lambda task, attempt, _watch: blocked(attempt) if task.name == "One" else done(attempt)

    assert place.run() == 1

    assert (place.status(task), place.status(other)) == (Status.BLOCKED, Status.DONE)
    assert "Blocked (tests-failed): 2 tests fail." in place.text(task)
    assert place.worked_on() == ["One", "Two"]
    assert (place.session.tasks_completed, place.session.tasks_blocked) == (1, 1)


def test_what_a_person_moved_meanwhile_stays_moved_and_gets_its_note(place: Place) -> None:
    task = place.task("One")

    def moved(_task: Task, attempt: Attempt, _watch: Watch) -> Result:
        now = place.tracker.get(task.id)
        place.tracker.set_status(now, Status.CANCELLED)
        return done(attempt)

    place.work.says = moved
    place.run()

    assert place.status(task) is Status.CANCELLED
    assert place.text(task).count("Done: ") == 1
    assert any("somebody moved it meanwhile" in line for line in place.voice.said)


def test_a_task_that_is_deleted_meanwhile_ends_all_the_same(place: Place) -> None:
    task = place.task("One")

    def deleted(_task: Task, attempt: Attempt, _watch: Watch) -> Result:
        (place.folder / "tasks" / f"{task.id}.md").unlink()
        return done(attempt)

    place.work.says = deleted

    assert place.run() == 0
    assert place.claims.read() is None
    assert place.session.tasks_completed == 1


# -------------------------------------------------------------------------------------- crash recovery


def test_RP3_the_claim_is_on_disk_before_the_source_knows(place: Place) -> None:
    """With 003's keys, times in UTC."""
    task = place.task("One")
    claims: list[dict[str, object]] = []

    class Watching(FileTracker):
        def claim(self, task: Task) -> Task:
            claims.append(json.loads(place.claims.path.read_text()))
            return super().claim(task)

    place.tracker = Watching(place.folder / "tasks", AGENT)
    place.run()

    found = claims[0]
    assert (found["task_id"], found["agent_id"], found["branch_name"]) == (task.id, AGENT, "ai/task-One")
    assert found["worktree_path"] == str(place.folder / "trees" / "One")
    assert datetime.fromisoformat(str(found["locked_at"])).tzinfo is not None
    assert str(found["locked_at"]).endswith("Z")
    assert found["version"] == 1
    assert place.claims.read() is None


def test_RP4_the_same_task_is_taken_up_again_and_no_other_before(place: Place) -> None:
    """Killed amid the attempt: the very same attempt goes on, whatever has become more urgent."""
    place.task("Two")

    def dies(_task: Task, _attempt: Attempt, _watch: Watch) -> Result:
        raise Died

    place.work.says = dies
    with pytest.raises(Died):
        place.run()
    place.task("[A-1.1] Comes first")
    place.work.says = lambda _task, attempt, _watch: done(attempt)

    assert place.run() == 0

    assert place.worked_on() == ["Two", "Two", "A-1.1"]
    first, again, _ = place.work.attempts
    assert again == first


def test_IN8_RP4_without_local_state_the_source_says_what_is_ours(place: Place) -> None:
    other, mine = place.task("Other"), place.task("Mine")
    place.tracker.claim(mine)

    place.run()

    assert place.worked_on() == ["Mine", "Other"]
    assert place.status(mine) is place.status(other) is Status.DONE


@pytest.mark.parametrize("step", ["claim", "comment", "set_status", "attach"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_every_write_to_the_source_the_end_is_the_same(
    place: Place, step: str, when: Literal["before", "after"]
) -> None:
    task = place.task("One")
    place.work.says = lambda _task, attempt, _watch: done(attempt, pull="https://github.example.com/a/b/pull/1")
    tracker, killed = place.tracker, threading.Event()

    class Deadly:
        def __getattr__(self, name: str) -> object:
            real = getattr(tracker, name)
            if name != step or killed.is_set():
                return real

            def dying(*args: object, **named: object) -> object:
                killed.set()
                if when == "after":
                    real(*args, **named)
                raise Died

            return dying

    place.tracker = Deadly()  # type: ignore[assignment]
    with pytest.raises(Died):
        place.run()
    place.tracker = tracker

    assert place.run(resume=True) == 0

    text = place.text(task)
    assert (text.count("Done: "), text.count("pull_request:")) == (1, 1)
    assert place.status(task) is Status.IN_REVIEW
    assert len({attempt.run_key for attempt in place.work.attempts}) == 1
    assert (place.session.tasks_completed, place.session.total_cost) == (1, 0.5)
    assert place.claims.read() is None


@dataclass(frozen=True)
class DeadlyClaims(ClaimFile):
    """Dies around its n-th change, from 1."""

    deadly: int
    when: str
    changes: list[str] = field(default_factory=list)

    def write(self, claim: Claim) -> Claim:
        self._change("write", lambda: super(DeadlyClaims, self).write(claim))
        return claim

    def remove(self) -> None:
        self._change("remove", super().remove)

    def _change(self, what: str, change: Callable[[], object]) -> None:
        self.changes.append(what)
        if len(self.changes) == self.deadly and self.when == "before":
            raise Died
        change()
        if len(self.changes) == self.deadly:
            raise Died


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("deadly", [1, 2, 3, 4])
def test_killed_around_every_change_of_the_claim_the_end_is_the_same(place: Place, deadly: int, when: str) -> None:
    """Claim, result, hook, gone."""
    task = place.task("One")
    claims = DeadlyClaims(place.claims.path, deadly, when)
    place.kept = claims
    with pytest.raises(Died):
        place.run()
    place.kept = None

    assert place.run(resume=True) == 0

    assert claims.changes == ["write", "write", "write", "remove"][:deadly]
    assert place.text(task).count("Done: ") == 1
    assert place.status(task) is Status.DONE
    assert (place.session.tasks_completed, place.session.total_cost) == (1, 0.5)
    assert place.claims.read() is None


def test_a_torn_claim_is_refused_and_left_as_it_is(place: Place) -> None:
    place.task("One")
    place.claims.path.write_text('{"task_id": "One", ')

    with pytest.raises(UnreadableState, match="look into it"):
        place.run()

    assert place.claims.path.read_text() == '{"task_id": "One", '
    assert place.worked_on() == []


def test_a_claim_of_a_newer_version_is_refused(place: Place) -> None:
    place.task("One")
    place.claims.path.write_text('{"version": 99}')

    with pytest.raises(UnreadableState, match="newer ai-ready"):
        place.run()


def test_a_claim_of_another_source_is_refused(place: Place) -> None:
    place.task("One")
    place.work.says = lambda _task, _attempt, _watch: (_ for _ in ()).throw(Died())
    with pytest.raises(Died):
        place.run()
    place.claims.path.write_text(place.claims.path.read_text().replace('"source": "file"', '"source": "linear"'))

    with pytest.raises(UsageError, match="of the task source linear is under way"):
        place.run()


def test_a_task_that_somebody_else_has_by_now_is_left_to_them(place: Place) -> None:
    task = place.task("One")
    place.work.says = lambda _task, _attempt, _watch: (_ for _ in ()).throw(Died())
    with pytest.raises(Died):
        place.run()
    place.tracker.set_status(place.tracker.get(task.id), Status.TODO)
    FileTracker(place.folder / "tasks", "bob").claim(place.tracker.get(task.id))
    place.work.says = lambda _task, attempt, _watch: done(attempt)
    tree = place.work.attempts[0].tree
    tree.mkdir(parents=True)

    place.run()

    assert any(f"What its run had done is in {tree}" in line for line in place.voice.said)

    assert len(place.work.attempts) == 1
    assert place.tracker.get(task.id).claimed_by == "bob"
    assert place.claims.read() is None


def test_RP5_a_crashed_agent_is_tried_again_at_once_and_bounded(place: Place) -> None:
    task = place.task("One")
    place.config = replace(place.config, limits=Limits(attempts=3))
    place.work.says = lambda _task, attempt, _watch: blocked(attempt, Reason.AGENT_ERROR, "The agent crashed.")

    assert place.run() == 1

    assert [attempt.number for attempt in place.work.attempts] == [1, 2, 3]
    assert len({attempt.run_key for attempt in place.work.attempts}) == 3
    assert place.text(task).count("Blocked (agent-error)") == 1
    assert (place.session.tasks_blocked, place.session.crashes, place.session.total_cost) == (1, 2, 1.5)


def test_what_failed_by_verdict_is_not_tried_again(place: Place) -> None:
    place.task("One")
    place.work.says = lambda _task, attempt, _watch: blocked(attempt)

    place.run()

    assert len(place.work.attempts) == 1


def test_money_that_a_killed_try_spent_is_counted(place: Place) -> None:
    place.task("One")

    def spends_and_dies(_task: Task, attempt: Attempt, _watch: Watch) -> Result:
        folder = place.state.run(attempt.run_key)
        folder.mkdir(parents=True)
        told = [{"event": "run-began", "data": {"usd": 5.0}}, {"event": "turn-began", "data": {"usd": 1.25}}]
        (folder / "events-1.jsonl").write_text("\n".join(map(json.dumps, told)) + '\n{"event": "turn-be')
        (folder / "events-2.jsonl").write_text(json.dumps({"event": "verdict", "data": {"usd": 0.5}}))
        raise Died

    place.work.says = spends_and_dies
    with pytest.raises(Died):
        place.run()
    place.work.says = lambda _task, attempt, _watch: done(attempt)

    place.run(resume=True)

    assert place.session.total_cost == 1.75


# ------------------------------------------------------------------------------------- stops and limits


def test_RP6_told_to_stop_the_task_is_left_recoverable(place: Place) -> None:
    task = place.task("One")

    def stopped(_task: Task, attempt: Attempt, watch: Watch) -> Result:
        place.cancel.set()
        return blocked(attempt, Reason.CANCELLED, "The run was cancelled.")

    place.work.says = stopped
    assert place.run() == 0

    assert place.status(task) is Status.IN_PROGRESS
    assert place.session.state is RunnerState.STOPPED
    assert "Blocked" not in place.text(task)
    assert "One is left under way: `ai-ready start --resume` takes it up again." in place.voice.said[-1]

    place.cancel = type(place.cancel)()
    place.work.says = lambda _task, attempt, _watch: done(attempt)
    assert place.run(resume=True) == 0

    assert [attempt.number for attempt in place.work.attempts] == [1, 2]
    assert place.work.attempts[0].run_key != place.work.attempts[1].run_key
    assert place.status(task) is Status.DONE
    assert place.session.total_cost == 1.0


def test_LI4_an_eleventh_task_is_not_started_and_failures_count(place: Place) -> None:
    for number in range(1, 13):
        place.task(f"Task {number:02}")
    place.work.says = lambda task, attempt, _watch: (
        blocked(attempt) if task.name[-1] in "24680" else done(attempt, usd=0.01)
    )
    place.limits(usd=100.0)

    place.run()

    assert len(place.work.attempts) == 10
    assert place.session.state is RunnerState.COMPLETED
    assert any(line.startswith("Task limit reached: 10 tasks") for line in place.voice.said)


def test_resuming_a_session_that_has_reached_its_limit_says_so_and_a_new_one_goes_on(place: Place) -> None:
    place.limits(tasks=1)
    place.task("One")
    place.task("Two")
    place.run()
    place.voice.said.clear()

    assert place.run(resume=True) == 0
    assert place.worked_on() == ["One"]
    assert "begins a new session" in place.voice.said[-1]

    place.run()
    assert place.worked_on() == ["One", "Two"]


def test_no_task_is_started_once_the_turns_are_used_up(place: Place) -> None:
    place.limits(turns=5)
    for name in ("One", "Two", "Three"):
        place.task(name)

    place.run()
    assert len(place.worked_on()) == 2
    assert any(line.startswith("Turn limit reached: 6 turns") for line in place.voice.said)


def test_CF3_LI3_no_task_is_started_once_the_money_is_used_up_over_restarts_too(place: Place) -> None:
    place.limits(usd=0.9)
    for name in ("One", "Two", "Three"):
        place.task(name)

    place.run()
    assert place.worked_on() == ["One", "Three"]
    assert any(line.startswith("Cost limit reached: $1.00 of $0.90") for line in place.voice.said)

    place.run(resume=True)
    assert place.worked_on() == ["One", "Three"]


def test_RU9_on_failure_stop_ends_the_session(place: Place) -> None:
    place.limits(on_failure="stop")
    task, other = place.task("One"), place.task("Two")
    place.work.says = lambda _task, attempt, _watch: blocked(attempt)

    assert place.run() == 1

    assert place.session.state is RunnerState.ERROR
    assert (place.status(task), place.status(other)) == (Status.BLOCKED, Status.TODO)


@pytest.mark.parametrize(
    ("reasons", "attempts"),
    [
        ([Reason.API_ERROR, Reason.API_ERROR, Reason.API_ERROR], 2),
        ([Reason.API_ERROR, Reason.TESTS_FAILED, Reason.API_ERROR], 3),
        ([Reason.TESTS_FAILED, Reason.TESTS_FAILED, Reason.TESTS_FAILED], 3),
    ],
)
def test_what_is_wrong_with_the_machine_does_not_block_one_task_after_the_other(
    place: Place, reasons: list[Reason], attempts: int
) -> None:
    for number in range(3):
        place.task(f"Task {number}")
    place.work.says = lambda _task, attempt, _watch: blocked(attempt, reasons[len(place.work.attempts) - 1])

    assert place.run() == 1

    assert len(place.work.attempts) == attempts
    assert (place.session.state is RunnerState.ERROR) is (attempts == 2)


def test_RU14_a_single_task_then_the_end(place: Place) -> None:
    place.task("One")
    place.task("Two")

    assert place.run(SINGLE) == 0
    assert place.worked_on() == ["One"]


def test_RU14_without_a_task_a_single_one_ends_with_a_warning(place: Place) -> None:
    assert place.run(SINGLE) == 3
    assert "⚠ No task is ready to be started." in place.voice.said


def test_TS2_one_task_by_name_and_no_other(place: Place) -> None:
    place.task("One")
    place.task("[A-1.1] First")
    place.task("[A-1.2] Second")

    assert place.run(Wish(task="A-1.2")) == 3
    assert place.run(Wish(task="A-1.1")) == 0
    assert place.run(Wish(task="A-1.1")) == 3
    assert place.worked_on() == ["A-1.1"]
    assert "⚠ A-1.2 is not ready to be started." in place.voice.said
    assert "⚠ A-1.1 is done: only a task that is todo can be started." in place.voice.said
    with pytest.raises(UsageError, match="no task Nowhere"):
        place.run(Wish(task="Nowhere"))


def test_TS14_RU13_an_idle_runner_says_so_waits_and_goes_on(place: Place) -> None:
    """And wakes up for a stop at once."""
    place.limits(idle_seconds=1)
    thread = threading.Thread(target=lambda: place.run(Wish()))
    thread.start()
    until(lambda: NOTHING in place.voice.said)
    assert place.session.state is RunnerState.WAITING

    task = place.task("One")
    until(lambda: place.status(task) is Status.DONE)

    place.limits(idle_seconds=3600)
    begun = time.monotonic()
    place.cancel.set()
    thread.join(60)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 30
    assert place.session.state.value == "stopped"


def until(so: object, seconds: float = 60) -> None:
    assert callable(so)
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


# ----------------------------------------------------------------------------------- hooks and operators


def test_HK1_a_pre_task_hook_that_says_no_keeps_a_task_from_being_claimed(place: Place) -> None:
    task, other = place.task("One"), place.task("Two")
    place.hooks = hook(place.folder / "hooks", "pre_task", 'case "$(cat)" in *One*) echo "not today"; exit 1;; esac')

    place.run()

    assert (place.status(task), place.status(other)) == (Status.TODO, Status.DONE)
    assert sum("One is not taken" in line and "not today" in line for line in place.voice.said) == 1
    assert place.claims.read() is None


def test_HK2_a_post_task_hook_hears_the_result_once_and_changes_nothing(place: Place) -> None:
    task = place.task("One")
    heard = place.folder / "heard"
    place.hooks = hook(place.folder / "hooks", "post_task", f"cat >> {heard}; exit 3")

    assert place.run() == 0

    told = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [(each["task_id"], each["success"], each["usd"]) for each in told] == [("One", True, 0.5)]
    assert place.status(task) is Status.DONE
    assert any("(exit code 3), without a word. Nothing else changes" in line for line in place.voice.said)


@pytest.mark.parametrize(
    ("answer", "attempts", "status"),
    [
        ("continue", 2, Status.DONE),
        ("redirect", 2, Status.DONE),
        ("pause", 1, Status.BLOCKED),
        ("abort", 1, Status.BLOCKED),
    ],
)
def test_LI9_what_a_person_says_at_a_checkpoint_is_done_and_kept(
    place: Place, answer: Answer, attempts: int, status: Status
) -> None:
    place.config = replace(place.config, mode="interactive")
    task = place.task("A first one")
    place.task("B next one")
    place.work.says = lambda task, attempt, _watch: (
        blocked(attempt, Reason.NEEDS_INPUT, "Which one?")
        if task.name.startswith("A") and attempt.number == 1
        else None
    )
    words = "Take the green one." if answer == "redirect" else ""
    asked: list[str] = []

    def decide(checkpoint: str, question: str) -> Decision:
        asked.append(question)
        return Decision(checkpoint, answer, words, "operator", datetime(2026, 11, 21, tzinfo=UTC))

    place.decide = decide
    place.run()

    assert asked == ["A-first-one: Which one?"]
    mine = [attempt for attempt in place.work.attempts if attempt.name.startswith("A")]
    assert (len(mine), mine[-1].guidance) == (attempts, words)
    assert place.status(task) is status
    assert any(f"{answer} (by operator)" in event.text for event in place.session.events)
    assert ("B-next-one" in place.worked_on()) is (answer != "abort")


# ------------------------------------------------------------------------------------- sources that fail


def test_a_source_that_is_away_is_waited_for_and_no_verdict_is_lost(place: Place) -> None:
    task = place.task("One")
    tracker, times = place.tracker, {"list": 2, "get": 2, "claim": 1, "comment": 3, "set_status": 3}

    class Flaky:
        def __getattr__(self, name: str) -> object:
            real = getattr(tracker, name)
            if not callable(real):
                return real

            def sometimes(*args: object, **named: object) -> object:
                if times.get(name, 0) > 0:
                    times[name] -= 1
                    raise SourceUnavailable(f"No answer to {name}.")
                return real(*args, **named)

            return sometimes

    place.tracker = Flaky()  # type: ignore[assignment]

    assert place.run() == 0

    assert set(times.values()) == {0}
    assert place.status(task) is Status.DONE
    assert place.text(task).count("Done: ") == 1
    assert any("No answer to comment. Trying again in" in line for line in place.voice.said)


def test_a_verdict_that_cant_be_told_is_kept_and_told_by_the_next_runner(place: Place) -> None:
    """The key was revoked meanwhile: the runner ends, the work is not done again."""
    task = place.task("One")
    tracker = place.tracker

    class Revoked:
        def __getattr__(self, name: str) -> object:
            def refused(*_: object, **__: object) -> object:
                raise SourceConfigError("The source refused the key.")

            return refused if name == "comment" else getattr(tracker, name)

    place.tracker = Revoked()  # type: ignore[assignment]
    with pytest.raises(SourceConfigError):
        place.run()
    assert place.session.state is RunnerState.ERROR

    place.tracker = tracker
    place.run(resume=True)

    assert place.status(task) is Status.DONE
    assert len(place.work.attempts) == 1
    assert place.session.tasks_completed == 1


def test_TS10_of_two_runners_exactly_one_works_a_task(place: Place, tmp_path: Path) -> None:
    """Claimed by the other between our look and our claim: left to them, and nothing of it stays here."""
    task = place.task("One")
    tracker = place.tracker

    class Slow(FileTracker):
        def claim(self, task: Task) -> Task:
            FileTracker(place.folder / "tasks", "bob").claim(tracker.get(task.id))
            return super().claim(task)

    place.tracker = Slow(place.folder / "tasks", AGENT)
    place.run()

    assert place.worked_on() == []
    assert place.tracker.get(task.id).claimed_by == "bob"
    assert place.claims.read() is None


def test_a_result_that_the_source_has_already_is_not_told_again(place: Place) -> None:
    task = place.task("One")
    place.work.says = lambda _task, attempt, _watch: replace(done(attempt), told=True)

    place.run()

    assert "Done" not in place.text(task)
    assert place.session.tasks_completed == 1
