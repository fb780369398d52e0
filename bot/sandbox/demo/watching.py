"""The page of a demo that has no server: what `gate` would see, read anew whenever something happened on the hub."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot.config import parse_repo_config
from bot.core.ledger import DONE, records
from bot.core.names import GITHUB_ACTIONS_BOT_ID
from bot.core.situation import Running
from bot.core.survey import askers, survey
from bot.errors import GitHubError
from bot.github.action_client import Access, ActionGitHub
from bot.github.archive import PullFile, member_of
from bot.page.access import Access as Visitors
from bot.page.listener import Listener
from bot.page.planned import Planned
from bot.page.shown import MOST_RUNS, Health, Link, Project, Run, RunDetail, Step, Summary, Vital, Why, summary
from bot.page.sockets import listen
from bot.page.told import read_told
from bot.sandbox.runs import Artifact
from bot.sandbox.stage import Stage
from bot.server.run_records import EVENTS_FILE, MOST_BYTES, RunRecord
from bot.server.scenes import with_record

HERE: Final = "demo"
QUIET: Final = 0.3
"""Seconds between two readings, however much happens."""


class Watching:
    """`bot.page.shown.Source`. Thread-safe: what was read last is put in its place whole."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._happened, self._ended = threading.Event(), threading.Event()
        self._version = 0
        self._seen: tuple[Planned, tuple[Run, ...]] | None = None
        self._thread = threading.Thread(target=self._follow, name="demo-page")

    @contextmanager
    def following(self) -> Iterator[str]:
        """Serve it as long as this lasts; its address."""
        end = self._stage.hub.subscribe(lambda _event: self._happened.set())
        self._happened.set()
        self._thread.start()
        listener = Listener(self, Visitors(), listen("127.0.0.1", 0))
        listener.start()
        try:
            yield listener.url
        finally:
            listener.stop()
            end()
            self._ended.set()
            self._happened.set()
            self._thread.join()

    def _follow(self) -> None:
        stage = self._stage
        token = stage.hub.tokens.personal(stage.hub.user(stage.setting.maintainer))
        client = ActionGitHub(
            Access(stage.setting.repo, token.value, stage.hub.api_url, own_ids=frozenset({GITHUB_ACTIONS_BOT_ID}))
        )
        while not self._ended.is_set():
            self._happened.wait()
            self._happened.clear()
            if not self._ended.is_set():
                with suppress(GitHubError):  # the hub is away for a moment, or ends: what happens next is read
                    self._read(client)
                self._ended.wait(QUIET)

    def _read(self, client: ActionGitHub) -> None:
        seen = client.snapshot(now=datetime.now(UTC))
        seen = replace(seen, permissions={actor.id: client.permission(actor) for actor in askers(seen)})
        config = parse_repo_config(seen.config_text)
        found = survey(seen, config)
        planned = Planned(HERE, seen, found, config, self._stage.hub.url)
        runs = [
            Run(
                key=record.run_key,
                issue=str(number),
                name=planned.link(number),
                state="ended",
                at=record.requested_at,
                title=issue.title,
                verdict=record.code,
                asked_at=planned.asked_at(record.run_key, number),
                ended_at=record.at,
                usd=record.usd,
                log=self._actions_run(self._artifact(record.run_key)),
                pull=planned.link(record.pull) if record.pull else None,
            )
            for number, issue in seen.issues.items()
            if issue.detailed
            for record in records(issue, seen.own_ids)
        ]
        for number, situation in found.situations.items():
            if isinstance(situation, Running):
                claim, log = situation.claim, Link("Actions run", situation.url) if situation.url else None
                title, name = planned.title(number), planned.link(number)
                asked = planned.asked_at(claim.run_key, number)
                run = Run(claim.run_key, str(number), name, "running", claim.at, title, asked_at=asked, usd=claim.usd)
                runs.append(replace(run, log=log))
        self._seen = planned, tuple(sorted(runs, key=lambda run: run.at, reverse=True))
        self._version += 1

    # ----------------------------------------------------------------------------- bot.page.shown.Source

    def version(self, project: str = "") -> int:  # noqa: ARG002 (there is one)
        """Grows with each reading."""
        return self._version

    def overview(self) -> tuple[Summary, ...]:
        """The one repository."""
        return (summary(self._seen[0].project),) if self._seen is not None else ()

    def name(self, project: str) -> Link | None:
        """None: not that one, or not read yet."""
        return self._seen[0].name if self._seen is not None and project == HERE else None

    def project(self, project: str) -> Project | None:
        """The same."""
        return self._seen[0].project if self._seen is not None and project == HERE else None

    def why(self, project: str, issues: Sequence[str]) -> Mapping[str, Why]:
        """Why these issues are where they are."""
        return self._seen[0].why(issues) if self._seen is not None and project == HERE else {}

    def runs(self, project: str, most: int = MOST_RUNS) -> tuple[Run, ...]:
        """The newest first."""
        return self._seen[1][:most] if self._seen is not None and project == HERE else ()

    def run(self, project: str, key: str) -> RunDetail | None:
        """What its verdict says, and what it left: on this machine, so there is nothing to wait for."""
        found = next((run for run in self.runs(project) if run.key == key), None)
        if found is None:
            return None
        steps = [Step(found.asked_at, "somebody asked for it")] if found.asked_at is not None else []
        steps.append(Step(found.at, "the job `gate` claimed the issue and dispatched the run"))
        if found.ended_at is not None:
            steps.append(Step(found.ended_at, f"it ended: {found.verdict}"))
        command = "/ai stop" if found.state != "ended" else "" if found.verdict == DONE else "/ai retry"
        detail = RunDetail(found, tuple(steps), command=command)
        if found.state != "ended":
            return replace(detail, log_words="It is at work: its log is here once it has ended.")
        return with_record(detail, self._left(found))

    def health(self) -> Health:
        """There is no server."""
        return Health("ready", (Vital("mode", "Who plans", "the Action's job `gate`; there is no server"),))

    # ------------------------------------------------------------------------------- what runs left

    def _left(self, run: Run) -> RunRecord:
        artifact, changed = self._artifact(run.key), tuple[PullFile, ...]()
        events = member_of(artifact.path.read_bytes(), EVENTS_FILE, MOST_BYTES) if artifact is not None else None
        pulls = {f"#{pull.number}": pull for pull in self._stage.pulls()}
        if run.pull is not None and run.pull.text in pulls:
            files = self._stage.hub.pulls.files(pulls[run.pull.text])
            changed = tuple(PullFile(each["filename"], each["additions"], each["deletions"]) for each in files)
        return RunRecord(read_told(run.key, events.splitlines()) if events is not None else None, changed)

    def _artifact(self, key: str) -> Artifact | None:
        """Where the run put its log."""
        hub = self._stage.hub
        with hub.lock:
            left = [each for run in hub.actions.runs.values() for each in run.artifacts]
        return next((each for each in left if each.name == f"ai-ready-log-{key}"), None)

    def _actions_run(self, artifact: Artifact | None) -> Link | None:
        if artifact is None:
            return None
        run = artifact.run
        return Link("Actions run", f"{self._stage.hub.url}/{run.repo.full_name}/actions/runs/{run.id}")
