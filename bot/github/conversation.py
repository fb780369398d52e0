"""The story of reading what is said of a pull request: its reviews and the conversations on its diff."""

from bot.core.model import Json
from bot.core.rounds import Conversation, Remark, Thread, unsettled
from bot.errors import GitHubError
from bot.github import queries, read
from bot.github.exchange import Answer, Story, problems, query

THREADS_PAGE = 50
MOST_PAGES = 10
"""Conversations on a pull request never go away: settled ones are read, too."""
REMARKS_PAGE = 20
REVIEWS_PAGE = 50


def page(repo: str, number: int, before: str = "") -> str:
    """One query: the newest conversations before a cursor; the first page has the reviews as well."""
    cursor = f", before: {queries.literal(before)}" if before else ""
    reviews = (
        f"reviews(last: {REVIEWS_PAGE}, states: [APPROVED, CHANGES_REQUESTED, DISMISSED]) "
        "{ nodes { state body author { ...Who } } }"
    )
    threads = (
        f"reviewThreads(last: {THREADS_PAGE}{cursor}) {{ pageInfo {{ hasPreviousPage startCursor }} nodes {{ "
        "id isResolved path line originalLine opening: comments(first: 1) { nodes { diffHunk body author { ...Who } } } "
        f"comments(last: {REMARKS_PAGE}) {{ totalCount nodes {{ body author {{ ...Who }} }} }} }} }}"
    )
    inside = f"{threads} {'' if before else reviews}"
    return queries.document(
        repo, [f"pull: issueOrPullRequest(number: {number}) {{ ... on PullRequest {{ {inside} }} }}"]
    )


def read_conversation(repo: str, number: int) -> Story[Conversation]:
    """What is said and not settled. Raises `GitHubError` when GitHub gives no usable answer."""
    found: list[Thread] = []
    reviews: tuple[Remark, ...] = ()
    before = ""
    for _ in range(MOST_PAGES):
        answer = yield query(page(repo, number, before))
        pull = _pull(answer, number)
        if not before:
            nodes = read.nodes(pull["reviews"])
            reviews = unsettled((str(node["state"]), _remark(node)) for node in nodes)
        threads = [_thread(node) for node in read.nodes(pull["reviewThreads"]) if not node["isResolved"]]
        found = [*threads, *found]
        info = pull["reviewThreads"]["pageInfo"]
        if not info["hasPreviousPage"]:
            break
        before = str(info["startCursor"])
    return Conversation(tuple(found), reviews)


def _pull(answer: Answer, number: int) -> Json:
    data = answer.body.get("data") if answer.ok and isinstance(answer.body, dict) else None
    pull = ((data or {}).get("repository") or {}).get("pull")
    if isinstance(pull, dict) and isinstance(pull.get("reviewThreads"), dict):
        return pull
    found = problems(answer.body)
    if found:
        raise GitHubError(f"GitHub could not read the reviews of #{number}: {found[0].message}", status=found[0].status)
    raise answer.error(f"read the reviews of #{number}")


def _thread(node: Json) -> Thread:
    opening, newest = read.nodes(node["opening"]), read.nodes(node["comments"])
    more = int(node["comments"]["totalCount"]) > len(newest)
    remarks = tuple(_remark(each) for each in ([*opening, *newest] if more else newest))
    hunk = str(opening[0]["diffHunk"]) if opening else ""
    return Thread(str(node["id"]), str(node["path"]), int(node["line"] or node["originalLine"] or 0), hunk, remarks)


def _remark(node: Json) -> Remark:
    return Remark(read.actor(node["author"]), str(node["body"]))
