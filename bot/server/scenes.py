"""What the page shows of the server: what the passes saw last, and the ledger's runs. `bot.page.shown.Source`.

What a pass saw is made into pages when somebody looks, and kept until the next pass. What another
replica saw is not known here: a page of several replicas shows what its own has looked at.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from bot.core.ledger import DONE, Record, records
from bot.core.model import Snapshot
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.survey import Survey
from bot.github.archive import MOST_FILES
from bot.github.ports import Place
from bot.page.planned import Planned
from bot.page.shown import (
    MOST_RUNS,
    Changed,
    Health,
    Link,
    Project,
    Run,
    RunDetail,
    RunState,
    Step,
    Summary,
    Why,
    summary,
)
from bot.server.ports import PastRun, RunStage, Store
from bot.server.run_records import RunRecord, RunRecords, Wanted

T = TypeVar("T")

UNREAD: Final = "Its log could not be read now: look again in a few minutes, or open the run on GitHub."


@dataclass(slots=True)
class _Kept(Generic[T]):
    """Something that is made anew when the version is another one."""

    version: int = -1
    value: T | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, version: int, make: Callable[[], T]) -> T:
        """As it was made for this version; of those who ask at once, one makes it."""
        with self.lock:
            if self.value is None or self.version != version:
                self.value, self.version = make(), version
            return self.value


@dataclass(slots=True)
class Scene:
    """One repository, as it was seen last."""

    version: int
    planned: Planned
    records: Mapping[str, Record]
    """By run key: the ended runs of issues that were read in detail."""
    runs: _Kept[tuple[Run, ...]] = field(default_factory=_Kept)
    latest: dict[int, _Kept[tuple[Run, ...]]] = field(default_factory=dict)
    """Fewer of them, by how many: the page of a repository shows some, and reads no more."""
    run_ids: dict[str, int] = field(default_factory=dict)
    """Of workflow runs, by run key: what is known of those in `runs`."""


class Scenes:
    """Thread-safe."""

    def __init__(self, store: Store, server_url: str, kept: RunRecords | None = None) -> None:
        """`server_url`: GitHub's, without a slash at the end. `kept`: of what runs left there; None: nothing is."""
        self._store = store
        self._kept = kept
        self._health: Callable[[], Health] = lambda: Health("starting")
        self._server_url = server_url
        self._lock = threading.Lock()
        self._version = 1
        self._scenes: dict[str, Scene] = {}
        self._reached: list[Place] = []
        self._overview: _Kept[tuple[Summary, ...]] = _Kept()

    def show(self, place: Place, seen: Snapshot, survey: Survey, config: RepoConfig | ConfigProblem) -> None:
        """A pass is over, and saw this. What is dear of it is made here, by its thread: it is little beside what the pass
        took, and whoever looks does not wait for it.
        """
        project = str(place.repository_id)
        planned = Planned(project, seen, survey, config, self._server_url)
        planned.prepare()
        ended = {r.run_key: r for issue in seen.issues.values() if issue.detailed for r in records(issue, seen.own_ids)}
        with self._lock:
            self._version += 1
            self._scenes[project] = Scene(self._version, planned, ended)

    def attend(self, health: Callable[[], Health]) -> None:
        """Ask this how the server is, from now on."""
        self._health = health

    # ----------------------------------------------------------------------------- bot.page.shown.Source

    def version(self, project: str = "") -> int:
        """Grows."""
        if not project:
            return self._version + (self._kept.changes if self._kept is not None else 0)
        ident, _, key = project.partition("/")
        scene = self._scenes.get(ident)
        if scene is None:
            return 0
        return scene.version + (self._kept.version(int(ident), key) if key and self._kept is not None else 0)

    def overview(self) -> tuple[Summary, ...]:
        """Every repository that the App reaches, by name."""
        places = self._places()
        with self._lock:  # installations change without a pass
            self._version += places != self._reached
            self._reached, version = places, self._version
        return self._overview.of(version, lambda: tuple(map(self._summary, places)))

    def name(self, project: str) -> Link | None:
        """None: unknown, or not looked at yet."""
        scene = self._scene(project)
        return scene.planned.name if scene is not None else None

    def project(self, project: str) -> Project | None:
        """None: unknown, or not looked at yet."""
        scene = self._scene(project)
        return scene.planned.project if scene is not None else None

    def why(self, project: str, issues: Sequence[str]) -> Mapping[str, Why]:
        """Why these issues are where they are."""
        scene = self._scene(project)
        return scene.planned.why(issues) if scene is not None else {}

    def runs(self, project: str, most: int = MOST_RUNS) -> tuple[Run, ...]:
        """The newest first."""
        scene = self._scene(project)
        if scene is None:
            return ()

        def read() -> tuple[Run, ...]:
            past = self._store.past_runs(int(project), most=most)
            scene.run_ids.update((each.run.run_key, each.run.run_id) for each in past)
            return tuple(_run(each, scene) for each in past)

        kept = scene.runs if most >= MOST_RUNS else scene.latest.setdefault(most, _Kept())
        return kept.of(scene.version, read)

    def run(self, project: str, key: str) -> RunDetail | None:
        """What the ledger knows of it; once it has ended also what it left on GitHub, which is fetched when somebody looks."""
        found = next((run for run in self.runs(project) if run.key == key), None)
        scene, place = self._scene(project), self._store.place(int(project)) if found is not None else None
        if found is None or scene is None or place is None:
            return None
        command = "/ai stop" if found.state != "ended" else "" if found.verdict == DONE else "/ai retry"
        detail = RunDetail(found, steps=_steps(found), command=command)
        if found.state != "ended":
            return replace(
                detail, log_words="It is at work: its log can be followed on GitHub, and is here once it has ended."
            )
        record = scene.records.get(key)
        run_id, pull = scene.run_ids.get(key, 0), record.pull if record is not None else 0
        if self._kept is None or not (run_id or pull):
            return replace(detail, log_words="It has no workflow run that is known here, and so no log.")
        return with_record(detail, self._kept.look(Wanted(place, key, run_id, pull)))

    def health(self) -> Health:
        """At this moment."""
        return self._health()

    # ---------------------------------------------------------------------------------------- small

    def _scene(self, project: str) -> Scene | None:
        """Of a repository that the App still reaches."""
        scene = self._scenes.get(project)
        if scene is not None and self._store.place(int(project)) is None:
            with self._lock:  # it holds a whole snapshot, and no pass will bring another one
                self._scenes.pop(project, None)
            return None
        return scene

    def _places(self) -> list[Place]:
        return sorted(self._store.places(), key=lambda place: place.full_name.lower())

    def _summary(self, place: Place) -> Summary:
        scene = self._scenes.get(str(place.repository_id))
        if scene is None:
            return Summary(str(place.repository_id), Link(place.full_name, f"{self._server_url}/{place.full_name}"))
        return summary(scene.planned.project)


def with_record(detail: RunDetail, record: RunRecord | None) -> RunDetail:
    """A run with what it left; None: that is being fetched."""
    if record is None:
        return replace(detail, log_words="Its log is being fetched from GitHub.", pending=True)
    changed = tuple(Changed(each.path, each.added, each.removed) for each in record.changed)
    detail = replace(detail, changed=changed, changed_in=detail.run.pull, problems=tuple(_problems(record)))
    told = record.told
    if told is None:
        gone = "Its log is no longer on GitHub, or not there yet: open the run on GitHub."
        return replace(detail, log_words=UNREAD if record.problems else gone)
    verdict = told.progress.verdict
    return replace(
        detail,
        run=replace(detail.run, turns=told.progress.turns),
        figures=(
            *told.figures,
            *((("Verdict of the work", verdict.text),) if verdict is not None and verdict.text else ()),
        ),
        checks=told.checks,
        log=told.log,
    )


def _problems(record: RunRecord) -> Iterator[str]:
    yield from record.problems
    if len(record.changed) >= MOST_FILES:
        yield f"Only the first {MOST_FILES} files of the pull request are shown."


_STATES: Final[Mapping[RunStage, RunState]] = {
    RunStage.INTENDED: "queued",
    RunStage.DISPATCHED: "queued",
    RunStage.STARTED: "running",
    RunStage.COMPLETED: "running",
}
"""Of a run that is not released: one that GitHub says has ended waits for its verdict."""


def _run(past: PastRun, scene: Scene) -> Run:
    run, record = past.run, scene.records.get(past.run.run_key)
    pull = record.pull if record is not None else 0
    ended = (record.at if record is not None else None) or run.ended_at
    return Run(
        key=run.run_key,
        issue=str(run.issue),
        name=scene.planned.link(run.issue),
        state="ended" if past.released else _STATES[run.stage],
        at=run.at,
        title=scene.planned.title(run.issue),
        verdict=past.verdict,
        asked_at=scene.planned.asked_at(run.run_key, run.issue),
        ended_at=ended if past.released else None,
        usd=run.usd,
        log=Link("Actions run", run.url) if run.url else None,
        pull=scene.planned.link(pull) if pull else None,
    )


def _steps(run: Run) -> tuple[Step, ...]:
    """What is known of when; in order."""
    steps = [Step(run.at, "the server claimed the issue and dispatched the run")]
    if run.asked_at is not None:
        steps.append(Step(run.asked_at, "somebody asked for it"))
    if run.ended_at is not None:
        steps.append(Step(run.ended_at, f"it ended: {run.verdict}"))
    return tuple(sorted(steps, key=lambda step: step.at))
