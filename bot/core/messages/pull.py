"""Title and body of the pull request."""

import re

from bot.core.messages.verdict import checks_table, facts_table, own_words, to_look_at
from bot.core.outbound import bounded, inert, one_line
from bot.core.run import Outcome

_PAGE = re.compile(r"https?://[^\s()<>]+")
"""What may be linked: a path on somebody's machine is nobody else's business."""


def pull_title(issue_title: str, number: int) -> str:
    """One line, at most 256 characters, no control characters, no `[skip ci]`."""
    return f"{one_line(issue_title, limit=230)} (#{number})"


def pull_body(issue: int, outcome: Outcome, *, base_is_default: bool, run_url: str, run_key: str) -> str:
    """What and why, checks with results, cost, and what deserves a look."""
    closes = f"Closes #{issue}" if base_is_default else f"For #{issue} (closed by ai-ready when this is merged)"
    parts = [
        f"{closes}. Written by an AI agent at a maintainer's request; please review it as you would a stranger's work.",
        own_words(outcome),
        "### Checks, run by ai-ready after the agent was done",
        checks_table(outcome.checks, missing=outcome.checks_missing),
        f"### Cost\n\n{facts_table(outcome, run_url)}",
        to_look_at(outcome.notes),
        "CI on this pull request waits for a person's *Approve workflows* click, because a bot opened it.",
        "Something is not right yet? Comment `/ai fix` and what to change.",
        f"<sub>run {run_key}</sub>",
    ]
    return bounded(*parts)


def task_pull_title(title: str, task: str) -> str:
    """The same for a task of another source."""
    return f"{one_line(title, limit=180)} ({one_line(task, limit=60)})"


def task_pull_body(task: str, url: str, outcome: Outcome, *, run_key: str) -> str:
    """What and why, checks with results, cost, and what deserves a look. `url`: the task's page or file, if it has one."""
    named = f"[{inert(task)}]({url})" if _PAGE.fullmatch(url) else inert(task)
    written = "Written by an AI agent that was started by hand; please review it as you would a stranger's work."
    parts = [
        f"For {named}. {written}",
        own_words(outcome),
        "### Checks, run by ai-ready after the agent was done",
        checks_table(outcome.checks, missing=outcome.checks_missing),
        f"### Cost\n\n{facts_table(outcome, '')}",
        to_look_at(outcome.notes),
        f"<sub>run {run_key}</sub>",
    ]
    return bounded(*parts)


def kept_link(server: str, repo: str, branch: str, kept: str) -> str:
    """Where the work of a run is to be seen that could not go on its branch."""
    return (
        f"The work of this run is kept on a branch of its own, `{kept}`: [what it changes]({server}/{repo}/compare/"
        f"{branch}...{kept}). Merge that into `{branch}` if you want it, else delete it."
    )


def compare_link(server: str, repo: str, base: str, branch: str) -> str:
    """Where a person opens the pull request by hand."""
    return (
        f"The work is on branch `{branch}`: [open a pull request]({server}/{repo}/compare/{base}...{branch}?expand=1)."
    )
