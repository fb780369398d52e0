"""One look at one repository: read, plan, dispatch, say. The server's counterpart of `bot.job.admit.gate`.

    settle what is in doubt ─▶ read ─▶ plan ─▶ dispatch (intent first) ─▶ plan again ─▶ write ─▶ release

It is safe to stop anywhere: the next pass begins with what is in the ledger and on GitHub. A pass writes only a few
comments (`Rules.said_at_once`); the rest waits for the lane's next turn, which comes after everybody else's.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.effects import CancelRun, Dispatch, Effect, PutBoard, PutStatus, React, ReleaseClaim
from bot.core.limits import Cap
from bot.core.messages.status import headline
from bot.core.model import Host, Permission, Snapshot
from bot.core.names import CONFIG_PATH
from bot.core.plan import Plan, dispatch_failed, plan
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Hold, Making, Queued, Situation, Start
from bot.core.survey import askers
from bot.github.ports import Applied
from bot.server.desk import Desk, Shelf
from bot.server.dispatching import Dispatcher, intent, is_loose, order_for
from bot.server.overlay import is_stuck, with_ledger
from bot.server.pen import Pen, subject
from bot.server.ports import LedgerRun, RunStage, Work

CACHE_AGE = 600.0
"""Seconds that a snapshot may serve for news of runs, which say themselves what changed."""

SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a pass read, and what follows."""

    seen: Snapshot
    """With the ledger's claims."""
    config: RepoConfig | ConfigProblem
    decided: Plan

    @property
    def starts(self) -> tuple[Start, ...]:
        """What would be started now."""
        return tuple(each for each in self.decided.survey.situations.values() if isinstance(each, Start))


class Pass:
    """The working state of one pass; lives for one call of `run`."""

    def __init__(self, desk: Desk, work: Work, shelf: Shelf) -> None:
        self._desk, self._work, self._shelf = desk, work, shelf
        self._store, self._rules = desk.store, desk.rules
        self._repository = shelf.place.repository_id
        self._dispatcher = Dispatcher(desk, work, shelf)
        self._pen = Pen(desk, work, shelf)
        self._due = self._pen.due
        self._freed = False
        """A run was let go of, so another repository of the installation may start one."""

    def run(self) -> datetime | None:
        """Do it; when to look again (None: when something happens).

        Raises:
            GitHubError: GitHub could not be read; nothing is lost, look again later.
            StoreUnavailable: nor is it then.
        """
        begun = self._desk.clock()
        runs = self._store.claims(self._repository)
        self._dispatcher.look_up(runs)
        if not self._work.marks:
            self._dispatcher.read_runs(runs)
        cached = self._cached()
        if cached is None:
            self._shelf.read_at = self._desk.clock()
        self._shelf.snapshot = cached or self._read()
        self._dispatcher.note_gone()
        self._desk.trace("s5")
        if cached is None:
            self._dispatch_ready(begun)
            if not self._work.marks:
                self._paused(ahead=2 * self._rules.reconcile)
        looked = self._write(only_runs=cached is not None)
        self._share_out(looked)
        self._desk.show(self._shelf.place, looked.seen, looked.decided.survey, looked.config)
        self._shelf.fence = self._work.fence
        return min(self._due, default=None)

    # -------------------------------------------------------------------------------------- reading

    def _cached(self) -> Snapshot | None:
        """What we know already, where only news of runs came and none of them ended."""
        known, now = self._shelf.snapshot, self._desk.clock()
        if not self._work.news_only or known is None or (now - self._shelf.read_at).total_seconds() > CACHE_AGE:
            return None
        if self._work.fence != self._shelf.fence + 1:
            return None  # another replica served the lane since, and may have written
        runs = self._store.claims(self._repository)
        return None if any(run.stage is RunStage.COMPLETED for run in runs) else replace(known, now=now)

    def _read(self) -> Snapshot:
        runs = self._store.claims(self._repository)
        focus = {*self._work.marks, *(run.issue for run in runs)} - {0}
        held = [run.issue for run in runs if run.run_id]
        return self._with_permissions(self._shelf.client.snapshot(focus=focus, held=held, now=self._desk.clock()))

    def _with_permissions(self, snapshot: Snapshot) -> Snapshot:
        known = self._shelf.known(snapshot.now, self._rules)
        people = sorted((actor for actor in askers(snapshot) if actor.id not in known), key=lambda actor: actor.id)
        fresh = {actor: self._shelf.client.permission(actor) for actor in people}
        self._shelf.learn(fresh, snapshot.now)
        permissions: dict[int, Permission] = {**known, **{actor.id: may for actor, may in fresh.items()}}
        return replace(snapshot, permissions=permissions)

    def _look(self, snapshot: Snapshot, *, without: Iterable[str] = ()) -> Looked:
        """Plan from `snapshot` and the ledger as it is now, the run keys of `without` left out."""
        left_out, runs = frozenset(without), self._store.claims(self._repository)
        here = [run for run in runs if run.run_key not in left_out]
        seen = replace(with_ledger(snapshot, here, settle=self._rules.settle), host=self._host(len(runs)))
        config = self._desk.parse_config(snapshot.config_text)
        return Looked(seen, config, plan(seen, config, None, order=self._shelf.order))

    def _host(self, runs: int) -> Host:
        """What the server allows this repository, which has `runs` in the ledger."""
        room = self._store.share(self._repository, most=self._rules.concurrent).room
        return Host(self._rules.paused, self._rules.concurrent, runs + room)

    # ---------------------------------------------------------------------------------- dispatching

    def _dispatch_ready(self, looked_up: datetime) -> None:
        """Start what is ready, and take up or take back what an earlier pass had begun to start.

        `looked_up`: when runs were looked for; however long reading took since, no list was younger.
        """
        runs = self._store.claims(self._repository)
        loose = {run.run_key: run for run in runs if is_loose(run, looked_up, self._rules.settle)}
        looked = self._look(self._shelf.known_snapshot, without=loose)
        if looked.starts and (paused := self._paused()) is not False:
            if paused is None:
                self._again()
                return
            self._shelf.snapshot = replace(self._shelf.known_snapshot, paused=True)
            looked = self._look(self._shelf.known_snapshot, without=loose)
        starts = looked.starts
        for key in loose.keys() - {start.run_key for start in starts}:
            self._withdraw(key)
        ranks = {number: rank for rank, number in enumerate(looked.decided.survey.arrangement.ready)}
        for start in sorted(starts, key=lambda start: ranks.get(start.issue, len(ranks))):
            if isinstance(looked.config, ConfigProblem):
                break
            self._start(start, looked.config, resumed=start.run_key in loose)
        if any(run.stage is RunStage.INTENDED for run in self._store.claims(self._repository)):
            self._again()

    def _paused(self, *, ahead: float = 0.0) -> bool | None:
        """Whether the repository is paused; asked `ahead` seconds before the last answer is too old."""
        rules = self._rules
        no, yes = rules.pause - ahead, rules.resume - ahead
        return self._shelf.pause.now(self._shelf.client, self._desk.clock(), no=no, yes=yes)

    def _start(self, start: Start, config: RepoConfig, *, resumed: bool) -> None:
        order = self._order(start, config)
        if order is None:
            return
        if not resumed:
            claim = intent(self._repository, order, start.usd, self._desk.clock())
            if not self._store.intend(self._work, claim, most=self._rules.concurrent):
                return
            self._desk.trace("s6")
        if not self._still_stands(start):
            self._withdraw(start.run_key)
            self._due.append(self._desk.clock())
            return
        answer = self._dispatcher.send(order, self._shelf.known_snapshot)
        if answer is not None and not answer.ok and not answer.unsure:
            self._refused(order, answer)

    def _order(self, start: Start, config: RepoConfig) -> Dispatch | None:
        """What is sent; None: the branch that the work is meant for does not exist, which is said instead."""
        snapshot, base = self._shelf.known_snapshot, config.pull_request.base
        elsewhere = base not in {"", snapshot.default_branch}
        oid = self._shelf.client.branch_oid(base) if elsewhere else snapshot.head_oid
        if oid:
            return order_for(snapshot, config, start, oid)
        problem = ConfigProblem(f"{CONFIG_PATH}: `pull_request.base`: there is no branch `{base}` here")
        decided = plan(with_ledger(snapshot, (), settle=0), problem, None)
        self._pen.write([effect for effect in decided.effects if subject(effect) == start.issue])
        return None

    def _still_stands(self, start: Start) -> bool:
        """Whether the candidate is ready in a read made after the claim (invariant I3)."""
        known = self._shelf.known_snapshot
        candidate = self._shelf.client.candidate(start.issue, now=self._desk.clock())
        candidate = replace(candidate, permissions=known.permissions, config_text=known.config_text)
        looked = self._look(candidate, without=(start.run_key,))
        found = looked.decided.survey.situations.get(start.issue)
        return isinstance(found, Start) and found.run_key == start.run_key

    def _refused(self, order: Dispatch, answer: Applied) -> None:
        """GitHub will not start it as things are: that is the run's verdict."""
        verdict = dispatch_failed(self._shelf.known_snapshot, order, answer.message)
        if self._pen.write((verdict,)):
            self._release(order.issue, order.run_key, (verdict,))

    # --------------------------------------------------------------------------------------- writing

    def _write(self, *, only_runs: bool) -> Looked:
        """Say what is so now. `only_runs`: only of issues that the ledger holds (the rest was not read again)."""
        looked = self._look_twice()
        runs = {run.issue: run for run in self._store.claims(self._repository)}
        situations = looked.decided.survey.situations
        waiting = {number for number, situation in situations.items() if isinstance(situation, Start)}
        # *Queued* is noted on the issue, where it holds the request: it is said when GitHub surely has the run.
        doubtful = {run.issue for run in runs.values() if run.stage is RunStage.INTENDED}
        unsaid = waiting | {number for number in doubtful if isinstance(situations.get(number), Queued)}
        effects = [
            effect
            for effect in looked.decided.effects
            if not isinstance(effect, Dispatch)
            and (subject(effect) not in unsaid or isinstance(effect, React))
            and (not only_runs or subject(effect) in runs or isinstance(effect, PutBoard))
        ]
        orphans = () if only_runs else tuple(run for run in runs.values() if run.issue not in looked.seen.issues)
        released = [each.issue for each in effects if isinstance(each, ReleaseClaim) and each.issue in runs]
        mine = {runs[issue].run_key for issue in released if self._is_held_by_us(issue, looked.seen)}
        rest = [each for each in effects if not (isinstance(each, ReleaseClaim) and each.issue in released)]
        # That alone is worth no request: it is written beside what else is said, or when the timer looks.
        if self._work.marks and all(
            _is_news_of_others(each, looked.seen) and subject(each) not in self._work.marks for each in rest
        ):
            rest = []
        failed = self._pen.portion(rest)
        stopped = [run for run in runs.values() if self._to_be_stopped(run, looked.seen.now, orphans)]
        # Not before its verdict is there: its own job, cancelled, would find none and say another one.
        self._pen.write([CancelRun(run.run_id) for run in stopped if run.issue not in failed])
        for issue in released:
            if issue not in failed and runs[issue].run_key in mine:
                self._release(issue, runs[issue].run_key, rest)
        for run in orphans:
            if run.stage is RunStage.COMPLETED or is_stuck(run, looked.seen.now):
                self._release(run.issue, run.run_key, ())
        if looked.decided.again:
            self._due.append(self._desk.clock() + SOON)
        if looked.decided.making:
            self._keep_making(looked)
        self._shelf.unstarted = self._shelf.unstarted + 1 if waiting else 0
        if waiting:
            # What the ledger refuses as run already may be an old list, or a verdict that somebody deleted for good.
            wait = self._rules.again * 2.0 ** min(self._shelf.unstarted - 1, 10)
            self._due.append(self._desk.clock() + timedelta(seconds=min(wait, self._rules.reconcile)))
        if any(run.ended_at is not None for run in runs.values()):
            self._again()
        self._desk.trace("s9")
        return looked

    def _keep_making(self, looked: Looked) -> None:
        """Go on with what people approved, after everybody else's turn; where it is in doubt what was made, later."""
        steps = [each for each in looked.decided.survey.situations.values() if isinstance(each, Making)]
        if any(not step.waits for step in steps):
            self._due.append(self._desk.clock() + SOON)
        else:
            self._again()

    def _look_twice(self) -> Looked:
        """Before a run is taken back because it has not begun, GitHub says whether it has: news of that may be lost."""
        looked = self._look(self._shelf.known_snapshot)
        unwanted = {effect.run_id for effect in looked.decided.effects if isinstance(effect, CancelRun)}
        runs = self._store.claims(self._repository)
        doubted = [run for run in runs if run.run_id in unwanted and run.stage is not RunStage.STARTED]
        if not doubted:
            return looked
        self._dispatcher.read_runs(doubted)
        return self._look(self._shelf.known_snapshot)

    def _to_be_stopped(self, run: LedgerRun, now: datetime, orphans: Collection[LedgerRun]) -> bool:
        """Stuck; or its issue was deleted or transferred, so that nobody is left to be told of its end."""
        if not run.run_id or run.cancelled or run.stage is RunStage.COMPLETED:
            return False
        return run in orphans or is_stuck(run, now)

    def _is_held_by_us(self, issue: int, seen: Snapshot) -> bool:
        claim = seen.claims.get(issue)
        return claim is not None and claim.ledger

    # ------------------------------------------------------------------------ sharing the installation

    def _share_out(self, looked: Looked) -> None:
        """Say whether the installation's cap holds something here, and wake whoever may have what we let go of."""
        starving = any(_held_by_the_host(each) for each in looked.decided.survey.situations.values())
        starved = self._store.share(self._repository, most=self._rules.concurrent).starving
        if starving != starved:
            self._store.starve(self._work, self._desk.clock() if starving else None)
        if self._freed or (starved and not starving):
            self._store.feed(self._shelf.place.installation_id, self._desk.clock())

    def _withdraw(self, run_key: str) -> None:
        self._store.withdraw(self._work, run_key)
        self._freed = True

    def _release(self, issue: int, run_key: str, said: Iterable[Effect]) -> None:
        self._pen.release(issue, run_key, said)
        self._freed = True

    # ---------------------------------------------------------------------------------------- small

    def _again(self) -> None:
        self._due.append(self._desk.clock() + timedelta(seconds=self._rules.again))


def _is_news_of_others(effect: Effect, seen: Snapshot) -> bool:
    """Whether it only tells the readers of a waiting issue how far others are: the status keeps its first line."""
    if not isinstance(effect, PutStatus) or effect.issue not in seen.issues:
        return False
    before = (each.body for each in seen.issues[effect.issue].comments if each.node_id == effect.comment_node_id)
    return headline(next(before, "")) == headline(effect.body)


def _held_by_the_host(situation: Situation) -> bool:
    return isinstance(situation, Hold) and situation.cap is Cap.HOST
