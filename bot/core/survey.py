"""Derive where every issue stands, from one snapshot. Pure; reads no clock ("now" is in the snapshot).

Order of questions, for each open issue that was read in detail:

1. Does a run hold its claim? Then it is running (or lost, if that run has ended): `holding`.
2. Does somebody who may ask, ask? The newest request that is not over counts; a label by anybody else is refused:
   `asking`.
3. What does it wait for? `bot.core.order.arrange` (or whoever says the same) says so for the whole repository at once.
4. Is there room? Ready issues are taken in order while no cap, pause or expiry holds them: `room`.
5. Does what holds a claim still stand? A run that has not begun is taken back when what admitted it is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.core.asking import choose_request
from bot.core.holding import claimed, dispatched, left_to_the_server
from bot.core.inits.standing import made_before, making
from bot.core.ledger import Record, all_records, notes_of, verdicts
from bot.core.limits import Usage, cap_reached
from bot.core.model import Actor, Claim, Issue, Pull, Snapshot, Standing
from bot.core.names import REQUEST_LABEL, StateLabel
from bot.core.order import Arrange, Arrangement, arrange
from bot.core.requests import Request, live_requests, unread
from bot.core.room import Room
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    Making,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    RoundsUsed,
    Running,
    Situation,
    Unasked,
    Waiting,
    Withdrawn,
)
from bot.core.view import Own, View

_ANY_ATTEMPTS = 1_000
_MOST_ASKERS = 5
"""People whose permission is read for one issue, the newest who ask first; of reviewers as many again: anybody may submit
a review, and so many strangers who do must not hide who asked by a command or the label."""


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
            asking = live_requests(issue, snapshot.own_ids, _ANY_ATTEMPTS)
            reviewers = [request.actor for request in asking if request.id.startswith("R")]
            others = [request.actor for request in asking if not request.id.startswith("R")]
            for group in (reviewers, others):
                people.update(list(dict.fromkeys(group))[:_MOST_ASKERS])
    return frozenset(person for person in people if not person.is_bot)


def survey(
    snapshot: Snapshot, config: RepoConfig | ConfigProblem, own: Own | None = None, *, order: Arrange = arrange
) -> Survey:
    """Say of every issue read in detail where it stands. `order`: who arranges them."""
    if isinstance(config, ConfigProblem):
        return _Surveyor(View(snapshot, RepoConfig(), config.message, own)).survey(order)
    return _Surveyor(View(snapshot, config, own=own)).survey(order)


class _Surveyor:
    """The working state of one survey; lives for one call."""

    def __init__(self, view: View) -> None:
        snapshot = view.snapshot
        self.view = view
        detailed = {n: i for n, i in snapshot.issues.items() if i.detailed and not i.is_pull}
        self.detailed = {n: detailed[n] for n in sorted(detailed)}
        self.requests: dict[int, Request] = {}
        self.refused: dict[int, Request] = {}
        self.spent: dict[int, Request] = {}
        self.notes = {n: notes_of(i, snapshot.own_ids) for n, i in self.detailed.items()}
        self.found: dict[int, Situation] = {}
        self.room = Room(view, self.found, all_records(self.detailed.values(), snapshot.own_ids))

    def survey(self, order: Arrange) -> Survey:
        """Ask the questions of the module's docstring, in their order."""
        for number, issue in self.detailed.items():
            if issue.open:
                choice = choose_request(self.view, issue)
                self.requests |= {number: choice.request} if choice.request else {}
                self.refused |= {number: choice.refused} if choice.refused else {}
                self.spent |= {number: choice.spent} if choice.spent else {}
        snapshot, config = self.view.snapshot, self.view.config
        arrangement = order(
            snapshot.issues,
            self.requests.keys(),
            rules=config.order,
            repo=snapshot.repo,
            standings=snapshot.standings,
        )
        for number, issue in self.detailed.items():
            self.found[number] = self._standing_still(issue)
        places = self._places(arrangement)
        self._take_back(arrangement, places)
        used = self._fill(arrangement, places)
        self._confirm_own(arrangement)
        return Survey(self.found, arrangement, used, self.refused)

    def _places(self, arrangement: Arrangement) -> dict[int, Waiting | Invalid]:
        """Requested issues for which the order holds something against a start now."""
        places: dict[int, Waiting | Invalid] = {}
        for each in arrangement.waiting:
            if each.number in self.requests:
                places[each.number] = Waiting(self.requests[each.number], each.on, each.total)
        for other in arrangement.invalid:
            if other.number in self.requests:
                path = tuple(map(str, other.path))
                places[other.number] = Invalid(self.requests[other.number], other.reason, path)
        return places

    def _fill(self, arrangement: Arrangement, places: Mapping[int, Waiting | Invalid]) -> Usage:
        """Say of every requested issue that nothing holds yet whether it waits or starts; what is used then."""
        used, ready = self.room.usage(), frozenset(arrangement.ready)
        for number in arrangement.order:
            if number not in self.requests or not isinstance(self.found[number], Unasked):
                continue
            request = self.requests[number]
            if number in places:
                self.found[number] = places[number]
            elif number not in ready:
                self.found[number] = Hold(request, "a META issue is a tracker: it is never worked on")
            else:
                self.found[number], used = self.room.startable(self.detailed[number], request, self.notes[number], used)
        return used

    # --------------------------------------------------------------- what needs no room to say

    def _standing_still(self, issue: Issue) -> Situation:
        """The situation, as far as caps and order play no part; Unasked where they do."""
        request = self.requests.get(issue.number)
        claim = self.view.snapshot.claims.get(issue.number)
        if claim is not None:
            return claimed(self.view, issue, claim, request)
        if not issue.open:
            return Closed(self._merged(issue))
        if request is not None:
            found = self._making(issue, request)
            return found or dispatched(self.view, issue, request, self.notes[issue.number]) or Unasked()
        if issue.number in self.refused:
            return Refused(self.refused[issue.number].actor)
        if left_to_the_server(self.view, issue):
            return Unasked()
        ended = self._last_run(issue)
        last = next(reversed(verdicts(issue, self.view.snapshot.own_ids)), None)
        if made := made_before(self.notes[issue.number], last):
            return made
        if ended is not None and (self._for_a_round(issue) or not self._left_waiting(issue, ended)):
            return self._after(issue, ended)
        asked = issue.labels & {StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING, REQUEST_LABEL}
        return Withdrawn() if asked else Unasked()

    def _making(self, issue: Issue, request: Request) -> Situation | None:
        """Of whoever approves a plan of issues: making them takes none of the room that runs take."""
        found = making(self.view, issue, request, self.notes[issue.number])
        if not isinstance(found, Making):
            return found
        if why := self.view.problem or self.room.held(issue, request):
            return Hold(request, why)
        if any(isinstance(each, Making) for each in self.found.values()):
            return replace(found, portion=None, waits=True)  # one plan at a time: two may have the same keys
        return found

    def _merged(self, issue: Issue) -> int:
        ended = max(self.view.records(issue), key=lambda r: r.at, default=None)
        pulls = self.view.snapshot.pulls
        return next((p.number for p in pulls if ended and p.number == ended.pull and p.merged), 0)

    def _left_waiting(self, issue: Issue, ended: Record) -> bool:
        """Asked again since `ended` (or going on after it), and then withdrawn."""
        notes = self.notes[issue.number]
        if not issue.labels & {StateLabel.WAITING, StateLabel.QUEUED}:
            return False
        return ended.again or ended.planned or bool(notes and notes.request_id and notes.request_id != ended.request_id)

    def _last_run(self, issue: Issue) -> Record | None:
        """The run whose end says where the issue stands: a review round that never began leaves it where it was."""
        ended = self.view.records(issue)
        if self._for_a_round(issue):
            ended = tuple(record for record in ended if not (record.again or record.withdrawn)) or ended
        return max(ended, key=lambda record: record.at, default=None)

    def _for_a_round(self, issue: Issue) -> bool:
        """What it waits for is a review round."""
        notes = self.notes[issue.number]
        waits = issue.labels & {StateLabel.WAITING, StateLabel.QUEUED}
        return bool(waits and notes and notes.pull)

    def _after(self, issue: Issue, ended: Record) -> Situation:
        pull = self._pull_of(issue, ended)
        if pull is not None and not pull.open and self._shows_another_end(issue, ended, pull):
            return PullMerged(ended, pull) if pull.merged else PullClosed(ended, pull)
        if issue.number in self.spent and not ended.again:
            return RoundsUsed(ended, self.spent[issue.number], self.view.config.limits.review_rounds)
        return Ended(ended)

    def _pull_of(self, issue: Issue, ended: Record) -> Pull | None:
        """The pull request of the last run, or (that was Blocked) of the one that opened it before."""
        numbers = (record.pull for record in reversed((*self.view.records(issue), ended)) if record.pull)
        number = next(numbers, 0)
        return next((pull for pull in self.view.snapshot.pulls if pull.number == number), None)

    def _shows_another_end(self, issue: Issue, ended: Record, pull: Pull) -> bool:
        """Whether the issue does not say yet that its pull request has ended. A run may have ended Blocked since that."""
        if StateLabel.BLOCKED in issue.labels:
            return ended.kind == "fix" or (pull.closed_at is not None and pull.closed_at > ended.at)
        return StateLabel.DONE in issue.labels or self._for_a_round(issue)

    # ----------------------------------------------------------------------- what still stands

    def _take_back(self, arrangement: Arrangement, places: Mapping[int, Waiting | Invalid]) -> None:
        """The server's runs that have not begun are worth their place only while what admitted them holds; one that has
        begun goes on, and says what came up.

        A cap or a pause is no reason: the room is theirs. Nor is a prerequisite of which nothing is known for now.
        """
        ready = frozenset(arrangement.ready)
        for number, situation in self.found.items():
            place = places.get(number)
            if isinstance(situation, Queued) and situation.claim is not None:
                request, issue = situation.request, self.detailed[number]
                stands = (
                    request is not None
                    and (number in ready or _unsure(place))
                    and self.room.unchanged(issue, request, self.notes[number])
                )
                self.found[number] = replace(situation, confirmed=stands)
            if isinstance(situation, Running) and number in self.view.snapshot.claims:
                late = place if isinstance(place, Waiting) and not _unsure(place) else None
                self.found[number] = replace(situation, place=late)
            if isinstance(situation, Lost) and situation.claim.cancelled and situation.conclusion == "cancelled":
                self.found[number] = replace(situation, place=place if _same(place, situation) else None)

    def _confirm_own(self, arrangement: Arrangement) -> None:
        """Our own fresh claim stands only while everything that admitted it still holds.

        Two gates can claim two issues at once. Whoever claimed last surely sees the other's claim, whatever time it names:
        so there has to be room beside all of them. The younger one steps back, the older one waits for that.
        """
        own, room = self.view.own, self.room
        if own is None:
            return
        running = {n: s for n, s in self.found.items() if isinstance(s, Running)}
        for number, situation in running.items():
            claim = situation.claim
            if claim.run_id != own.run_id:
                continue
            request, issue = self.requests.get(number), self.detailed[number]
            others = [s.claim for s in running.values() if s.claim.run_id != own.run_id]
            stands = (
                request is not None
                and not self.view.problem
                and number in arrangement.ready
                and claim.run_key.startswith(f"{number}-{request.id}-")
                and not room.held(issue, request)
                and self._is_room([each for each in others if self._goes_before(each, claim, own)], claim)
                and room.unchanged(issue, request, self.notes[number])
            )
            crowded = stands and not own.admitted and not self._is_room(others, claim)
            start = room.start(issue, request, claim.run_key) if request and stands and not crowded else None
            self.found[number] = replace(situation, confirmed=stands, crowded=crowded, start=start)

    def _goes_before(self, other: Claim, mine: Claim, own: Own) -> bool:
        """Whether of two claims for one place the other one has it."""
        at_work = StateLabel.RUNNING in self.detailed[other.issue].labels
        older = (other.at, other.issue) < (mine.at, mine.issue)
        if own.admitted:
            return at_work and older
        return at_work or older or not own.patient

    def _is_room(self, beside: Iterable[Claim], claim: Claim) -> bool:
        """Whether the caps leave room for `claim` beside these."""
        return cap_reached(self.room.used_by(beside), self.view.config.limits, claim.usd) is None


def _unsure(place: Waiting | Invalid | None) -> bool:
    """It waits only for what could not be read just now."""
    return isinstance(place, Waiting) and all(each.standing is Standing.UNKNOWN for each in place.on)


def _same(place: Waiting | Invalid | None, lost: Lost) -> bool:
    """Whether the request that waits is the one whose run was taken back."""
    return place is not None and lost.claim.run_key.startswith(f"{lost.claim.issue}-{place.request.id}-")
