"""The story of reading all issues of a repository that may be tasks of a plan: those with a key, and META issues.

Anybody may open an issue with any key and any hidden line. Those of strangers count once somebody asked for them.
"""

from bot.core import titles
from bot.core.inits.updating import Text, existing_of
from bot.core.model import Json
from bot.core.names import REQUEST_LABEL, StateLabel
from bot.core.specs.diff import Existing
from bot.core.specs.mark import read_mark
from bot.core.specs.planned import key_of
from bot.errors import GitHubError
from bot.github import queries, read
from bot.github.exchange import Story, query

MOST_PAGES = 100
"""Of a hundred issues each."""

_BEGUN = {REQUEST_LABEL, *map(str, StateLabel)}


def read_task_issues(repo: str) -> Story[tuple[Existing, ...]]:
    """Oldest first, closed ones too. Raises `GitHubError` when they can't be read to the end."""
    found: list[Existing] = []
    after = ""
    for _ in range(MOST_PAGES):
        answer = yield query(queries.document(repo, [queries.issue_texts(after)]))
        data = answer.body.get("data") if answer.ok and isinstance(answer.body, dict) else None
        texts = ((data or {}).get("repository") or {}).get("texts")
        if not isinstance(texts, dict) or None in (texts.get("nodes") or ()):
            raise answer.error("list the issues")
        for node in read.nodes(texts):
            text = Text(str(node["title"]), str(node["body"] or ""))
            if _is_task(text) and (_is_asked_for(node) or not read.is_foreign(node)):
                found.append(existing_of(int(node["number"]), text, settled=_settled(node)))
        if not texts["pageInfo"]["hasNextPage"]:
            return tuple(reversed(found))
        after = str(texts["pageInfo"]["endCursor"])
    raise GitHubError(f"{repo} has more issues than can be compared with a plan.", status=422)


def _is_task(text: Text) -> bool:
    meta = isinstance(titles.parse(text.title), titles.Meta)
    return meta or bool(key_of(text.title)) or read_mark(text.body) is not None


def _settled(node: Json) -> str:
    """Why an issue is not rewritten."""
    if node["state"] != "OPEN":
        return "closed"
    return "asked for" if _is_asked_for(node) else ""


def _is_asked_for(node: Json) -> bool:
    return bool(read.labels(node["labels"]) & _BEGUN)
