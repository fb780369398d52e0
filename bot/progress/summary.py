"""How a run went, as Markdown: `summary.md` beside the events, and what the page of the workflow run shows. Pure.

Titles, todos, commands and the agent's words are foreign text: nothing in them mentions, links, embeds or commands.
"""

from bot.core.messages.verdict import checks_table
from bot.core.messages.words import counted, money
from bot.core.model import Pull
from bot.core.outbound import bounded, code_span, fence, inert
from bot.progress.events import RunBegan, Todo, Verdict
from bot.progress.lines import clock, span
from bot.progress.state import Progress

LIMIT = 200_000
"""Characters of a page; GitHub takes 1 MiB of summary from a step."""

MOST_WORDS = 8_000
"""Characters of the agent's own words."""


def page(progress: Progress) -> str:
    """`summary.md`: the run as far as it is known, at any moment."""
    heading = f"# {_name(progress)}"
    return bounded(heading, _headline(progress), _limits(progress), *_parts(progress), limit=LIMIT) + "\n"


def opening(progress: Progress, words: str) -> str:
    """What the page of the workflow run says at the beginning."""
    return bounded(f"### {_name(progress)}: {words}", _limits(progress), limit=LIMIT)


def closing(progress: Progress, own_words: str) -> str:
    """What it says at the end, below the opening; `own_words`: the agent's summary of its work."""
    words = f"The agent's own words:\n\n{fence(own_words, limit=MOST_WORDS)}" if own_words.strip() else ""
    return bounded(_headline(progress), *_parts(progress), words, limit=LIMIT)


def last_word(began: RunBegan, issue: int, pull: Pull | None, reason: str, text: str) -> str:
    """What it says when the verdict is on the issue; `pull` None: the run ended as Blocked."""
    name = f"#{issue} {inert(began.title, 300)}"
    if pull is not None:
        kind = "draft PR" if pull.draft else "PR"
        return f"### {name}: Done\n\nDone: {kind} [#{pull.number}]({pull.url}) is up for review."
    next_step = f"The verdict on [the issue]({began.issue_url}) says what to do next."
    return f"### {name}: Blocked ({inert(reason)})\n\n{inert(text)}\n\n{next_step}"


def _name(progress: Progress) -> str:
    title, task = (inert(progress.began.title, 300), inert(progress.began.task)) if progress.began else ("", "")
    return f"{task or f'#{progress.issue}'} {title}".rstrip()


def _headline(progress: Progress) -> str:
    match progress.verdict:
        case Verdict("done"):
            return "**The work is done.** The job *publish* looks at it once more and has the last word."
        case Verdict("blocked", reason, text):
            return f"**Blocked** ({inert(reason)}): {inert(text)}"
        case _:
            at = f"{progress.time:%Y-%m-%d %H:%M:%S} UTC" if progress.time else "its beginning"
            attempt = (
                f" (attempt {progress.attempt} of {progress.attempts})"
                if progress.phase == "agent" and progress.attempt
                else ""
            )
            return (
                f"**No end is known.** At {at}, {clock(progress.elapsed)} after its beginning, it was at: "
                f"{inert(progress.doing)}{attempt}. If the run is over, it was killed there."
            )


def _limits(progress: Progress) -> str:
    began = progress.began
    if began is None:
        return f"Run {code_span(progress.run)}"
    issue = f" · [issue]({began.issue_url})" if began.issue_url else ""
    log = f" · [log]({began.run_url})" if began.run_url else ""
    return (
        f"Run {code_span(progress.run)} · at most ${began.usd:.2f} and {began.minutes} min · "
        f"model {inert(began.model)} · branch {code_span(began.branch)}{issue}{log}"
    )


def _parts(progress: Progress) -> tuple[str, ...]:
    return (
        _figures(progress),
        checks_table(progress.checks, missing=False),
        _todos(progress.todos),
        _tools(progress),
    )


def _figures(progress: Progress) -> str:
    began = progress.began
    turns = f"{progress.turns} of {progress.most_turns}" if progress.most_turns else str(progress.turns)
    agent = span(progress.agent_so_far(progress.elapsed))
    version = f" (Claude Code {inert(progress.version)})" if progress.version else ""
    rows = (
        ("turns", turns),
        ("cost", f"{money(progress.usd)}{f' of ${began.usd:.2f}' if began else ''}"),
        ("time", f"{span(progress.elapsed)}, the agent {agent}{f' of {began.minutes} min' if began else ''}"),
        ("model", f"{inert(progress.model)}{version}"),
        ("isolation", inert(progress.isolation) or "–"),
    )
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _todos(todos: tuple[Todo, ...]) -> str:
    boxes = {"completed": "[x]", "in-progress": "[ ] *now:*", "pending": "[ ]"}
    lines = [f"- {boxes[todo.state]} {inert(todo.text, 200)}" for todo in todos]
    return "\n".join(["The agent's list:", "", *lines]) if lines else ""


def _tools(progress: Progress) -> str:
    uses = sum(count for _, count in progress.tools)
    each = " · ".join(f"{inert(tool, 60)} {count}" for tool, count in progress.tools)
    return f"{counted(uses, 'use')} of tools: {each}" if uses else ""
