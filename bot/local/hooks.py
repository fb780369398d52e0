"""The user's own commands around a task: `pre_task`, `post_task`, and now and then `health_check` (docs/hooks.md).

A hook runs as the user, in the checkout, with the user's environment but for our keys and tokens, and learns what it
is about from JSON on its stdin. It comes from one folder, and never from files that an agent may have written.
"""

import json
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bot.agent.launching import Launch
from bot.agent.process import Cancel, Command, Finished, run_command
from bot.core.model import Json
from bot.core.secret import Secret
from bot.errors import AiReadyError
from bot.local.ports import Attempt, Result
from bot.trackers.tracker import Task

HookName = Literal["pre_task", "post_task", "health_check"]
HOOK_NAMES: Final[tuple[HookName, ...]] = ("pre_task", "post_task", "health_check")

VERSION: Final = 1
"""Of the JSON that a hook reads."""

SECONDS: Final = 30.0
"""What a hook may take, where nothing else is said."""

MOST_LINES: Final = 100
"""Of one hook's output that are shown."""

LONGEST_LINE: Final = 500
"""Characters of them."""

AGENTS_BRANCHES: Final = "ai/"
"""What the names of agents' branches begin with."""

SHORTEST_SECRET: Final = 6
"""Characters: a shorter one would be found in anything."""


class HookFailed(AiReadyError):
    """A hook said no, or could not say anything. `str()` is one sentence that names it."""


def before(task: Task, attempt: Attempt) -> Json:
    """What `pre_task` reads."""
    return {
        "version": VERSION,
        "hook": "pre_task",
        "task_id": task.id,
        "name": task.name,
        "title": task.title,
        "status": task.status.value,
        "agent": attempt.agent,
        "attempt": attempt.number,
        "branch": attempt.branch,
        "worktree": str(attempt.tree),
    }


def after(task: Task, attempt: Attempt, result: Result) -> Json:
    """What `post_task` reads; `task` as it stands by then."""
    outcome = result.outcome
    return {
        **before(task, attempt),
        "hook": "post_task",
        "branch": result.branch,
        "worktree": str(result.kept or ""),
        "success": outcome.verdict == "done",
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "text": outcome.text,
        "execution_time": round(outcome.seconds, 1),
        "usd": round(outcome.usd, 4),
        "commit": result.commit,
        "pull": result.pull,
    }


def about_health(agent: str, attempt: Attempt | None) -> Json:
    """What `health_check` reads; without an attempt nothing is under way."""
    under_way = {"task_id": attempt.task_id, "name": attempt.name} if attempt else {"task_id": "", "name": ""}
    return {"version": VERSION, "hook": "health_check", "agent": agent, **under_way}


def hook_environment(environ: Mapping[str, str], secrets: Collection[Secret]) -> dict[str, str]:
    """The environment of hooks: the user's, without every variable that holds one of our `secrets`."""
    texts = [text for secret in secrets if len(text := secret.reveal()) >= SHORTEST_SECRET]
    return {name: value for name, value in environ.items() if not any(text in value for text in texts)}


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one folder."""

    folder: Path
    checkout: Path
    """Where they run."""
    environ: Mapping[str, str]
    """The whole of it: see `hook_environment`."""
    say: Callable[[str], None]
    """Gets each line of their output, named; the caller takes secrets out."""
    seconds: float = SECONDS

    def problems(self) -> tuple[str, ...]:
        """A sentence for each hook that is there and can't run: to be said at the start."""
        found = []
        for name in HOOK_NAMES:
            try:
                self._find(name)
            except HookFailed as problem:
                found.append(str(problem))
        return tuple(dict.fromkeys(found))

    def pre_task(self, task: Task, attempt: Attempt, cancel: Cancel) -> None:
        """Before anything is claimed. Raises `HookFailed`: the task is not to be taken."""
        self._run("pre_task", before(task, attempt), cancel)

    def post_task(self, task: Task, attempt: Attempt, result: Result) -> None:
        """When all is over, also after a cancel. Raises `HookFailed`, which changes nothing and has to be said."""
        self._run("post_task", after(task, attempt, result), Cancel())

    def health_check(self, agent: str, attempt: Attempt | None, cancel: Cancel) -> None:
        """Raises `HookFailed`: a warning."""
        self._run("health_check", about_health(agent, attempt), cancel)

    def _run(self, name: HookName, about: Json, cancel: Cancel) -> None:
        path = self._find(name)
        if path is None:
            return
        if branch := self._agents_branch():
            raise HookFailed(
                f"The hook {name} was not run: the checkout is on {branch}, which an agent wrote, and the hook is one of "
                "its files. Check out a branch of your own, or keep hooks elsewhere (--hooks-dir)."
            )
        command = Command((str(path),), self.checkout, self.environ, self.seconds, json.dumps(about).encode() + b"\n")
        ended = run_command(command, AsYourself(), cancel=cancel, on_line=_Shown(name, self.say))
        if sentence := _why(name, path, ended, self.seconds):
            raise HookFailed(sentence)

    def _find(self, name: HookName) -> Path | None:
        """`name` with any extension; None: there is no such hook. Raises `HookFailed`."""
        if not self.folder.exists():
            return None
        if not self.folder.is_dir():
            raise HookFailed(f"{self.folder} is not a folder, so there can be no hooks in it.")
        found = sorted(each for each in self.folder.iterdir() if each.stem == name and not each.name.endswith("~"))
        if not found:
            return None
        if len(found) > 1:
            names = " and ".join(each.name for each in found)
            raise HookFailed(f"There are several hooks {name} in {self.folder} ({names}): keep one of them.")
        path = found[0].absolute()
        if not path.is_file():
            raise HookFailed(f"The hook {path} is not a file.")
        if not path.stat().st_mode & 0o111:
            raise HookFailed(f"The hook {path} can't be executed: run `chmod +x {path}`.")
        return path

    def _agents_branch(self) -> str:
        """The agent's branch that the checkout is on, where hooks are among its files; else empty."""
        if not self.folder.resolve().is_relative_to(self.checkout.resolve()):
            return ""
        asked = ("git", "symbolic-ref", "--quiet", "--short", "HEAD")
        told = subprocess.run(
            asked, cwd=self.checkout, env=dict(self.environ), capture_output=True, timeout=60, check=False
        )
        branch = told.stdout.decode("utf-8", "replace").strip()
        return branch if branch.startswith(AGENTS_BRANCHES) else ""


class AsYourself:
    """Nothing stands between a hook and its user: it is the user's own."""

    def launch(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Launch:
        """As it is."""
        return Launch(tuple(argv), dict(env), cwd)

    def kill_all(self) -> None:
        """What a hook started and put into a group of its own is the user's to end."""


class _Shown:
    """A hook's output as it comes, named and bounded."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name, self._say, self._left = name, say, MOST_LINES

    def __call__(self, line: str) -> None:
        if self._left > 0:
            self._say(f"{self._name}: {line[:LONGEST_LINE]}")
        elif self._left == 0:
            self._say(f"{self._name}: (the rest of its output is not shown)")
        self._left -= 1


def _why(name: HookName, path: Path, ended: Finished, seconds: float) -> str:
    """Why it counts as failed; empty: it does not."""
    match ended.killed:
        case "":
            pass
        case "cancelled":
            return f"The hook {name} was stopped before it had ended."
        case _:
            return f"The hook {name} took longer than {seconds:g} s and was stopped, with everything it had started."
    if ended.exit_code == 0:
        return ""
    last = next((line.strip() for line in reversed(ended.tail.splitlines()) if line.strip()), "")
    if ended.exit_code == 127:
        hint = "its first line must name a program that is there, such as `#!/bin/sh` or `#!/usr/bin/env python3`"
        return f"The hook {path} could not be started ({last[:LONGEST_LINE]}): {hint}."
    said = f": {last[:LONGEST_LINE]}" if last else ", without a word"
    return f"The hook {name} said no (exit code {ended.exit_code}){said}"
