"""A project as the planner sees it: one snapshot and its survey, made into what the page shows. Pure.

What is dear (all issues, where each stands) is made when it is first asked for, and kept.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Final

from bot.core import titles
from bot.core.boards.board import STATE_OF, State, closed_issues
from bot.core.ledger import DONE, request_of
from bot.core.messages.status import SOURCES, ref_text, source_text, status_text
from bot.core.messages.why import progress_text
from bot.core.messages.words import counted
from bot.core.model import Issue as Known
from bot.core.model import Snapshot
from bot.core.requests import asked_at
from bot.core.series import rank, series_under
from bot.core.settings import ConfigProblem, OrderRules, RepoConfig
from bot.core.situation import (
    Ended,
    Hold,
    Invalid,
    Lost,
    PlanState,
    Queued,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
)
from bot.core.survey import Survey
from bot.core.titles import Id, Keyed, Meta
from bot.core.why import Explainer, Reason
from bot.core.why import Why as Explanation
from bot.page.shown import Budget, Edge, Issue, Link, Project, Wait, Why

IN_QUEUE: Final = (Waiting, Hold, Start)
LAST: Final = "\U0010ffff"
"""Sorts behind every series."""
_LABELLED: Final = re.compile(r"L([0-9]{1,11})", re.ASCII)
_UNASKED: Final = Unasked()


class Planned:
    """One look at one repository. Thread-safe as far as what is made twice is the same."""

    def __init__(
        self, project: str, snapshot: Snapshot, survey: Survey, config: RepoConfig | ConfigProblem, server_url: str
    ) -> None:
        """`project`: its id on the page. `server_url`: GitHub's, without a slash at the end."""
        self._id, self._snapshot, self._survey, self._config = project, snapshot, survey, config
        self._rules = config.order if isinstance(config, RepoConfig) else OrderRules()
        self._url = f"{server_url}/{snapshot.repo}"
        self._explainer = Explainer(snapshot, survey, config)

    @property
    def name(self) -> Link:
        """The repository, and where it is."""
        return Link(self._snapshot.repo, self._url)

    def prepare(self) -> None:
        """Make what is dear now: all issues, and where they stand in the queue."""
        queue = sorted((issue for issue in self.project.issues if issue.place), key=attrgetter("place"))
        self.why([issue.id for issue in queue[:1]])

    @cached_property
    def project(self) -> Project:
        """All of it."""
        snapshot = self._snapshot
        return Project(
            id=self._id,
            name=self.name,
            at=snapshot.now,
            issues=tuple(self._issues()),
            edges=tuple(self._edges()),
            parallel=self._rules.within_phase == "parallel",
            budget=self._budget(),
            problems=tuple(self._problems()),
            commands=MappingProxyType(
                {
                    "Pause this repository": f"gh variable set AI_READY_PAUSED --body true --repo {snapshot.repo}",
                    "Go on": f"gh variable delete AI_READY_PAUSED --repo {snapshot.repo}",
                    "Look it over": f"ai-ready doctor --repo {snapshot.repo}",
                }
            ),
        )

    def why(self, issues: Sequence[str]) -> Mapping[str, Why]:
        """Why these are where they are."""
        known = self._snapshot.issues
        numbers = (int(each) for each in issues if each.isascii() and each.isdigit())
        return {str(number): self._why(number) for number in numbers if number in known}

    def title(self, number: int) -> str:
        """Of an issue that was read; else empty."""
        issue = self._snapshot.issues.get(number) or self._snapshot.closed.get(number)
        return issue.title if issue is not None else ""

    def asked_at(self, run_key: str, number: int) -> datetime | None:
        """When somebody made the request that it is a run of; the key of a label's request says so itself."""
        request = request_of(run_key)
        if match := _LABELLED.fullmatch(request):
            return datetime.fromtimestamp(int(match[1]), UTC)
        issue = self._snapshot.issues.get(number)
        return asked_at(request, issue) if issue is not None else None

    def link(self, number: int) -> Link:
        """To an issue (or pull request)."""
        return Link(f"#{number}", f"{self._url}/issues/{number}")

    # -------------------------------------------------------------------------------------- issues

    def _issues(self) -> Iterator[Issue]:
        """In order. There may be 10,000, and somebody waits for them: each is looked at once."""
        keys, rules, places, url = self._survey.arrangement.keys, self._rules, self._places, self._url
        opened = [issue for issue in self._snapshot.issues.values() if issue.open and not issue.is_pull]
        found: list[tuple[tuple[str, int, int], Issue]] = []
        for issue in (*opened, *closed_issues(self._explainer).values()):
            number = issue.number
            key = keys.get(number) or titles.parse(issue.title)
            if type(key) is Meta:
                continue
            keyed = key if type(key) is Keyed else None
            series = series_under(rules, key, issue)[1] if keyed is not None else ""
            state, pull = self._stands(issue)
            shown = Issue(
                id=str(number),
                name=Link(f"#{number}", f"{url}/issues/{number}"),
                title=issue.title,
                state=state,
                label=key.label if isinstance(key, Keyed | Id) else "",
                series=series,
                phase=keyed.phase if keyed else None,
                place=places.get(number, 0),
                pull=self.link(pull) if pull else None,
            )
            found.append(((series if keyed else LAST, rank(key, issue), number), shown))
        found.sort(key=itemgetter(0))
        return (issue for _, issue in found)

    def _stands(self, issue: Known) -> tuple[State, int]:
        """How it is shown, and our open pull request for it."""
        if issue.open:
            stand = self._explainer.stand(issue.number)
            return STATE_OF[stand.progress], stand.pull
        return (State.DROPPED if issue.state_reason in ("not_planned", "duplicate") else State.CLOSED), 0

    @cached_property
    def _places(self) -> Mapping[int, int]:
        situations = self._survey.situations
        queue = (number for number in self._survey.arrangement.order if isinstance(situations.get(number), IN_QUEUE))
        return {number: at for at, number in enumerate(queue, 1)}

    def _edges(self) -> Iterator[Edge]:
        for waiting in self._survey.arrangement.waiting:
            for before, source in waiting.named.items():
                yield Edge(str(before), str(waiting.number), SOURCES[source])

    # --------------------------------------------------------------------------------------- whole

    def _budget(self) -> Budget | None:
        if isinstance(self._config, ConfigProblem):
            return None
        used, limits, caps = self._survey.usage, self._config.limits, self._explainer.caps
        return Budget(
            usd=used.usd_today,
            usd_limit=limits.usd_per_day,
            runs=used.runs_today,
            runs_limit=limits.runs_per_day,
            active=used.active,
            active_limit=limits.concurrent,
            resets=caps.resets if caps else None,
            complete=used.complete,
        )

    def _problems(self) -> Iterator[str]:
        if isinstance(self._config, ConfigProblem):
            yield self._config.message
        elif not self._config.enabled:
            yield "Switched off: `enabled: false` in `.github/ai-ready.yml`."
        if self._snapshot.paused:
            yield "Paused: the Actions variable AI_READY_PAUSED is set."
        if self._snapshot.host.paused:
            yield "The server is paused: AI_READY_PAUSED is set where it runs."
        if self._snapshot.truncated:
            yield "Some lists are longer than what is read of them; the caps count as reached."

    # ----------------------------------------------------------------------------------------- why

    def _why(self, number: int) -> Why:
        situation = self._survey.situations.get(number, _UNASKED)
        short = self._explainer.short(number, situation)
        if not isinstance(situation, Waiting):
            return Why(_first(status_text(short)), command=_command(situation))
        words = f"Waits for {counted(short.total, 'issue')} to close, and starts by itself then."
        return Why(words, tuple(self._waits(short)), short.total, _command(situation))

    def _waits(self, short: Explanation) -> Iterator[Wait]:
        for reason in short.reasons:
            yield Wait(self._ref(reason), source_text(reason), progress_text(reason))

    def _ref(self, reason: Reason) -> Link:
        """Where an issue of another repository is, says its name; whether there is one, we don't."""
        return self.link(reason.ref.number) if reason.local else Link(ref_text(reason))


def _first(text: str) -> str:
    """What a status says first, before its tables."""
    return text.partition("\n\n")[0]


def _command(situation: Situation) -> str:
    match situation:
        case Unasked():
            return "/ai run"
        case Hold(plan=state) if state is not PlanState.NONE:
            return "/ai approve"
        case Waiting() | Hold() | Start() | Queued() | Running():
            return "/ai stop"
        case Ended(record) if record.planned:
            return "/ai approve"
        case Ended(record) if record.code != DONE:
            return "/ai retry"
        case Lost() | Unstartable() | Invalid():
            return "/ai retry"
        case _:
            return ""
