"""Derive where every issue stands, from one snapshot. Pure; reads no clock ("now" is in the snapshot).

Order of questions, for each open issue that was read in detail:

1. Does a run hold its claim? Then it is running (or lost, if that run has ended).
2. Does somebody who may ask, ask? The newest request that is not over counts; a label by anybody else is refused.
3. What does it wait for? `bot.core.order.arrange` says so for the whole repository at once.
4. Is there room? Ready issues are taken in order while no cap, pause or expiry holds them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.access import Answer, may_ask
from bot.core.commands import Run, Stop
from bot.core.ledger import Notes, Record, all_records, notes_of, records, request_of
from bot.core.limits import Usage, cap_reached, hold_reason, usage
from bot.core.model import Actor, Claim, Issue, Permission, RunState, Snapshot
from bot.core.names import REQUEST_LABEL, Reason, StateLabel
from bot.core.order import Arrangement, arrange, series_of
from bot.core.requests import (
    EXPIRES,
    Request,
    attempt_of,
    live_requests,
    run_key,
    unchanged_since,
    unread,
)
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)

DISPATCH_GRACE = timedelta(seconds=120)
"""How long a dispatched run may stay invisible before it is dispatched again."""


@dataclass(frozen=True, slots=True)
class Own:
    """The workflow run (or process) on whose behalf this plan is made."""

    run_id: int
    """Negative and random outside Actions."""
    run_url: str = ""
    issue: int = 0
    """It was dispatched for this issue and takes no other; 0: it takes the event's, or the first ready one."""
    prefer: int = 0
    """The event's issue."""
    approved: Mapping[str, str] | None = None
    """Request id → `boxless_sha`, as the event's payload has it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Where everything stands."""

    situations: Mapping[int, Situation]
    arrangement: Arrangement
    usage: Usage
    refused: Mapping[int, Request]
    """Issues whose label was put on by somebody who may not ask."""


def askers(snapshot: Snapshot) -> frozenset[Actor]:
    """The people whose permission has to be read before `survey` can say anything of their requests."""
    people: set[Actor] = set()
    for issue in snapshot.issues.values():
        if not issue.detailed:
            continue
        people.update(item.comment.author for item in unread(issue, snapshot.now))
        if issue.open:
            people.update(request.actor for request in live_requests(issue, snapshot.own_ids, _ANY_ATTEMPTS)[:3])
    return frozenset(person for person in people if not person.is_bot)


def allowed_models(config: RepoConfig) -> frozenset[str]:
    """What `/ai run --model` may name: the aliases, and what the config itself uses."""
    return frozenset({"opus", "sonnet", "haiku", config.agent.model, *config.agent.models.values()})


def survey(snapshot: Snapshot, config: RepoConfig | ConfigProblem, own: Own | None = None) -> Survey:
    """Say of every issue read in detail where it stands."""
    return _Surveyor(snapshot, config, own).survey()


class _Surveyor:
    """The working state of one survey; lives for one call."""

    def __init__(self, snapshot: Snapshot, config: RepoConfig | ConfigProblem, own: Own | None) -> None:
        self.snapshot = snapshot
        self.problem = config.message if isinstance(config, ConfigProblem) else ""
        self.config = RepoConfig() if isinstance(config, ConfigProblem) else config
        self.own = own
        self.detailed = {n: i for n, i in sorted(snapshot.issues.items()) if i.detailed and not i.is_pull}
        self.requests: dict[int, Request] = {}
        self.refused: dict[int, Request] = {}
        self.notes = {n: notes_of(i, snapshot.own_ids) for n, i in self.detailed.items()}

    def survey(self) -> Survey:
        for issue in self.detailed.values():
            if issue.open:
                self._choose_request(issue)
        arrangement = arrange(
            self.snapshot.issues,
            self.requests.keys(),
            rules=self.config.order,
            repo=self.snapshot.repo,
            standings=self.snapshot.standings,
        )
        found: dict[int, Situation] = {}
        for number, issue in self.detailed.items():
            found[number] = self._standing_still(issue)
        used = self._usage(found)
        waiting = {w.number: w for w in arrangement.waiting}
        invalid = {i.number: i for i in arrangement.invalid}
        ready = frozenset(arrangement.ready)
        for number in arrangement.order:
            if number not in self.requests or not isinstance(found[number], Unasked):
                continue
            request = self.requests[number]
            if number in waiting:
                found[number] = Waiting(request, waiting[number].on, waiting[number].total)
            elif number in invalid:
                found[number] = Invalid(request, invalid[number].reason, tuple(map(str, invalid[number].path)))
            elif number not in ready:
                found[number] = Hold(request, "a META issue is a tracker: it is never worked on")
            else:
                found[number], used = self._startable(self.detailed[number], request, used, found)
        self._confirm_own(found, arrangement, self._records())
        return Survey(found, arrangement, used, self.refused)

    # ------------------------------------------------------------------------------ who asks

    def _choose_request(self, issue: Issue) -> None:
        stop = self._stop_just_said(issue)
        for request in self._by_age(issue):
            if stop is not None and request.at <= stop:
                continue
            answer = self._answer(request.actor)
            if answer is Answer.NO:
                if request.command is None:
                    self.refused[issue.number] = request
                continue
            if self._model_allowed(request):
                self.requests[issue.number] = request
                return

    def _by_age(self, issue: Issue) -> list[Request]:
        """Live requests, newest first; before them the one that our own claim answers: a later one waits its turn."""
        live = live_requests(issue, self.snapshot.own_ids, self.config.limits.attempts)
        claim = self.snapshot.claims.get(issue.number)
        if self.own is None or claim is None or claim.run_id != self.own.run_id:
            return list(live)
        return sorted(live, key=lambda request: request.id != request_of(claim.run_key))

    def _stop_just_said(self, issue: Issue) -> datetime | None:
        """When somebody who may, said `/ai stop` that we have not acknowledged yet: it counts at once."""
        stops = [item.comment for item in unread(issue, self.snapshot.now) if isinstance(item.command, Stop)]
        return max((stop.created_at for stop in stops if self._answer(stop.author) is Answer.YES), default=None)

    def _model_allowed(self, request: Request) -> bool:
        """Whether the model asked for is one of those allowed here; the reply to the comment says so where not."""
        return not isinstance(request.command, Run) or request.command.model in {"", *allowed_models(self.config)}

    def _answer(self, actor: Actor) -> Answer:
        return may_ask(actor, self.snapshot.permissions.get(actor.id, Permission.UNKNOWN))

    # --------------------------------------------------------------- what needs no room to say

    def _standing_still(self, issue: Issue) -> Situation:
        """The situation, as far as caps and order play no part; Unasked where they do."""
        claim = self.snapshot.claims.get(issue.number)
        if claim is not None:
            return self._claimed(issue, claim)
        if not issue.open:
            return Closed(self._merged(issue))
        notes = self.notes[issue.number]
        if issue.number in self.requests:
            return self._queued(issue, notes) or Unasked()
        if issue.number in self.refused:
            return Refused(self.refused[issue.number].actor)
        ended = max(records(issue, self.snapshot.own_ids), key=lambda r: r.at, default=None)
        if ended is not None and not self._left_waiting(issue, ended):
            return self._after(issue, ended)
        asked = issue.labels & {StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING, REQUEST_LABEL}
        return Withdrawn() if asked else Unasked()

    def _merged(self, issue: Issue) -> int:
        ended = max(records(issue, self.snapshot.own_ids), key=lambda r: r.at, default=None)
        return next((p.number for p in self.snapshot.pulls if ended and p.number == ended.pull and p.merged), 0)

    def _left_waiting(self, issue: Issue, ended: Record) -> bool:
        """Asked again since `ended`, and then withdrawn."""
        notes = self.notes[issue.number]
        return bool(
            issue.labels & {StateLabel.WAITING, StateLabel.QUEUED}
            and notes
            and notes.request_id
            and notes.request_id != ended.request_id
        )

    def _after(self, issue: Issue, ended: Record) -> Situation:
        pull = next((p for p in self.snapshot.pulls if p.number == ended.pull), None)
        if StateLabel.DONE in issue.labels and pull is not None and not pull.open:
            return PullMerged(ended, pull) if pull.merged else PullClosed(ended, pull)
        return Ended(ended)

    def _claimed(self, issue: Issue, claim: Claim) -> Situation:
        url, state, conclusion = self._holder(claim)
        if state is RunState.ACTIVE or state is RunState.UNKNOWN:
            return Running(claim, url)
        ended = next((r for r in records(issue, self.snapshot.own_ids) if r.run_key == claim.run_key), None)
        if ended is None:
            return Lost(claim, conclusion, url)
        return Ended(ended, again=not ended.final(self.config.limits.attempts))

    def _holder(self, claim: Claim) -> tuple[str, RunState, str]:
        """Address, state and conclusion of the run that holds `claim`."""
        if self.own is not None and claim.run_id == self.own.run_id:
            return self.own.run_url, RunState.ACTIVE, ""
        if claim.run_id <= 0:
            state = RunState.ACTIVE if self.snapshot.now < claim.until else RunState.ENDED
            return "", state, ""
        run = self.snapshot.runs.get(claim.run_id)
        return (run.url, run.state, run.conclusion) if run else ("", RunState.UNKNOWN, "")

    def _queued(self, issue: Issue, notes: Notes | None) -> Situation | None:
        """Still queued, if a dispatched run may yet come and claim it."""
        if StateLabel.QUEUED not in issue.labels or notes is None or notes.dispatched_at is None:
            return None
        if self.own is not None and self.own.issue == issue.number:
            return None
        if notes.request_id != self.requests[issue.number].id:
            return None
        named = [run for run in self.snapshot.runs.values() if notes.dispatched_key in _RUN_KEY.findall(run.name)]
        alive = any(run.state in {RunState.ACTIVE, RunState.UNKNOWN} for run in named)
        young = self.snapshot.now - notes.dispatched_at < DISPATCH_GRACE and not named
        return Queued(notes.dispatched_key, notes.dispatched_at) if alive or young else None

    # --------------------------------------------------------------------------------- room

    def _records(self) -> tuple[Record, ...]:
        return all_records(self.detailed.values(), self.snapshot.own_ids)

    def _usage(self, found: Mapping[int, Situation]) -> Usage:
        active = [s.claim for s in found.values() if isinstance(s, Running)]
        used = usage(self._records(), active, self.snapshot.now, complete=not self.snapshot.truncated)
        for situation in found.values():
            if isinstance(situation, Queued):
                used = used.with_one_more(self.config.limits.usd)
        return used

    def _startable(
        self, issue: Issue, request: Request, used: Usage, found: Mapping[int, Situation]
    ) -> tuple[Situation, Usage]:
        key = run_key(issue.number, request, attempt_of(request, issue, self.snapshot.own_ids))
        if self.problem:
            return Unstartable(request, key, Reason.CONFIG_INVALID, self.problem), used
        start = self._start(issue, request, key)
        if why := self._held(issue, request, found):
            return Hold(request, why), used
        if cap := cap_reached(used, self.config.limits, start.usd):
            return Hold(request, hold_reason(used, self.config.limits, start.usd), cap), used
        if not self.unchanged(issue, request):
            return Unstartable(request, key, Reason.EDITED_AFTER_APPROVAL, _EDITED), used
        return start, used.with_one_more(start.usd)

    def _start(self, issue: Issue, request: Request, key: str) -> Start:
        limits = self.config.limits
        asked = request.command if isinstance(request.command, Run) else Run()
        level = next((name for name in self.config.agent.models if name in issue.labels), "")
        model = asked.model or self.config.agent.models.get(level, self.config.agent.model)
        usd = min(limits.usd, asked.usd or limits.usd)
        minutes = min(limits.minutes, asked.minutes or limits.minutes)
        return Start(issue.number, request, key, int(key.rsplit("-", 1)[1]), model, usd, minutes)

    def _held(self, issue: Issue, request: Request, found: Mapping[int, Situation]) -> str:
        """Why a ready issue is not started, caps apart; empty: nothing holds it."""
        if self.snapshot.paused:
            return "everything is paused (the Actions variable `AI_READY_PAUSED` is set)"
        if not self.config.enabled:
            return "`enabled: false` in `.github/ai-ready.yml`"
        if not self.snapshot.head_oid:
            return "the repository has no commits yet, so there is nothing to build on"
        if self._answer(request.actor) is Answer.UNKNOWN:
            return f"the permission of {request.actor.login} could not be read; it is looked at again"
        if self.snapshot.now - request.at > EXPIRES:
            return f"the approval of {request.actor.login} is older than {EXPIRES.days} days; ask again to start it"
        return self._stopped(issue, found)

    def _stopped(self, issue: Issue, found: Mapping[int, Situation]) -> str:
        """`order.on_blocked`: what a Blocked issue stops."""
        rule = self.config.order.on_blocked
        if rule == "continue":
            return ""
        series = {n: self.snapshot.issues[n] for n in found if StateLabel.BLOCKED in self.snapshot.issues[n].labels}
        for number, blocked in series.items():
            if number == issue.number or not blocked.open:
                continue
            if rule == "stop-repository" or series_of(blocked) == series_of(issue):
                return f"#{number} is blocked (`order.on_blocked: {rule}`)"
        return ""

    def unchanged(self, issue: Issue, request: Request) -> bool:
        """Whether the issue still says what `request` approved."""
        shas = set()
        notes = self.notes[issue.number]
        if notes is not None and notes.request_id == request.id and notes.sha:
            shas.add(notes.sha)
        if self.own is not None and self.own.approved:
            shas.add(self.own.approved.get(request.id, ""))
        return unchanged_since(issue, request, frozenset(shas))

    # --------------------------------------------------------------------------------- own run

    def _confirm_own(self, found: dict[int, Situation], arrangement: Arrangement, done: Iterable[Record]) -> None:
        """Our own fresh claim stands only while everything that admitted it still holds.

        Two gates can claim two issues at once; both then see both claims, and the younger one steps back.
        """
        if self.own is None:
            return
        running = {n: s for n, s in found.items() if isinstance(s, Running)}
        for number, situation in running.items():
            if situation.claim.run_id != self.own.run_id:
                continue
            request = self.requests.get(number)
            earlier = [s.claim for s in running.values() if (s.claim.at, s.claim.issue) < (situation.claim.at, number)]
            used = usage(done, earlier, self.snapshot.now, complete=not self.snapshot.truncated)
            stands = (
                request is not None
                and not self.problem
                and number in arrangement.ready
                and situation.claim.run_key.startswith(f"{number}-{request.id}-")
                and not self._held(self.detailed[number], request, found)
                and not hold_reason(used, self.config.limits, situation.claim.usd)
                and self.unchanged(self.detailed[number], request)
            )
            start = self._start(self.detailed[number], request, situation.claim.run_key) if request and stands else None
            found[number] = Running(situation.claim, situation.url, confirmed=stands, start=start)


_ANY_ATTEMPTS = 1_000

_RUN_KEY = re.compile(r"[0-9]+-[LC][0-9]+-[0-9]+")
"""Run keys in a run-name, whole: those of #7 and #17 labelled in one second differ in the first digit only."""

_EDITED = "title or body changed after the approval"
