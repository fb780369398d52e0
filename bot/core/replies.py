"""Acknowledge every command once: a reaction, and a short reply where a reaction does not say enough."""

from collections.abc import Iterable
from typing import assert_never

from bot.core.access import Answer, may_ask
from bot.core.asking import allowed_models
from bot.core.commands import Approve, BadCommand, Command, Fix, Help, Init, Retry, Run, Status, Stop, Why
from bot.core.effects import CancelRun, Effect, PostComment, React
from bot.core.ledger import request_of
from bot.core.markers import ours
from bot.core.messages import replies as say
from bot.core.messages.status import status_text
from bot.core.messages.why import why_text
from bot.core.model import Issue, Permission, Snapshot
from bot.core.names import REPLY_MARKER
from bot.core.plans import approved_plan
from bot.core.requests import Unread, comment_request_id, unread
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Running, Situation, Unasked
from bot.core.view import View
from bot.core.why import Explainer

ACCEPTED = "eyes"
REFUSED = "confused"


def answer_commands(explainer: Explainer) -> tuple[Effect, ...]:
    """Effects for every command that nobody acknowledged yet, oldest first within an issue."""
    snapshot, seen, config = explainer.snapshot, explainer.seen, explainer.config
    rules = RepoConfig() if isinstance(config, ConfigProblem) else config
    effects: list[Effect] = []
    for number in sorted(number for number, issue in snapshot.issues.items() if issue.detailed):
        issue = snapshot.issues[number]
        situation = seen.situations.get(number, Unasked())
        for item in unread(issue, snapshot.now):
            effects += _answer(explainer, rules, issue, situation, item)
    return tuple(effects)


def _answer(
    explainer: Explainer, config: RepoConfig, issue: Issue, situation: Situation, item: Unread
) -> Iterable[Effect]:
    comment, snapshot = item.comment, explainer.snapshot
    answer = may_ask(comment.author, snapshot.permissions.get(comment.author.id, Permission.UNKNOWN))
    if answer is Answer.UNKNOWN:
        return ()
    if answer is Answer.NO:
        return _refuse(snapshot, issue, item, say.who_may_ask(comment.author))
    if isinstance(item.command, BadCommand):
        return _refuse(snapshot, issue, item, say.bad_command(item.command))
    return _obey(explainer, config, issue, situation, item, item.command)


def _obey(
    explainer: Explainer, config: RepoConfig, issue: Issue, situation: Situation, item: Unread, command: Command
) -> Iterable[Effect]:
    snapshot = explainer.snapshot
    match command:
        case Run() | Retry() | Approve():
            problem = _unrunnable(issue, situation, item, View(snapshot, config))
            return _refuse(snapshot, issue, item, problem) if problem else _accept(item)
        case Stop():
            # Unconfirmed: a claim of our own that this very comment ends; it is released, nothing is at work.
            at_work = isinstance(situation, Running) and situation.confirmed and situation.claim.run_id > 0
            cancel = (CancelRun(situation.claim.run_id),) if at_work and isinstance(situation, Running) else ()
            return (*cancel, *_accept(item))
        case Why():
            return (*_say(snapshot, issue, item, why_text(explainer.full(issue.number))), *_accept(item))
        case Status():
            text = status_text(explainer.short(issue.number, situation))
            return (*_say(snapshot, issue, item, text), *_accept(item))
        case Help():
            return (*_say(snapshot, issue, item, say.help_text()), *_accept(item))
        case Init() | Fix():
            return _refuse(snapshot, issue, item, say.not_here(type(command).__name__.lower()))
        case _:
            assert_never(command)


def _unrunnable(issue: Issue, situation: Situation, item: Unread, view: View) -> str:
    """Why a request is refused at once; empty: it is accepted."""
    if issue.is_pull:
        return say.on_a_pull()
    if not issue.open:
        return say.on_a_closed_issue()
    command = item.command
    request_id = comment_request_id(item.comment)
    if isinstance(command, Approve):
        return "" if approved_plan(view, issue, request_id) is not None else say.no_plan()
    if isinstance(situation, Running) and request_of(situation.claim.run_key) != request_id:
        return say.already_running(situation.url)
    allowed = allowed_models(view.config)
    if isinstance(command, Run) and command.model and command.model not in allowed:
        return say.unknown_model(command.model, sorted(allowed))
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
