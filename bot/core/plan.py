"""Theory of operation: from facts to effects, in one pure function.

    Snapshot ─▶ survey() ─▶ situations ─▶ plan() ─▶ effects

- An event only says "look again": `plan` looks at the whole repository, never at the event.
- It does no I/O and reads no clock. The same plan serves the Action, the server, a laptop and `ai-ready plan`.
- Quiescence: planning again after the effects were applied gives no effects. Any crashed prefix of the effects,
  followed by a new plan, ends in the same state. For that, effects are ordered so that what is said comes first
  and what bears state (labels, then the claim) comes last, and each is idempotent.
- At most one run is started by the planning run itself (`claim`); the others are dispatched. A claim is made alone,
  then everything is read and planned again: only then does it count (`admitted`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, assert_never

from bot.core.boards.keeping import keep_boards
from bot.core.effects import (
    CancelRun,
    CloseIssue,
    Dispatch,
    DropComment,
    Effect,
    MakeClaim,
    MakeIssues,
    PostComment,
    ReleaseClaim,
)
from bot.core.ledger import MOST_SPARED, Record, notes_of, records, request_of, spared, surplus
from bot.core.markers import ours
from bot.core.messages.making import made_reply
from bot.core.messages.replies import reply
from bot.core.messages.status import AT_WORK, status
from bot.core.messages.verdict import blocked, lost_reason, lost_text
from bot.core.model import Claim, Issue, Snapshot
from bot.core.names import REPLY_MARKER, Reason, RunKind, StateLabel
from bot.core.order import Arrange, arrange
from bot.core.plans import is_dropped, kind_of
from bot.core.replies import answer_commands
from bot.core.requests import answered_until, boxless_sha, label_request, round_of, unchanged_since
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    Made,
    Making,
    PlanState,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    RoundsUsed,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)
from bot.core.survey import Survey, survey
from bot.core.verdict import still_waits
from bot.core.view import Own, View
from bot.core.why import Explainer
from bot.core.writing import end_label, kept_request, kept_tally, move_labels, noted_end, put_status

CLAIM_SLACK = timedelta(minutes=60)
"""A run outside Actions is taken for dead this long after its own time limit (setup and checks come on top)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and why."""

    effects: tuple[Effect, ...]
    claim: MakeClaim | None
    """Make this claim first, alone; then read and plan again."""
    admitted: Start | None
    """Our own claim stands: start the agent."""
    survey: Survey
    again: bool = False
    """Planning again right after applying makes sense: a lost run's request is alive, or we close an issue ourselves
    (others may have waited for that, and what a job's token does triggers no further look)."""

    @property
    def making(self) -> bool:
        """Issues of an approved plan are left to make: a few at a time, so planning goes on."""
        return any(isinstance(each, Making) for each in self.survey.situations.values())


def plan(
    snapshot: Snapshot, config: RepoConfig | ConfigProblem, own: Own | None = None, *, order: Arrange = arrange
) -> Plan:
    """Decide everything that is to be done in one repository. `order`: who arranges its issues."""
    seen = survey(snapshot, config, own, order=order)
    starts = [s for s in seen.situations.values() if isinstance(s, Start)]
    mine = _mine(starts, seen, own)
    explainer = Explainer(snapshot, seen, config)
    effects: list[Effect] = list(answer_commands(explainer))
    for number, situation in sorted(seen.situations.items()):
        if situation is mine and mine is not None:
            continue
        effects += _Writer(explainer, snapshot.issues[number], own).effects(situation)
    effects += keep_boards(explainer)
    claim = None
    if mine is not None and own is not None:
        until = snapshot.now + timedelta(minutes=mine.minutes) + CLAIM_SLACK
        claim = MakeClaim(mine.issue, mine.run_key, own.run_id, until, mine.usd)
    return Plan(
        tuple(effects),
        claim,
        _admitted(seen, own),
        seen,
        again=any(isinstance(s, Lost | PullMerged) for s in seen.situations.values()),
    )


def _mine(starts: list[Start], seen: Survey, own: Own | None) -> Start | None:
    """The one issue that this run takes itself: what it was dispatched for, its event's, or the first ready one."""
    if own is None or any(isinstance(s, Running) and s.claim.run_id == own.run_id for s in seen.situations.values()):
        return None
    by_number = {start.issue: start for start in starts}
    if own.issue:
        return by_number.get(own.issue)
    ranks = {number: rank for rank, number in enumerate(seen.arrangement.ready)}
    mended = next((start for start in starts if start.pull and start.pull == own.prefer), None)
    return by_number.get(own.prefer) or mended or min(starts, key=lambda s: ranks[s.issue], default=None)


def _admitted(seen: Survey, own: Own | None) -> Start | None:
    """The confirmed start behind our own claim."""
    if own is None:
        return None
    for situation in seen.situations.values():
        if isinstance(situation, Running) and situation.claim.run_id == own.run_id and situation.start is not None:
            return situation.start
    return None


class _Writer:
    """Effects of one issue."""

    def __init__(self, explainer: Explainer, issue: Issue, own: Own | None) -> None:
        self.explainer = explainer
        self.snapshot = snapshot = explainer.snapshot
        self.issue = issue
        self.own = own
        self.notes = notes_of(issue, snapshot.own_ids)

    def effects(self, situation: Situation) -> Iterable[Effect]:
        """What has to be written so that GitHub says what is so, in one place."""
        number, own_ids = self.issue.number, self.snapshot.own_ids
        spare = (DropComment(number, comment.node_id) for comment in surplus(self.issue, own_ids))
        return (*self._saying(situation), *spare)

    def _saying(self, situation: Situation) -> Iterable[Effect]:
        match situation:
            case Unasked():
                return ()
            case Waiting() | Invalid() | Hold():
                return self._say(situation, StateLabel.WAITING, keep_request=True)
            case Start():
                key = situation.run_key
                said = self._say(situation, StateLabel.QUEUED, keep_request=True, dispatched=key)
                return (*said, Dispatch(self.issue.number, key))
            case Queued():
                return self._queued(situation)
            case Running():
                return self._running(situation)
            case Making():
                return self._making(situation)
            case Made():
                return self._made(situation)
            case RoundsUsed():
                return self._say(situation, end_label(situation.record), keep_request=False)
            case Unstartable():
                record = self._record(situation.run_key, situation.reason, situation.request.at)
                return (
                    self._verdict(record, situation.text),
                    *self._say(situation, StateLabel.BLOCKED, keep_request=False),
                )
            case Lost():
                return self._lost(situation)
            case Ended():
                return self._ended(situation)
            case Refused() | Withdrawn() | Closed() | PullClosed():
                return self._say(situation, None, keep_request=False)
            case PullMerged():
                return (*self._say(situation, None, keep_request=False), CloseIssue(self.issue.number))
            case _:
                assert_never(situation)

    # ------------------------------------------------------------------------------ situations

    def _queued(self, situation: Queued) -> tuple[Effect, ...]:
        """A dispatch that a gate made was said with it; the server says its own here, once the ledger has it."""
        claim = situation.claim
        if claim is None:
            return move_labels(self.issue, StateLabel.QUEUED, keep_request=True)
        if situation.confirmed:
            return self._say(situation, StateLabel.QUEUED, keep_request=True)
        return (CancelRun(claim.run_id),) if claim.run_id > 0 and not claim.cancelled else ()

    def _running(self, situation: Running) -> tuple[Effect, ...]:
        if not situation.confirmed:
            return (ReleaseClaim(self.issue.number),)
        if situation.crowded:
            return ()
        if situation.ours:
            return self._say(situation, StateLabel.RUNNING, keep_request=True)
        # The gate of another run; the server says it of its own, and leaves a gate's to gates.
        gates = not self.snapshot.host.concurrent and StateLabel.RUNNING in self.issue.labels
        return self._status(situation, "") if situation.place is not None and gates else ()

    def _making(self, situation: Making) -> tuple[Effect, ...]:
        """The ledger first: what is made is noted in the status comment, so that is to be there."""
        noted, tally = self.notes.tally if self.notes is not None else None, situation.tally
        if self.notes is None or noted is None or (noted.approval, noted.sha) != (tally.approval, tally.sha):
            return self._say(situation, StateLabel.WAITING, keep_request=True)
        labels = move_labels(self.issue, StateLabel.WAITING, keep_request=True)
        if situation.portion is None:
            return labels
        block = {key: value for key, value in self._block(situation, "").items() if key != "init"}
        comment, rest = self.notes.comment.node_id, json.dumps(block, sort_keys=True)
        return (*labels, MakeIssues(self.issue.number, comment, noted, tally, situation.portion, rest))

    def _made(self, situation: Made) -> tuple[Effect, ...]:
        """Answer the approval, which is over with that."""
        said = self._say(situation, None, keep_request=False)
        to = int(situation.tally.approval.removeprefix("C") or 0)
        replies = ours(self.issue.comments, self.snapshot.own_ids, REPLY_MARKER)
        if situation.request is None or any(data.get("to") == to for _, data in replies) or self.issue.locked:
            return said
        return (PostComment(self.issue.number, reply(to, made_reply(situation.tally))), *said)

    def _lost(self, situation: Lost) -> tuple[Effect, ...]:
        reason, text = lost_reason(situation.conclusion), lost_text(situation.claim, situation.conclusion)
        earlier = spared(self.issue, self.snapshot.own_ids, situation.claim.run_key)
        goes_on = situation.place is not None and earlier < MOST_SPARED
        if situation.place is not None:
            text = still_waits(situation.place).text
        asked = answered_until(situation.claim.run_key, situation.claim.at, self.issue)
        key, cancelled = situation.claim.run_key, situation.claim.cancelled and reason is Reason.CANCELLED
        record = replace(
            self._record(key, reason, asked, usd=situation.claim.usd),
            again=goes_on,
            spared=earlier,
            withdrawn=cancelled and is_dropped(request_of(key), self.issue, self.snapshot.own_ids),
        )
        verdict, release = self._verdict(record, text, situation.url), ReleaseClaim(self.issue.number)
        if not self.issue.open:
            return (verdict, *self._say(Closed(), None, keep_request=False), release)
        if goes_on and situation.place is not None:
            return (verdict, *self._say(situation.place, StateLabel.WAITING, keep_request=True), release)
        newer = self._asked_since(record)
        if record.withdrawn and record.kind == "fix":
            return (verdict, *self._say(Ended(record), end_label(record), keep_request=newer), release)
        if record.withdrawn:
            return (verdict, *self._say(Withdrawn(), None, keep_request=newer), release)
        again = reason is Reason.RUNNER_LOST
        return (verdict, *self._say(situation, StateLabel.BLOCKED, keep_request=again or newer), release)

    def _ended(self, situation: Ended) -> tuple[Effect, ...]:
        """Finish what a killed publisher left half done: status, labels, claim."""
        release = (ReleaseClaim(self.issue.number),) if self.issue.number in self.snapshot.claims else ()
        if not self.issue.open:
            return (*self._say(Closed(), None, keep_request=False), *release)
        moving = self.issue.labels & {StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING}
        late = self.notes is not None and self.notes.comment.body.startswith(AT_WORK)
        if moving or release or late or self._stale_request(situation.record):
            keep = situation.again or self._asked_since(situation.record)
            return (*self._say(situation, end_label(situation.record), keep_request=keep), *release)
        return ()

    def _stale_request(self, record: Record) -> bool:
        request = label_request(self.issue)
        return request is not None and request.at <= record.at

    def _asked_since(self, record: Record) -> bool:
        """Whether the label was put on again while the run was at work: that asks for another one."""
        request = label_request(self.issue)
        return request is not None and request.at > record.requested_at

    # ----------------------------------------------------------------------------------- effects

    def _say(
        self, situation: Situation, label: StateLabel | None, *, keep_request: bool, dispatched: str = ""
    ) -> tuple[Effect, ...]:
        return (*self._status(situation, dispatched), *move_labels(self.issue, label, keep_request=keep_request))

    def _status(self, situation: Situation, dispatched: str) -> tuple[Effect, ...]:
        silent = isinstance(situation, Closed | Withdrawn | PullMerged) and self.notes is None
        said = isinstance(situation, Closed) and self.notes is not None and self.notes.merged
        if silent or said:
            return ()
        why = self.explainer.short(self.issue.number, situation)
        body = status(situation, notes=self._block(situation, dispatched), why=why)
        return put_status(self.issue, body, self.notes)

    def _block(self, situation: Situation, dispatched: str) -> Mapping[str, Any]:
        """The machine block: what was approved (noted while it is certainly unedited) and what was dispatched."""
        block: dict[str, Any] = {"v": 1, **noted_end(self._last_end(situation), self._attempts, self.notes)}
        if isinstance(situation, PullMerged):
            block["merged"] = True
        if isinstance(situation, Making | Made):
            return block | self._ledger(situation)
        block |= kept_tally(self.notes)
        claim = situation.claim if isinstance(situation, Queued | Running) else None
        if claim is not None and claim.ledger:
            block["dispatched"] = self._dispatched(claim)
        request = getattr(situation, "request", None)
        held_by_plan = isinstance(situation, Hold) and situation.plan is not PlanState.NONE
        if request is None or held_by_plan:  # a plan waits for a person: no slot that becomes free starts it
            if isinstance(situation, Hold) and situation.plan is PlanState.OUTDATED:
                block["edited"] = boxless_sha(self.issue)
            return {**block, **kept_request(self.notes)}
        block["request"] = {"id": request.id, "actor": request.actor.id}
        if request.pull:
            block["request"]["pull"] = request.pull
        known = self.notes is not None and self.notes.request_id == request.id
        if known and self.notes is not None and self.notes.sha:
            block["request"]["sha"] = self.notes.sha
        elif unchanged_since(self.issue, request, self._approved(request.id)):
            block["request"]["sha"] = boxless_sha(self.issue)
        if isinstance(situation, Hold):
            block["hold"] = True
        if dispatched:
            block["dispatched"] = {"key": dispatched, "at": self.snapshot.now.isoformat()}
        return block

    def _ledger(self, situation: Making | Made) -> dict[str, Any]:
        """What is made; once that is all, its approval is over."""
        if isinstance(situation, Making) or situation.request is None:
            return {"init": situation.tally.data(), **kept_request(self.notes)}
        over = {"id": situation.request.id, "until": situation.request.at.isoformat()}
        return {"init": situation.tally.data(), "ended": over, **kept_request(self.notes)}

    def _last_end(self, situation: Situation) -> Record | None:
        """The run that ended last; of a closed issue, too, which has no situation that knows it."""
        if isinstance(situation, Closed):
            return max(records(self.issue, self.snapshot.own_ids), key=lambda record: record.at, default=None)
        return situation.record if isinstance(situation, Ended | PullClosed | PullMerged) else None

    @property
    def _attempts(self) -> int:
        config = self.explainer.config
        return RepoConfig().limits.attempts if isinstance(config, ConfigProblem) else config.limits.attempts

    def _dispatched(self, claim: Claim) -> Mapping[str, str]:
        """By which run key a gate of the repository's own, which sees no ledger, knows the server's run."""
        return {"key": claim.run_key, "at": claim.at.isoformat()}

    def _approved(self, request_id: str) -> frozenset[str]:
        sha = (self.own.approved or {}).get(request_id, "") if self.own else ""
        return frozenset({sha} if sha else ())

    def _record(self, key: str, reason: str, asked: Any, *, usd: float = 0.0) -> Record:
        config = self.explainer.config
        view = View(self.snapshot, RepoConfig() if isinstance(config, ConfigProblem) else config)
        kind, pull = kind_of(view, self.issue, request_of(key)), round_of(request_of(key), self.issue, self.notes)
        return Record(key, reason, usd, self.snapshot.now, asked, pull, kind=kind)

    def _verdict(self, record: Record, text: str, url: str = "") -> PostComment:
        body = blocked(record, text, run_url=url)
        return PostComment(self.issue.number, body)


def dispatch_failed(snapshot: Snapshot, effect: Dispatch, message: str) -> PostComment:
    """What is said when GitHub refuses a dispatch for good: the caller workflow or its inputs are not as shipped."""
    issue = snapshot.issues[effect.issue]
    pull = round_of(request_of(effect.run_key), issue, notes_of(issue, snapshot.own_ids))
    kind: RunKind = "fix" if pull else "work"
    record = Record(effect.run_key, Reason.CONFIG_INVALID, 0.0, snapshot.now, snapshot.now, pull, kind=kind)
    text = f"the workflow could not be dispatched ({message}); compare `.github/workflows/ai-ready.yml` with the shipped example"
    return PostComment(effect.issue, blocked(record, text))
