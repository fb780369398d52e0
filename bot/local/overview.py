"""How a runner stands, for people and machines: true of its process, not only of its files. Reads, and changes nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.core.messages.words import clock, counted, money
from bot.core.outbound import clean
from bot.core.settings import Laptop, OrderRules
from bot.local.choosing import choose, ours
from bot.local.claims import Claim, ClaimFile
from bot.local.control import Alive, runner_at
from bot.local.session import RunnerState, Session, limit_reached, read_session
from bot.local.state import StateFolder
from bot.trackers.arranging import arrange_tasks
from bot.trackers.tracker import Listing, Status, Task

EVENTS: Final = 10
"""The last ones are shown."""

WIDEST_NAME: Final = 40
"""Characters of the column with names; a longer one moves its own line only."""

_AT_WORK: Final = (RunnerState.RUNNING, RunnerState.WAITING, RunnerState.PAUSED)


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent's runner."""

    agent: str
    state: RunnerState
    alive: Alive | None
    session: Session | None
    claim: Claim | None

    def as_json(self) -> dict[str, Any]:
        """`state`, `tasks_completed` and `total_cost` are the words of the runners before this one."""
        session, claim = self.session, self.claim
        return {
            "agent_id": self.agent,
            "state": self.state.value,
            "pid": self.alive.pid if self.alive else None,
            "session_id": session.session_id if session else "",
            "tasks_completed": session.tasks_completed if session else 0,
            "tasks_blocked": session.tasks_blocked if session else 0,
            "total_cost": round(session.total_cost, 4) if session else 0.0,
            "metrics": {
                "turns": session.turns if session else 0,
                "seconds": round(session.seconds, 1) if session else 0.0,
                "crashes": session.crashes if session else 0,
            },
            "why": session.why if session else "",
            "task": {"id": claim.task_id, "name": claim.name, "title": claim.title, "branch": claim.branch_name}
            if claim
            else None,
            "recent_events": [
                {"at": f"{each.at:%Y-%m-%dT%H:%M:%SZ}", "text": each.text} for each in session.events[-EVENTS:]
            ]
            if session
            else [],
        }


def standing_of(folder: StateFolder, agent: str) -> Standing:
    """How an agent's runner stands."""
    alive = runner_at(folder.runner(agent))
    session, claim = read_session(folder.session(agent)), ClaimFile.of(folder, agent).read()
    state = session.state if session else RunnerState.IDLE
    if alive is None and state in _AT_WORK:
        state = RunnerState.KILLED
    if alive is not None and state not in _AT_WORK:
        state = RunnerState.RUNNING  # it has just begun, or is about to end
    return Standing(agent, state, alive, session, claim)


def status_text(standing: Standing, limits: Laptop) -> str:
    """For people."""
    return _shown(_status_lines(standing, limits))


def _status_lines(standing: Standing, limits: Laptop) -> Iterator[str]:
    session, claim, alive = standing.session, standing.claim, standing.alive
    yield f"Runner: {standing.agent}"
    if alive is not None:
        yield f"State: {standing.state.value} (process {alive.pid or '?'}, since {alive.since or 'just now'})"
    elif standing.state is RunnerState.KILLED:
        last = f"; its last word was at {clock(session.updated)}" if session and session.updated else ""
        yield f"State: killed (it is not running{last})"
    else:
        yield f"State: {standing.state.value} (it is not running)"
    if session is None:
        yield "It never ran here: `ai-ready start` begins."
        return
    if session.why:
        yield f"Why: {session.why}"
    if claim is not None:
        yield f"Task: {claim.name} {claim.title} (attempt {claim.attempt}, on {claim.branch_name}, since {clock(claim.locked_at)})"
        if alive is None:
            yield f"{claim.name} will be taken up again by `ai-ready start --resume`."
    yield f"Tasks completed: {session.tasks_completed}, blocked: {session.tasks_blocked} (at most {limits.tasks})"
    yield f"Total cost: {money(session.total_cost)} (at most {money(limits.usd)})"
    crashes = f", {counted(session.crashes, 'crash')}" if session.crashes == 1 else f", {session.crashes} crashes"
    yield f"Metrics: {counted(session.turns, 'turn')}, {session.seconds:.0f} s of work{crashes}"
    yield "Recent events:"
    for each in session.events[-EVENTS:]:
        yield f"  {clock(each.at)}  {each.text}"


def tasks_text(listing: Listing, rules: OrderRules) -> str:
    """All tasks, those that are ready first, in their order; then what waits, and for what."""
    arranged = arrange_tasks(listing, rules)
    ready = {task.id: place for place, task in enumerate(arranged.ready)}
    tasks = sorted(listing.tasks, key=lambda task: ready.get(task.id, len(ready)))
    width = min(max((len(task.name) for task in tasks), default=0), WIDEST_NAME)
    lines = [f"{task.name:{width}}  {_word(task, ready):11}  {task.title}" for task in tasks]
    notes = [*arranged.skipped, *arranged.invalid, *arranged.notes]
    return _shown([*(lines or ["There are no tasks."]), *([""] if notes else []), *notes])


def tasks_json(listing: Listing, rules: OrderRules) -> list[dict[str, Any]]:
    """The same for machines."""
    ready = {task.id for task in arrange_tasks(listing, rules).ready}
    return [
        {
            "id": task.id,
            "name": task.name,
            "title": task.title,
            "status": task.status.value,
            "ready": task.id in ready,
            "priority": task.priority.name.lower(),
            "claimed_by": task.claimed_by,
            "url": task.url,
        }
        for task in listing.tasks
    ]


def resume_text(
    project: str, source: str, standing: Standing, listing: Listing, rules: OrderRules, limits: Laptop
) -> str:
    """What a next `ai-ready start --resume` would find."""
    counts = {status: sum(1 for task in listing.tasks if task.status is status) for status in Status}
    shown = ", ".join(f"{number} {status.value}" for status, number in counts.items() if number)
    lines = [
        f"Project: {project}",
        f"Provider: {source}",
        f"Tasks: {len(listing.tasks)} ({shown or 'none'})",
        *_listed("In progress", listing, Status.IN_PROGRESS),
        *_listed("Blocked", listing, Status.BLOCKED),
        "Next steps:",
        *(f"  {each}" for each in _next_steps(standing, listing, rules, limits)),
    ]
    return _shown(lines)


def _next_steps(standing: Standing, listing: Listing, rules: OrderRules, limits: Laptop) -> Iterator[str]:
    if standing.alive is not None:
        yield "A runner is at work: `ai-ready status` says what it does, `ai-ready stop` ends it."
        return
    mine = [standing.claim.name] if standing.claim else [task.name for task in ours(listing, standing.agent)]
    for name in mine:
        yield f"`ai-ready start --resume` takes up {name} again."
    if standing.session is not None and (why := limit_reached(standing.session, limits)):
        yield why
    following = choose(listing, rules).task
    if following is not None:
        then = "Then" if mine else "`ai-ready start --resume`:"
        yield f"{then} {following.name} is next: {following.title}"
    blocked = [task.name for task in listing.tasks if task.status is Status.BLOCKED]
    if blocked:
        yield f"Read the notes of {', '.join(blocked[:5])}, mend what they say, and set them back to todo."
    if not (mine or following or blocked):
        yield ("Nothing is left to be done." if listing.tasks else "There are no tasks yet.")


def _listed(words: str, listing: Listing, status: Status) -> list[str]:
    found = [task for task in listing.tasks if task.status is status]
    return [f"{words}:", *(f"  {task.name} {task.title}{_by(task)}" for task in found)] if found else []


def _by(task: Task) -> str:
    return f" ({task.claimed_by})" if task.claimed_by else ""


def _word(task: Task, ready: dict[str, int]) -> str:
    return "ready" if task.id in ready else task.status.value


def _shown(lines: Iterable[str]) -> str:
    """Titles and names are other people's words: none of them moves, hides or adds a line on the terminal."""
    return "".join(f"{clean(line).replace(chr(10), ' ')}\n" for line in lines)
