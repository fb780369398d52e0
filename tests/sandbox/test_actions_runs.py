"""Workflow runs in the sandbox: real act, GitHub's rules for jobs, needs, inputs, tokens and what starts what."""

import zipfile
from pathlib import Path

import pytest

from bot.sandbox.actions.problems import Unsupported
from bot.sandbox.errors import Refused
from bot.sandbox.server import serve
from tests.sandbox.actions_stage import conclusions, job, logs, on_stage, wait_until

FLOW = """
    name: flow
    run-name: "flow #${{ github.event.issue.number }} ${{ github.event.action }}"
    on:
      issues: {types: [labeled]}
    permissions: {}
    jobs:
      first:
        runs-on: ubuntu-latest
        outputs:
          answer: ${{ steps.think.outputs.answer }}
          leaked: ${{ steps.think.outputs.leaked }}
        steps:
          - id: think
            env: {KEY: "${{ secrets.KEY }}"}
            run: |
              echo 'answer={"a": {"b": "it'"'"'s }}"}}' >> "$GITHUB_OUTPUT"
              echo "leaked=$KEY" >> "$GITHUB_OUTPUT"
              echo "# Thought ${{ vars.DEEPLY }}" >> "$GITHUB_STEP_SUMMARY"
              echo "the key is $KEY"
      second:
        needs: first
        if: fromJSON(needs.first.outputs.answer).a.b == 'it''s }}' && !needs.first.outputs.leaked
        runs-on: ubuntu-latest
        steps:
          - env: {ANSWER: "${{ needs.first.outputs.answer }}"}
            run: echo "got $ANSWER at ${{ github.sha }} in $GITHUB_REPOSITORY run $GITHUB_RUN_ID"
      third:
        needs: second
        if: github.event.label.name == 'other'
        runs-on: ubuntu-latest
        steps:
          - run: exit 1
"""


def test_a_label_runs_jobs_with_needs_outputs_and_conditions(tmp_path: Path) -> None:
    """Jobs run in order with the outputs of those they need; secrets stay out of logs and outputs."""
    with on_stage(tmp_path, {"flow.yml": FLOW}) as stage:
        stage.repo.secrets["KEY"] = "canary-1234"
        stage.repo.variables["DEEPLY"] = "deeply"
        stage.label()
        [run] = stage.finished()

    assert (run.display_title, run.event, run.status, run.conclusion) == (
        "flow #1 labeled",
        "issues",
        "completed",
        "success",
    )
    assert conclusions(run) == {"first": "success", "second": "success", "third": "skipped"}
    assert job(run, "first").summary == "# Thought deeply\n"
    assert f'got {{"a": {{"b": "it\'s }}}}"}}}} at {run.head_oid} in acme/shop run {run.id}' in logs(run)
    assert "the key is ***" in logs(run)
    assert "canary-1234" not in logs(run)


FAILING = """
    name: failing
    on: workflow_dispatch
    jobs:
      bad:
        runs-on: ubuntu-latest
        steps:
          - run: exit 3
          - run: echo NEVER
          - if: always()
            run: echo CLEAN-UP
      next: {needs: bad, runs-on: ubuntu-latest, steps: [{run: "echo NEVER"}]}
      after-next: {needs: next, if: "failure()", runs-on: ubuntu-latest, steps: [{run: "echo FAILURE"}]}
      last:
        needs: [bad, next]
        if: ${{ always() }}
        runs-on: ubuntu-latest
        steps:
          - run: echo "bad was ${{ needs.bad.result }}, next was ${{ needs.next.result }}"
"""


def test_a_failed_job_skips_what_needs_it_but_not_always(tmp_path: Path) -> None:
    """failure() and always() jobs run after a failure, the others are skipped; the run has failed."""
    with on_stage(tmp_path, {"flow.yml": FAILING}) as stage:
        run = stage.dispatch()
        stage.finished()

    assert run.conclusion == "failure"
    assert conclusions(run) == {"bad": "failure", "next": "skipped", "after-next": "success", "last": "success"}
    assert "bad was failure, next was skipped" in logs(run)
    assert [step.conclusion for step in job(run, "bad").steps] == ["failure", "skipped", "success"]
    assert "NEVER" not in logs(run)


TYPED = """
    name: typed
    run-name: "typed #${{ inputs.issue }} [${{ inputs.run_key }}]"
    on:
      workflow_dispatch:
        inputs:
          issue: {type: string, required: true}
          run_key: {type: string}
          minutes: {type: number, default: 5}
          dry: {type: boolean, default: true}
    jobs:
      only:
        runs-on: ubuntu-latest
        timeout-minutes: ${{ inputs.minutes }}
        steps:
          - if: inputs.dry && inputs.minutes > 4
            run: echo "minutes ${{ inputs.minutes }} issue ${{ inputs.issue }} raw ${{ github.event.inputs.minutes }}"
"""


def test_a_dispatch_is_named_at_once_and_its_inputs_are_typed(tmp_path: Path) -> None:
    """The run-name with the run key is there before the answer; a bad number is a startup failure."""
    with on_stage(tmp_path, {"flow.yml": TYPED}) as stage:
        run = stage.dispatch(issue="7", run_key="7-L1-1")
        assert run.display_title == "typed #7 [7-L1-1]"
        bad = stage.dispatch(issue="7", minutes="soon")
        stage.finished()

        assert run.conclusion == "success"
        assert "minutes 5 issue 7 raw 5" in logs(run)
        assert bad.conclusion == "startup_failure"
        assert "'soon' is not a number" in stage.actions.refusals[0]


def test_what_a_job_token_does_starts_nothing_but_dispatches(tmp_path: Path) -> None:
    """Events by GITHUB_TOKEN start no workflow, except repository_dispatch and workflow_dispatch; PRs wait for a click."""
    listener = """
        name: listener
        on:
          issues:
          issue_comment:
          pull_request:
          push:
          repository_dispatch: {types: [ai-ready]}
        jobs:
          only: {runs-on: ubuntu-latest, steps: [{run: "echo ${{ github.event_name }}"}]}
    """
    with on_stage(tmp_path, {"flow.yml": listener}) as stage:
        bot = stage.hub.tokens.for_job(stage.repo, {"issues": "write", "contents": "write", "pull-requests": "write"})
        issue = stage.hub.issues.create(stage.repo, bot, title="By a job")
        stage.hub.issues.add_labels(issue, ["bug"], bot)
        main = stage.hub.repos.branch_oid(stage.repo, "main")
        stage.hub.repos.create_ref(stage.repo, "refs/heads/ai/claim-1", main, bot)
        assert stage.finished() == []

        stage.hub.actions.repository_dispatch(stage.repo, bot, "other", {})
        stage.hub.actions.repository_dispatch(stage.repo, bot, "ai-ready", {})
        stage.hub.issues.add_labels(issue, ["ai-ready"], stage.ada)

        assert sorted(run.event for run in stage.finished()) == ["issues", "repository_dispatch"]


def test_a_tick_starts_the_scheduled_workflows(tmp_path: Path) -> None:
    """The hour's tick starts workflows with a schedule, and only those."""
    scheduled = """
        name: hourly
        on: {schedule: [{cron: "17 * * * *"}]}
        jobs: {only: {runs-on: ubuntu-latest, steps: [{run: "echo '${{ github.event.schedule }}'"}]}}
    """
    with on_stage(tmp_path, {"flow.yml": FLOW, "hourly.yml": scheduled}) as stage:
        stage.actions.tick(stage.repo)
        [run] = stage.finished()

    assert (run.event, run.conclusion) == ("schedule", "success")
    assert "17 * * * *" in logs(run)


TOKENS = """
    name: tokens
    on: workflow_dispatch
    permissions: {{contents: read}}
    jobs:
      writer:
        permissions: {{issues: write}}
        runs-on: ubuntu-latest
        steps: [{{run: "printf %s '${{{{ github.token }}}}' > {folder}/writer; while [ ! -e {folder}/go ]; do sleep 0.02; done"}}]
      reader:
        needs: writer
        runs-on: ubuntu-latest
        steps: [{{run: "printf %s '${{{{ github.token }}}}' > {folder}/reader"}}]
"""


def test_each_job_has_a_token_with_exactly_its_permissions(tmp_path: Path) -> None:
    """A job's token may do what its `permissions` say and nothing else, and is dead when the job has ended."""
    with on_stage(tmp_path, {"flow.yml": TOKENS.format(folder=tmp_path)}) as stage:
        run = stage.dispatch()
        writer = tmp_path / "writer"
        wait_until(lambda: writer.exists() and writer.read_text() != "", "the token is written")
        token = stage.hub.tokens.authenticate(f"Bearer {writer.read_text()}")
        token.require(stage.repo, "issues", "write")
        with pytest.raises(Refused, match="Resource not accessible by integration"):
            token.require(stage.repo, "contents", "read")
        assert (token.kind, token.job, token.run_id, token.user.id) == ("job", "writer", run.id, 41898282)
        (tmp_path / "go").touch()
        stage.finished()

        for name in ("writer", "reader"):
            with pytest.raises(Refused, match="Bad credentials"):
                stage.hub.tokens.authenticate(f"Bearer {(tmp_path / name).read_text()}")


ARTIFACTS = """
    name: artifacts
    on: workflow_dispatch
    jobs:
      up:
        runs-on: ubuntu-latest
        steps:
          - run: mkdir -p "$RUNNER_TEMP/out" && echo one > "$RUNNER_TEMP/out/one.txt"
          - uses: actions/upload-artifact@v7
            with: {name: handed, path: "${{ runner.temp }}/out", if-no-files-found: error}
          - run: echo two > "$RUNNER_TEMP/out/one.txt"
          - uses: actions/upload-artifact@v7
            with: {name: handed, path: "${{ runner.temp }}/out/one.txt\\n${{ runner.temp }}/out/absent", overwrite: true}
          - id: third
            continue-on-error: true
            uses: actions/upload-artifact@v7
            with: {name: handed, path: "${{ runner.temp }}/out"}
      down:
        needs: up
        runs-on: ubuntu-latest
        steps:
          - uses: actions/download-artifact@v8
            with: {name: handed, path: in}
          - run: echo "handed over $(cat in/one.txt)"
          - uses: actions/download-artifact@v8
            with: {name: absent}
"""


def test_artifacts_go_from_job_to_job(tmp_path: Path) -> None:
    """What one job uploads another downloads; a name is taken once, unless overwritten; what is absent fails."""
    with on_stage(tmp_path, {"flow.yml": ARTIFACTS}) as stage:
        run = stage.dispatch()
        stage.finished()

        assert conclusions(run) == {"up": "success", "down": "failure"}
        assert "handed over two" in logs(run)
        assert "an artifact with this name already exists" in logs(run)
        assert "Artifact not found for name: absent" in logs(run)
        [artifact] = run.artifacts
        assert artifact.name == "handed"
        assert zipfile.ZipFile(artifact.path).read("one.txt") == b"two\n"


def test_a_rerun_is_a_new_attempt_of_the_same_run(tmp_path: Path) -> None:
    """Re-run: same id, next attempt, jobs from the start."""
    with on_stage(tmp_path, {"flow.yml": FAILING}) as stage:
        run = stage.dispatch()
        stage.finished()
        stage.hub.actions.rerun(run)
        stage.finished()

    assert (run.run_attempt, run.conclusion, len(run.jobs)) == (2, "failure", 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("uses: actions/setup-node@v6", "there is no stand-in"),
        ("run: echo ${{ hashFiles('x') || inputs.x }}\n        strategy: {matrix: {a: [1]}}", "strategy"),
        ("run: 'true'\n          shell: sh", "shell: sh"),
    ],
    ids=["action", "key", "shell"],
)
def test_what_the_sandbox_cannot_do_fails_loudly(tmp_path: Path, text: str, problem: str) -> None:
    """Unknown actions and keys end the run and the test that waits for it."""
    flow = f"""
name: odd
on: workflow_dispatch
jobs:
      only:
        runs-on: ubuntu-latest
        steps:
        - {text}
"""
    with on_stage(tmp_path, {"flow.yml": flow}) as stage:
        run = stage.dispatch()

        with pytest.raises(Unsupported, match=problem):
            stage.finished()

    assert (run.status, run.conclusion) == ("completed", "startup_failure")


CHECKOUT = """
    name: checkout
    on: workflow_dispatch
    permissions: {contents: read}
    jobs:
      only:
        runs-on: ubuntu-latest
        steps:
          - uses: actions/checkout@v6
          - run: cat README.md && git log && git config --get-regexp 'http.*extraheader' | wc -l
          - uses: actions/checkout@v6
            with: {path: clean, persist-credentials: false, fetch-depth: 0}
          - run: cd clean && git log && ! git config --get-regexp 'http.*extraheader'
          - run: python3 -c 'import sys; print("terminal", sys.stdout.isatty(), repr(sys.stdin.read()))'
"""


def test_a_checkout_is_fetched_with_the_jobs_token(tmp_path: Path) -> None:
    """A private repository arrives; the token stays in its config unless told otherwise."""
    with on_stage(tmp_path, {"flow.yml": CHECKOUT}) as stage, serve(stage.hub):
        stage.repo.private = True
        run = stage.dispatch()
        stage.finished()

    assert run.conclusion == "success", logs(run)
    assert "# Shop\n" in logs(run)
    assert "\n1\n" in logs(run)
    assert logs(run).count("First commit") == 2
    assert "\nterminal False ''\n" in logs(run)
