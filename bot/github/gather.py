"""The story of reading a repository: one document, then another with what the first made necessary, until it is whole.

Everything known to be needed goes into one GraphQL document; what its answer calls for (further pages, earlier
comments, prerequisites elsewhere) goes together into the next. A small repository takes one request.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from urllib.parse import quote

from bot.core.model import ActionsRun, Issue, Json, Ref, RunState, Snapshot, Standing
from bot.core.names import StateLabel
from bot.errors import GitHubError
from bot.github import queries, read
from bot.github.exchange import Answer, Problem, Story, get, problems, query
from bot.github.gathering import Gathering, Part
from bot.github.wanted import Memory, NodeIds, Wanted

PARTS_AT_ONCE = 40
REFS_AT_ONCE = 100


def read_snapshot(wanted: Wanted, ids: NodeIds) -> Story[Snapshot]:
    """Read the repository; fills `ids` on the way. Raises `GitHubError` when GitHub gives no usable answer."""
    snapshot, _ = yield from read_on(wanted, ids)
    return snapshot


def read_on(wanted: Wanted, ids: NodeIds) -> Story[tuple[Snapshot, Memory]]:
    """`read_snapshot`, and what to remember for the next read of the same repository."""
    seen = Gathering(wanted, ids)
    yield from _read_lists(seen)
    if seen.outdated:
        seen = Gathering(replace(wanted, known=None), ids)
        yield from _read_lists(seen)
    seen.standings.update((yield from read_standings(seen.unknown_refs())))
    yield from _read_runs(seen)
    yield from _read_parts(seen, seen.ended_since())
    ids.claims.update({issue: claim.oid for issue, claim in seen.claims.items()})
    return seen.snapshot(), seen.memory()


def _read_lists(seen: Gathering) -> Story[None]:
    """Everything that GraphQL has of the repository, page by page."""
    yield from _read_parts(seen, seen.parts())


def _read_parts(seen: Gathering, todo: list[Part]) -> Story[None]:
    """These, and what they call for."""
    while todo:
        batch, todo = todo[:PARTS_AT_ONCE], todo[PARTS_AT_ONCE:]
        data = yield from _ask(seen, batch)
        for part in batch:
            todo += part.take(data)
        todo = todo or seen.followers()


def _ask(seen: Gathering, batch: Sequence[Part]) -> Story[Json]:
    """One document; the answer's `repository`. Asks again without native dependencies where the server has none."""
    selections = [part.selection for part in batch]
    others = () if seen.viewer_id else (queries.viewer(),)
    answer = yield query(queries.document(seen.wanted.repo, selections, others=others, native=seen.native))
    if seen.native and any(_lacks_dependencies(problem) for problem in problems(answer.body)):
        seen.native = False
        answer = yield query(queries.document(seen.wanted.repo, selections, others=others, native=False))
    data = _usable(answer, seen.wanted.repo)
    repository: Json = data["repository"]
    seen.viewer_id = seen.viewer_id or int((data.get("viewer") or {}).get("databaseId") or 0)
    for problem in problems(answer.body):
        _refuse_lost_part(problem, repository)
    seen.truncated |= any(problem.transient for problem in problems(answer.body))
    return repository


def _refuse_lost_part(problem: Problem, repository: Json) -> None:
    """A whole part came back null: fine for an issue that does not exist, else there is nothing to go on with."""
    if len(problem.path) != 2 or problem.path[0] != "repository":
        return
    lost = str(problem.path[1])
    if repository.get(lost) is None and not (problem.type == "NOT_FOUND" and lost.startswith(("issue", "comments"))):
        raise GitHubError(f"GitHub could not read `{lost}`: {problem.message}", status=problem.status)


def _usable(answer: Answer, repo: str) -> Json:
    """The answer's `data`, with a repository in it."""
    data = answer.body.get("data") if answer.ok and isinstance(answer.body, dict) else None
    if isinstance(data, dict) and isinstance(data.get("repository"), dict):
        return data
    found = problems(answer.body) if answer.ok else ()
    if any(problem.type == "NOT_FOUND" for problem in found):
        raise GitHubError(f"There is no repository {repo} on this GitHub, or the token may not see it.", status=404)
    status = found[0].status if found else (502 if answer.ok else answer.status)
    raise Answer(status, answer.body, answer.retry_after).error(f"read {repo}")


def _lacks_dependencies(problem: Problem) -> bool:
    known = ("blockedBy", "issueDependenciesSummary")
    return problem.code == "undefinedField" and any(f"'{name}'" in problem.message for name in known)


def read_standings(refs: Collection[Ref]) -> Story[dict[Ref, Standing]]:
    """What is known of each of `refs`; a hundred in one request."""
    found: dict[Ref, Standing] = {}
    waiting = sorted(set(refs))
    while waiting:
        batch, waiting = waiting[:REFS_AT_ONCE], waiting[REFS_AT_ONCE:]
        answer = yield query(queries.document("", (), others=queries.standings(batch)))
        found.update(_standings(batch, answer))
    return found


def _standings(refs: Sequence[Ref], answer: Answer) -> dict[Ref, Standing]:
    """404 and 403 are for good (`UNREADABLE`), whichever it was; anything else that is missing is `UNKNOWN`."""
    data = (answer.body.get("data") if answer.ok and isinstance(answer.body, dict) else None) or {}
    refused = {problem.path for problem in problems(answer.body) if problem.type in ("NOT_FOUND", "FORBIDDEN")}
    found: dict[Ref, Standing] = {}
    for index, (repo, numbers) in enumerate(queries.by_repo(refs)):
        answers = data.get(f"r{index}") or {}
        for number in numbers:
            node = answers.get(f"n{number}")
            gone = bool(refused & {(f"r{index}",), (f"r{index}", f"n{number}")})
            missing = Standing.UNREADABLE if gone else Standing.UNKNOWN
            found[Ref(repo, number)] = read.standing(node) if isinstance(node, dict) else missing
    return found


def _read_runs(seen: Gathering) -> Story[None]:
    """The workflow runs behind claims, and those that a dispatch started where an issue waits for one."""
    base = f"/repos/{seen.repo}/actions"
    mine = seen.wanted.run_id
    watched = seen.claims.values() if seen.wanted.everything else map(seen.claims.get, seen.wanted.focus)
    for run_id in sorted({claim.run_id for claim in watched if claim is not None and claim.run_id > 0}):
        if run_id == mine:
            seen.runs[run_id] = ActionsRun(run_id, RunState.ACTIVE)
            continue
        answer = yield get(f"{base}/runs/{run_id}")
        seen.runs[run_id] = run_of(run_id, answer)
    if seen.wanted.everything and any(_awaits_run(issue, seen) for issue in seen.light.values()):
        name = quote(seen.wanted.workflow, safe="")
        answer = yield get(f"{base}/workflows/{name}/runs?event=workflow_dispatch&per_page=100")
        listed = answer.body.get("workflow_runs") if answer.ok and isinstance(answer.body, dict) else None
        seen.truncated |= listed is None and answer.status != 404
        for data in listed or ():
            seen.runs.setdefault(int(data["id"]), read.run(data))


def _awaits_run(issue: Issue, seen: Gathering) -> bool:
    """Whether a dispatch may have started a run for it that no claim branch tells of (the server claims elsewhere)."""
    if issue.number in seen.wanted.held:
        return False
    running = StateLabel.RUNNING in issue.labels and issue.number not in seen.claims
    return running or StateLabel.QUEUED in issue.labels


def run_of(run_id: int, answer: Answer) -> ActionsRun:
    """What the answer about one workflow run says."""
    if answer.ok and isinstance(answer.body, dict):
        return read.run(answer.body)
    return ActionsRun(run_id, RunState.GONE if answer.status == 404 else RunState.UNKNOWN)
