"""The story of doing mutations: some of them in each document, one result for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.model import Json
from bot.github.exchange import Answer, Story, problems
from bot.github.mutations import Mutation, document

AT_ONCE = 20
"""Mutations in one document: GitHub does them one after the other and gives up after 10 seconds."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutation."""

    ok: bool
    unsure: bool = False
    message: str = ""
    status: int = 0
    data: Json | None = None
    retry_after: float | None = None


def mutate(batch: Sequence[Mutation]) -> Story[list[Result]]:
    """Do them in order."""
    results: list[Result] = []
    for start in range(0, len(batch), AT_ONCE):
        some = batch[start : start + AT_ONCE]
        answer = yield document(some)
        results += _results(answer, len(some))
    return results


def _results(answer: Answer, count: int) -> list[Result]:
    """One result for each mutation of a document."""
    data = answer.body.get("data") if answer.ok and isinstance(answer.body, dict) else None
    if not isinstance(data, dict):
        refused = Result(False, answer.undecided, answer.message, answer.status, retry_after=answer.retry_after)
        return [refused] * count
    by_alias = {str(problem.path[0]): problem for problem in problems(answer.body) if problem.path}
    results = []
    for index in range(count):
        problem, node = by_alias.get(f"m{index}"), data.get(f"m{index}")
        if problem is None:
            results.append(Result(ok=True, status=answer.status, data=node if isinstance(node, dict) else None))
        else:
            results.append(Result(False, problem.transient, problem.message, problem.status))
    return results
