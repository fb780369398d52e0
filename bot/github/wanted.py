"""What a reader is asked for, and the node ids it comes by on the way (a cache for whoever writes afterwards)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.core.model import Issue
from bot.core.names import CALLER_WORKFLOW
from bot.errors import GitHubError
from bot.github.queries import DETAIL_PAGE, LIGHT_PAGE
from bot.github.recent import Recent

WORTH_KNOWING = 100
"""Open issues that come in one page anyway; of more, only changes are read."""
READ_WHOLE_AFTER = timedelta(hours=1)
"""A label or a milestone that was renamed touches no issue: such things are seen when everything is read again."""


@dataclass(frozen=True, slots=True)
class Known:
    """All open issues of a repository as they were read last: the next read need only ask what has changed."""

    issues: Mapping[int, Issue]
    newest: datetime
    """When the open issue touched last was touched, as the read began; by GitHub's clock."""
    whole_at: datetime
    """When all of them were last read."""

    def usable(self, now: datetime) -> bool:
        """Whether it saves anything, and is young enough."""
        return len(self.issues) > WORTH_KNOWING and now - self.whole_at < READ_WHOLE_AFTER


SHORTEST_PAGE = 10


@dataclass(frozen=True, slots=True)
class Pages:
    """How long the first page of each list is. GitHub's price goes by what is asked for, whatever is there.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """

    open: int = LIGHT_PAGE
    asked: int = DETAIL_PAGE
    recent: int = DETAIL_PAGE
    refs: int = LIGHT_PAGE

    def after(self, listed: Mapping[str, int]) -> "Pages":
        """For the next look: as long as what was listed now, and some more; what was not listed stays as it is."""
        longest = asdict(Pages())
        room = {name: max(SHORTEST_PAGE, count + max(5, count // 4)) for name, count in listed.items()}
        return replace(self, **{name: min(room[name], longest[name]) for name in room.keys() & longest.keys()})


@dataclass(frozen=True, slots=True)
class TalksWanted:
    """What is asked for of our pull requests, beside the lists that tell which there are."""

    pulls: bool = True
    """What is said on those that are open: at the last look there was one (or nobody looked)."""
    checks: bool = True
    """And CI's word: the config says `fix_ci`."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one look leaves for the next."""

    known: Known | None = None
    """None: the next one must read everything."""
    pages: Pages = Pages()
    trackers: tuple[int, ...] = ()
    """Open META issues: their boards are kept, so they are read in detail."""
    recent: Recent | None = None
    """None: the next one reads all that was touched lately."""
    talks: TalksWanted = TalksWanted()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read, and what the reader knows already."""

    repo: str
    now: datetime
    focus: tuple[int, ...] = ()
    held: frozenset[int] = frozenset()
    """Issues whose run the caller knows: for them no list of runs is read."""
    everything: bool = True
    """False: only what concerns `focus` (its branches, pull requests, prerequisites)."""
    prerequisites: bool = True
    """False: nobody asks what the issues wait for; only the issues themselves."""
    run_id: int = 0
    """The workflow run we are: active, nobody need ask."""
    workflow: str = CALLER_WORKFLOW
    paused: bool = False
    repository_id: int = 0
    """The number that the repository of this name must have; 0: any."""
    own_ids: frozenset[int] = frozenset()
    """User ids whose comments are ours, besides our own account's."""
    reviews: bool = False
    """Reviews of our pull requests, too."""
    checks: bool = False
    """And what CI says of them."""
    talks: TalksWanted = TalksWanted()
    remember: bool = False
    """Whoever reads will read again: find out what the next read may leave out."""
    known: Known | None = None
    """What this read may leave out."""
    pages: Pages = Pages()
    trackers: tuple[int, ...] = ()
    recent: Recent | None = None
    """How far those touched lately have been read."""

    def check_identity(self, name: str, found: int | None) -> None:
        """A name can be given to another repository (after a rename, a transfer, a deletion); the number can't.

        Raises:
            GitHubError: the repository called `name` has the number `found`, which is not the one wanted.
        """
        if self.repository_id and found is not None and found != self.repository_id:
            raise GitHubError(f"{name} is another repository now: the one meant was renamed or is gone.", status=404)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which repository a client is for, and what it knows of itself."""

    repo: str
    """`owner/repo`."""
    run_id: int = 0
    paused: bool = False
    workflow: str = CALLER_WORKFLOW
    repository_id: int = 0
    own_ids: frozenset[int] = frozenset()
    reviews: bool = False
    """A server hosts the planner: reviews ask for runs."""
    checks: bool = False
    """So does red CI, as far as the client may see it."""
    remember: bool = False
    """The client reads again and again (the server's)."""

    def wanted(
        self,
        now: datetime,
        focus: Iterable[int],
        *,
        held: Iterable[int] = (),
        everything: bool = True,
        prerequisites: bool = True,
        memory: Memory,
    ) -> Wanted:
        """What to read this time; `memory`: what the time before left."""
        known = memory.known if prerequisites and memory.known and memory.known.usable(now) else None
        return Wanted(
            repo=self.repo,
            now=now.astimezone(UTC),
            focus=tuple(sorted(set(focus))),
            held=frozenset(held),
            everything=everything,
            prerequisites=prerequisites,
            run_id=self.run_id,
            workflow=self.workflow,
            paused=self.paused,
            repository_id=self.repository_id,
            own_ids=self.own_ids,
            reviews=self.reviews,
            checks=self.checks,
            remember=self.remember and prerequisites,
            known=known,
            pages=memory.pages if self.remember else Pages(),
            trackers=memory.trackers if everything else (),
            recent=memory.recent if self.remember else None,
            talks=memory.talks if self.remember else TalksWanted(),
        )


@dataclass(slots=True)
class NodeIds:
    """GraphQL's ids of what we may write to, as far as they were read. A cache: a missing one is looked up."""

    repository: str = ""
    tree: str = ""
    """The tree of the default branch's newest commit: what a claim's commit is made of."""
    labels: dict[str, str] = field(default_factory=dict)
    issues: dict[int, str] = field(default_factory=dict)
    """Of issues and pull requests, by number."""
    users: dict[str, str] = field(default_factory=dict)
    """By lower-cased login."""
    claims: dict[int, str] = field(default_factory=dict)
    """The commit of each issue's claim, as read or as made by us."""
