"""Whose request counts: of everything that asks for a run of an issue, the one that is answered next."""

from datetime import datetime

from bot.core.access import Answer
from bot.core.commands import Run, Stop
from bot.core.ledger import request_of
from bot.core.model import Issue
from bot.core.requests import Request, live_requests, unread
from bot.core.settings import RepoConfig
from bot.core.view import View


def allowed_models(config: RepoConfig) -> frozenset[str]:
    """What `/ai run --model` may name: the aliases, and what the config itself uses."""
    return frozenset({"opus", "sonnet", "haiku", config.agent.model, *config.agent.models.values()})


def choose_request(view: View, issue: Issue) -> tuple[Request | None, Request | None]:
    """The request that counts, if there is one; and a label that was put on by somebody who may not ask."""
    refused = None
    stop = _stop_just_said(view, issue)
    for request in _by_age(view, issue):
        if stop is not None and request.at <= stop:
            continue
        if view.may_ask(request.actor) is Answer.NO:
            refused = request if request.command is None else refused
        elif _model_allowed(view, request):
            return request, refused
    return None, refused


def _by_age(view: View, issue: Issue) -> list[Request]:
    """Live requests, newest first; before them the one that our own claim answers: a later one waits its turn."""
    live = live_requests(issue, view.snapshot.own_ids, view.config.limits.attempts)
    claim = view.snapshot.claims.get(issue.number)
    if claim is None or not (claim.ledger or (view.own is not None and claim.run_id == view.own.run_id)):
        return list(live)
    return sorted(live, key=lambda request: request.id != request_of(claim.run_key))


def _stop_just_said(view: View, issue: Issue) -> datetime | None:
    """When somebody who may, said `/ai stop` that we have not acknowledged yet: it counts at once."""
    stops = [item.comment for item in unread(issue, view.snapshot.now) if isinstance(item.command, Stop)]
    return max((stop.created_at for stop in stops if view.may_ask(stop.author) is Answer.YES), default=None)


def _model_allowed(view: View, request: Request) -> bool:
    """Whether the model asked for is one of those allowed here; the reply to the comment says so where not."""
    return not isinstance(request.command, Run) or request.command.model in {"", *allowed_models(view.config)}
