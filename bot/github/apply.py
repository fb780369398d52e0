"""The story of doing effects: neighbours that GraphQL can do share one request, the others go to REST one by one.

Nothing here is tried twice after an answer that leaves it open whether it was done: that is `Applied.unsure`, and the
caller reads again. The one exception asks a question that has a certain answer: who holds a claim.
"""

from collections.abc import Sequence
from itertools import takewhile
from urllib.parse import quote

from bot.core.boards.block import BODY_LIMIT, holds, splice
from bot.core.effects import (
    Assign,
    CancelRun,
    Continue,
    Dispatch,
    Effect,
    MakeClaim,
    MakeIssues,
    OpenPull,
    PutBoard,
    React,
    ReleaseClaim,
    SetLabels,
)
from bot.core.model import Json
from bot.core.names import CONTINUE_EVENT, claim_branch
from bot.github import queries, read
from bot.github.claims import claim_message, stamp
from bot.github.exchange import Answer, Request, Story, get, problems, query
from bot.github.making import make_issues
from bot.github.mutating import Result, mutate
from bot.github.mutations import (
    Missing,
    Mutation,
    create_label,
    is_mutation,
    issues_of,
    label_fields,
    mutations,
)
from bot.github.place import Place
from bot.github.ports import Applied


def apply_effects(effects: Sequence[Effect], place: Place) -> Story[tuple[Applied, ...]]:
    """Do `effects` in order; one answer each. After a MakeClaim or OpenPull that failed nothing more is tried, after a
    CancelRun not the reaction that would acknowledge it.
    """
    done: list[Applied] = []
    waiting = tuple(effects)
    while waiting:
        batch = tuple(takewhile(lambda effect: is_mutation(effect, place.ids), waiting))
        if batch:
            done += yield from _do_together(batch, place)
            waiting = waiting[len(batch) :]
            continue
        applied = yield from _do_alone(waiting[0], place)
        done.append(applied)
        waiting = waiting[1:]
        left_out = _left_out(applied, waiting)
        done += [Applied(effect, ok=False, message="not tried: the step before it failed") for effect in left_out]
        waiting = waiting[len(left_out) :]
    return tuple(done)


def _left_out(applied: Applied, waiting: Sequence[Effect]) -> Sequence[Effect]:
    """What is not done because the step before it failed."""
    match applied.effect:
        case MakeClaim() | OpenPull() if not applied.ok:
            return waiting
        case CancelRun() if not applied.ok:
            # The reaction to `/ai stop` says that it was done; without one, the next look tries again.
            return tuple(takewhile(lambda effect: isinstance(effect, React), waiting[:1]))
        case _:
            return ()


# ------------------------------------------------------------------------------------- in one document


def _do_together(batch: Sequence[Effect], place: Place) -> Story[list[Applied]]:
    yield from _look_up(batch, place)
    yield from _make_labels(batch, place)
    wanted: list[tuple[Mutation, ...] | Missing] = []
    for effect in batch:
        try:
            wanted.append(mutations(effect, place.ids))
        except Missing as missing:
            wanted.append(missing)
    results = yield from mutate([mutation for found in wanted if isinstance(found, tuple) for mutation in found])
    done = []
    for effect, found in zip(batch, wanted, strict=True):
        if isinstance(found, Missing):
            done.append(Applied(effect, ok=False, message=str(found), status=404))
            continue
        own, results = results[: len(found)], results[len(found) :]
        done.append((yield from _judge(effect, own, place)))
    return done


def _look_up(batch: Sequence[Effect], place: Place) -> Story[None]:
    """Ask for the node ids that no read brought along."""
    ids = place.ids
    issues = sorted({number for effect in batch for number in issues_of(effect)} - ids.issues.keys())
    names = {name for effect in batch if isinstance(effect, SetLabels) for name in (*effect.add, *effect.remove)}
    labels = sorted(names - ids.labels.keys()) if not ids.repository else []
    if not issues and not labels:
        return
    answer = yield query(queries.document(place.snapshot.repo, queries.node_ids(issues, labels)))
    data = (answer.body.get("data") or {}) if answer.ok and isinstance(answer.body, dict) else {}
    repository = data.get("repository") or {}
    ids.repository = str(repository.get("id") or ids.repository)
    ids.issues.update({number: str(node["id"]) for number in issues if (node := repository.get(f"id{number}"))})
    ids.labels.update({name: str(node["id"]) for name in labels if (node := repository.get(queries.alias(name)))})


def _make_labels(batch: Sequence[Effect], place: Place) -> Story[None]:
    """Make the labels that are to be put on and do not exist; all of ours at once, so that it happens once."""
    ids = place.ids
    absent = {name for effect in batch if isinstance(effect, SetLabels) for name in effect.add} - ids.labels.keys()
    if not absent or not ids.repository:
        return
    names = [
        *(name for name in queries.OUR_LABELS if name not in ids.labels),
        *sorted(absent - set(queries.OUR_LABELS)),
    ]
    results = yield from mutate([create_label(name, ids) for name in names])
    for name, result in zip(names, results, strict=True):
        if result.ok and result.data is not None:
            ids.labels[name] = str(result.data["label"]["id"])
    lost = [name for name in names if name not in ids.labels]
    if lost:
        # Somebody else made it at the same moment, or the answer was lost.
        answer = yield query(queries.document(place.snapshot.repo, queries.node_ids((), lost)))
        data = (answer.body.get("data") or {}) if answer.ok and isinstance(answer.body, dict) else {}
        repository = data.get("repository") or {}
        ids.labels.update({name: str(node["id"]) for name in lost if (node := repository.get(queries.alias(name)))})
    for name in (name for name in lost if name not in ids.labels):
        # `createLabel` was a preview for years; a server that still refuses it knows the REST way.
        made = yield Request("POST", f"{place.root}/labels", label_fields(name))
        if made.ok and isinstance(made.body, dict):
            ids.labels[name] = str(made.body["node_id"])


def _judge(effect: Effect, results: Sequence[Result], place: Place) -> Story[Applied]:
    """All mutations of one effect as one answer."""
    failed = next((result for result in results if not result.ok), None)
    if isinstance(effect, ReleaseClaim):
        return (yield from _released(effect, failed, place))
    if failed is None:
        return Applied(effect, ok=True, status=results[-1].status if results else 0, node_id=_made(results))
    unsure = any(result.unsure for result in results)
    return _refused(effect, failed, unsure=unsure)


def _refused(effect: Effect, why: Result | Answer, *, unsure: bool) -> Applied:
    return Applied(effect, False, unsure, why.message, why.status, why.retry_after)


def _made(results: Sequence[Result]) -> str:
    """The node id of the comment that `addComment` made; empty: none was made."""
    edges = (result.data.get("commentEdge") for result in results if result.data)
    return next((str(edge["node"]["id"]) for edge in edges if isinstance(edge, dict)), "")


def _released(effect: ReleaseClaim, failed: Result | None, place: Place) -> Story[Applied]:
    """A claim is released when it is gone, or somebody else's: only if it still stands has this failed."""
    oid = place.ids.claims.pop(effect.issue, "")
    if failed is None:
        return Applied(effect, ok=True)
    holder = yield from _holder(effect.issue, place)
    if holder is not None and holder != oid:
        return Applied(effect, ok=True)
    if holder is not None and not failed.unsure:
        # Some tokens may delete a branch but not through `updateRefs`. A claim that stays would hold the issue for
        # ever, so this door is tried as well; that it still is the one that was read was seen just now.
        answer = yield Request("DELETE", f"{place.root}/git/refs/heads/{claim_branch(effect.issue)}")
        if answer.ok or answer.status == 422:  # 422: it is gone
            return Applied(effect, ok=True, status=answer.status)
    place.ids.claims[effect.issue] = oid
    return _refused(effect, failed, unsure=failed.unsure)


# ----------------------------------------------------------------------------------------- one by one


def _do_alone(effect: Effect, place: Place) -> Story[Applied]:
    match effect:
        case MakeClaim():
            return (yield from _claim(effect, place))
        case OpenPull():
            return (yield from _open_pull(effect, place))
        case PutBoard():
            return (yield from _put_board(effect, place))
        case MakeIssues():
            return (yield from make_issues(effect, place))
        case Dispatch():
            return (yield from _dispatch(effect, place))
        case CancelRun():
            # 409: it has ended already, or was cancelled by the answer that we did not get.
            answer = yield Request("POST", f"{place.root}/actions/runs/{effect.run_id}/cancel", repeatable=True)
            return _applied(effect, answer, ok=answer.ok or answer.status == 409)
        case Assign():
            path = f"{place.root}/issues/{effect.pull}/assignees"
            answer = yield Request("POST", path, {"assignees": [effect.login]})
            return _applied(effect, answer)
        case Continue():
            answer = yield Request("POST", f"{place.root}/dispatches", {"event_type": CONTINUE_EVENT}, creates=1)
            return _applied(effect, answer)
        case _:
            raise TypeError(f"nobody does {type(effect).__name__}")


def _applied(effect: Effect, answer: Answer, *, ok: bool | None = None) -> Applied:
    if answer.ok if ok is None else ok:
        return Applied(effect, ok=True, status=answer.status)
    return _refused(effect, answer, unsure=answer.undecided)


def _claim(effect: MakeClaim, place: Place) -> Story[Applied]:
    """A commit that names the run, then the branch: creating a ref is GitHub's one atomic test-and-set.

    The commit has no parent, and the default branch's tree; author and date are fixed, so that making it twice makes
    the same one, and its id tells us from any other run.
    """
    snapshot, at = place.snapshot, stamp(place.snapshot.now)
    if not snapshot.head_oid:
        return Applied(effect, ok=False, message="the repository is empty", status=409)
    tree = place.ids.tree
    if not tree:
        answer = yield get(f"{place.root}/git/commits/{snapshot.head_oid}")
        if not answer.ok:
            return _refused_before(effect, answer)
        tree = str(answer.body["tree"]["sha"])
    who = {"name": "ai-ready", "email": "ai-ready@users.noreply.github.com", "date": at}
    message = claim_message(effect, snapshot.now)
    body: Json = {"message": message, "tree": tree, "parents": [], "author": who, "committer": who}
    made = yield Request("POST", f"{place.root}/git/commits", body, repeatable=True)
    if not made.ok:
        return _refused_before(effect, made)
    oid, ref = str(made.body["sha"]), f"refs/heads/{claim_branch(effect.issue)}"
    answer = yield Request("POST", f"{place.root}/git/refs", {"ref": ref, "sha": oid})
    if answer.ambiguous:
        holder = yield from _holder(effect.issue, place)
        if holder is None:
            return _applied(effect, answer)
        answer = Answer(201 if holder == oid else 422, {"message": "Reference already exists" if holder else "lost"})
    if answer.ok:
        place.ids.claims[effect.issue] = oid
    return _applied(effect, answer)


def _refused_before(effect: Effect, answer: Answer) -> Applied:
    """It failed before anything that could be seen was done: no doubt about it, whatever the answer."""
    return _refused(effect, answer, unsure=False)


def _holder(issue: int, place: Place) -> Story[str | None]:
    """The commit that an issue's claim points to; empty: there is no claim; None: GitHub would not say."""
    answer = yield get(f"{place.root}/git/ref/heads/{claim_branch(issue)}")
    if answer.status == 404:
        return ""
    return str(answer.body["object"]["sha"]) if answer.ok else None


def _open_pull(effect: OpenPull, place: Place) -> Story[Applied]:
    body: Json = {
        "title": effect.title,
        "head": effect.head,
        "base": effect.base,
        "body": effect.body,
        "draft": effect.draft,
    }
    answer = yield Request("POST", f"{place.root}/pulls", body, creates=1)
    if not answer.ok:
        return _applied(effect, answer)
    pull = read.rest_pull(answer.body)
    place.ids.issues[pull.number] = pull.node_id
    return Applied(effect, ok=True, status=answer.status, pull=pull)


def _put_board(effect: PutBoard, place: Place) -> Story[Applied]:
    """The block goes into the text as it is now: what people wrote since it was planned stays.

    GitHub has no "only if unchanged" for a body; between this read and the write there are milliseconds, not minutes.
    """
    answer = yield query(queries.document(place.snapshot.repo, [queries.body_of(effect.issue)]))
    data = (answer.body.get("data") or {}) if answer.ok and isinstance(answer.body, dict) else {}
    issue = (data.get("repository") or {}).get("text")
    if not isinstance(issue, dict):
        missing = answer.ok and not any(problem.transient for problem in problems(answer.body))
        return Applied(effect, False, answer.undecided, answer.message, 404 if missing else answer.status)
    body = str(issue["body"] or "")
    if holds(body, effect.block):
        return Applied(effect, ok=True, status=answer.status)
    text = splice(body, effect.block)
    if len(text) > BODY_LIMIT:
        return Applied(effect, ok=False, message=f"#{effect.issue}: no room for the board", status=422)
    [result] = yield from mutate([Mutation("updateIssue", {"id": str(issue["id"]), "body": text}, creates=1)])
    return Applied(effect, True, status=result.status) if result.ok else _refused(effect, result, unsure=result.unsure)


def _dispatch(effect: Dispatch, place: Place) -> Story[Applied]:
    """Ask for the new run's id; a server that doesn't know the question is asked again without it.

    A caller file that takes no admission belongs to the Action alone: its own gate will admit, so it is told the rest.
    https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
    """
    path = f"{place.root}/actions/workflows/{quote(place.workflow, safe='')}/dispatches"
    inputs = {"issue": str(effect.issue), "run_key": effect.run_key}
    admitted = _admission_inputs(effect)
    body: Json = {"ref": place.snapshot.default_branch, "inputs": inputs | admitted, "return_run_details": True}
    own_gate = False
    while True:
        answer = yield Request("POST", path, body)
        if answer.status in (400, 422) and "return_run_details" in body and "return_run_details" in answer.message:
            body = {key: value for key, value in body.items() if key != "return_run_details"}
        elif answer.status == 422 and not own_gate and _unexpected(answer, admitted):
            body, own_gate = body | {"inputs": inputs}, True
        else:
            break
    if not answer.ok:
        return _applied(effect, answer)
    told = answer.body if isinstance(answer.body, dict) else {}
    run_id, url = int(told.get("workflow_run_id") or 0), str(told.get("html_url") or "")
    return Applied(effect, ok=True, status=answer.status, run_id=run_id, url=url, own_gate=own_gate)


def _admission_inputs(effect: Dispatch) -> dict[str, str]:
    """What the server adds; every input of a workflow is text."""
    given = {"admission": effect.admission, "job_minutes": str(effect.job_minutes or "")}
    return {name: value for name, value in given.items() if value}


def _unexpected(answer: Answer, inputs: Json) -> bool:
    return "Unexpected inputs" in answer.message and any(name in answer.message for name in inputs)
