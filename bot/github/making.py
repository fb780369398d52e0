"""The story of making issues of an approved plan: read the ledger, note what is about to be made, make it, note what was.

The ledger is a comment of ours, read by its id: that answer is never as old as a list may be. Where it says something
else than the decision was made on, nothing is done: somebody was faster, or what was read is old.
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from bot.core.effects import MakeIssues
from bot.core.inits.portion import NewIssue, Relation, Update
from bot.core.inits.tally import META, Tally, tally_in
from bot.core.inits.updating import Text, updated
from bot.core.markers import reveal
from bot.core.messages.making import tally_status
from bot.core.model import Json
from bot.core.names import PROJECT_MARKER, STATUS_MARKER
from bot.github import queries
from bot.github.exchange import Answer, Story, problems, query
from bot.github.mutating import Result, mutate
from bot.github.mutations import Mutation
from bot.github.place import Place
from bot.github.ports import Applied

_LIMITS = (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


def make_issues(effect: MakeIssues, place: Place) -> Story[Applied]:
    """Do one portion. `unsure`: not all of it is done, so look again; the ledger says what may have been."""
    stale = yield from _stale(effect)
    if stale is not None:
        return stale
    portion = effect.portion
    if portion.new:
        return (yield from _new(effect, place))
    if portion.updates:
        return (yield from _updates(effect, portion.updates, place))
    if portion.relations:
        return (yield from _relations(effect, portion.relations, place))
    return (yield from _finish(effect, place))


def _stale(effect: MakeIssues) -> Story[Applied | None]:
    """Why nothing is done at all; None: the ledger is as it was."""
    answer = yield query(queries.document("", (), others=[queries.comment(effect.comment_node_id)]))
    node = _data(answer).get("comment")
    if not isinstance(node, dict):
        return Applied(effect, False, answer.undecided, answer.message, answer.status, answer.retry_after)
    if tally_in(reveal(STATUS_MARKER, str(node["body"])) or {}) == effect.seen:
        return None
    return Applied(effect, ok=False, unsure=True, message="what was read of the status comment is old", status=409)


def _note(effect: MakeIssues, tally: Tally) -> Story[Result]:
    """Write the ledger."""
    given = {"id": effect.comment_node_id, "body": tally_status(tally, effect.rest)}
    [result] = yield from mutate([Mutation("updateIssueComment", given, creates=1)])
    return result


def _noted(effect: MakeIssues, tally: Tally) -> Story[Applied]:
    """The end of a portion that went well."""
    result = yield from _note(effect, tally)
    return Applied(effect, True, status=result.status) if result.ok else _failed(effect, result)


def _failed(effect: MakeIssues, why: Result) -> Applied:
    return Applied(effect, False, why.unsure, why.message, why.status, why.retry_after)


# ------------------------------------------------------------------------------------- new issues


def _new(effect: MakeIssues, place: Place) -> Story[Applied]:
    issues, at = effect.portion.new, effect.at
    answer = yield query(queries.document(place.snapshot.repo, _wanted(effect)))
    repository = _data(answer).get("repository") or {}
    parent = (repository.get(f"id{at.meta}") or {}).get("id")
    if not repository or _is_lacking(answer):
        return _unread(effect, answer)
    if at.meta and not parent:
        # It was deleted or transferred: another one is made, which is none of those that were there.
        return (yield from _noted(effect, replace(at, made=tuple(pair for pair in at.made if pair[0] != META))))
    begun = replace(at, begun=tuple(issue.key for issue in issues), begun_at=place.snapshot.now)
    result = yield from _note(effect, begun)
    if not result.ok:
        return _failed(effect, result)
    results = yield from mutate([_create(issue, repository, parent) for issue in issues])
    tally, failed = _counted(begun, issues, results)
    noted = yield from _note(effect, tally)
    if failed is not None or not noted.ok:
        return _failed(effect, failed or noted)
    return Applied(effect, True, status=noted.status)


def _wanted(effect: MakeIssues) -> list[str]:
    """What has to be known of the repository."""
    labels = dict.fromkeys(name for issue in effect.portion.new for name in issue.labels)
    return queries.node_ids([effect.at.meta] if effect.at.meta else [], labels)


def _create(issue: NewIssue, repository: Json, parent: str | None) -> Mutation:
    there = (repository.get(queries.alias(name)) for name in issue.labels)
    labels = [str(label["id"]) for label in there if isinstance(label, dict)][:1]
    given: Json = {"repositoryId": str(repository["id"]), "title": issue.title, "body": issue.body}
    more: Json = {**({"labelIds": labels} if labels else {}), **({"parentIssueId": parent} if parent else {})}
    return Mutation("createIssue", {**given, **more}, "issue { id number }", creates=1)


def _counted(begun: Tally, issues: Sequence[NewIssue], results: Sequence[Result]) -> tuple[Tally, Result | None]:
    """The ledger with the numbers, and what went wrong first; what has no certain answer stays noted as begun."""
    made, doubted, failed = list(begun.made), list[str](), list[Result]()
    for issue, result in zip(issues, results, strict=True):
        number = int(((result.data or {}).get("issue") or {}).get("number") or 0)
        if number:
            made.append((issue.key, number))
            continue
        failed.append(result)
        limited = result.retry_after is not None and result.status in _LIMITS
        if result.ok or (result.unsure and not limited):
            doubted.append(issue.key)
    refused = next((result for result in failed if not (result.ok or result.unsure)), None)
    tally = replace(
        begun,
        made=tuple(made),
        begun=tuple(doubted),
        begun_at=begun.begun_at if doubted else None,
        tries=begun.tries + 1 if refused is not None else 0,
        refusal=refused.message if refused is not None else "",
    )
    return tally, failed[0] if failed else None


# -------------------------------------------------------------------------- issues that are there


def _updates(effect: MakeIssues, updates: Sequence[Update], place: Place) -> Story[Applied]:
    """What nobody changed is written anew; what somebody did, closed ones and what is gone are passed over."""
    answer = yield query(queries.document(place.snapshot.repo, [queries.text_of(each.number) for each in updates]))
    repository = _data(answer).get("repository") or {}
    if _is_lacking(answer):
        return _unread(effect, answer)
    todo = []
    for each in updates:
        node = repository.get(f"text{each.number}")
        if not isinstance(node, dict) or node["state"] != "OPEN":
            continue
        text = updated(each, Text(str(node["title"]), str(node["body"] or "")))
        if text is not None:
            given = {"id": str(node["id"]), "title": text.title, "body": text.body}
            todo.append(Mutation("updateIssue", given, creates=1))
    return (yield from _done(effect, todo, replace(effect.at, changed=effect.at.changed + len(updates))))


def _relations(effect: MakeIssues, relations: Sequence[Relation], place: Place) -> Story[Applied]:
    """A relation that is there already is refused by GitHub, which is as good; one of an issue that is gone is passed over."""
    numbers = sorted({number for each in relations for number in (each.issue, each.other)})
    answer = yield query(queries.document(place.snapshot.repo, queries.node_ids(numbers, ())))
    repository = _data(answer).get("repository") or {}
    if _is_lacking(answer):
        return _unread(effect, answer)
    ids = {number: str(node["id"]) for number in numbers if (node := repository.get(f"id{number}"))}
    known = [each for each in relations if each.issue in ids and each.other in ids]
    results = yield from mutate([_relate(each, ids) for each in known])
    unsure = next((result for result in results if not result.ok and result.unsure), None)
    if unsure is not None:
        return _failed(effect, unsure)
    refused = [each for each, result in zip(known, results, strict=True) if not result.ok]
    lost = yield from _lost([each for each in refused if each.kind == "blocked-by"], place)
    at = effect.at
    return (yield from _noted(effect, replace(at, related=at.related + len(relations), lost=at.lost + lost)))


def _lost(refused: Sequence[Relation], place: Place) -> Story[int]:
    """How many of those that GitHub refused are not there."""
    if not refused:
        return 0
    asked = [queries.blockers_of(number) for number in sorted({each.issue for each in refused})]
    answer = yield query(queries.document(place.snapshot.repo, asked))
    repository = _data(answer).get("repository") or {}
    there = {
        (each.issue, int(node["number"]))
        for each in refused
        for node in ((repository.get(f"blocked{each.issue}") or {}).get("blockedBy") or {}).get("nodes") or ()
    }
    return sum((each.issue, each.other) not in there for each in refused)


def _relate(relation: Relation, ids: dict[int, str]) -> Mutation:
    issue, other = ids[relation.issue], ids[relation.other]
    if relation.kind == "sub-issue":
        return Mutation("addSubIssue", {"issueId": issue, "subIssueId": other})
    return Mutation("addBlockedBy", {"issueId": issue, "blockingIssueId": other})


def _finish(effect: MakeIssues, place: Place) -> Story[Applied]:
    """META remembers what was made of the plan; the rest of its text stays as it is."""
    meta, line = effect.at.meta, effect.portion.finish
    answer = yield query(queries.document(place.snapshot.repo, [queries.text_of(meta)]))
    node = (_data(answer).get("repository") or {}).get(f"text{meta}")
    if _is_lacking(answer):
        return _unread(effect, answer)
    todo = []
    if isinstance(node, dict):
        body = with_line(str(node["body"] or ""), line)
        todo = [Mutation("updateIssue", {"id": str(node["id"]), "body": body}, creates=1)]
    return (yield from _done(effect, todo, replace(effect.at, done=True)))


def with_line(body: str, line: str) -> str:
    """`body` with our hidden line, in the place of an earlier one where there is one."""
    kept = [each for each in body.replace("\r\n", "\n").split("\n") if not each.startswith(f"<!-- {PROJECT_MARKER} ")]
    return "\n".join(kept).rstrip("\n") + f"\n\n{line}\n"


def _done(effect: MakeIssues, todo: Sequence[Mutation], tally: Tally) -> Story[Applied]:
    """Do what does no harm when it is done twice, then note it: only when all of it was decided."""
    results = yield from mutate(todo)
    unsure = next((result for result in results if not result.ok and result.unsure), None)
    return _failed(effect, unsure) if unsure is not None else (yield from _noted(effect, tally))


def _is_lacking(answer: Answer) -> bool:
    """Whether it may lack something only for now: what is not in it need not be gone."""
    return not answer.ok or any(problem.transient for problem in problems(answer.body))


def _unread(effect: MakeIssues, answer: Answer) -> Applied:
    """Nothing is done of it yet."""
    undecided = answer.ok or answer.undecided
    return Applied(effect, False, undecided, answer.message, answer.status, answer.retry_after)


def _data(answer: Answer) -> Json:
    return (answer.body.get("data") or {}) if answer.ok and isinstance(answer.body, dict) else {}
