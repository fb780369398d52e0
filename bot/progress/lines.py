"""The live log: an event as one line for people. Pure; every word of the log that tells how a run goes is here."""

from dataclasses import dataclass
from typing import Literal, assert_never

from bot.core.messages.words import counted, money
from bot.progress.events import (
    AgentBegan,
    AgentEnded,
    AgentSaid,
    ApiRetried,
    CheckBegan,
    CheckEnded,
    Entry,
    Isolated,
    LogCut,
    PhaseBegan,
    PhaseEnded,
    RunBegan,
    StillWorking,
    Todo,
    TodosChanged,
    ToolDenied,
    ToolUsed,
    TurnBegan,
    Verdict,
)
from bot.progress.state import Progress

Tone = Literal["", "head", "good", "bad", "faint"]
"""What a terminal may show in a colour: a part of the run, good and bad news, signs of life."""

LONGEST = 1_200
"""Characters of a line."""

SHORT_TODO = 60
"""Characters of a todo."""

MOST_TODOS = 20

PHASES = {
    "look": "Looking at the issue once more",
    "checkout": "Checking out",
    "collect": "Looking at what the agent left",
    "bundle": "Handing over",
}
"""What is said when a phase begins; `setup` and `checks` are told by their commands, `agent` by its attempt."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log."""

    text: str
    tone: Tone = ""


def line_for(entry: Entry, progress: Progress) -> Line | None:
    """The line that tells `entry`, with its time (and within the agent's work turn and cost); None: nothing is said."""
    told = _told(entry, progress)
    if told is None or not told.text:
        return None
    agent = f" turn {progress.turns} {money(progress.usd)}" if progress.phase == "agent" and progress.turns else ""
    return Line(f"[{clock(entry.elapsed)}{agent}] {told.text[:LONGEST]}", told.tone)


def _told(entry: Entry, progress: Progress) -> Line | None:
    match event := entry.event:
        case RunBegan():
            limits = f"at most ${event.usd:.2f} and {event.minutes} min of the agent, model {event.model}"
            name = event.task or f"#{entry.issue}"
            return Line(f"Run {entry.run} of {name} {event.title}: {limits}", "head")
        case PhaseBegan("agent", 0):
            return Line("The agent is asked to sum up", "head")
        case PhaseBegan("agent"):
            return Line(f"The agent begins (attempt {event.attempt} of {event.attempts})", "head")
        case PhaseBegan(phase):
            return Line(PHASES.get(phase, ""), "head")
        case Isolated("none"):
            return Line("Isolation: none", "bad")
        case Isolated(isolation):
            return Line(f"Isolation: {isolation}")
        case AgentBegan() | AgentSaid() | ToolUsed() | ToolDenied() | TodosChanged() | ApiRetried() | AgentEnded():
            return _of_the_agent(event)
        case CheckBegan() | CheckEnded():
            return _of_a_check(event)
        case StillWorking():
            return Line(f"still working: {_so_far(event, entry, progress)}", "faint")
        case LogCut():
            return Line(
                f"{event.bytes / 1e6:.0f} MB were told; from here on only phases, commands and the verdict", "bad"
            )
        case Verdict("done"):
            return Line(f"The work is done: {_cost(event)}", "good")
        case Verdict():
            return Line(f"The work ended as blocked ({event.reason}): {event.text} ({_cost(event)})", "bad")
        case PhaseEnded() | TurnBegan():
            return None
        case _:
            assert_never(event)


def _of_the_agent(
    event: AgentBegan | AgentSaid | ToolUsed | ToolDenied | TodosChanged | ApiRetried | AgentEnded,
) -> Line:
    match event:
        case AgentBegan():
            return Line(f"Claude Code {event.version}, {event.model}, {counted(event.turns, 'turn')} left")
        case AgentSaid():
            return Line(f"says: {event.text}")
        case ToolUsed():
            return Line(f"{event.tool} {event.target}".rstrip())
        case ToolDenied():
            return Line(f"{event.tool} was denied", "bad")
        case TodosChanged(todos):
            done = sum(todo.state == "completed" for todo in todos)
            more = f" … and {len(todos) - MOST_TODOS} more" if len(todos) > MOST_TODOS else ""
            return Line(f"todo {done}/{len(todos)}: {' '.join(map(_todo, todos[:MOST_TODOS]))}{more}")
        case ApiRetried():
            answer = f"answered {event.status}" if event.status else "did not answer"
            return Line(f"the model's API {answer}; trying again ({event.attempt} of {event.attempts})", "bad")
        case AgentEnded():
            figures = f"{counted(event.turns, 'turn')}, {money(event.usd)} so far, {span(event.seconds)}"
            return Line(f"The agent ended: {event.end}; {figures}", "head")
        case _:
            assert_never(event)


MARKS = {"completed": "x", "in-progress": ">", "pending": " "}


def _todo(todo: Todo) -> str:
    text = todo.text if len(todo.text) <= SHORT_TODO else f"{todo.text[: SHORT_TODO - 1]}…"
    return f"[{MARKS[todo.state]}] {text};"


def _of_a_check(event: CheckBegan | CheckEnded) -> Line:
    if isinstance(event, CheckBegan):
        return Line(f"{event.name}{' (detected)' if event.detected else ''}: $ {event.command}", "head")
    if event.exit_code == 0:
        return Line(f"{event.name}: passed in {event.seconds:.1f} s", "good")
    if event.exit_code == -1:
        return Line(f"{event.name}: stopped at its time limit, after {span(event.seconds)}", "bad")
    return Line(f"{event.name}: failed (exit code {event.exit_code}) after {event.seconds:.1f} s", "bad")


def _so_far(event: StillWorking, entry: Entry, progress: Progress) -> str:
    if event.doing != "agent" or progress.began is None:
        return f"{event.doing}, {span(event.seconds)}"
    turns, limits = counted(event.turns, "turn"), progress.began
    return (
        f"{turns}, {money(event.usd)} of ${limits.usd:.2f}, "
        f"{span(progress.agent_so_far(entry.elapsed))} of {limits.minutes} min"
    )


def _cost(event: Verdict) -> str:
    return f"{counted(event.turns, 'turn')}, {money(event.usd)}, {span(event.seconds)}"


def span(seconds: float) -> str:
    """A length of time: `48 s`, `3 min`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def clock(seconds: float) -> str:
    """Time since the beginning: `3:07`, `1:02:03`."""
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes}:{left:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{left:02}"
