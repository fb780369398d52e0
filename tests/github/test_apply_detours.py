"""What is tried when a server refuses the one-document way: stories told with answers made by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.core.effects import Effect, ReleaseClaim, SetLabels
from bot.core.model import Issue, Snapshot
from bot.github.apply import apply_effects
from bot.github.exchange import Answer, Request
from bot.github.place import Place
from bot.github.ports import Applied
from bot.github.wanted import NodeIds

SNAPSHOT = Snapshot("acme/shop", datetime(2026, 11, 21, tzinfo=UTC), "main", {7: Issue(7, "Log in")}, head_oid="a" * 40)
FORBIDDEN = {"type": "FORBIDDEN", "message": "Resource not accessible by integration"}


def told(effects: Sequence[Effect], ids: NodeIds, answers: Sequence[Answer]) -> tuple[tuple[Applied, ...], list[str]]:
    """What became of the effects, and what was asked: `VERB path`."""
    story = apply_effects(effects, Place(SNAPSHOT, ids, "ai-ready.yml"))
    asked: list[str] = []
    request: Request = next(story)
    for answer in answers:
        asked.append(f"{request.verb} {request.path}")
        try:
            request = story.send(answer)
        except StopIteration as end:
            return end.value, asked
    raise AssertionError(f"more was asked: {request}")


def refused(count: int) -> Answer:
    errors = [{**FORBIDDEN, "path": [f"m{index}"]} for index in range(count)]
    data: dict[str, Any] = {f"m{index}": None for index in range(count)}
    return Answer(200, {"data": data, "errors": errors})


def ids() -> NodeIds:
    return NodeIds(repository="R_1", issues={7: "I_7"}, claims={7: "c" * 40})


def test_a_claim_that_graphql_may_not_delete_is_deleted_by_rest() -> None:
    """A claim that stays would hold its issue for ever."""
    stands = Answer(200, {"object": {"sha": "c" * 40}})
    (done,), asked = told([ReleaseClaim(7)], ids(), [refused(1), stands, Answer(204)])

    assert done.ok
    assert asked[1:] == [
        "GET /repos/acme/shop/git/ref/heads/ai/claim-7",
        "DELETE /repos/acme/shop/git/refs/heads/ai/claim-7",
    ]


def test_somebody_elses_new_claim_is_not_deleted_by_that_detour() -> None:
    taken = Answer(200, {"object": {"sha": "d" * 40}})
    (done,), asked = told([ReleaseClaim(7)], ids(), [refused(1), taken])

    assert done.ok
    assert len(asked) == 2


def test_a_claim_that_nobody_may_delete_is_said_to_stand() -> None:
    stands = Answer(200, {"object": {"sha": "c" * 40}})
    (done,), _ = told([ReleaseClaim(7)], ids(), [refused(1), stands, Answer(403, {"message": "no"})])

    assert (done.ok, done.message) == (False, "Resource not accessible by integration")


def test_labels_that_graphql_may_not_make_are_made_by_rest() -> None:
    known = ids()
    made = [Answer(201, {"node_id": f"LA_{index}"}) for index in range(6)]
    nothing = Answer(200, {"data": {"repository": {"id": "R_1"}}})
    added = Answer(200, {"data": {"m0": {"clientMutationId": None}}})
    (done,), asked = told([SetLabels(7, ("ai-running",))], known, [refused(6), nothing, *made, added])

    assert done.ok
    assert asked[2:8] == ["POST /repos/acme/shop/labels"] * 6
    assert "ai-running" in known.labels
