"""What a task outside GitHub is called: in folders, branches and run keys. Pure.

Sources name tasks as they like (`ENG-12`, `task-23.2`, `fix the ☂ thing`). A *slug* is that name as git, file systems and
people can use it; two names never share one.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from bot.core.names import issue_branch

SLUG: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?![.])){0,79}"
TASK_BRANCH: Final = re.compile(rf"ai/task-{SLUG}")
TASK_RUN_KEY: Final = re.compile(rf"{SLUG}-T[0-9]{{1,16}}-[0-9]{{1,6}}")

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_ISSUE: Final = re.compile(r"#?([1-9][0-9]{0,9})")
_STEM: Final = 40
"""Characters that are kept of a name that has to be changed; a digest of the whole name follows."""


def task_slug(name: str) -> str:
    """The name itself where git and file systems can take it, else what can be read of it and a digest."""
    if _PLAIN.fullmatch(name) and not (".." in name or name.endswith((".", ".lock"))):
        return name
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_STEM].rstrip("-") or "task"
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def task_branch(name: str, *, source: str = "") -> str:
    """The branch of a task: `ai/task-ENG-12`. An issue of GitHub's keeps its own, `ai/issue-12`."""
    issue = _ISSUE.fullmatch(name)
    if source == "github" and issue:
        return issue_branch(int(issue[1]))
    return f"ai/task-{task_slug(name)}"


def task_run_key(name: str, at: datetime, number: int) -> str:
    """Names one attempt at a task for ever: `ENG-12-T1763715000123-1`, with the milliseconds of its claim."""
    return f"{task_slug(name)}-T{int(at.astimezone(UTC).timestamp() * 1000)}-{number}"
