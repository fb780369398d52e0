"""Acknowledge every command once: a reaction, and a short reply where a reaction does not say enough."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from bot.core.access import Answer, may_ask
from bot.core.asking import allowed_models
from bot.core.commands import Approve, BadCommand, Command, Fix, Help, Init, Retry, Run, Status, Stop, Why
from bot.core.effects import CancelRun, Effect, PostComment, React
from bot.core.ledger import notes_of, request_of
from bot.core.markers import ours
from bot.core.messages import replies as say
from bot.core.messages.status import status_text
from bot.core.messages.why import why_text
from bot.core.model import Issue, Permission, Snapshot
from bot.core.names import REPLY_MARKER
from bot.core.plans import waits_for
from bot.core.requests import Unread, comment_request_id, round_of, rounds_used, unread
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Queued, Running, Situation, Unasked
from bot.core.view import View
from bot.core.why import Explainer

ACCEPTED = "eyes"
REFUSED = "confused"


def answer_commands(explainer: Explainer) -> tuple[Effect, ...]:
    """Effects for every command that nobody acknowledged yet, oldest first within an issue."""
    snapshot, seen, config = explainer.snapshot, explainer.seen, explainer.config
    rules = RepoConfig() if isinstance(config, ConfigProblem) else config
    effects: list[Effect] = []
    mended = {issue.feedback.pull: issue for issue in snapshot.issues.values() if issue.feedback}
    for number in sorted(number for number, issue in snapshot.issues.items() if issue.detailed):
        issue = snapshot.issues[number]
        place = Place(issue, mended.get(number, issue))
        situation = seen.situations.get(place.task.number, Unasked())
        for item in unread(issue, snapshot.now):
            effects += _answer(explainer, rules, place, situation, item)
    return tuple(effects)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands."""

    here: Issue
    """The issue or pull request that it stands on."""
    task: Issue
    """The issue that it is about: on our open pull request the one which that is for."""

    @property
    def on_our_pull(self) -> bool:
        """It stands on our open pull request."""
        return self.here is not self.task


def _answer(
    explainer: Explainer, config: RepoConfig, place: Place, situation: Situation, item: Unread
) -> Iterable[Effect]:
    issue = place.here
    comment, snapshot = item.comment, explainer.snapshot
    answer = may_ask(comment.author, snapshot.permissions.get(comment.author.id, Permission.UNKNOWN))
    if answer is Answer.UNKNOWN:
        return ()
    if answer is Answer.NO:
        return _refuse(snapshot, issue, item, say.who_may_ask(comment.author))
    if isinstance(item.command, BadCommand):
        return _refuse(snapshot, issue, item, say.bad_command(item.command))
    return _obey(explainer, config, place, situation, item, item.command)


def _obey(
    explainer: Explainer, config: RepoConfig, place: Place, situation: Situation, item: Unread, command: Command
) -> Iterable[Effect]:
    snapshot, issue = explainer.snapshot, place.here
    match command:
        case Run() | Retry() | Approve():
            problem = _unrunnable(place, situation, item, View(snapshot, config))
            return _refuse(snapshot, issue, item, problem) if problem else _accept(item)
        case Fix():
            problem = _unfixable(snapshot, config, place, situation, item)
            return _refuse(snapshot, issue, item, problem) if problem else _accept(item)
        case Stop():
            # Unconfirmed: a claim of our own that this very comment ends; it is released, nothing is at work.
            at_work = isinstance(situation, Running) and situation.confirmed and situation.claim.run_id > 0
            cancel = (CancelRun(situation.claim.run_id),) if at_work and isinstance(situation, Running) else ()
            return (*cancel, *_accept(item))
        case Why():
            return (*_say(snapshot, issue, item, why_text(explainer.full(place.task.number))), *_accept(item))
        case Status():
            text = status_text(explainer.short(place.task.number, situation))
            return (*_say(snapshot, issue, item, text), *_accept(item))
        case Help():
            return (*_say(snapshot, issue, item, say.help_text()), *_accept(item))
        case Init():
            return _refuse(snapshot, issue, item, say.not_here(type(command).__name__.lower()))
        case _:
            assert_never(command)


def _unrunnable(place: Place, situation: Situation, item: Unread, view: View) -> str:
    """Why a request is refused at once; empty: it is accepted."""
    if place.here.is_pull:
        return say.on_a_pull(place.task.number if place.on_our_pull else 0)
    if not place.here.open:
        return say.on_a_closed_issue()
    command = item.command
    request_id = comment_request_id(item.comment)
    if isinstance(command, Approve) and not waits_for(view, place.here, request_id):
        return say.no_plan()
    if isinstance(situation, Running) and request_of(situation.claim.run_key) != request_id:
        return say.already_running(situation.url)
    if isinstance(command, Approve) and isinstance(situation, Queued) and situation.claim is not None:
        return "" if request_of(situation.run_key) == request_id else say.already_approved()
    allowed = allowed_models(view.config)
    if isinstance(command, Run) and command.model and command.model not in allowed:
        return say.unknown_model(command.model, sorted(allowed))
    return ""


def _unfixable(snapshot: Snapshot, config: RepoConfig, place: Place, situation: Situation, item: Unread) -> str:
    """Why a review round is refused at once; empty: it is accepted, and comes after a run that is at work."""
    issue = place.task
    if not place.here.is_pull:
        return say.fix_on_an_issue(issue.feedback.pull if issue.feedback else 0)
    if not place.on_our_pull or issue.feedback is None:
        return say.fix_elsewhere()
    if not issue.open:
        return say.issue_is_closed(issue.number)
    claim, mine = snapshot.claims.get(issue.number), comment_request_id(item.comment)
    used = rounds_used(issue, snapshot.own_ids, issue.feedback.pull, but=mine)
    if isinstance(situation, Running) and claim is not None:
        asked = request_of(claim.run_key)
        used += asked != mine and bool(round_of(asked, issue, notes_of(issue, snapshot.own_ids)))
    if used >= config.limits.review_rounds:
        return say.no_rounds_left(config.limits.review_rounds, issue.number)
    return ""


def _accept(item: Unread) -> tuple[Effect, ...]:
    return (React(item.comment.node_id, ACCEPTED),)


def _refuse(snapshot: Snapshot, issue: Issue, item: Unread, text: str) -> tuple[Effect, ...]:
    """The reply comes first: a comment without our reaction is looked at again, one with it never."""
    return (*_say(snapshot, issue, item, text), React(item.comment.node_id, REFUSED))


def _say(snapshot: Snapshot, issue: Issue, item: Unread, text: str) -> tuple[Effect, ...]:
    said = {data.get("to") for _, data in ours(issue.comments, snapshot.own_ids, REPLY_MARKER)}
    if item.comment.id in said or issue.locked:
        return ()
    return (PostComment(issue.number, say.reply(item.comment.id, text)),)
