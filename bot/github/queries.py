"""GraphQL documents for reading: fragments, the parts a snapshot is made of, and how they are put together.

Only text is made here. Every field and argument is checked against GitHub's published schema by
tests/github/test_queries.py. Page sizes keep a document far below GitHub's limit of 500,000 nodes
(https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api).
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.core.model import Ref
from bot.core.names import CONFIG_PATH, LABEL_LOOKS, issue_branch

LIGHT_PAGE = 100
DETAIL_PAGE = 50
INNER_PAGE = 100
"""Comments, timeline events, labels, sub-issues of one issue (GitHub's own limits: 100 labels, 100 sub-issues)."""
CHANGED_PAGE = 20
"""Of issues touched since the last look, at first: mostly there are one or two."""
PULLS_PAGE = 50

OUR_LABELS = tuple(str(name) for name in LABEL_LOOKS)
LABEL_ALIASES = {f"label{index}": name for index, name in enumerate(OUR_LABELS)}

_FRAGMENTS = {
    # A bot's login comes without `[bot]` here; its id is the same as in REST.
    "Who": "on Actor { __typename login ... on User { id databaseId } ... on Bot { id databaseId } "
    "... on Mannequin { id databaseId } }",
    "Light": "on Issue { number title state stateReason(enableDuplicate: true) labels(first: 100) { nodes { name } } "
    "milestone { title } ...By }",
    "By": "on Issue { authorAssociation author { __typename } }",
    # `databaseId` is a 32-bit Int and newer comments and issues are beyond it: `fullDatabaseId`.
    "Remark": "on IssueComment { id fullDatabaseId author { ...Who } body createdAt lastEditedAt "
    "reactionGroups { content viewerHasReacted } }",
    "Linked": "on Issue { number state stateReason(enableDuplicate: true) repository { nameWithOwner } }",
    "Over": "on Issue { ...Linked ...By title closedAt milestone { title } }",
    "Remarks": "on IssueCommentConnection { pageInfo { hasPreviousPage startCursor } nodes { ...Remark } }",
    "Happened": "on IssueTimelineItemsConnection { pageInfo { hasPreviousPage startCursor } nodes { __typename "
    "... on LabeledEvent { id createdAt actor { ...Who } label { name } } "
    "... on RenamedTitleEvent { createdAt } ... on ClosedEvent { createdAt } } }",
    "Native": "on Issue { blockedBy(first: 100) { nodes { ...Linked } } issueDependenciesSummary { blockedBy } }",
    "Detail": "on Issue { ...Light ...Native id fullDatabaseId body url author { ...Who } locked lastEditedAt "
    "repository { nameWithOwner } "
    "timelineItems(last: 100, itemTypes: [LABELED_EVENT, RENAMED_TITLE_EVENT, CLOSED_EVENT]) { ...Happened } "
    "comments(last: 100) { ...Remarks } subIssues(first: 100) { nodes { ...Linked } } }",
    # `pullState`: one answer may not give `state` two types (an issue's and a pull request's).
    "DetailPull": "on PullRequest { number title pullState: state id fullDatabaseId body url author { ...Who } locked lastEditedAt "
    "repository { nameWithOwner } comments(last: 100) { ...Remarks } }",
    "Opinions": "on PullRequest { reviews(last: 30, states: [APPROVED, CHANGES_REQUESTED, DISMISSED]) { nodes { "
    "fullDatabaseId author { ...Who } state body submittedAt } } }",
    "CheckedTip": "on PullRequest { commits(last: 1) { nodes { commit { oid checkSuites(last: 30) { nodes { "
    "status conclusion updatedAt workflowRun { workflow { resourcePath } } } } } } } }",
    "Change": "on PullRequest { id number title pullState: state isDraft headRefName headRefOid baseRefName isCrossRepository url "
    "author { ...Who } closedAt }",
    "Stands": "on IssueOrPullRequest { __typename ... on Issue { ...Linked } "
    "... on PullRequest { number pullState: state repository { nameWithOwner } } }",
}
_WITHOUT_NATIVE = {**_FRAGMENTS, "Native": "on Issue { id }"}
"""For servers that know no issue dependencies (GitHub Enterprise Server before 3.19)."""

_SPREAD = re.compile(r"\.\.\.([A-Z]\w*)")


def document(repo: str, parts: Iterable[str], *, others: Iterable[str] = (), native: bool = True) -> str:
    """One query: `parts` of the repository `owner/name`, then `others` at the root, with the fragments they use."""
    owner, _, name = repo.partition("/")
    inside = " ".join(parts)
    ours = f"repository(owner: {literal(owner)}, name: {literal(name)}) {{ {inside} }}" if inside else ""
    text = "query { " + " ".join([ours, *others]).strip() + " }"
    return text + _used_fragments(text, _FRAGMENTS if native else _WITHOUT_NATIVE)


def literal(value: str) -> str:
    """A GraphQL string literal (JSON's escapes are GraphQL's, too)."""
    return json.dumps(value)


def basics() -> str:
    """The repository itself: names, default branch, config file, our labels."""
    labels = " ".join(f"{alias}: label(name: {literal(name)}) {{ id }}" for alias, name in LABEL_ALIASES.items())
    config = literal(f"HEAD:{CONFIG_PATH}")
    return (
        "id databaseId nameWithOwner defaultBranchRef { name target { oid ... on Commit { tree { oid } } } } "
        f"config: object(expression: {config}) {{ ... on Blob {{ text isTruncated }} }} {labels}"
    )


def viewer() -> str:
    """Who we are, at the root. A job's GITHUB_TOKEN may ask this, though it can't `GET /user`."""
    return "viewer { login databaseId }"


def open_issues(after: str, *, first: int = LIGHT_PAGE) -> str:
    """A page of all open issues, light, oldest first."""
    return (
        f"open: issues(states: [OPEN], first: {first}, orderBy: {{field: CREATED_AT, direction: ASC}}"
        f"{_after(after)}) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ ...Light }} }}"
    )


def changed_issues(after: str, *, since: datetime, first: int = LIGHT_PAGE) -> str:
    """A page of the issues touched since `since`, open or closed, light, oldest touch first.

    One that is touched while pages are read moves to the end, and is read again: none is passed over.
    """
    return (
        f"changed: issues(filterBy: {{since: {_time(since)}}}, first: {first}, "
        f"orderBy: {{field: UPDATED_AT, direction: ASC}}{_after(after)}) "
        "{ pageInfo { hasNextPage endCursor } nodes { ...Light } }"
    )


def tide() -> str:
    """How many open issues there are, and when one was last touched."""
    return (
        "tide: issues(states: [OPEN], first: 1, orderBy: {field: UPDATED_AT, direction: DESC}) "
        "{ totalCount nodes { updatedAt } }"
    )


def asked_issues(after: str, *, first: int = DETAIL_PAGE) -> str:
    """A page of the open issues that carry any of our labels, in detail."""
    labels = ", ".join(literal(name) for name in OUR_LABELS)
    return (
        f"asked: issues(states: [OPEN], labels: [{labels}], first: {first}, "
        f"orderBy: {{field: CREATED_AT, direction: ASC}}{_after(after)}) "
        "{ pageInfo { hasNextPage endCursor } nodes { ...Detail } }"
    )


def recent_issues(after: str, *, since: datetime, first: int = DETAIL_PAGE, oldest_first: bool = False) -> str:
    """A page of the issues touched since `since`, open or closed, in detail, by when they were touched."""
    direction, touched = ("ASC", "updatedAt ") if oldest_first else ("DESC", "")
    return (
        f"recent: issues(filterBy: {{since: {_time(since)}}}, first: {first}, "
        f"orderBy: {{field: UPDATED_AT, direction: {direction}}}{_after(after)}) "
        f"{{ pageInfo {{ hasNextPage endCursor }} nodes {{ {touched}...Detail }} }}"
    )


def closed_issues() -> str:
    """The hundred closed issues touched last: most prerequisites that have closed are among them."""
    return (
        f"closed: issues(states: [CLOSED], first: {LIGHT_PAGE}, orderBy: {{field: UPDATED_AT, direction: DESC}}) "
        "{ nodes { ...Over } }"
    )


def our_refs(after: str, *, first: int = LIGHT_PAGE, talks: str = "") -> str:
    """A page of the branches under `ai/` with their commits and pull requests; `talks`: `talk`, of those that are open."""
    return (
        f'refs(refPrefix: "refs/heads/ai/", first: {first}{_after(after)}) {{ pageInfo {{ hasNextPage endCursor }} '
        "nodes { name prefix target { oid ... on Commit { message committedDate } } "
        "associatedPullRequests(first: 5, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { ...Change } } "
        f"{talks} }} }}"
    )


def talk(*, reviews: bool, checks: bool) -> str:
    """The open pull request of a branch, with what is said on it: `reviews` and `checks`, too."""
    more = f"{' ...Opinions' if reviews else ''}{' ...CheckedTip' if checks else ''}"
    return (
        "open: associatedPullRequests(states: [OPEN], first: 1, orderBy: {field: CREATED_AT, direction: ASC}) "
        f"{{ nodes {{ ...DetailPull{more} }} }}"
    )


def recent_pulls() -> str:
    """The pull requests touched last."""
    return (
        f"pulls: pullRequests(first: {PULLS_PAGE}, orderBy: {{field: UPDATED_AT, direction: DESC}}) "
        "{ pageInfo { hasNextPage } nodes { ...Change } }"
    )


def pulls_of(number: int) -> str:
    """The pull requests that runs of an issue opened, also those whose branch is gone."""
    heads = ((f"head{number}_{suffix}", issue_branch(number, suffix)) for suffix in (1, 2, 3))
    return " ".join(
        f"{alias}: pullRequests(headRefName: {literal(head)}, first: 5, "
        "orderBy: {field: CREATED_AT, direction: DESC}) { nodes { ...Change } }"
        for alias, head in heads
    )


def one_issue(number: int) -> str:
    """An issue, or a pull request, in detail."""
    return f"issue{number}: issueOrPullRequest(number: {number}) {{ __typename ...Detail ...DetailPull }}"


def more_comments(number: int, before: str) -> str:
    """An earlier page of an issue's (or pull request's) comments."""
    page = f"comments(last: {INNER_PAGE}, before: {literal(before)}) {{ ...Remarks }}"
    return (
        f"comments{number}: issueOrPullRequest(number: {number}) "
        f"{{ ... on Issue {{ {page} }} ... on PullRequest {{ {page} }} }}"
    )


def more_events(number: int, before: str) -> str:
    """An earlier page of an issue's timeline."""
    return (
        f"events{number}: issue(number: {number}) {{ timelineItems(last: {INNER_PAGE}, before: {literal(before)}, "
        "itemTypes: [LABELED_EVENT, RENAMED_TITLE_EVENT, CLOSED_EVENT]) { ...Happened } }"
    )


def body_of(number: int) -> str:
    """An issue's text as it is now."""
    return f"text: issue(number: {number}) {{ id body }}"


def text_of(number: int) -> str:
    """An issue's title, text and state as they are now."""
    return f"text{number}: issue(number: {number}) {{ id title body state }}"


def blockers_of(number: int) -> str:
    """What an issue natively waits for."""
    return f"blocked{number}: issue(number: {number}) {{ blockedBy(first: 100) {{ nodes {{ number }} }} }}"


def comment(node_id: str) -> str:
    """A comment's text as it is now, at the root."""
    return f"comment: node(id: {literal(node_id)}) {{ ... on IssueComment {{ body }} }}"


def issue_texts(after: str) -> str:
    """A page of all issues, open and closed, with their texts, newest first."""
    return (
        f"texts: issues(first: {LIGHT_PAGE}, orderBy: {{field: CREATED_AT, direction: DESC}}{_after(after)}) "
        "{ pageInfo { hasNextPage endCursor } nodes { ...By number title body state labels(first: 100) { nodes { name } } } }"
    )


def node_ids(issues: Iterable[int], labels: Iterable[str]) -> list[str]:
    """What to ask for to get the node ids of issues (or pull requests) and labels."""
    found = [
        f"id{number}: issueOrPullRequest(number: {number}) {{ ... on Issue {{ id }} ... on PullRequest {{ id }} }}"
        for number in issues
    ]
    return ["id", *found, *(f"{alias(name)}: label(name: {literal(name)}) {{ id }}" for name in labels)]


def alias(label: str) -> str:
    """A GraphQL alias for a label's name."""
    return "label_" + label.encode().hex()


def standings(refs: Sequence[Ref]) -> list[str]:
    """Root selections that tell what became of `refs`: `r0: repository(…) { n5: … }`, in `by_repo`'s order."""
    found = []
    for index, (repo, numbers) in enumerate(by_repo(refs)):
        owner, _, name = repo.partition("/")
        asked = " ".join(f"n{number}: issueOrPullRequest(number: {number}) {{ ...Stands }}" for number in numbers)
        found.append(f"r{index}: repository(owner: {literal(owner)}, name: {literal(name)}) {{ {asked} }}")
    return found


def by_repo(refs: Sequence[Ref]) -> list[tuple[str, list[int]]]:
    """`refs` grouped by repository, both in order and without repeats."""
    grouped: dict[str, list[int]] = {}
    for ref in sorted(set(refs)):
        grouped.setdefault(ref.repo, []).append(ref.number)
    return list(grouped.items())


def _time(at: datetime) -> str:
    return literal(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _after(cursor: str) -> str:
    return f", after: {literal(cursor)}" if cursor else ""


def _used_fragments(text: str, fragments: dict[str, str]) -> str:
    """Definitions of the fragments that `text` spreads, directly or not: an unused one is an error."""
    found: dict[str, str] = {}
    waiting = _SPREAD.findall(text)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = f"\nfragment {name} {fragments[name]}"
            waiting += _SPREAD.findall(fragments[name])
    return "".join(found[name] for name in sorted(found))
