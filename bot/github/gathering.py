"""What has been read of a repository so far, and what that makes necessary to read next.

A `Part` is one selection of a GraphQL document together with what takes its answer in; taking it in may call for
further parts (the next page, earlier comments). Pure; `gather` does the asking.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.core import titles
from bot.core.model import ActionsRun, Claim, Issue, Json, Pull, Ref, RunState, Snapshot, Standing
from bot.core.names import GITHUB_ACTIONS_BOT_ID
from bot.errors import GitHubError
from bot.github import queries, read
from bot.github.claims import read_claim
from bot.github.recent import OVERLAP, Lately
from bot.github.talks import Talks
from bot.github.wanted import Known, Memory, NodeIds, Pages, Wanted

OPEN_PAGES = 200
RECENT_PAGES = 40
INNER_PAGES = 10
"""Pages read at most: 20,000 open issues, 1,000 comments of one issue; of those touched lately, 2,000 in one look."""
REFS_AT_MOST = 1000
"""Prerequisites looked up for one snapshot; those beyond stay unknown, and unknown waits."""
MOST_TRACKERS = 10
"""META issues read in detail: anybody may open one."""
LOOK_BACK = timedelta(hours=2)
"""How far back unread comments on issues without a label of ours are looked for (an hourly plan, missed once)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a document, and what to do with its answer: take it in, and say what else must be read."""

    selection: str
    take: Callable[[Json], "Iterable[Part]"]


class Gathering:
    """What has been read so far. `parts()` says what to ask first; `snapshot()` what it came to."""

    def __init__(self, wanted: Wanted, ids: NodeIds) -> None:
        self.wanted = wanted
        self.ids = ids
        self.native = True
        self.truncated = False
        self.repo = wanted.repo
        self.default_branch = ""
        self.head_oid = ""
        self.config_text: str | None = None
        self.labels: frozenset[str] = frozenset()
        self.viewer_id = 0
        self._known = wanted.known
        midnight = wanted.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._lately = Lately(min(midnight, wanted.now - LOOK_BACK), wanted.recent)
        self._newest: datetime | None = None
        self._open_now = 0
        self.light: dict[int, Issue] = dict(wanted.known.issues) if wanted.known is not None else {}
        self.details: dict[int, Json] = {}
        self.closed: dict[int, Issue] = {}
        self.standings: dict[Ref, Standing] = {}
        self.pulls: dict[int, Pull] = {}
        self.all_pulls_seen = False
        self.branches: dict[str, str] = {}
        self.claims: dict[int, Claim] = {}
        self._talks = Talks(wanted)
        self.runs: dict[int, ActionsRun] = {}
        self._listed: dict[str, int] = {}
        """How long each list was."""
        self._looked_up: set[int] = set()
        self._claims_seen: set[int] = set()

    # ------------------------------------------------------------------------------- what to ask for

    def parts(self) -> list[Part]:
        """Everything that is needed whatever the answers are."""
        found = [
            Part(queries.basics(), self._take_basics),
            self._refs_part("", 1),
            Part(queries.recent_pulls(), self._take_pulls),
            *(Part(queries.one_issue(number), self._taker(number)) for number in self._singled_out()),
        ]
        if self.wanted.prerequisites:
            found.append(self._open_part("", 1) if self._known is None else self._changed_part("", 1, self._known))
            found.append(Part(queries.closed_issues(), self._take_closed))
        if self.wanted.remember:
            found.append(Part(queries.tide(), self._take_tide))
        if self.wanted.everything:
            found += [self._asked_part("", 1), self._recent_part("", 1)]
            again = sorted(self._lately.matter - set(self._singled_out()))
            found += [Part(queries.one_issue(number), self._taker(number)) for number in again]
        return found

    def _singled_out(self) -> list[int]:
        return sorted({*self.wanted.focus, *self.wanted.trackers})

    def followers(self) -> list[Part]:
        """What turns out to be missing once every page is there: details of labelled issues, pull requests of runs."""
        ours = set(queries.OUR_LABELS)
        found = [
            Part(queries.one_issue(issue.number), self._taker(issue.number))
            for issue in self.light.values()
            if self.wanted.everything and issue.labels & ours and issue.number not in self.details
        ]
        if self.wanted.everything:
            unread = (number for number in self._trackers() if number not in self.details)
            found += [Part(queries.one_issue(number), self._taker(number)) for number in unread]
        # A gate that died after its claim may have left no label, on an issue that nobody touched since.
        # And of a pull request's issue somebody may have taken the label off.
        bare = self.claims.keys() | self._talks.spoken_of(self.pulls) if self.wanted.everything else set()
        bare = bare - self.details.keys() - self._claims_seen
        self._claims_seen |= bare
        found += [Part(queries.one_issue(number), self._taker(number)) for number in sorted(bare)]
        if self._talks.ask_for(self.pulls):
            self._listed["refs"] = 0
            found.append(self._refs_part("", 1))
        if not self.all_pulls_seen:
            unseen = sorted(
                self._run_before() - self._looked_up - {read.issue_of_branch(pull.head) for pull in self.pulls.values()}
            )
            found += [Part(queries.pulls_of(number), self._take_heads) for number in unseen]
        self._looked_up |= self._run_before()
        return found

    def ended_since(self) -> list[Part]:
        """Issues that are to be read once more, because the run that holds them turned out to be over.

        A run says its verdict before it ends, but it may have done both after the issue was read: then it is no lost one.
        """
        over = {RunState.ENDED, RunState.GONE}
        ended = [
            claim.issue
            for claim in self.claims.values()
            if claim.issue in self.details and claim.run_id in self.runs and self.runs[claim.run_id].state in over
        ]
        for number in ended:
            del self.details[number]
        return [Part(queries.one_issue(number), self._taker(number)) for number in sorted(ended)]

    def _trackers(self) -> tuple[int, ...]:
        """Open META issues, the oldest ones."""
        named = (n for n, issue in self.light.items() if type(titles.parse(issue.title)) is titles.Meta)
        return tuple(sorted(named)[:MOST_TRACKERS])

    def _run_before(self) -> set[int]:
        """Issues that a run may have opened a pull request for."""
        ours = set(queries.OUR_LABELS)
        labelled = {number for number, data in self.details.items() if read.labels(data.get("labels")) & ours}
        return labelled | (set(self.wanted.focus) & self.details.keys())

    def unknown_refs(self) -> list[Ref]:
        """Text prerequisites of the issues that somebody asks for, as far as nothing is known of them."""
        if not self.wanted.prerequisites:
            return []
        home = self.repo.lower()
        here = {number for number, issue in self.light.items() if issue.open} | self.details.keys()
        refs = (ref for number in sorted(self.details) for ref in self._text_refs(self.details[number], home))
        unknown = (ref for ref in refs if ref not in self.standings and not (ref.repo == home and ref.number in here))
        return list(dict.fromkeys(unknown))[:REFS_AT_MOST]

    def _text_refs(self, data: Json, home: str) -> Sequence[Ref]:
        asked = (
            bool(read.labels(data.get("labels")) & set(queries.OUR_LABELS)) or int(data["number"]) in self.wanted.focus
        )
        asked = asked or any("/ai" in str(node["body"]) for node in read.nodes(data["comments"]))
        if not asked or data.get("state") != "OPEN" or not data["body"]:
            return ()
        # Here, not above: the Markdown parser is not needed where nothing is asked for.
        from bot.core import prerequisites  # noqa: PLC0415

        hosts = (*prerequisites.GITHUB, urlsplit(str(data["url"])).netloc)
        return prerequisites.parse(str(data["body"]), repo=home, hosts=hosts)

    # ------------------------------------------------------------------------------ what was answered

    def _take_basics(self, data: Json) -> Iterable[Part]:
        self.repo = str(data["nameWithOwner"])
        self.wanted.check_identity(self.repo, data.get("databaseId"))
        self.ids.repository = str(data["id"])
        branch = data.get("defaultBranchRef") or {}
        target = branch.get("target") or {}
        self.default_branch, self.head_oid = str(branch.get("name") or ""), str(target.get("oid") or "")
        self.ids.tree = str((target.get("tree") or {}).get("oid") or "")
        config = data.get("config")
        # A config too long for one answer can't be judged: as good as not there would be worse than an error.
        if isinstance(config, dict) and config.get("isTruncated"):
            raise GitHubError(f"{self.repo}: the config file is too large to be read.", status=422)
        self.config_text = str(config["text"]) if isinstance(config, dict) and config.get("text") is not None else None
        found = {name: data[alias]["id"] for alias, name in queries.LABEL_ALIASES.items() if data.get(alias)}
        self.ids.labels.update(found)
        self.labels = frozenset(found)
        return ()

    def _open_part(self, after: str, page: int) -> Part:
        def take(data: Json) -> Iterable[Part]:
            for node in self._kept(data["open"], "open"):
                self.light[int(node["number"])] = read.light_issue(node)
            return self._next(data["open"], page, OPEN_PAGES, self._open_part)

        return Part(queries.open_issues(after, first=self._pages(page).open), take)

    def _changed_part(self, after: str, page: int, known: Known) -> Part:
        def take(data: Json) -> Iterable[Part]:
            for node in self._kept(data["changed"], "changed"):
                issue = read.light_issue(node)
                if issue.open:
                    self.light[issue.number] = issue
                else:
                    self.light.pop(issue.number, None)
            return self._next(
                data["changed"], page, OPEN_PAGES, lambda cursor, later: self._changed_part(cursor, later, known)
            )

        first = queries.CHANGED_PAGE if page == 1 else queries.LIGHT_PAGE
        return Part(queries.changed_issues(after, since=known.newest - OVERLAP, first=first), take)

    def _take_tide(self, data: Json) -> Iterable[Part]:
        self._open_now = int(data["tide"]["totalCount"])
        self._newest = next((read.when(node["updatedAt"]) for node in read.nodes(data["tide"])), None)
        return ()

    def _asked_part(self, after: str, page: int) -> Part:
        def take(data: Json) -> Iterable[Part]:
            more = [part for node in self._kept(data["asked"], "asked") for part in self._take_issue(node)]
            return [*more, *self._next(data["asked"], page, OPEN_PAGES, self._asked_part)]

        return Part(queries.asked_issues(after, first=self._pages(page).asked), take)

    def _recent_part(self, after: str, page: int) -> Part:
        def take(data: Json) -> Iterable[Part]:
            nodes = self._kept(data["recent"], "recent")
            if self.wanted.remember:
                self._lately.take(nodes)
            more = [part for node in nodes for part in self._take_issue(node)]
            if page == RECENT_PAGES and data["recent"]["pageInfo"]["hasNextPage"]:
                self._lately.cut = True
                return more
            return [*more, *self._next(data["recent"], page, RECENT_PAGES, self._recent_part)]

        first, going_on = self._pages(page).recent, self.wanted.remember
        return Part(queries.recent_issues(after, since=self._lately.since, first=first, oldest_first=going_on), take)

    def _refs_part(self, after: str, page: int) -> Part:
        def take(data: Json) -> Iterable[Part]:
            if data.get("refs") is None:
                return []
            more = [part for node in self._count(read.nodes(data["refs"]), "refs") for part in self._take_ref(node)]
            return [*more, *self._next(data["refs"], page, OPEN_PAGES, self._refs_part)]

        return Part(queries.our_refs(after, first=self._pages(page).refs, talks=self._talks.selection), take)

    def _take_ref(self, node: Json) -> Iterable[Part]:
        branch = (str(node.get("prefix") or "") + str(node["name"])).removeprefix("refs/heads/")
        target = node.get("target") or {}
        oid = str(target.get("oid") or "")
        self.branches[branch] = oid
        if target.get("committedDate"):
            claim = read_claim(branch, oid, str(target.get("message") or ""), read.when(target["committedDate"]))
            if claim is not None:
                self.claims[claim.issue] = claim
        self._take_changes(read.nodes(node.get("associatedPullRequests")))
        # What is said on our open pull request is a conversation of its own as well as its issue's feedback.
        said = [talk for talk in read.nodes(node.get("open")) if int(talk["number"]) in self.pulls]
        return [part for talk in self._talks.take(branch, said, target) for part in self._take_issue(talk)]

    def _take_pulls(self, data: Json) -> Iterable[Part]:
        self.all_pulls_seen = not data["pulls"]["pageInfo"]["hasNextPage"]
        self._take_changes(read.nodes(data["pulls"]))
        return ()

    def _take_heads(self, data: Json) -> Iterable[Part]:
        for key, connection in data.items():
            if key.startswith("head"):
                self._take_changes(read.nodes(connection))
        return ()

    def _take_changes(self, found: Iterable[Json]) -> None:
        """Pull requests: all of them may be prerequisites; ours are those of `ai/issue-…` in this repository."""
        for node in found:
            self.standings[Ref(self.repo.lower(), int(node["number"]))] = read.standing(node)
            if str(node["headRefName"]).startswith("ai/issue-") and not node["isCrossRepository"]:
                pull = read.pull(node)
                self.pulls[pull.number] = pull
                self.ids.issues[pull.number] = pull.node_id

    def _take_closed(self, data: Json) -> Iterable[Part]:
        for node in read.nodes(data["closed"]):
            self.standings[read.linked_ref(node)] = read.standing(node)
            issue = read.closed_issue(node)
            self.closed[issue.number] = issue
        return ()

    def _taker(self, number: int) -> Callable[[Json], Iterable[Part]]:
        def take(data: Json) -> Iterable[Part]:
            node = data.get(f"issue{number}")
            here = isinstance(node, dict) and str(node["repository"]["nameWithOwner"]).lower() == self.repo.lower()
            if isinstance(node, dict) and here:
                return self._take_issue(node)
            # Absent, or transferred: here it is no more.
            self.light.pop(number, None)
            return ()

        return take

    def _take_issue(self, node: Json) -> list[Part]:
        number = int(node["number"])
        if number in self.details:
            return []
        self.details[number] = node
        self.ids.issues[number] = str(node["id"])
        for who in read.people(node):
            if who.get("id"):
                self.ids.users[str(who["login"]).lower()] = str(who["id"])
        self.standings.update(read.linked(node))
        return [*self._earlier_comments(number, 1), *self._earlier_events(number, 1)]

    def _earlier_comments(self, number: int, page: int) -> Iterable[Part]:
        info = self.details[number]["comments"]["pageInfo"]
        if not info["hasPreviousPage"]:
            return
        if page > INNER_PAGES:
            self.truncated = True
            return

        def take(data: Json) -> Iterable[Part]:
            read.prepend(self.details[number], data.get(f"comments{number}"), "comments")
            return self._earlier_comments(number, page + 1)

        yield Part(queries.more_comments(number, str(info["startCursor"])), take)

    def _earlier_events(self, number: int, page: int) -> Iterable[Part]:
        info = (self.details[number].get("timelineItems") or {}).get("pageInfo") or {}
        if not info.get("hasPreviousPage") or page > INNER_PAGES:
            # The newest 100 to 1,000 label events hold the one that counts: the last.
            return

        def take(data: Json) -> Iterable[Part]:
            read.prepend(self.details[number], data.get(f"events{number}"), "timelineItems")
            return self._earlier_events(number, page + 1)

        yield Part(queries.more_events(number, str(info["startCursor"])), take)

    def _pages(self, page: int) -> Pages:
        """Only the first page of a list is shorter where there is less; who needs a second one needs a long one."""
        return self.wanted.pages if page == 1 else Pages()

    def _kept(self, connection: Json, name: str) -> list[Json]:
        """The nodes of the list called `name`. GitHub leaves null where it failed to make one: the list is not whole."""
        self.truncated |= None in (connection.get("nodes") or ())
        return self._count(read.nodes(connection), name)

    def _count(self, nodes: list[Json], name: str) -> list[Json]:
        self._listed[name] = self._listed.get(name, 0) + len(nodes)
        return nodes

    def _next(self, connection: Json, page: int, most: int, part: Callable[[str, int], Part]) -> list[Part]:
        info = connection["pageInfo"]
        if not info["hasNextPage"]:
            return []
        if page >= most:
            self.truncated = True
            return []
        return [part(str(info["endCursor"]), page + 1)]

    # ----------------------------------------------------------------------------------- what it is

    @property
    def outdated(self) -> bool:
        """What was known does not fit what is there: issues were deleted or transferred, which no list of changes tells."""
        return self._known is not None and len(self.light) != self._open_now

    def memory(self) -> Memory:
        """What the next read need not find out again."""
        recent = self._lately.after(self.details, self._own_ids) if self.wanted.everything else self.wanted.recent
        pages, talks = self.wanted.pages.after(self._listed), self._talks.for_the_next(self.pulls, self.config_text)
        return Memory(self._now_known(), pages, self._trackers(), recent, talks)

    def _now_known(self) -> Known | None:
        if self.truncated or self._newest is None:
            return None
        whole_at = self.wanted.now if self._known is None else self._known.whole_at
        return Known(MappingProxyType(dict(self.light)), self._newest, whole_at)

    def snapshot(self) -> Snapshot:
        """Everything read, as facts."""
        issues = {**self.light, **{number: read.full_issue(data) for number, data in self.details.items()}}
        found = Snapshot(
            repo=self.repo,
            now=self.wanted.now,
            default_branch=self.default_branch,
            issues=MappingProxyType(issues),
            closed=MappingProxyType(dict(self.closed)),
            standings=MappingProxyType(dict(self.standings)),
            own_ids=self._own_ids,
            claims=MappingProxyType(dict(self.claims)),
            runs=MappingProxyType(dict(self.runs)),
            pulls=tuple(self.pulls[number] for number in sorted(self.pulls)),
            branches=MappingProxyType(dict(self.branches)),
            head_oid=self.head_oid,
            config_text=self.config_text,
            paused=self.wanted.paused,
            labels=self.labels,
            truncated=self.truncated or self._lately.cut,
        )
        return self._talks.laid_over(found, self.details)

    @property
    def _own_ids(self) -> frozenset[int]:
        return frozenset({GITHUB_ACTIONS_BOT_ID, self.viewer_id} - {0}) | self.wanted.own_ids
