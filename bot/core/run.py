"""One run: what `gate` hands on (`Admission`), what the agent did (`AgentReport`), what `work` says (`Outcome`).

`Admission` and `Outcome` cross between jobs as small JSON objects (`bot.job.handover` reads and writes them).
`Outcome` comes from a machine on which hostile code ran, so it is data, never authority: branch, base and issue
are taken from the admission.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from bot.core.names import RunKind


@dataclass(frozen=True, slots=True)
class Admission:
    """`admit` said yes: everything `work` and `publish` need to know of a run. Made by gate or server, from facts only."""

    issue: int
    repo: str
    """`owner/repo`."""
    run_key: str
    """`<issue>-<request id>-<attempt>`; deterministic, so that a run can be recognised everywhere.
    Of a task: `core.tasks.task_run_key`.
    """
    title: str
    branch: str
    """The branch to write: `ai/issue-7`."""
    base: str
    """The branch the PR goes to."""
    base_oid: str
    """Where `base` was when the run was admitted."""
    head_oid: str
    """What the run starts from: the branch's head while our PR is open (or kept work), else `base_oid`."""
    approver_id: int
    approver_login: str
    model: str
    usd: float
    minutes: int
    content_sha: str
    """sha256 of title + "\\n" + body as approved, in hex."""
    guidance: str = ""
    """The words after `/ai run`, by a person who may ask."""
    run_id: int = 0
    """The workflow run, negative outside Actions; 0: the server admitted it, before there was one."""
    run_url: str = ""
    kind: RunKind = "work"
    pull: int = 0
    """Of a `fix`: our open pull request that it mends."""
    server_id: int = 0
    """User id of the server's bot, whose comments are ours as well; 0: there is no server."""
    task: str = ""
    """What people call a task of another source (`ENG-12`); `issue` is 0 then. Empty: it is an issue of GitHub's."""
    asker: str = ""
    """Of such a task: the `Name <address>` by which git knows who asked; empty: it knows nobody."""
    seconds: int = 0
    """Of such a task: the agent's time where it is given in seconds; 0: `minutes` say it."""

    @property
    def agent_seconds(self) -> int:
        """What the agent may take, over all its attempts."""
        return self.seconds or self.minutes * 60


@dataclass(frozen=True, slots=True)
class Check:
    """One command of the repository, run by us, as the agent's user."""

    name: str
    """`setup`, `lint` or `test`."""
    command: str
    exit_code: int
    """Its exit code; -1: killed at its time limit."""
    seconds: float
    detected: bool = False
    """True: nobody configured it; we found it in the repository."""
    tail: str = ""
    """The last lines of its output (stdout and stderr as one), redacted."""

    @property
    def passed(self) -> bool:
        """The command ended by itself with exit code 0."""
        return self.exit_code == 0


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What one spawn of the Claude CLI left behind: facts only, judged by `bot.core.verdict`."""

    exit_code: int
    """The CLI's; negative: killed by that signal; 127: it could not be started."""
    stopped_for: Literal["", "timed-out", "cancelled", "over-budget", "hung", "flooded", "context"] = ""
    """Why *we* killed it. `hung`: a result came but the process would not end; `flooded`: a line over the cap;
    `context`: its context window came to be too full to go on.
    """
    results: int = 0
    """How many `result` messages came; exactly one is right."""
    is_error: bool = False
    subtype: str = ""
    terminal_reason: str = ""
    api_error_status: int = 0
    errors: tuple[str, ...] = ()
    structured: Mapping[str, Any] | None = None
    """`structured_output` when it is there and has the form that was asked for; a run's own: {verdict, summary, reason}."""
    words: str = ""
    """The last thing that it said in words."""
    denials: tuple[str, ...] = ()
    """Names of tools that were denied."""
    turns: int = 0
    context: float = 0.0
    """Share of the model's context window that was used in its last answer."""
    usd: float = 0.0
    """`total_cost_usd`: cumulative over the session, a list-price estimate."""
    metered_usd: float = 0.0
    """What the key proxy counted for this session."""
    seconds: float = 0.0
    session_id: str = ""
    model: str = ""
    version: str = ""
    stderr_tail: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent answers to one review thread."""

    thread: str
    """The thread's node id, as `work` gave it to the agent; `publish` answers only threads that it sees itself."""
    text: str
    """The agent's own words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `work` says happened. `verdict` is done only when every rule of `bot.core.verdict` holds."""

    run_key: str
    verdict: Literal["done", "blocked"]
    reason: str = ""
    """A reason code of Blocked; empty when done."""
    text: str = ""
    """One sentence for the verdict comment."""
    details: str = ""
    """More, e.g. the tail of a failing check."""
    summary: str = ""
    """The agent's own words: shown fenced and neutralised."""
    checks: tuple[Check, ...] = ()
    checks_missing: bool = False
    """No check is configured and none was found."""
    usd: float = 0.0
    """What the model cost: the proxy's count, or the CLI's where that is more."""
    turns: int = 0
    seconds: float = 0.0
    model: str = ""
    session_id: str = ""
    agent_version: str = ""
    isolation: str = ""
    """What stood between the agent and us: `uid 61001`, `none`."""
    commit_oid: str = ""
    """The one commit in the bundle, on top of the admission's `head_oid`; empty: there are no changes."""
    notes: tuple[str, ...] = ()
    """What deserves a look: manifests changed, images not read, hidden text stripped, …"""
    replies: tuple[Reply, ...] = ()
    """Of a `fix`: at most one for each thread."""
    planned: bool = False
    """`summary` is a plan, which waits for somebody's approval."""
    proposal: str = ""
    """Of an `init`: the plan of issues, as JSON in the shape of the agent's answer; `publish` reads it as strictly."""
    again: bool = False
    """Nothing was begun because it has to wait again: the request is not used up."""
    metrics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Seconds by phase (`checkout`, `setup`, `agent`, `checks`, `bundle`)."""
