"""`python -m bot.local.advanced_agent_runner --role R --agent-id ID` is `ai-ready start --role R --agent-id ID`.

The task source is `headless-pm`, unless a file says another one; a task may take ten minutes, unless a variable says how
long.
"""

import argparse
import sys

from bot.cli import main
from bot.local.settings import ROLES

TASK_SECONDS = "600"
"""As HEADLESS_PM_CLAUDE_TIMEOUT was where nobody set it."""


def words(given: list[str]) -> list[str]:
    """The same as `ai-ready` has it. Ends the process with 2, as it did, where role or agent is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.local.advanced_agent_runner", description="Work through the tasks of a Headless PM server."
    )
    parser.add_argument("--role", required=True, choices=ROLES)
    parser.add_argument("--agent-id", required=True)
    parser.add_argument("--single-task", action="store_true", help="do one task, then end")
    parser.add_argument("--hooks-dir", default="", help="a folder with pre_task, post_task and health_check")
    found = parser.parse_args(given)
    start = ["start", "--role", found.role, "--agent-id", found.agent_id]
    hooks = ["--hooks-dir", found.hooks_dir] if found.hooks_dir else []
    return [*start, *hooks, *(["--single-task"] if found.single_task else []), *DEFAULTS]


DEFAULTS = ("--source", "headless-pm", "--task-seconds", TASK_SECONDS)


if __name__ == "__main__":
    sys.argv[1:] = words(sys.argv[1:])
    main()
