"""Whether a check that fails on the work passes without it: the same command, run where the run started."""

from dataclasses import replace

from bot.core.checkpoints import no_regression, regression
from bot.core.run import Check
from bot.core.verdict import Refusal
from bot.job.brief import Task
from bot.job.checks import Planned, fresh_setup_command, run_check
from bot.job.diary import Diary
from bot.job.fresh import fresh_place
from bot.job.workspace import Ground


def compared(refusal: Refusal, failed: Check, task: Task, ground: Ground, diary: Diary) -> tuple[Refusal, bool]:
    """`refusal` with what the comparison says, and whether it is a regression. Slow, so it is done once at the most.

    Raises `Blocked(cancelled)`.
    """
    with diary.phase("checks"):
        broke = _passes_without(failed, task, ground, diary)
    return (regression(refusal, failed, task.config), True) if broke else (no_regression(refusal), False)


def _passes_without(failed: Check, task: Task, ground: Ground, diary: Diary) -> bool:
    workspace, checks = diary.there, task.config.checks
    conflicts = workspace.merge is not None and bool(workspace.merge.conflicts)
    without = task.admission.base_oid if conflicts else workspace.start  # a tree with conflicts in it passes nothing
    tree = workspace.git.line("rev-parse", f"{without}^{{tree}}")
    setup = () if failed.name == "fresh setup" else fresh_setup_command(checks)
    commands = (*setup, Planned(failed.name, failed.command, failed.detected))
    with fresh_place(workspace, tree, task.admission, ground) as place:
        for planned in commands:
            check = run_check(replace(planned, name=f"{planned.name} (without the work)"), checks, place, ground)
            if not check.passed:
                return False
    return True
