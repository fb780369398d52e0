"""Whose request counts: of everything that asks for a run of an issue, the one that is answered next."""

from dataclasses import dataclass

from bot.core.access import Answer
from bot.core.commands import Approve, Run
from bot.core.inits.standing import flaw_of, is_about_issues
from bot.core.ledger import notes_of, request_of
from bot.core.model import Comment, Issue
from bot.core.plans import waits_for
from bot.core.requests import UNREAD_FOR, Request, comment_request_id, live_requests, rounds_used
from bot.core.settings import RepoConfig
from bot.core.view import View


def allowed_models(config: RepoConfig) -> frozenset[str]:
    """What `/ai run --model` may name: the aliases, and what the config itself uses."""
    return frozenset({"opus", "sonnet", "haiku", config.agent.model, *config.agent.models.values()})


@dataclass(frozen=True, slots=True)
class Choice:
    """What comes of all that asks for a run of an issue."""

    request: Request | None = None
    """The one that counts, if there is one."""
    refused: Request | None = None
    """A label that was put on by somebody who may not ask."""
    spent: Request | None = None
    """Asked for by somebody who may, but the pull request has had all its review rounds; only where none counts."""


def choose_request(view: View, issue: Issue) -> Choice:
    """The request that counts, and what is to be said of others."""
    refused = spent = None
    stop = view.stop_just_said(issue)
    for request in _by_age(view, issue):
        if (stop is not None and request.at <= stop) or _asks_nothing(view, issue, request):
            continue
        if view.may_ask(request.actor) is Answer.NO:
            refused = request if request.command is None else refused
        elif request.pull and rounds_left(view, issue, request) < 1:
            spent = spent or (request if _acknowledged(issue, request) else None)
        elif _model_allowed(view, request) and _approves(view, issue, request):
            return Choice(request, refused)
    return Choice(None, refused, spent)


def rounds_left(view: View, issue: Issue, request: Request) -> int:
    """How many review rounds its pull request may have yet, this request's own included."""
    used = rounds_used(issue, view.snapshot.own_ids, request.pull, but=request.id)
    return view.config.limits.review_rounds - used


def _asks_nothing(view: View, issue: Issue, request: Request) -> bool:
    """Whoever it is by."""
    return _unasked_ci(view, request) or _missed(view, issue, request) or _one_of_a_crowd(view, request)


def _one_of_a_crowd(view: View, request: Request) -> bool:
    """A review by somebody of whom nobody knows whether they may ask, as only so many are looked up: anybody may review."""
    return request.id.startswith("R") and request.actor.id not in view.snapshot.permissions


def _unasked_ci(view: View, request: Request) -> bool:
    """Red CI asks for a run only where the config wants that."""
    return request.id.startswith("S") and not view.config.pull_request.fix_ci


def _missed(view: View, issue: Issue, request: Request) -> bool:
    """A review (or red CI) that nobody took up in time: it predates us, or we were away. People can ask again."""
    if not request.id.startswith(("R", "S")) or view.snapshot.now - request.at < UNREAD_FOR:
        return False
    notes = notes_of(issue, view.snapshot.own_ids)
    return notes is None or notes.request_id != request.id


def _acknowledged(issue: Issue, request: Request) -> bool:
    """Whether no reply can say any more that it is refused: a comment with our reaction, or what is no comment."""
    comments: tuple[Comment, ...] = issue.feedback.comments if issue.feedback else ()
    return all(comment.reactions for comment in comments if comment_request_id(comment) == request.id)


def _by_age(view: View, issue: Issue) -> list[Request]:
    """Live requests, newest first; before them the one that our own claim answers: a later one waits its turn.

    So does one that comes while the issues of a plan are made.
    """
    live = live_requests(issue, view.snapshot.own_ids, view.config.limits.attempts)
    notes = notes_of(issue, view.snapshot.own_ids)
    if notes is not None and notes.tally is not None and not notes.tally.done:
        making = notes.tally.approval
        live = tuple(sorted(live, key=lambda request: request.id != making))
    claim = view.snapshot.claims.get(issue.number)
    if claim is None or not (claim.ledger or (view.own is not None and claim.run_id == view.own.run_id)):
        return list(live)
    return sorted(live, key=lambda request: request.id != request_of(claim.run_key))


def _model_allowed(view: View, request: Request) -> bool:
    """Whether the model asked for is one of those allowed here; the reply to the comment says so where not."""
    return not isinstance(request.command, Run) or request.command.model in {"", *allowed_models(view.config)}


def _approves(view: View, issue: Issue, request: Request) -> bool:
    """Whether an approval has a plan to approve; the reply to the comment says so where not."""
    if not isinstance(request.command, Approve):
        return True
    if is_about_issues(view, issue, request.id):
        return flaw_of(view, issue, request.id) is None
    return waits_for(view, issue, request.id)
