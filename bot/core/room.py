"""Whether a ready issue starts now: pauses, caps, expiry, an edit since the approval, and what the run may use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.core.access import Answer
from bot.core.asking import allowed_models
from bot.core.ledger import Notes, Record
from bot.core.limits import Usage, cap_reached, hold_reason, usage
from bot.core.model import Claim, Issue
from bot.core.names import Reason, StateLabel
from bot.core.order import series_of
from bot.core.plans import is_outdated, kind_of, options_of, plan_of
from bot.core.requests import EXPIRES, Request, attempt_of, run_key, unchanged_since
from bot.core.situation import Hold, PlanState, Queued, Running, Situation, Start, Unstartable
from bot.core.view import View

EDITED = "title or body changed after the approval"
AWAITING = "awaiting approval of the plan"


@dataclass(frozen=True, slots=True)
class Room:
    """What ready issues are measured by."""

    view: View
    found: Mapping[int, Situation]
    """Where the other issues stand."""
    done: tuple[Record, ...]
    """Every ended run that was read."""

    def usage(self) -> Usage:
        """What runs and dispatched runs use already."""
        used = self.used_by(s.claim for s in self.found.values() if isinstance(s, Running))
        for situation in self.found.values():
            if isinstance(situation, Queued):
                used = used.with_one_more(situation.claim.usd if situation.claim else self.view.config.limits.usd)
        return used

    def used_by(self, claims: Iterable[Claim]) -> Usage:
        """What ended runs and these claims use."""
        snapshot = self.view.snapshot
        return usage(self.done, tuple(claims), snapshot.now, complete=not snapshot.truncated)

    def startable(self, issue: Issue, request: Request, notes: Notes | None, used: Usage) -> tuple[Situation, Usage]:
        """Where an issue stands for which nothing has to close first, and what is used after that."""
        view = self.view
        key = run_key(issue.number, request, attempt_of(request, issue, view.snapshot.own_ids))
        if view.problem:
            return Unstartable(request, key, Reason.CONFIG_INVALID, view.problem), used
        start = self.start(issue, request, key)
        if why := self.held(issue, request):
            return Hold(request, why), used
        if state := self._plan_waits(issue, request):
            return Hold(request, AWAITING, plan=state), used
        limits, host = view.config.limits, view.snapshot.host
        if cap := cap_reached(used, limits, start.usd, host):
            return Hold(request, hold_reason(used, limits, start.usd, host), cap), used
        if not self.unchanged(issue, request, notes):
            return Unstartable(request, key, Reason.EDITED_AFTER_APPROVAL, EDITED), used
        return start, used.with_one_more(start.usd)

    def start(self, issue: Issue, request: Request, key: str) -> Start:
        """What a run of this request may use."""
        limits, agent = self.view.config.limits, self.view.config.agent
        asked = options_of(issue, self.view.snapshot.own_ids, request)
        labels = {label.casefold() for label in issue.labels}
        level = next((name for name in reversed(tuple(agent.models)) if name in labels), "")  # the highest of several
        chosen = asked.model if asked.model in allowed_models(self.view.config) else ""
        model = chosen or agent.models.get(level, agent.model)
        usd = min(limits.usd, asked.usd or limits.usd)
        minutes = min(limits.minutes, asked.minutes or limits.minutes)
        attempt, kind = int(key.rsplit("-", 1)[1]), kind_of(self.view, issue, request.id)
        return Start(issue.number, request, key, attempt, model, usd, minutes, kind)

    def _plan_waits(self, issue: Issue, request: Request) -> PlanState | None:
        """Whether a plan was made for this request, which somebody has to approve first."""
        said = plan_of(issue, self.view.snapshot.own_ids, request.id)
        if said is None:
            return None  # a plan that was said to wait does so whatever `mode` says by now
        return PlanState.OUTDATED if is_outdated(said, issue) else PlanState.WAITS

    def held(self, issue: Issue, request: Request) -> str:
        """Why a ready issue is not started, caps apart; empty: nothing holds it."""
        view = self.view
        if view.snapshot.paused:
            return "everything is paused (the Actions variable `AI_READY_PAUSED` is set)"
        if view.snapshot.host.paused:
            return "the server is paused: `AI_READY_PAUSED` is set where it runs"
        if not view.config.enabled:
            return "`enabled: false` in `.github/ai-ready.yml`"
        if not view.snapshot.head_oid:
            return "the repository has no commits yet, so there is nothing to build on"
        if view.may_ask(request.actor) is Answer.UNKNOWN:
            return f"the permission of {request.actor.login} could not be read; it is looked at again"
        if view.snapshot.now - request.at > EXPIRES:
            return f"the approval of {request.actor.login} is older than {EXPIRES.days} days; ask again to start it"
        return self._stopped(issue)

    def unchanged(self, issue: Issue, request: Request, notes: Notes | None) -> bool:
        """Whether the issue still says what `request` approved."""
        shas = set()
        if notes is not None and notes.request_id == request.id and notes.sha:
            shas.add(notes.sha)
        if self.view.own is not None and self.view.own.approved:
            shas.add(self.view.own.approved.get(request.id, ""))
        return unchanged_since(issue, request, frozenset(shas))

    def _stopped(self, issue: Issue) -> str:
        """`order.on_blocked`: what a Blocked issue stops."""
        rule, issues = self.view.config.order.on_blocked, self.view.snapshot.issues
        if rule == "continue":
            return ""
        for number in self.found:
            blocked = issues[number]
            if number == issue.number or not blocked.open or StateLabel.BLOCKED not in blocked.labels:
                continue
            if rule == "stop-repository" or series_of(blocked) == series_of(issue):
                return f"#{number} is blocked (`order.on_blocked: {rule}`)"
        return ""
