"""What was lost, doubled or early in a town, by what GitHub shows and what people did: no word of the server's counts."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from bot.core.ledger import request_of
from bot.core.markers import reveal
from bot.core.names import REPLY_MARKER, REQUEST_LABEL, STATUS_MARKER, VERDICT_MARKER, StateLabel
from bot.sandbox.actions.instant import Dispatched
from bot.sandbox.records import Event, Json, Repo
from bot.server.store import open_store
from tests.chaos.crowd import Crowd, Owed
from tests.stories.invariants import verdict_keys
from tests.stories.server_town import ServerTown

UNDER_WAY = {StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING, REQUEST_LABEL}


@dataclass(slots=True)
class Found:
    """Sentences, one for each thing that must not be."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def add(self, more: "Found") -> None:
        """And what another round found."""
        self.lost += more.lost
        self.doubled += more.doubled
        self.early += more.early
        self.other += more.other

    @property
    def sentences(self) -> list[str]:
        """All of it."""
        kinds = {"lost": self.lost, "doubled": self.doubled, "early": self.early, "other": self.other}
        return [f"{kind}: {sentence}" for kind, sentences in kinds.items() for sentence in sentences]

    @property
    def clean(self) -> bool:
        """Nothing at all."""
        return not self.sentences


class Listener:
    """Hears what the bots say, when they say it."""

    def __init__(self) -> None:
        self.made: Counter[tuple[str, int, str]] = Counter()
        """Comments that are made once for an issue, a run or a command; also those that were deleted later."""

    def __call__(self, event: Event) -> None:
        """See `Hub.subscribe`."""
        if (event.name, event.action) == ("issue_comment", "created") and event.repo and event.actor.type == "Bot":
            key = _said_once(event.payload["comment"]["body"])
            if key:
                self.made[event.repo.full_name, event.payload["issue"]["number"], key] += 1

    @property
    def doubled(self) -> list[str]:
        """What was said more than once."""
        return [
            f"{repo}#{number}: {times} times {key}" for (repo, number, key), times in self.made.items() if times > 1
        ]


class Witness(Listener):
    """Knows besides what each issue waits for: by construction, not by the planner under test."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd
        self.early: list[str] = []

    def __call__(self, event: Event) -> None:
        """See `Hub.subscribe`: the hub's lock is held, so what is seen is what is true at this moment."""
        super().__call__(event)
        if event.name == "workflow_dispatch" and event.repo is not None:
            self._dispatched(event.repo, event.payload["inputs"])

    def _dispatched(self, repo: Repo, inputs: Json) -> None:
        owed = self._crowd.owed[repo.full_name, int(inputs["issue"])]
        if waits := [f"{one.repo.full_name}#{one.number}" for one in owed.prerequisites if one.open]:
            name = f"{repo.full_name}#{owed.issue.number} ({owed.issue.title})"
            self.early.append(f"{name}: run {inputs['run_key']} began while {', '.join(waits)} were open")


def _said_once(body: str) -> str:
    """What a comment of ours is, where there may be only one of it."""
    verdict, reply = reveal(VERDICT_MARKER, body), reveal(REPLY_MARKER, body)
    if verdict:
        return f"the verdict of run {verdict['run']}"
    if reply:
        return f"the reply to comment {reply['to']}"
    return "the status comment" if reveal(STATUS_MARKER, body) else ""


def pending(owed: Owed, dispatches: Collection[Dispatched]) -> str:
    """What an issue still waits for when nothing holds it any more; empty: nothing."""
    issue = owed.issue
    name = f"{issue.repo.full_name}#{issue.number} ({issue.title})"
    said = set(verdict_keys(issue))
    mine = [one for one in dispatches if (one.repo, one.issue) == (issue.repo.full_name, issue.number)]
    served = {request_of(one.run_key) for one in mine if one.run_key in said}
    labels = {label.name for label in issue.labels} & UNDER_WAY
    if unsaid := [one.run_key for one in mine if one.run_key not in said]:
        return f"{name}: no verdict of {', '.join(unsaid)}"
    if len(served) < owed.least - owed.refused:
        return f"{name}: {owed.least} requests, {owed.refused} refused, {len(served)} served"
    if issue.open and labels:
        return f"{name}: still labelled {', '.join(sorted(labels))}"
    if unread := [one.body for one in owed.commands if not one.reactions]:
        return f"{name}: unanswered: {unread}"
    return ""


def unstored(town: ServerTown, database_url: str) -> list[str]:
    """Deliveries that were answered *stored* (or *duplicate*) and are not in the database. The server must be down."""
    told = {one.guid for one in town.hub.webhooks.deliveries if one.ok and "pong" not in one.response}
    store = open_store(database_url)
    try:
        return [f"delivery {guid} was answered 202, and is nowhere" for guid in sorted(told - store.known(told))]
    finally:
        store.close()


def judge(town: ServerTown, crowd: Crowd, witness: Witness) -> Found:
    """Count it all, when the town is quiet."""
    found = Found(early=list(witness.early), doubled=witness.doubled)
    dispatches = town.actions.dispatches
    found.lost += [why for owed in crowd.owed.values() if (why := pending(owed, dispatches))]
    keys = Counter((one.repo, one.run_key) for one in dispatches)
    found.doubled += [f"{repo}: {key} was dispatched {times} times" for (repo, key), times in keys.items() if times > 1]
    for one in dispatches:
        name = f"{one.repo}#{one.issue}: run {one.run_key}"
        if one.other_runs:
            found.doubled.append(f"{name} began beside {len(one.other_runs)} others")
    for owed in crowd.owed.values():
        found.doubled += _doubled(owed, town)
    return found


def _doubled(owed: Owed, town: ServerTown) -> list[str]:
    issue = owed.issue
    name = f"{issue.repo.full_name}#{issue.number}"
    mine = {
        one.run_key for one in town.actions.dispatches if (one.repo, one.issue) == (issue.repo.full_name, issue.number)
    }
    requests = {request_of(key) for key in mine}
    found = [f"{name}: {len(requests)} requests were served of {owed.most}"] if len(requests) > owed.most else []
    pulls = [p for p in issue.repo.issues.values() if p.pull and p.open and p.pull.head == f"ai/issue-{issue.number}"]
    return [*found, *([f"{name}: {len(pulls)} open pull requests"] if len(pulls) > 1 else [])]
