"""What a run tells while it works: the types of one stream, and how one line of `events.jsonl` looks.

The job's log, the artifact, the job's summary and every other listener are made of these and of nothing else. They say
what is done, never what came of it: no contents of files, no output of tools or commands, nothing that was searched
for, and of the issue its title alone, because the artifacts of a public repository are public. Every text in them has
gone through `bot.progress.journal`: redacted, one line, bounded. docs/events.md is made of the docstrings here.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from bot.core.run import Admission

Phase = Literal["look", "checkout", "setup", "agent", "collect", "checks", "bundle"]


@dataclass(frozen=True, slots=True)
class RunBegan:
    """The first event: which run this is, and what it may use."""

    repo: str
    """`owner/name`."""
    title: str
    """The issue's title."""
    branch: str
    """The branch that the work is meant for."""
    model: str
    """As it was asked for; `agent-began` has the full name."""
    usd: float
    """US dollars it may spend."""
    minutes: int
    """Minutes that the agent may take, over all its attempts."""
    run_url: str
    """The page of the workflow run; empty outside Actions."""
    issue_url: str
    """The page of the issue, or of the task; empty: it has none."""
    task: str = ""
    """What people call the task of another source, such as `ENG-12`; empty: it is an issue."""

    @classmethod
    def of(cls, admission: Admission, server_url: str) -> "RunBegan":
        """The run that was admitted, at GitHub's `server_url`."""
        return cls(
            repo=admission.repo,
            title=admission.title,
            branch=admission.branch,
            model=admission.model,
            usd=admission.usd,
            minutes=admission.minutes,
            run_url=admission.run_url,
            issue_url="" if admission.task else f"{server_url}/{admission.repo}/issues/{admission.issue}",
            task=admission.task,
        )


@dataclass(frozen=True, slots=True)
class PhaseBegan:
    """A part of the run begins."""

    phase: Phase
    """`look`: at the issue once more; `collect`: what the agent left; `bundle`: the hand-over to `publish`."""
    attempt: int
    """Of `agent`: which one, from 1, or 0 where it is only asked to sum up; else 0."""
    attempts: int
    """Of `agent`: how many there may be; else 0."""


@dataclass(frozen=True, slots=True)
class PhaseEnded:
    """It is over, however it ended."""

    phase: Phase
    """The part that began last."""
    seconds: float
    """How long it took."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """What stands between the agent (and the repository's commands) and us."""

    isolation: str
    """`uid 61001`, or `none`."""


@dataclass(frozen=True, slots=True)
class AgentBegan:
    """The agent is up; once per attempt."""

    model: str
    """The model's full name."""
    version: str
    """Of the Claude CLI; of the SDK, with its name (`anthropic 2.12.0`)."""
    session: str
    """Its session id."""
    turns: int
    """Turns that are left to it."""


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """The model has answered: a turn of the agent."""

    turn: int
    """Its number in this run, from 1."""
    usd: float
    """US dollars spent so far."""


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """Words of the agent."""

    text: str
    """The first line of them."""


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """The agent uses a tool."""

    tool: str
    """`Read`, `Edit`, `Bash`, …"""
    target: str
    """A path (within the repository: relative to it); of a command the programs in it, without their arguments."""


@dataclass(frozen=True, slots=True)
class ToolDenied:
    """The agent was refused a tool."""

    tool: str
    """Which one."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One entry of the agent's list."""

    text: str
    """In the agent's words."""
    state: Literal["pending", "in-progress", "completed"]
    """Where it stands."""


@dataclass(frozen=True, slots=True)
class TodosChanged:
    """The agent's list of what it has to do is another one now."""

    todos: tuple[Todo, ...]
    """All of it, at most 50."""


@dataclass(frozen=True, slots=True)
class ApiRetried:
    """The model's API answered with an error, and the agent tries again."""

    status: int
    """Of the answer; 0: there was none."""
    attempt: int
    """Which try this will be, from 1."""
    attempts: int
    """How many there may be."""


@dataclass(frozen=True, slots=True)
class AgentEnded:
    """An attempt of the agent is over."""

    end: str
    """What it says of its work (`done`, `blocked`, `needs-input`), else what ended it (`timed-out`, `error …`)."""
    turns: int
    """Turns of this attempt."""
    usd: float
    """US dollars spent in this run so far."""
    seconds: float
    """How long the attempt took."""


@dataclass(frozen=True, slots=True)
class CheckBegan:
    """A command of the repository begins. Its output is in the log, never here."""

    name: str
    """`setup`, `fresh setup`, `lint` or `test`; with `(without the work)` where a failing one is compared with the start."""
    command: str
    """As it is configured."""
    detected: bool
    """Nobody configured it; it was found in the repository."""
    minutes: int
    """Its time limit."""


@dataclass(frozen=True, slots=True)
class CheckEnded:
    """It has ended."""

    name: str
    """As it began."""
    command: str
    """As it began."""
    detected: bool
    """As it began."""
    exit_code: int
    """0: passed; -1: stopped at its time limit; 127: not found."""
    seconds: float
    """How long it took."""


@dataclass(frozen=True, slots=True)
class StillWorking:
    """Nothing else was told for half a minute."""

    doing: str
    """The command or the phase that is under way."""
    seconds: float
    """How long it has been."""
    turns: int
    """Of the agent so far."""
    usd: float
    """US dollars spent so far."""


@dataclass(frozen=True, slots=True)
class LogCut:
    """More was told than is kept: from here on only phases, commands, signs of life and the verdict."""

    bytes: int
    """How much was kept before."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last event: what the work came to. `publish` looks at it once more and has the last word."""

    verdict: Literal["done", "blocked"]
    """`done` only when every rule of a Done holds."""
    reason: str
    """The reason code of Blocked; else empty."""
    text: str
    """One sentence that says why; empty when done."""
    turns: int
    """Of the agent."""
    usd: float
    """US dollars spent."""
    seconds: float
    """Of the whole work."""


Event = (
    RunBegan | PhaseBegan | PhaseEnded | Isolated | AgentBegan | TurnBegan | AgentSaid | ToolUsed | ToolDenied
    | TodosChanged | ApiRetried | AgentEnded | CheckBegan | CheckEnded | StillWorking | LogCut | Verdict
)  # fmt: skip

AS_OFTEN_AS_IT_LIKES: Final = (TurnBegan, AgentSaid, ToolUsed, ToolDenied, TodosChanged, ApiRetried)
"""What an agent can cause without end. Of everything else there is only so much, whatever it does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with what each line of the stream says of it."""

    time: datetime
    """UTC."""
    elapsed: float
    """Seconds since the run began."""
    run: str
    """The run key."""
    issue: int
    """The issue's number; 0: it is a task of another source."""
    event: Event


NAMES: Final[Mapping[type, str]] = {
    kind: re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower() for kind in get_args(Event)
}
"""The name of each event in the stream: `tool-used` of `ToolUsed`."""


def line_of(entry: Entry) -> str:
    """One line of `events.jsonl`."""
    said = {
        "time": f"{entry.time:%Y-%m-%dT%H:%M:%S}.{entry.time.microsecond // 1000:03}Z",
        "elapsed": round(entry.elapsed, 3),
        "run": entry.run,
        "issue": entry.issue,
        "event": NAMES[type(entry.event)],
        "data": dataclasses.asdict(entry.event),
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"
