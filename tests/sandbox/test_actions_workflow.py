"""Reading workflow files: what starts them, what GitHub refuses, what a called workflow may do."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from bot.sandbox.actions.problems import StartupFailure, Unsupported
from bot.sandbox.actions.triggers import starts
from bot.sandbox.actions.workflow import Source, read_jobs, typed_inputs
from bot.sandbox.records import Event, User

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = User(1, "U_1", "ada", "User", "Ada", "ada@example.com", NOW)
JOB = "{runs-on: ubuntu-latest, steps: [{run: 'true'}]}"


def event(name: str, action: str = "", ref: str = "", **payload: Any) -> Event:
    return Event(name, action, None, ADA, payload, "person", NOW, ref)


@pytest.mark.parametrize(
    ("on", "happened", "expected"),
    [
        ({"issues": None}, event("issues", "labeled"), True),
        ({"issues": {"types": ["closed", "labeled"]}}, event("issues", "labeled"), True),
        ({"issues": {"types": "closed"}}, event("issues", "labeled"), False),
        ({"issue_comment": {"types": ["created"]}}, event("issue_comment", "edited"), False),
        ({"pull_request": None}, event("pull_request", "synchronize"), True),
        ({"pull_request": None}, event("pull_request", "closed"), False),
        (
            {"pull_request": {"branches": ["main"]}},
            event("pull_request", "opened", pull_request={"base": {"ref": "dev"}}),
            False,
        ),
        ({"push": None}, event("push", ref="refs/heads/any"), True),
        ({"push": {"branches": ["main"]}}, event("push", ref="refs/heads/main"), True),
        ({"push": {"branches": ["main"]}}, event("push", ref="refs/heads/ai/issue-7"), False),
        ({"push": {"branches-ignore": ["ai/**"]}}, event("push", ref="refs/heads/ai/issue-7"), False),
        ({"push": {"tags": ["v*"]}}, event("push", ref="refs/heads/main"), False),
        ({"push": {"tags": ["v*"]}}, event("push", ref="refs/tags/v1"), True),
        ({"repository_dispatch": {"types": ["ai-ready"]}}, event("repository_dispatch", "ai-ready"), True),
        ({"repository_dispatch": {"types": ["ai-ready"]}}, event("repository_dispatch", "other"), False),
        ({"workflow_dispatch": None}, event("issues", "labeled"), False),
        ({"sub_issues": None}, event("sub_issues", "added"), False),
    ],
)
def test_what_starts_a_workflow(on: dict[str, Any], happened: Event, expected: bool) -> None:
    """Events, activity types, branches and tags, as GitHub documents them; webhooks of Apps start nothing."""
    assert starts(on, happened) is expected


def test_a_filter_that_is_not_known_is_refused() -> None:
    """Path filters would change what starts: never ignored."""
    with pytest.raises(Unsupported, match="paths"):
        starts({"push": {"paths": ["docs/**"]}}, event("push", ref="refs/heads/main"))


def source(text: str, path: str = "flow.yml") -> Source:
    return Source(yaml.load(text, Loader=yaml.BaseLoader), path, "acme/shop", "c0ffee")


def nowhere(_: Source, uses: str) -> Source:
    raise StartupFailure(f"workflow was not found: {uses}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on: push", "No jobs defined"),
        (f"jobs: {{a: {{needs: b, {JOB[1:]}, b: {{needs: a, {JOB[1:]}}}", "need each other"),
        (f"jobs: {{a: {{needs: gone, {JOB[1:]}}}", "do not exist"),
        ("jobs: {a: {runs-on: ubuntu-latest}}", "needs `runs-on` and `steps`"),
        (f"permissions: {{content: read}}\njobs: {{a: {JOB}}}", "Unexpected value 'content: read'"),
        (f"permissions: {{contents: admin}}\njobs: {{a: {JOB}}}", "Unexpected value 'contents: admin'"),
        ("jobs: {a: {uses: o/r/.github/workflows/x.yml@v1}}", "workflow was not found"),
    ],
)
def test_what_github_refuses(text: str, problem: str) -> None:
    """Each refusal is a startup failure that says what is wrong."""
    with pytest.raises(StartupFailure, match=problem):
        read_jobs(source(text), nowhere)


def test_jobs_come_after_those_they_need() -> None:
    """Order of need first, order of writing second."""
    text = f"jobs: {{c: {{needs: [a, b], {JOB[1:]}, a: {JOB}, b: {{needs: a, {JOB[1:]}}}"

    assert [job.id for job in read_jobs(source(text), nowhere)] == ["a", "b", "c"]


CALLED = f"""
on:
  workflow_call:
    inputs: {{issue: {{type: string}}, must: {{type: string, required: "true"}}}}
    secrets: {{key: {{}}}}
permissions: {{}}
jobs: {{inner: {{permissions: {{issues: write}}, {JOB[1:]}}}
"""


@pytest.mark.parametrize(
    ("caller", "problem"),
    [
        (
            "permissions: {issues: read}, with: {must: x}",
            "requesting 'issues: write', but is only allowed 'issues: read'",
        ),
        ("permissions: {issues: write}", "Input must is required"),
        ("permissions: {issues: write}, with: {must: x, odd: y}", "Invalid input, odd is not defined"),
        ("permissions: {issues: write}, with: {must: x}, secrets: {odd: y}", "Invalid secret, odd is not defined"),
    ],
)
def test_a_call_must_fit(caller: str, problem: str) -> None:
    """Permissions, inputs and secrets of a call are checked before anything runs."""
    text = f"jobs: {{outer: {{uses: o/r/.github/workflows/called.yml@v1, {caller}}}}}"
    with pytest.raises(StartupFailure, match=problem):
        read_jobs(source(text), lambda _source, _uses: source(CALLED, "called.yml"))


def test_a_call_that_fits_is_read_with_its_jobs() -> None:
    """The called jobs hold exactly their own permissions."""
    text = "jobs: {outer: {uses: o/r/.github/workflows/called.yml@v1, permissions: {issues: write, contents: write}, with: {must: x}}}"
    [outer] = read_jobs(source(text), lambda _source, _uses: source(CALLED, "called.yml"))

    assert outer.called is not None
    assert [(job.id, job.permissions) for job in outer.called.jobs] == [("inner", {"issues": "write"})]


def test_inputs_have_their_types() -> None:
    """Numbers, booleans and defaults."""
    declared = {"n": {"type": "number"}, "b": {"type": "boolean", "default": True}, "s": None, "d": {"default": "x"}}

    assert typed_inputs(declared, {"n": "2.5", "s": 7}) == {"n": 2.5, "b": True, "s": "7", "d": "x"}
    with pytest.raises(StartupFailure, match="not a boolean"):
        typed_inputs(declared, {"b": "maybe"})
