"""Writing to one repository: each comment once, a few at a time, and releases only after what they stand on was said."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.core.effects import CancelRun, Effect, PostComment
from bot.core.ledger import records
from bot.core.markers import reveal
from bot.core.model import Snapshot
from bot.core.names import VERDICT_MARKER, Reason
from bot.github.ports import Applied
from bot.notify.notice import notify_of, verdict_notice
from bot.server.desk import Desk, Shelf
from bot.server.echo import echo
from bot.server.logs import event
from bot.server.ports import Work
from bot.server.saying import digest, says


class Pen:
    """Writes for one pass."""

    def __init__(self, desk: Desk, work: Work, shelf: Shelf) -> None:
        self._desk, self._work, self._shelf = desk, work, shelf
        self.due: list[datetime] = []
        """When the lane wants another turn for what was not, or not surely, written."""
        self._retry_after = 0.0
        """Seconds; of what was written last, where a rate limit was in the way."""

    def portion(self, effects: Sequence[Effect]) -> frozenset[int]:
        """Write as much as one turn allows, whole issues at a time; issues of which something was not done."""
        said, cut = 0, len(effects)
        for index, effect in enumerate(effects):
            said += says(effect)
            if said > self._desk.rules.said_at_once and subject(effect) != subject(effects[index - 1]):
                cut = index
                self.due.append(self._desk.clock())
                break
        left = frozenset(subject(effect) for effect in effects[cut:])
        done = self.write(effects[:cut])
        failed = frozenset(subject(effect) for effect in effects[:cut] if effect not in done)
        if failed:
            rules = self._desk.rules
            # Only as long as GitHub says it is no use: reading again every few seconds would eat the next budget, too.
            wait = max(rules.again, min(self._retry_after, rules.reconcile))
            self.due.append(self._desk.clock() + timedelta(seconds=wait))
        return failed | left

    def write(self, effects: Sequence[Effect]) -> frozenset[Effect]:
        """Do effects, each comment once; those that were done for sure. Nothing where the lane is another worker's now."""
        store, now = self._desk.store, self._desk.clock()
        if not effects or not store.extend(self._work, now + timedelta(seconds=self._desk.rules.lease)):
            return frozenset()
        # What was said a little before the snapshot was read need not be in it, however long ago that is now.
        within = self._desk.rules.settle + (now - self._shelf.read_at).total_seconds()
        todo = []
        for effect in effects:
            name = digest(effect)
            if not name or store.about_to_say(self._work, name, now=now, within=within):
                todo.append(effect)
        if not todo:
            return frozenset()
        answers = self._shelf.client.apply(todo, self._snapshot)
        answered = self._desk.clock()
        for answer in answers:
            name = digest(answer.effect)
            if name and answer.undone:
                store.not_said(self._work, name)
            elif name:
                # It was made as late as this, and lists may be old from now on.
                store.about_to_say(self._work, name, now=answered, within=0.0)
        self._shelf.snapshot = echo(self._snapshot, answers)
        self._note_cancelled(answers)
        self._tell(answers)
        self._retry_after = max((answer.retry_after or 0.0 for answer in answers), default=0.0)
        return frozenset(answer.effect for answer in answers if answer.ok)

    def release(self, issue: int, run_key: str, said: Iterable[Effect]) -> None:
        """Settle a run in the ledger, by the verdict that was read or is among what was just `said`."""
        code, usd = self._verdict(issue, run_key, said)
        if code == Reason.CANCELLED:
            self._shelf.pause.forget()  # `work` saw, perhaps, what we took for settled
        if self._desk.store.release(self._work, run_key, verdict=code, usd=usd):
            self._desk.meters.ended(code)
            place = self._shelf.place
            event(
                "run_ended",
                result=code,
                repository=place.repository_id,
                full_name=place.full_name,
                issue=issue,
                run_key=run_key,
                usd=usd,
            )

    def _tell(self, answers: Iterable[Applied]) -> None:
        """Who listens hears of the verdicts that were just said."""
        for answer in answers:
            if answer.ok and (notice := verdict_notice(answer.effect, self._snapshot)):
                self._desk.tell(notify_of(self._desk.parse_config(self._snapshot.config_text)), notice)

    def _note_cancelled(self, answers: Iterable[Applied]) -> None:
        cancelled = {a.effect.run_id for a in answers if a.ok and isinstance(a.effect, CancelRun)}
        if not cancelled:
            return
        for run in self._desk.store.claims(self._shelf.place.repository_id):
            if run.run_id in cancelled:
                self._desk.store.cancelling(self._work, run.run_key)

    def _verdict(self, issue: int, run_key: str, said: Iterable[Effect]) -> tuple[str, float]:
        found = self._snapshot.issues.get(issue)
        for record in records(found, self._snapshot.own_ids) if found else ():
            if record.run_key == run_key:
                return record.code, record.usd
        for effect in said:
            data = reveal(VERDICT_MARKER, effect.body) if isinstance(effect, PostComment) else None
            if data is not None and data.get("run") == run_key:
                return str(data.get("code")), float(data.get("usd") or 0.0)
        return "withdrawn", 0.0

    @property
    def _snapshot(self) -> Snapshot:
        return self._shelf.known_snapshot


def subject(effect: Effect) -> int:
    """The issue that an effect is about; 0 for a reaction or a run, which bear no state of an issue."""
    return int(getattr(effect, "issue", 0))
