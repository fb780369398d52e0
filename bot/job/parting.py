"""The summary of a run that is stopped at a checkpoint: the agent's, asked for once more and briefly, else the facts'."""

import os

from bot.agent.prompt import PARTING_PROMPT
from bot.core.messages.words import counted
from bot.core.paths import listed
from bot.core.run import AgentReport
from bot.job.brief import Task
from bot.job.diary import Diary
from bot.job.session import Agent, Ask
from bot.job.workspace import Ground

SECONDS, TURNS, USD = 90.0, 3, 0.50
"""What the last words may cost."""
LEAST_SECONDS = 10.0
MOST_NAMES = 1 << 20


def summarise(task: Task, agent: Agent, ground: Ground, diary: Diary) -> str:
    """What was done and what is left. The work was collected before: nothing that happens here gets into it."""
    seconds = min(SECONDS, diary.seconds_left(task))
    if seconds < LEAST_SECONDS or ground.cancel.is_set:
        return _facts(diary)
    words = Ask(
        PARTING_PROMPT,
        diary.there.tree.path,
        seconds,
        TURNS,
        env=task.config.checks.env,
        read_only=True,
        usd=USD,
    )
    with diary.phase("agent"):
        report = diary.ask(agent, words)
    return _said(report) or _facts(diary)


def _said(report: AgentReport) -> str:
    said = report.structured or {}
    parts = (str(said.get(name) or "").strip() for name in ("summary", "reason"))
    return "\n\n".join(part for part in parts if part)


def _facts(diary: Diary) -> str:
    workspace = diary.there
    turns = counted(diary.turns, "turn")
    if not diary.tree:
        return f"The agent took {turns} and changed no file that can be kept; it gave no summary."
    words = ("diff-tree", "-r", "-z", "--name-only", workspace.start, diary.tree)
    paths = [os.fsdecode(path) for path in workspace.git(*words, most=MOST_NAMES).split(b"\0") if path]
    return f"The agent took {turns} and gave no summary. Changed so far: {listed(paths)}."
