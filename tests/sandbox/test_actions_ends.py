"""How runs end before their time: groups, cancel signals, timeouts, a lost runner, a closed sandbox."""

import re
from pathlib import Path

import pytest

from bot.sandbox.actions import processes
from tests.sandbox.actions_stage import conclusions, job, logs, on_stage, wait_until

SERIAL = """
    name: serial
    on:
      workflow_dispatch:
        inputs: {{key: {{type: string}}}}
    run-name: "${{{{ inputs.key }}}}"
    jobs:
      one:
        runs-on: ubuntu-latest
        concurrency: {{group: "Group-${{{{ github.ref }}}}", cancel-in-progress: {in_progress}}}
        steps:
          - run: touch {folder}/at-${{{{ inputs.key }}}}; while [ ! -e {folder}/go ]; do sleep 0.02; done
      after: {{needs: one, runs-on: ubuntu-latest, steps: [{{run: "true"}}]}}
"""


def test_a_group_holds_one_and_lets_the_newest_wait(tmp_path: Path) -> None:
    """One runs, one waits; a newer one that waits cancels the older, none of whose steps run."""
    with on_stage(tmp_path, {"flow.yml": SERIAL.format(folder=tmp_path, in_progress="false")}) as stage:
        first = stage.dispatch(key="first")
        wait_until((tmp_path / "at-first").exists, "the first runs")
        second = stage.dispatch(key="second")
        wait_until(lambda: second.status == "in_progress", "the second waits")
        third = stage.dispatch(key="third")
        wait_until(lambda: second.status == "completed", "the second is replaced")
        assert (first.status, third.status) == ("in_progress", "in_progress")
        (tmp_path / "go").touch()
        stage.finished()

    assert [run.conclusion for run in (first, second, third)] == ["success", "cancelled", "success"]
    assert conclusions(second) == {"one": "cancelled", "after": "skipped"}
    assert not (tmp_path / "at-second").exists()


def test_a_group_with_a_queue_cancels_nobody(tmp_path: Path) -> None:
    """`queue: max`: whoever waits gets the place in its turn."""
    flow = SERIAL.format(folder=tmp_path, in_progress="false, queue: max")
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        runs = []
        for key in ("first", "second", "third"):
            runs.append(stage.dispatch(key=key))
            wait_until(lambda run=runs[-1]: run.status == "in_progress", f"the {key} runs or waits")  # type: ignore[misc]
        assert [run.status for run in runs] == ["in_progress"] * 3
        (tmp_path / "go").touch()
        stage.finished()

    begun = [(tmp_path / f"at-{key}").stat().st_mtime_ns for key in ("first", "second", "third")]
    assert [run.conclusion for run in runs] == ["success"] * 3
    assert begun == sorted(begun)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits between the signals of a cancel (a shell that waits for its child heeds no SIGINT)."""
    monkeypatch.setattr(processes, "INTERRUPT_SECONDS", 0.3)
    monkeypatch.setattr(processes, "TERMINATE_SECONDS", 0.3)


@pytest.mark.usefixtures("hasty")
def test_cancel_in_progress_ends_the_holder(tmp_path: Path) -> None:
    """With cancel-in-progress a newer job ends the one that runs."""
    with on_stage(tmp_path, {"flow.yml": SERIAL.format(folder=tmp_path, in_progress="true")}) as stage:
        first = stage.dispatch(key="first")
        wait_until((tmp_path / "at-first").exists, "the first runs")
        second = stage.dispatch(key="second")
        wait_until((tmp_path / "at-second").exists, "the second runs")
        (tmp_path / "go").touch()
        stage.finished()

    assert (first.conclusion, second.conclusion) == ("cancelled", "success")


PROGRAM = """
import signal, sys, time
def told(number, frame):
    print(f"got signal {number}", flush=True)
    if number in STOP_AT:
        sys.exit(1)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, told)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
CANCELLED = """
    name: cancelled
    on: workflow_dispatch
    jobs:
      work:
        runs-on: ubuntu-latest
        outputs: {{seen: "${{{{ steps.last.outputs.seen }}}}"}}
        steps:
          - run: exec python3 {program}
          - run: echo NEVER
          - if: failure()
            run: echo NEVER
          - if: cancelled()
            run: |
              echo CLEANING
              if [ -e {program}.daemon ]; then grep State "/proc/$(cat {program}.daemon)/status" || true; fi
          - id: last
            if: always()
            run: echo "seen=last" >> "$GITHUB_OUTPUT"
      skipped: {{needs: work, if: "!cancelled()", runs-on: ubuntu-latest, steps: [{{run: "echo NEVER"}}]}}
      publish:
        needs: [work, skipped]
        if: always()
        runs-on: ubuntu-latest
        steps:
          - if: always()
            run: echo "work was ${{{{ needs.work.result }}}}, seen ${{{{ needs.work.outputs.seen }}}}"
"""


def cancelled_flow(folder: Path, program: str) -> dict[str, str]:
    """The workflow with `program` as its long step."""
    (folder / "program.py").write_text(program)
    return {"flow.yml": CANCELLED.format(program=folder / "program.py")}


def test_a_cancelled_run_signals_python_and_goes_on_with_always(tmp_path: Path) -> None:
    """SIGINT reaches the step's program; always() steps and jobs still run and see `cancelled`, no other does."""
    with on_stage(tmp_path, cancelled_flow(tmp_path, PROGRAM.replace("STOP_AT", "(2,)"))) as stage:
        run = stage.dispatch()
        stage.wait_for_log(run, "ready\n")
        stage.hub.actions.cancel(run)
        stage.finished()

    assert run.conclusion == "cancelled"
    assert conclusions(run) == {"work": "cancelled", "skipped": "skipped", "publish": "success"}
    assert "got signal 2" in logs(run)
    assert "got signal 15" not in logs(run)
    assert "CLEANING" in logs(run)
    assert "work was cancelled, seen last" in logs(run)
    assert "NEVER" not in logs(run)


@pytest.mark.usefixtures("hasty")
def test_a_stubborn_program_gets_sigterm_then_its_whole_tree_is_killed(tmp_path: Path) -> None:
    """SIGINT, SIGTERM, then SIGKILL; a child that left its group and its parent does not survive either."""
    daemon = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    open(__file__ + ".daemon", "w").write(str(os.getpid()))
"""
    with on_stage(tmp_path, cancelled_flow(tmp_path, daemon + PROGRAM.replace("STOP_AT", "()"))) as stage:
        run = stage.dispatch()
        wait_until(lambda: logs(run).count("ready\n") == 2, "program and daemon are up")
        stage.hub.actions.cancel(run)
        stage.finished()

    assert logs(run).index("got signal 2") < logs(run).index("got signal 15")
    assert "work was cancelled, seen last" in logs(run)
    assert "\nCLEANING\n" in logs(run)
    assert not re.search(r"^State:\s+[^Z]", logs(run), re.MULTILINE)
    assert processes.ended(int((tmp_path / "program.py.daemon").read_text()))


def test_a_cancel_does_not_end_a_job_that_always_runs(tmp_path: Path) -> None:
    """GitHub asks the `if:` of a running job again: always() runs on, unless the cancel is forced."""
    flow = f"""
        name: always
        on: workflow_dispatch
        jobs:
          only:
            if: always()
            runs-on: ubuntu-latest
            steps:
              - run: echo begun; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo fin''ished
    """
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        polite, forced = stage.dispatch(), stage.dispatch()
        stage.wait_for_log(polite, "begun\n")
        stage.wait_for_log(forced, "begun\n")
        stage.hub.actions.cancel(polite)
        stage.hub.actions.cancel(forced, force=True)
        wait_until(lambda: forced.status == "completed", "the forced one ends")
        (tmp_path / "go").touch()
        stage.finished()

    assert "finished\n" in logs(polite)
    assert "finished\n" not in logs(forced)
    assert (conclusions(polite), polite.conclusion) == ({"only": "success"}, "cancelled")


def test_a_job_over_its_time_is_cancelled(tmp_path: Path) -> None:
    """timeout-minutes ends a job like a cancel, with the result `cancelled`; the run itself is not cancelled."""
    flow = cancelled_flow(tmp_path, PROGRAM.replace("STOP_AT", "(2,)"))
    flow["flow.yml"] = flow["flow.yml"].replace("      work:\n", "      work:\n        timeout-minutes: 0.01\n")
    with on_stage(tmp_path, flow) as stage:
        run = stage.dispatch()
        stage.finished()

    assert "got signal 2" in logs(run)
    assert "work was cancelled, seen last" in logs(run)
    assert job(run, "work").conclusion == "cancelled"


def test_a_lost_runner_fails_its_job_at_once(tmp_path: Path) -> None:
    """When the machine goes away nothing of the job runs on, not even always() steps; the next jobs do."""
    with on_stage(tmp_path, cancelled_flow(tmp_path, PROGRAM.replace("STOP_AT", "(2,)"))) as stage:
        run = stage.dispatch()
        stage.wait_for_log(run, "ready\n")
        assert stage.actions.lose_runner(run)
        stage.finished()
        assert not stage.actions.lose_runner(run)

    assert "got signal" not in logs(run)
    assert "CLEANING" not in logs(run)
    assert "work was failure, seen \n" in logs(run), logs(run)
    assert conclusions(run) == {"work": "failure", "skipped": "success", "publish": "success"}


def test_close_leaves_nothing_running(tmp_path: Path) -> None:
    """Closing the sandbox kills the jobs under way, their processes and the threads."""
    flow = f"""
        name: long
        on: workflow_dispatch
        jobs:
          only: {{runs-on: ubuntu-latest, steps: [{{run: "echo $$ > {tmp_path}/pid; exec sleep 100"}}]}}
    """
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        run = stage.dispatch()
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "it runs")

    assert run.conclusion == "cancelled"
    assert processes.ended(int((tmp_path / "pid").read_text()))
    assert not list((tmp_path / "hub" / "actions" / "jobs").iterdir())


def test_what_a_job_leaves_behind_is_killed(tmp_path: Path) -> None:
    """A process that outlives its job does not outlive it for long."""
    flow = f"""
        name: daemon
        on: workflow_dispatch
        jobs:
          only:
            runs-on: ubuntu-latest
            steps:
              - run: |
                  setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 100' > /dev/null 2>&1 < /dev/null &
                  while [ ! -s {tmp_path}/pid ]; do sleep 0.02; done
    """
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        run = stage.dispatch()
        stage.finished()
        pid = int((tmp_path / "pid").read_text())
        wait_until(lambda: processes.ended(pid), "it is gone")

    assert run.conclusion == "success"


def test_secrets_are_nowhere_on_the_machine_while_a_job_runs(tmp_path: Path) -> None:
    """Neither a command line nor a file that is left holds a secret or the job's token."""
    flow = f"""
        name: secret
        on: workflow_dispatch
        jobs:
          only:
            runs-on: ubuntu-latest
            steps:
              - run: |
                  printf %s '${{{{ github.token }}}}' > {tmp_path}/token
                  while [ ! -e {tmp_path}/go ]; do sleep 0.02; done
    """
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        stage.repo.secrets["KEY"] = "canary-0d9f"
        stage.dispatch()
        wait_until(lambda: (tmp_path / "token").exists() and (tmp_path / "token").read_text() != "", "it runs")
        token = (tmp_path / "token").read_text().encode()
        lines = b"".join(processes.read(folder / "cmdline") for folder in Path("/proc").iterdir())
        settings = list((tmp_path / "hub" / "actions" / "jobs").glob("*/settings"))
        (tmp_path / "go").touch()
        stage.finished()

    assert b"canary-0d9f" not in lines
    assert token not in lines
    assert settings == []
