"""A review round's facts: read again by the job that needs them, held to who may speak, and shown to the agent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.agent.invisible import without_invisible
from bot.agent.round_prompt import RoundFacts, ShownJob, ShownThread, Words, names_of, shown_place
from bot.agent.sanitize import Clean, sanitise
from bot.core.model import Permission, Snapshot
from bot.core.outbound import clean
from bot.core.paths import printable
from bot.core.rounds import MOST_THREADS, Conversation, FailedJob, Remark, Round, Thread, heard, speakers
from bot.core.run import Admission, Reply
from bot.job.admit import GitHub

MOST_SPEAKERS = 30
"""People whose permission is read; in public anybody may join a conversation, so that they are not few."""

OURSELVES = "You, in an earlier run,"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the agent is shown of a round, and what of it was left out."""

    facts: RoundFacts
    hidden: int
    images: int


def read_round(github: GitHub, snapshot: Snapshot, admission: Admission) -> Round | None:
    """What a review round goes by; None for other runs. Raises `GitHubError`."""
    if admission.kind != "fix":
        return None
    said = read_heard(github, snapshot, admission.pull)
    newest = said.threads[-MOST_THREADS:]
    failed = github.failed_jobs(admission.head_oid)
    return Round(replace(said, threads=newest), failed, unheard=len(said.threads) - len(newest))


def read_heard(github: GitHub, snapshot: Snapshot, pull: int) -> Conversation:
    """What people with write permission say of our pull request, and is not settled. Raises `GitHubError`."""
    conversation = github.conversation(pull)
    permissions: dict[int, Permission] = dict(snapshot.permissions)
    unknown = [who for who in speakers(conversation, snapshot.own_ids) if who.id not in permissions]
    permissions.update({who.id: github.permission(who) for who in unknown[:MOST_SPEAKERS]})
    return heard(conversation, permissions, snapshot.own_ids)


def screened(found: Round | None, screen: Callable[[str], str]) -> Round | None:
    """`found` without the secrets of this process in CI's logs."""
    if found is None:
        return None
    failed = (
        replace(job, name=screen(job.name), log=screen(job.log), steps=tuple(map(screen, job.steps)))
        for job in found.failed
    )
    return replace(found, failed=tuple(failed))


def shown(found: Round, admission: Admission) -> Shown:
    """The round as the agent reads it; a review that asked for it is the guidance, and not said twice."""
    cleaned: list[Clean] = []

    def words(remark: Remark) -> Words:
        clean = sanitise(remark.body)
        if remark.ours:
            return Words(OURSELVES, clean.text)
        cleaned.append(clean)
        return Words(remark.author.login, clean.text)

    said = found.conversation
    threads = tuple(
        ShownThread(
            name,
            shown_place(printable(thread.path), thread.line),
            without_invisible(thread.hunk)[0],
            tuple(map(words, thread.remarks)),
        )
        for name, thread in zip(names_of(said.threads), said.threads, strict=True)
    )
    others = [review for review in said.reviews if review.body.strip() != admission.guidance.strip()]
    facts = RoundFacts(admission.pull, threads, tuple(map(words, others)), tuple(map(_job, found.failed)))
    return Shown(facts, sum(clean.hidden for clean in cleaned), sum(clean.images for clean in cleaned))


def replies_of(structured: Mapping[str, Any], threads: tuple[Thread, ...]) -> tuple[Reply, ...]:
    """The agent's answers to conversations that it was given, the first to each."""
    ids = dict(zip(names_of(threads), (thread.id for thread in threads), strict=True))
    found: dict[str, Reply] = {}
    for given in structured.get("replies") or ():
        thread, text = ids.get(given["thread"].strip()), given["text"].strip()
        if thread and text:
            found.setdefault(thread, Reply(thread, text))
    return tuple(found.values())


def _job(job: FailedJob) -> ShownJob:
    steps = f", step {', '.join(job.steps)}" if job.steps else ""
    return ShownJob(f"{job.workflow} / {job.name}", f"{job.conclusion}{steps}", clean(job.log))
