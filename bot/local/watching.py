"""What the page shows of a runner on a laptop: its tasks as they were listed last, and its attempts. `bot.page.shown.Source`.

Everything but the listing is read from the runner's own folder, as `ai-ready status` does; nothing of it is written here.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.core.boards.board import State
from bot.core.messages.status import SOURCES
from bot.core.messages.words import counted
from bot.core.model import Source as Because
from bot.core.settings import Laptop, OrderRules
from bot.core.titles import Id, Keyed
from bot.local.changes import changed_files
from bot.local.checkout import Checkout
from bot.local.claims import VERSION, Claim
from bot.local.overview import standing_of
from bot.local.runs import METADATA_FILE
from bot.local.session import RunnerState
from bot.local.state import StateFolder, UnreadableState, read_record
from bot.page.shown import (
    MOST_RUNS,
    Budget,
    CheckResult,
    Edge,
    Health,
    Issue,
    Link,
    Project,
    Run,
    RunDetail,
    Step,
    Summary,
    Vital,
    Wait,
    Why,
    summary,
)
from bot.page.told import MOST_BYTES, Told, read_told
from bot.progress.journal import EVENTS_FILE
from bot.trackers.arranging import Stand, stands
from bot.trackers.tracker import Listing, Status

HERE: Final = "here"
"""The one project."""
_STATES: Final = {
    Status.IN_PROGRESS: State.RUNNING,
    Status.IN_REVIEW: State.REVIEW,
    Status.BLOCKED: State.BLOCKED,
    Status.DONE: State.CLOSED,
    Status.CANCELLED: State.DROPPED,
}


class Watching:
    """Thread-safe."""

    def __init__(self, folder: StateFolder, agent: str, checkout: Checkout, rules: OrderRules, limits: Laptop) -> None:
        self._folder, self._agent, self._checkout = folder, agent, checkout
        self._rules, self._limits = rules, limits
        self._lock = threading.Lock()
        self._listing = Listing(())
        self._listed_at: datetime | None = None
        self._listings = 0
        self._stood: tuple[int, tuple[Stand, ...]] = (0, ())
        """Where the tasks stand, and of which listing."""
        self._ended: dict[Path, tuple[int, Run, Claim]] = {}
        """Attempts that have ended, and the file's time by which they were read."""

    def show(self, listing: Listing) -> None:
        """The runner has read its tasks. At once."""
        with self._lock:
            self._listing, self._listed_at = listing, datetime.now(UTC)
            self._listings += 1

    # ----------------------------------------------------------------------------- bot.page.shown.Source

    def version(self, project: str = "") -> int:  # noqa: ARG002 (there is one)
        """Of the listing, and of the files' times."""
        paths = [self._folder.session(self._agent), self._folder.claim(self._agent), self._folder.path / "runs"]
        claim = self._claim()
        if claim is not None:
            paths.append(self._folder.run(claim.run_key) / EVENTS_FILE)
        return hash((self._listings, *map(_changed_at, paths))) & 0xFFFF_FFFF_FFFF

    def overview(self) -> tuple[Summary, ...]:
        """The one project."""
        return (summary(self._project()),)

    def name(self, project: str) -> Link | None:
        """None: not that one."""
        return Link(self._checkout.name) if project == HERE else None

    def project(self, project: str) -> Project | None:
        """None: not that one."""
        return self._project() if project == HERE else None

    def why(self, project: str, issues: Sequence[str]) -> Mapping[str, Why]:
        """Why these tasks are where they are."""
        if project != HERE:
            return {}
        wanted = frozenset(issues)
        return {each.task.id: self._why(each) for each in self._stands() if each.task.id in wanted}

    def runs(self, project: str, most: int = MOST_RUNS) -> tuple[Run, ...]:
        """The newest first."""
        if project != HERE:
            return ()
        found = [run for run, _ in self._attempts()]
        return tuple(sorted(found, key=lambda run: run.at, reverse=True)[:most])

    def run(self, project: str, key: str) -> RunDetail | None:
        """An attempt, with its log."""
        found = next((each for each in self._attempts() if each[0].key == key), None) if project == HERE else None
        if found is None:
            return None
        run, claim = found
        told = self._told(key)
        progress = told.progress
        outcome = claim.result.outcome if claim.result is not None else None
        checks = outcome.checks if outcome is not None else progress.checks
        return RunDetail(
            run=replace(
                run, turns=outcome.turns if outcome is not None else progress.turns, usd=max(run.usd, progress.usd)
            ),
            steps=tuple(_steps(run)),
            figures=tuple(_figures(claim, told)),
            checks=tuple(CheckResult(each.name, each.command, each.exit_code, each.seconds) for each in checks),
            changed=changed_files(self._checkout, claim.result.commit) if claim.result is not None else (),
            log=told.log,
            summary=outcome.summary if outcome is not None else "",
            command="" if run.state == "ended" else "ai-ready stop",
        )

    def health(self) -> Health:
        """How the runner stands."""
        try:
            standing = standing_of(self._folder, self._agent)
        except UnreadableState as problem:
            return Health("failing", (Vital("state", "The runner's own files", "unreadable", False, str(problem)),))
        session, state = standing.session, standing.state
        bad = state in (RunnerState.KILLED, RunnerState.ERROR)
        why = session.why if session else ""
        listed = f"{self._listed_at:%Y-%m-%d %H:%M:%S} UTC" if self._listed_at else "not yet"
        vitals = [
            Vital("state", "The runner is", state.value, not bad, why or "`ai-ready start --resume` goes on."),
            Vital("listed", "Tasks were read last at", listed),
            Vital("source", "Task source", session.source if session else ""),
        ]
        if session is not None:
            vitals += [
                Vital(
                    "crashes", "Attempts that crashed and were tried again", str(session.crashes), not session.crashes
                ),
                *(Vital("event", f"{each.at:%H:%M:%S} UTC", each.text) for each in session.events[-10:][::-1]),
            ]
        return Health("failing" if bad else "ready", tuple(vitals))

    # ---------------------------------------------------------------------------------------- tasks

    def _stands(self) -> tuple[Stand, ...]:
        with self._lock:
            count, listing = self._listings, self._listing
        known = self._stood
        if known[0] != count:
            known = self._stood = count, stands(listing, self._rules)
        return known[1]

    def _project(self) -> Project:
        found = self._stands()
        claim = self._claim()
        at_work = claim.task_id if claim is not None and claim.result is None else ""
        return Project(
            id=HERE,
            name=Link(self._checkout.name),
            at=self._listed_at or datetime.now(UTC),
            issues=tuple(_issue(each, at_work) for each in found),
            edges=tuple(_edges(found)),
            parallel=self._rules.within_phase == "parallel",
            budget=self._budget(),
            problems=tuple(problem.text for problem in self._listing.problems),
            commands=MappingProxyType(
                {
                    "Stop the runner; nothing is lost": "ai-ready stop",
                    "Go on": "ai-ready start --resume",
                    "Say how it stands": "ai-ready status",
                }
            ),
        )

    def _budget(self) -> Budget | None:
        try:
            session = standing_of(self._folder, self._agent).session
        except UnreadableState:
            return None
        if session is None:
            return None
        return Budget(
            session.total_cost, self._limits.usd, session.tasks, self._limits.tasks, int(bool(session.task)), 1
        )

    def _why(self, stand: Stand) -> Why:
        status = stand.task.status
        if stand.waits:
            waits = tuple(
                Wait(
                    Link(each.name),
                    "task source" if each.source is Because.NATIVE else SOURCES[each.source],
                    each.standing,
                )
                for each in stand.waits
            )
            return Why(f"Waits for {counted(stand.total, 'task')}, and starts by itself then.", waits, stand.total)
        if stand.problem:
            return Why(stand.problem)
        match status:
            case Status.TODO if stand.task.eligible:
                return Why("**Ready**: it is started when it is its turn.")
            case Status.BLOCKED:
                return Why("**Blocked**: its notes say why. Mend that, and set it back to todo.")
            case Status.IN_REVIEW:
                return Why("**In review**: later tasks of its series wait until it is done.")
            case Status.IN_PROGRESS:
                return Why("**At work**.")
            case _:
                return Why(status.value)

    # ----------------------------------------------------------------------------------------- runs

    def _claim(self) -> Claim | None:
        try:
            return read_record(self._folder.claim(self._agent), Claim, version=VERSION)
        except UnreadableState:
            return None

    def _attempts(self) -> Iterator[tuple[Run, Claim]]:
        """What is under way, and what has ended."""
        under_way = self._claim()
        if under_way is not None and under_way.result is None:
            yield _run(under_way), under_way
        for path in (self._folder.path / "runs").glob(f"*/{METADATA_FILE}"):
            at = _changed_at(path)
            known = self._ended.get(path)
            if known is None or known[0] != at:
                try:
                    claim = read_record(path, Claim, version=VERSION)
                except UnreadableState:
                    continue
                if claim is None:
                    continue
                known = self._ended[path] = at, _run(claim, ended_at=datetime.fromtimestamp(at / 1e9, UTC)), claim
            yield known[1], known[2]

    def _told(self, key: str) -> Told:
        try:
            with (self._folder.run(key) / EVENTS_FILE).open("rb") as file:
                return read_told(key, file.read(MOST_BYTES).splitlines())
        except OSError:
            return read_told(key, ())


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _issue(stand: Stand, at_work: str) -> Issue:
    task, key = stand.task, stand.key
    if task.id == at_work:
        state = State.RUNNING
    elif task.status is not Status.TODO:
        state = _STATES[task.status]
    elif not task.eligible:
        state = State.IDLE
    else:
        state = State.WAITING if stand.waits else State.BLOCKED if stand.problem else State.QUEUED
    return Issue(
        id=task.id,
        name=Link(task.name, task.url),
        title=task.title,
        state=state,
        label=key.label if isinstance(key, Keyed | Id) else "",
        series=stand.series,
        phase=key.phase if isinstance(key, Keyed) else None,
        place=0 if task.id == at_work else stand.place,
    )


def _edges(found: Iterable[Stand]) -> Iterator[Edge]:
    for stand in found:
        for each in stand.waits:
            if each.task and each.source is not Because.PHASE:
                yield Edge(each.task, stand.task.id, "task source")


def _run(claim: Claim, ended_at: datetime | None = None) -> Run:
    result = claim.result
    verdict = "" if result is None else "done" if result.outcome.verdict == "done" else result.outcome.reason
    pull = Link("pull request", result.pull) if result is not None and result.pull else None
    return Run(
        key=claim.run_key,
        issue=claim.task_id,
        name=Link(claim.name),
        state="running" if result is None else "ended",
        at=claim.locked_at,
        title=claim.title,
        verdict=verdict,
        ended_at=ended_at,
        usd=result.outcome.usd if result is not None else 0.0,
        turns=result.outcome.turns if result is not None else None,
        pull=pull,
    )


def _steps(run: Run) -> Iterator[Step]:
    yield Step(run.at, "the runner claimed the task")
    if run.ended_at is not None:
        yield Step(run.ended_at, f"it ended: {run.verdict}")


def _figures(claim: Claim, told: Told) -> Iterator[tuple[str, str]]:
    yield "Branch", claim.branch_name
    yield "Attempt", str(claim.attempt)
    yield from told.figures
    if claim.result is None:
        yield "Now at", told.progress.doing
    elif claim.result.outcome.text:
        yield "Verdict", claim.result.outcome.text
    if claim.result is not None and claim.result.kept:
        yield "Work tree that was kept", str(claim.result.kept)
