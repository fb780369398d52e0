"""Stories of a run that is stopped at an inconvenient moment: the process ends in time, and what it knew is not lost."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from bot.agent.isolation import SameUser
from bot.sandbox.model import Turn, bash, done, write
from tests.stories.conftest import Opens
from tests.stories.test_run_command import start
from tests.stories.town import wait_until

WORK = (write("hello.py", "print('hello')\n"), done("Ok."))


def test_a_github_that_does_not_answer_delays_no_cancel(opens: Opens) -> None:
    """SIGINT during the second look, while an answer takes half a minute: an outcome, within seconds."""
    town = opens(*WORK)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()
    town.hub.faults.delay(20, "graphql", times=1)
    with run.killed("work") as environ:
        process = run.process("work", environ)
        wait_until(lambda: all(fault.times == 0 for fault in town.hub.faults._faults), "it waits for the answer")
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()

        assert process.wait(timeout=30) == 0

        took = time.monotonic() - begun
        run._take(environ)
    town.hub.faults.clear()
    assert took < 7
    assert run.outputs["outcome_sha256"]
    run.publish("cancelled")
    run.end("cancelled")
    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."


def test_the_result_of_a_cancelled_run_is_there_before_it_tidies_up(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting a big workspace may take longer than GitHub lets a cancelled step live."""
    town = opens(WORK[0], Turn(delay=60))
    town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()
    there: list[bool] = []
    discard = SameUser.discard

    def noting(self: SameUser, path: Path) -> None:
        there.append(
            (run.out / "outcome.json").exists() and "outcome_sha256" in (run.folder / "work.output").read_text()
        )
        discard(self, path)

    monkeypatch.setattr(SameUser, "discard", noting)

    def stop() -> None:
        wait_until(lambda: len(town.prompts()) > 1, "the agent works")
        os.kill(os.getpid(), signal.SIGINT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    outcome = run.work()
    stopper.join()

    assert (outcome.reason, there) == ("cancelled", [True])
    run.publish("cancelled")
    run.end("cancelled")


def test_ctrl_c_while_the_result_is_published_loses_nothing(opens: Opens) -> None:
    """On a laptop nobody comes after us: what was begun is said, and no issue stays at `ai-running`."""
    town = opens(*WORK)
    issue = town.asked()
    town.hub.faults.delay(2, "POST .*/pulls$", times=1)
    process = start(town, "--issue", "1")
    wait_until(lambda: bool(town.branch("ai/issue-1")), "the branch is pushed")

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) == 0
    assert town.verdict(issue).startswith("Done: draft PR")
    assert town.labels(issue) == {"ai-done"}


def test_a_runner_without_umask_keeps_our_git_folder_ours(opens: Opens) -> None:
    """Where everything is made 0777, the agent could give our git a configuration of its own."""
    town = opens(
        bash("stat -c '%n %A' ../store.git ../store.git/config ../store.git/info/exclude > modes"), done("Ok.")
    )
    town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()
    before = os.umask(0)
    try:
        run.work()
    finally:
        os.umask(before)
    run.publish()
    run.end()

    modes = town.read("ai/issue-1", "modes")
    assert modes is not None
    assert [line.split()[1][5] + line.split()[1][8] for line in modes.splitlines()] == ["--", "--", "--"], modes


def test_the_job_summary_obeys_nobody(opens: Opens) -> None:
    """A command's name, the repository's words, neither mentions nor loads an image in the job's summary."""
    config = (
        "agent: {model: sonnet, isolation: none}\nchecks: {test: \"false '![x](https://evil.example/p.png)' @rita\"}\n"
    )
    town = opens(*WORK, config=config)
    town.asked()
    run = town.next_run()
    assert run is not None

    summary = (run.all_jobs().folder / "publish.summary").read_text()

    assert "Blocked (tests-failed)" in summary
    assert "`'![x](https://evil.example/p.png)'` `@rita`" in summary


def test_a_run_that_never_began_says_nothing_of_its_isolation(opens: Opens) -> None:
    """`isolation: none` is a warning; a run in which nothing was run must not give it."""
    town = opens(*WORK, key="")
    issue = town.asked()
    town.settle()

    [body] = town.verdict_bodies(issue)
    assert body.startswith("Blocked (config-invalid): There is no key for the model")
    assert "isolation" not in body
