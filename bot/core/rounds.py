"""A review round, as facts: what people and CI say of our pull request, and which of it the agent hears. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.core.access import Answer, may_ask
from bot.core.markers import reveal
from bot.core.model import Actor, Permission
from bot.core.names import THREAD_MARKER

MOST_THREADS = 30
"""Conversations that a run is given; the newest. As many as it may answer (`bot.job.handover`)."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody wrote: a comment in a conversation, or the text of a review."""

    author: Actor
    body: str
    ours: bool = False
    """By the bot; known once it was `heard`."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation on a line of the pull request's diff."""

    id: str
    """Its node id."""
    path: str
    line: int
    """In the file as it is now, where it was where that is not known any more; 0: on the whole file."""
    hunk: str
    """The piece of the diff that it is about, up to its line."""
    remarks: tuple[Remark, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is said of a pull request and not settled."""

    threads: tuple[Thread, ...] = ()
    """Unresolved, oldest first."""
    reviews: tuple[Remark, ...] = ()
    """The text of each person's last review, where it asks for changes; oldest first."""


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job of the repository's own CI that did not succeed on the pull request's newest commit."""

    workflow: str
    name: str
    conclusion: str
    steps: tuple[str, ...]
    """Those that failed."""
    log: str = ""
    """The end of its log; empty: it could not be read."""


@dataclass(frozen=True, slots=True)
class Round:
    """Everything that a review round goes by, besides the issue and the code."""

    conversation: Conversation = Conversation()
    failed: tuple[FailedJob, ...] = ()
    unheard: int = 0
    """Conversations that were left out: there were too many."""


def speakers(conversation: Conversation, own_ids: frozenset[int]) -> tuple[Actor, ...]:
    """The people whose permission decides what is heard, those who spoke in the newest conversations first."""
    remarks = [remark for thread in reversed(conversation.threads) for remark in thread.remarks]
    people = (remark.author for remark in (*conversation.reviews, *remarks) if not _is_ours(remark, own_ids))
    return tuple({who.id: who for who in people if not who.is_bot}.values())


def heard(conversation: Conversation, permissions: Mapping[int, Permission], own_ids: frozenset[int]) -> Conversation:
    """What people with write permission said, with our own answers between; nobody else is heard."""

    def counts(remark: Remark) -> bool:
        permission = permissions.get(remark.author.id, Permission.UNKNOWN)
        return may_ask(remark.author, permission) is Answer.YES and not _is_ours(remark, own_ids)

    def kept(remark: Remark) -> Remark | None:
        if _is_ours(remark, own_ids):
            return replace(remark, ours=True)
        return remark if counts(remark) else None

    threads = (
        replace(thread, remarks=tuple(filter(None, map(kept, thread.remarks))))
        for thread in conversation.threads
        if any(counts(remark) for remark in thread.remarks)
    )
    return Conversation(tuple(threads), tuple(filter(counts, conversation.reviews)))


def is_answered(thread: Thread, run_key: str) -> bool:
    """Whether this run has answered there."""
    return any(_run_of(remark) == run_key for remark in thread.remarks if remark.ours)


def unsettled(reviews: Iterable[tuple[str, Remark]]) -> tuple[Remark, ...]:
    """Of (state, review), oldest first: what still asks for changes, one for each person."""
    last: dict[int, tuple[str, Remark]] = {}
    for state, remark in reviews:
        last.pop(remark.author.id, None)  # so that it comes last again
        last[remark.author.id] = (state, remark)
    return tuple(remark for state, remark in last.values() if state == "CHANGES_REQUESTED" and remark.body.strip())


def _is_ours(remark: Remark, own_ids: frozenset[int]) -> bool:
    """On a laptop the bot speaks with a person's account."""
    return remark.author.id in own_ids and (remark.author.is_bot or bool(_run_of(remark)))


def _run_of(remark: Remark) -> str:
    data = reveal(THREAD_MARKER, remark.body)
    return str(data.get("run")) if data else ""
