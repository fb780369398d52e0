"""`BACKLOG_TASK_ID=task-7 python -m bot.local.headless_runner` is `ai-ready start --single-task --task task-7`.

The task source is `backlog`, unless a file says another one.
"""

import argparse
import sys

from bot.cli import main
from bot.config import laptop_environ


def words(given: list[str]) -> list[str]:
    """The same as `ai-ready` has it. Ends the process with 1, as it did, where no task is named."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.local.headless_runner", description="Do one task of Backlog.md."
    )
    parser.add_argument("name", nargs="?", default="", metavar="TASK", help="such as task-7; default: BACKLOG_TASK_ID")
    parser.add_argument("--task", default="", help="the same")
    found = parser.parse_args(given)
    task = found.task or found.name or laptop_environ().get("BACKLOG_TASK_ID", "").strip()
    if not task:
        parser.print_usage(sys.stderr)
        sys.stderr.write("Which task? Name it, or set BACKLOG_TASK_ID.\n")
        sys.exit(1)
    return ["start", "--single-task", "--task", task, "--source", "backlog"]


if __name__ == "__main__":
    sys.argv[1:] = words(sys.argv[1:])
    main()
