"""A run that plans issues (`/ai init`): the agent reads the checkout and the specification, and answers with a plan.

Nothing of the repository is run, and nothing is made: the plan is handed over as data, which `publish` reads again and
shows to people.
"""

import json

from bot.core.inits.proposal import MOST_ISSUES
from bot.core.messages.making import issues_planned_text
from bot.core.names import Reason
from bot.core.verdict import Refusal, cancelled
from bot.job.brief import Task, bounds_of
from bot.job.diary import Diary
from bot.job.git import Remote
from bot.job.initializing import Commission, UnusableSpec, draft_plan, spec_of
from bot.job.planning import files_changed
from bot.job.session import Agent, Ask
from bot.job.workspace import Ground, prepare


def plan_issues(task: Task, remote: Remote, agent: Agent, ground: Ground, diary: Diary) -> Refusal:
    """Ask for the plan; it ends Blocked (needs-input) in any case, as somebody has to approve it."""
    try:
        spec, notes = spec_of(task.body)
    except UnusableSpec as unusable:
        return Refusal(Reason.NEEDS_INPUT, f"The specification in this issue can't be used: {unusable.why}.")
    with diary.phase("checkout"):
        workspace = diary.workspace = prepare(task.admission, remote, ground)
    diary.note(*workspace.notes, *notes)
    commission = Commission(
        spec,
        there=task.there,
        guidance=(task.admission.guidance,) if task.admission.guidance else (),
        earlier=task.plan,
        instructions=task.config.agent.instructions,
        most=MOST_ISSUES,
    )
    first = Ask(
        "",
        workspace.tree.path,
        seconds=diary.seconds_left(task),
        turns=task.config.agent.max_turns,
        context=task.config.checkpoints.context,
    )
    with diary.phase("agent", 1, 1):
        draft = draft_plan(commission, first, bounds_of(task), lambda ask: diary.ask(agent, ask), ground.screen)
    if ground.cancel.is_set:
        return cancelled()
    with diary.phase("collect"):
        changed = files_changed(ground, diary)
    if draft.plan is None or changed is not None:
        diary.summary = "" if draft.refusal and draft.refusal.reason is Reason.SECRET_FOUND else draft.raw
        return draft.refusal or changed or cancelled()
    diary.planned = True
    diary.summary = f"{len(draft.plan.tasks)} issues"
    diary.proposal = json.dumps(draft.plan.as_data(), ensure_ascii=False)
    return Refusal(Reason.NEEDS_INPUT, issues_planned_text(task.admission.issue))
