"""What a review round adds to the prompt: the conversations with their code, the reviews, red CI, conflicts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.agent.fencing import cut, fenced, flat

MOST_REMARKS = 6_000
"""Characters of one conversation, its newest."""
MOST_HUNK = 2_000
MOST_THREADS = 60_000
"""Characters of all conversations."""
MOST_REVIEW = 8_000
MOST_LOG = 8_000
MOST_CONFLICTS = 100


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote, sanitised."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownThread:
    """A conversation on a line of the diff."""

    name: str
    """By which the agent answers it: `thread-3`."""
    place: str
    """`src/app.py:12`."""
    hunk: str
    said: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job of CI that failed."""

    name: str
    how: str
    log: str


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """What the pull request's round is about."""

    pull: int
    threads: tuple[ShownThread, ...] = ()
    reviews: tuple[Words, ...] = ()
    failed: tuple[ShownJob, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """The base had moved on and was merged."""

    base: str
    conflicts: tuple[str, ...] = ()


def round_task(facts: RoundFacts, issue: int, repo: str) -> str:
    """The first words of the prompt, in place of those of a run that begins."""
    return (
        f"You are working on pull request #{facts.pull} of {repo}, which is to resolve issue #{issue}. The current "
        "directory is a checkout of its branch. It was reviewed, and you do the next round: do what the reviewers ask, "
        "mend what makes CI fail, and keep what is right as it is; the tests and the documentation belong to it. Where a "
        "reviewer is mistaken or only asks a question, answer instead of changing the code. Commits of people on the "
        "branch are there on purpose."
    )


def round_sections(facts: RoundFacts, *, fence: str) -> tuple[str, ...]:
    """What people and CI say, as data."""
    return (_reviews(facts, fence), _threads(facts, fence), *(_failed(job, fence) for job in facts.failed))


def round_ending(facts: RoundFacts) -> str:
    """How to answer the conversations; empty where there are none."""
    if not facts.threads:
        return ""
    return (
        "In `replies`, answer every conversation once, by its name (`thread` is for instance "
        f"`{facts.threads[0].name}`): `text` says in one to three sentences what you did there, or why nothing had to be "
        "done. It is posted under your answer's own heading; greet nobody and promise nothing."
    )


def merge_section(facts: MergeFacts, *, fence: str) -> str:
    """What was merged, and what is left to resolve."""
    about = f"The base branch had moved on since this branch was made; `{flat(facts.base)}` has been merged into your checkout."
    if not facts.conflicts:
        return f"{about} Your work is judged on that merge."
    listed = fenced(fence, "conflicts", cut("\n".join(facts.conflicts[:MOST_CONFLICTS]), MOST_REVIEW))
    return (
        f"{about} Both sides changed the same places in these files:\n\n{listed}\n\n"
        "Conflict markers stand there (`<<<<<<< merging/branch`, then this branch's lines; `=======`; the base's lines, then "
        "`>>>>>>> merging/base`); of a file that only one side removed or that is no text, one side's version. Resolve them "
        "first: keep what both sides meant, and leave no marker behind."
    )


def _reviews(facts: RoundFacts, fence: str) -> str:
    if not facts.reviews:
        return ""
    whole = "\n\n".join(_said(words) for words in facts.reviews)
    return "Reviews of the pull request, oldest first:\n\n" + fenced(
        fence, "reviews", cut(whole, MOST_REVIEW, keep_end=True)
    )


def _threads(facts: RoundFacts, fence: str) -> str:
    if not facts.threads:
        return ""
    room = max(MOST_HUNK, MOST_THREADS // len(facts.threads))
    shown = (fenced(fence, thread.name, cut(_thread(thread), room, keep_end=True)) for thread in facts.threads)
    return "Open conversations on lines of the diff, each with the code that it began at:\n\n" + "\n\n".join(shown)


def _thread(thread: ShownThread) -> str:
    said = cut("\n\n".join(map(_said, thread.said)), MOST_REMARKS, keep_end=True)
    hunk = f"{cut(thread.hunk, MOST_HUNK, keep_end=True)}\n\n" if thread.hunk.strip() else ""
    return f"{flat(thread.place)}\n\n{hunk}{said}"


def _failed(job: ShownJob, fence: str) -> str:
    log = cut(job.log, MOST_LOG, keep_end=True) if job.log.strip() else "(Its log can't be read.)"
    about = f"The job `{flat(job.name)}` ended as {flat(job.how)}."
    # The code under test may choose a job's name, too: `matrix` takes a command's output.
    return "CI is red. What ended how, and the end of the log:\n\n" + fenced(fence, "log", f"{about}\n\n{log}")


def _said(words: Words) -> str:
    return f"{flat(words.who)} wrote:\n{words.text}"


def shown_place(path: str, line: int) -> str:
    """`path:line`."""
    return f"{path}:{line}" if line else path


def names_of(threads: Sequence[object]) -> list[str]:
    """The names that conversations have in a prompt."""
    return [f"thread-{number}" for number, _ in enumerate(threads, 1)]
