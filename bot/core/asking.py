"""Whose request counts: of everything that asks for a run of an issue, the one that is answered next."""

from bot.core.access import Answer
from bot.core.commands import Approve, Run
from bot.core.ledger import request_of
from bot.core.model import Issue
from bot.core.plans import approved_plan
from bot.core.requests import Request, live_requests
from bot.core.settings import RepoConfig
from bot.core.view import View


def allowed_models(config: RepoConfig) -> frozenset[str]:
    """What `/ai run --model` may name: the aliases, and what the config itself uses."""
    return frozenset({"opus", "sonnet", "haiku", config.agent.model, *config.agent.models.values()})


def choose_request(view: View, issue: Issue) -> tuple[Request | None, Request | None]:
    """The request that counts, if there is one; and a label that was put on by somebody who may not ask."""
    refused = None
    stop = view.stop_just_said(issue)
    for request in _by_age(view, issue):
        if stop is not None and request.at <= stop:
            continue
        if view.may_ask(request.actor) is Answer.NO:
            refused = request if request.command is None else refused
        elif _model_allowed(view, request) and _approves(view, issue, request):
            return request, refused
    return None, refused


def _by_age(view: View, issue: Issue) -> list[Request]:
    """Live requests, newest first; before them the one that our own claim answers: a later one waits its turn."""
    live = live_requests(issue, view.snapshot.own_ids, view.config.limits.attempts)
    claim = view.snapshot.claims.get(issue.number)
    if claim is None or not (claim.ledger or (view.own is not None and claim.run_id == view.own.run_id)):
        return list(live)
    return sorted(live, key=lambda request: request.id != request_of(claim.run_key))


def _model_allowed(view: View, request: Request) -> bool:
    """Whether the model asked for is one of those allowed here; the reply to the comment says so where not."""
    return not isinstance(request.command, Run) or request.command.model in {"", *allowed_models(view.config)}


def _approves(view: View, issue: Issue, request: Request) -> bool:
    """Whether an approval has a plan to approve; the reply to the comment says so where not."""
    return not isinstance(request.command, Approve) or approved_plan(view, issue, request.id) is not None
