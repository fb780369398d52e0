"""A run that only plans: the agent reads the checkout with tools that change nothing, and writes the plan.

Nothing of the repository is run, and nothing is handed over but words. That no file was changed is looked at, not
believed.
"""

from bot.core.messages.plan import plan_text
from bot.core.names import Reason
from bot.core.verdict import Refusal, agent_refusal, agents_own_words, cancelled
from bot.job.brief import Task, bounds_of, brief
from bot.job.checks import judging_commands
from bot.job.collect import collect
from bot.job.diary import Diary
from bot.job.git import Remote
from bot.job.session import Agent, Ask
from bot.job.workspace import Ground, prepare


def make_plan(task: Task, remote: Remote, agent: Agent, ground: Ground, diary: Diary) -> Refusal:
    """Ask for the plan; it ends Blocked (needs-input) in any case, as somebody has to approve it."""
    with diary.phase("checkout"):
        workspace = diary.workspace = prepare(task.admission, remote, ground)
    diary.note(*workspace.notes)
    commands = judging_commands(task.config.checks, workspace.git, (workspace.start,))
    first = brief(task, workspace, commands)
    diary.note(*first.notes)
    ask = Ask(
        first.prompt,
        workspace.tree.path,
        seconds=diary.seconds_left(task),
        turns=task.config.agent.max_turns,
        read_only=True,
        context=task.config.checkpoints.context,
    )
    with diary.phase("agent", 1, 1):
        report = diary.ask(agent, ask)
    if report.stopped_for == "cancelled" or ground.cancel.is_set:
        return cancelled()
    with diary.phase("collect"):
        changed = files_changed(ground, diary)
    refusal = agent_refusal(report, bounds_of(task)) or agents_own_words(report) or changed
    if refusal is not None:
        return refusal
    if not str((report.structured or {}).get("summary") or "").strip():
        return Refusal(Reason.AGENT_ERROR, "The agent says that the plan is made, but wrote none.")
    diary.planned = True
    return Refusal(Reason.NEEDS_INPUT, plan_text(task.admission.issue))


def files_changed(ground: Ground, diary: Diary) -> Refusal | None:
    """Whether an agent that was to change nothing did."""
    workspace = diary.there
    ground.isolation.reclaim(workspace.tree.path)
    found = collect(workspace, diary.before)
    if found.refusal is None and found.tree == workspace.git.line("rev-parse", f"{workspace.start}^{{tree}}"):
        return None
    return Refusal(Reason.AGENT_ERROR, "The agent was to plan only, but changed files; nothing of that is kept.")
