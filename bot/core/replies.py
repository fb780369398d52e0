"""Acknowledge every command once: a reaction, and a short reply where a reaction does not say enough."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from bot.core.access import Answer, may_ask
from bot.core.asking import allowed_models
from bot.core.commands import Approve, BadCommand, Command, Fix, Help, Init, Retry, Run, Status, Stop, Why
from bot.core.effects import CancelRun, Effect, PostComment, React
from bot.core.inits.standing import Flaw, flaw_of, is_about_issues
from bot.core.ledger import Record, notes_of, request_of
from bot.core.markers import ours
from bot.core.messages import replies as say
from bot.core.messages.status import status_text
from bot.core.messages.why import why_text
from bot.core.model import Issue, Permission, Snapshot
from bot.core.names import REPLY_MARKER
from bot.core.plans import edited_unseen, waits_for
from bot.core.requests import Unread, comment_request_id, round_of, rounds_used, unread
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Making, Queued, Running, Situation, Unasked
from bot.core.view import View
from bot.core.why import Explainer

ACCEPTED = "eyes"
REFUSED = "confused"

SAY_AGAIN_AFTER = timedelta(minutes=10)
"""A refusal in the very words of one that was said less than this ago is the reaction alone: who asks twenty times need
not read it twenty times, nor need those who are told of every comment.
"""


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
        voice = Voice(issue, snapshot)
        for item in unread(issue, snapshot.now):
            effects += _answer(explainer, rules, place, situation, item, voice)
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


class Voice:
    """What is said to the commands of one issue: once to each, and no refusal twice within minutes."""

    def __init__(self, issue: Issue, snapshot: Snapshot) -> None:
        replies = tuple(ours(issue.comments, snapshot.own_ids, REPLY_MARKER))
        self._issue = issue
        self._answered = {data.get("to") for _, data in replies}
        self._refused = {
            say.without_marker(comment.body)
            for comment, _ in replies
            if snapshot.now - comment.created_at < SAY_AGAIN_AFTER
        }

    def accept(self, item: Unread, text: str = "") -> tuple[Effect, ...]:
        """Obey, with an answer where the command asks for one."""
        return (*(self._say(item, text) if text else ()), React(item.comment.node_id, ACCEPTED))

    def refuse(self, item: Unread, text: str) -> tuple[Effect, ...]:
        """The reply comes first: a comment without our reaction is looked at again, one with it never."""
        said = () if text in self._refused else self._say(item, text)
        self._refused.add(text)
        return (*said, React(item.comment.node_id, REFUSED))

    def _say(self, item: Unread, text: str) -> tuple[Effect, ...]:
        if item.comment.id in self._answered or self._issue.locked:
            return ()
        return (PostComment(self._issue.number, say.reply(item.comment.id, text)),)


def _answer(
    explainer: Explainer, config: RepoConfig, place: Place, situation: Situation, item: Unread, voice: Voice
) -> Iterable[Effect]:
    comment, snapshot = item.comment, explainer.snapshot
    answer = may_ask(comment.author, snapshot.permissions.get(comment.author.id, Permission.UNKNOWN))
    if answer is Answer.UNKNOWN:
        return ()
    if answer is Answer.NO:
        return voice.refuse(item, say.who_may_ask(comment.author))
    if isinstance(item.command, BadCommand):
        return voice.refuse(item, say.bad_command(item.command))
    return _obey(explainer, config, place, situation, item, item.command, voice)


def _obey(
    explainer: Explainer,
    config: RepoConfig,
    place: Place,
    situation: Situation,
    item: Unread,
    command: Command,
    voice: Voice,
) -> Iterable[Effect]:
    snapshot, task = explainer.snapshot, place.task.number
    match command:
        case Run() | Retry() | Approve() | Init():
            problem = _unrunnable(place, situation, item, View(snapshot, config))
            return voice.refuse(item, problem) if problem else voice.accept(item)
        case Fix():
            problem = _unfixable(snapshot, config, place, situation, item)
            return voice.refuse(item, problem) if problem else voice.accept(item)
        case Stop():
            # Unconfirmed: a claim of our own that this very comment ends; it is released, nothing is at work.
            if not isinstance(situation, Running) or not situation.confirmed:
                return voice.accept(item)
            if situation.claim.run_id <= 0:
                return voice.refuse(item, say.not_on_actions())
            return (CancelRun(situation.claim.run_id), *voice.accept(item))
        case Why():
            return voice.accept(item, why_text(explainer.full(task)))
        case Status():
            return voice.accept(item, status_text(explainer.short(task, situation)))
        case Help():
            return voice.accept(item, say.help_text())
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
    if isinstance(situation, Making) and situation.request.id != request_id:
        return say.issues_being_made()
    if isinstance(command, Init) and not place.here.body.strip():
        return say.no_specification()
    if isinstance(command, Approve) and is_about_issues(view, place.here, request_id):
        flaw = flaw_of(view, place.here, request_id)
        return _FLAWS[flaw]() if flaw is not None else ""
    if isinstance(command, Approve) and not waits_for(view, place.here, request_id):
        return say.edited_since_planned() if edited_unseen(view, place.here, request_id) else say.no_plan()
    if isinstance(situation, Running) and not _answers(situation, request_id, view.records(place.here)):
        return say.already_running(situation.url)
    if isinstance(command, Approve) and isinstance(situation, Queued) and situation.claim is not None:
        return "" if request_of(situation.run_key) == request_id else say.already_approved()
    allowed = allowed_models(view.config)
    if isinstance(command, Run) and command.model and command.model not in allowed:
        return say.unknown_model(command.model, sorted(allowed))
    return ""


_FLAWS = {
    Flaw.NO_PLAN: say.no_plan,
    Flaw.SPEC_EDITED: say.specification_edited,
    Flaw.PLAN_EDITED: say.plan_edited,
}


def _answers(at_work: Running, request_id: str, ended: Iterable[Record]) -> bool:
    """Whether a run is this request's own, or has its verdict: what is asked then comes after it."""
    key = at_work.claim.run_key
    return request_of(key) == request_id or any(record.run_key == key for record in ended)


def _unfixable(snapshot: Snapshot, config: RepoConfig, place: Place, situation: Situation, item: Unread) -> str:
    """Why a review round is refused at once; empty: it is accepted, and comes after a run that is at work."""
    issue = place.task
    if place.here.is_pull and not place.on_our_pull:
        return say.fix_elsewhere()
    if not issue.open:
        return say.issue_is_closed(issue.number) if place.on_our_pull else say.on_a_closed_issue()
    if issue.feedback is None:
        return say.nothing_to_fix()
    claim, mine = snapshot.claims.get(issue.number), comment_request_id(item.comment)
    used = rounds_used(issue, snapshot.own_ids, issue.feedback.pull, but=mine)
    if isinstance(situation, Running) and claim is not None:
        asked = request_of(claim.run_key)
        used += asked != mine and bool(round_of(asked, issue, notes_of(issue, snapshot.own_ids)))
    if used >= config.limits.review_rounds:
        return say.no_rounds_left(config.limits.review_rounds, issue.number)
    return ""
