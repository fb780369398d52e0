"""A checkout with tasks in which a runner is killed again and again, and what must hold after every kill and at the end."""

import json
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TASKS = ("A-1.1", "A-1.2", "A-2.1", "B-1.1", "plain")
KEY = "sk-ant-api03-chaos-key-that-opens-nothing-000000000000000000000"

MAKES = """\
token=$(cat /proc/sys/kernel/random/uuid)
mkdir -p made
echo "$token" > "made/$token"
echo "$token $(basename "$(dirname "$PWD")")" >> LEDGER
"""
"""It leaves something that is like nothing else, and writes down that it did."""

AGENT = f"""\
#!/bin/sh
[ "$1" = --version ] && {{ echo "2.1.329 (Claude Code)"; exit; }}
cat > /dev/null
{MAKES}
sleep 0.2
echo '{{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":1,\
"total_cost_usd":0.01,"structured_output":{{"verdict":"done","summary":"Ok.","reason":""}}}}'
"""
"""In the place of the CLI."""


def git(folder: Path, *words: str) -> str:
    """As the user's own git."""
    who = ("-c", "user.name=Ann Doe", "-c", "user.email=ann@example.org")
    ran = subprocess.run(("git", *who, *words), cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    return ran.stdout.strip()


@dataclass
class Town:
    """One checkout."""

    folder: Path
    model_url: str = ""
    """The agent is the real CLI, and this is its model; empty: it is a small program."""
    main: str = ""
    found: list[str] = field(default_factory=list)
    """Sentences of what went wrong."""
    under_way: str = ""
    """The task that was, when the runner died."""

    @property
    def root(self) -> Path:
        return self.folder / "shop"

    @property
    def ledger(self) -> Path:
        """Of the real CLI's rounds there is but one: their script knows of no checkout."""
        return (self.folder.parent if self.model_url else self.folder) / "ledger"

    @property
    def environ(self) -> dict[str, str]:
        agent = {} if self.model_url else {"AI_READY_CLAUDE": str(self.folder / "claude")}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ANTHROPIC_API_KEY": KEY,
            "HEADLESS_PM_WORKTREE_BASE": str(self.folder / "trees"),
            **({"ANTHROPIC_BASE_URL": self.model_url} if self.model_url else {}),
            **agent,
        }

    def build(self) -> None:
        """One commit, five tasks, an agent."""
        self.root.mkdir(parents=True)
        (self.folder / "trees").mkdir()
        program = self.folder / "claude"
        program.write_text(AGENT.replace("LEDGER", str(self.ledger)))
        program.chmod(0o755)
        self.ledger.write_text("")
        git(self.root, "init", "-q", "--initial-branch=main")
        (self.root / ".github").mkdir()
        (self.root / ".github" / "ai-ready.yml").write_text("agent: {isolation: none}\nchecks: {test: 'true'}\n")
        git(self.root, "add", ".")
        git(self.root, "commit", "-q", "-m", "first")
        self.main = git(self.root, "rev-parse", "main")
        tasks = self.root / ".ai-ready" / "tasks"
        tasks.mkdir(parents=True)
        for name in TASKS:
            title = f"[{name}] Do {name}" if "." in name else f"Do {name}"
            (tasks / f"{name}.md").write_text(f"# {title}\n\nWhat people wrote of {name}.\n")

    # ------------------------------------------------------------------------------------ what must hold

    def check(self, when: str) -> None:
        """After every kill."""
        for sentence in (*self._untouched(), *self._kept(), *self._one_after_the_other()):
            self.found.append(f"{when}: {sentence}")

    def check_end(self) -> None:
        """When a runner has come to its end by itself."""
        self.check("at the end")
        for name in TASKS:
            text = self._task(name)
            if self._status(name) != "done":
                self.found.append(f"lost: {name} is {self._status(name)}")
            if len(re.findall(r"^(?:Done: |Blocked \()", text, re.MULTILINE)) != 1:
                self.found.append(f"doubled: {name} has not one verdict, but: {text}")
            if f"What people wrote of {name}." not in text:
                self.found.append(f"lost: what people wrote of {name}")
            if not git(self.root, "for-each-ref", f"refs/heads/ai/task-{name}"):
                self.found.append(f"lost: there is no branch of {name}")
        for branch in git(self.root, "for-each-ref", "--format=%(refname)", "refs/heads/ai").splitlines():
            keys = Counter(git(self.root, "log", "--format=%(trailers:key=AI-Ready-Run,valueonly)", branch).split())
            twice = [key for key, count in keys.items() if count > 1]
            if twice and not self._cut_short(twice):
                self.found.append(f"doubled: {branch} has two commits of {twice}")
        trees = list((self.folder / "trees").glob("*/*"))
        if trees:
            self.found.append(f"left behind: {trees}")
        if len(git(self.root, "worktree", "list").splitlines()) != 1:
            self.found.append("left behind: a work tree that git knows")
        session = self._session()
        if (session["tasks_completed"], session["tasks_blocked"]) != (len(TASKS), 0):
            self.found.append(f"counted wrong: {session['tasks_completed']} done, {session['tasks_blocked']} blocked")
        if list((self.root / ".ai-ready" / "local" / "claims").glob("*.json")):
            self.found.append("left behind: a claim")
        for token, task in self._made():
            if not self._in_a_branch(token):
                self.found.append(f"lost: {token} of {task} is on no branch")

    def _untouched(self) -> list[str]:
        """The user's own branch, index and work tree."""
        found = []
        if git(self.root, "rev-parse", "main") != self.main:
            found.append("main was moved")
        if git(self.root, "symbolic-ref", "HEAD") != "refs/heads/main":
            found.append("another branch was checked out")
        if (changed := git(self.root, "status", "--porcelain")) != "?? .ai-ready/":
            found.append(f"the checkout was changed: {changed}")
        return found

    def _kept(self) -> list[str]:
        """Whatever an agent made is on a branch, or in a tree that stands."""
        return [
            f"lost: {token} of {task} is on no branch and in no tree"
            for token, task in self._made()
            if not self._in_a_branch(token) and not list((self.folder / "trees").rglob(f"made/{token}"))
        ]

    def _one_after_the_other(self) -> list[str]:
        """At most one task is under way; it is the one from before, until it ends; an ended one is not begun again."""
        found = []
        tasks = [task for _, task in self._made()]
        runs = [task for number, task in enumerate(tasks) if number == 0 or tasks[number - 1] != task]
        if len(runs) != len(set(runs)):
            found.append(f"begun again after another task: {runs}")
        now = [name for name in TASKS if self._status(name) == "in_progress"]
        if len(now) > 1:
            found.append(f"several are under way: {now}")
        if self.under_way and now and now[0] != self.under_way and self._status(self.under_way) != "done":
            found.append(f"{now[0]} was taken while {self.under_way} was under way")
        self.under_way = now[0] if now else ""
        return found

    def _cut_short(self, keys: list[str]) -> bool:
        """An attempt that was killed amid the agent is saved as a commit, and its next try has the same name."""
        runs = self.root / ".ai-ready" / "local" / "runs"
        return all(list((runs / key).glob("events-*.jsonl")) for key in keys)

    def _made(self) -> list[tuple[str, str]]:
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        return [(line[0], line[1].removeprefix("task-")) for line in lines if len(line) == 2]

    def _in_a_branch(self, token: str) -> bool:
        branches = git(self.root, "for-each-ref", "--format=%(refname)", "refs/heads/ai").splitlines()
        return any(git(self.root, "ls-tree", branch, f"made/{token}") for branch in branches)

    def _task(self, name: str) -> str:
        return (self.root / ".ai-ready" / "tasks" / f"{name}.md").read_text()

    def _status(self, name: str) -> str:
        found = re.search(r"^status: (\w+)$", self._task(name), re.MULTILINE)
        return found[1] if found else "todo"

    def _session(self) -> dict[str, int]:
        path = next((self.root / ".ai-ready" / "local" / "sessions").glob("*.json"))
        session: dict[str, int] = json.loads(path.read_text())
        return session
