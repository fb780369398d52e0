"""`ai-ready start --scripted`: the runner with everything real but the model, in a folder of its own, without an account."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.agent.isolation import isolation_for
from bot.errors import Blocked, UsageError
from bot.local.settings import Flags, read_settings
from bot.sandbox.model import Scene, Script, bash, done, edit, read, serve_model, write
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import NewTask, Status

MODEL_KEY: Final = "sk-ant-api03-scripted-key-that-opens-nothing-000000000000000000000"
FOLDER: Final = ".ai-ready/tasks"
LAST: Final = "DEMO-1.3"

FILES: Final[Mapping[str, str]] = {
    "README.md": "# Greetings\n\nA project to try ai-ready on.\n",
    ".github/ai-ready.yml": "checks:\n  test: python3 -m unittest -q\n",
    ".gitignore": "__pycache__/\n",
}

TASKS: Final = (
    NewTask(
        "[DEMO-1.1] Greet somebody by name",
        "## Description\nA function `greet(name)` in `greetings.py`.\n\n"
        '## Acceptance criteria\n- [ ] `greet("Ada")` is `Hello, Ada!`\n- [ ] There is a test.\n',
    ),
    NewTask(
        "[DEMO-1.2] Greet in Spanish, too",
        "## Description\n`greet(name, language)`, with `en` (the default) and `es`.\n\n"
        '## Acceptance criteria\n- [ ] `greet("Ada", "es")` is `¡Hola, Ada!`\n',
    ),
    NewTask(
        f"[{LAST}] A command to greet with",
        "## Description\n`python3 greet.py Ada es` prints the greeting.\n",
    ),
)

_HELLO: Final = 'def greet(name: str) -> str:\n    return f"Hello, {name}!"\n'
_TEST: Final = (
    "import unittest\n\nfrom greetings import greet\n\n\nclass TestGreet(unittest.TestCase):\n"
    '    def test_by_name(self) -> None:\n        self.assertEqual(greet("Ada"), "Hello, Ada!")\n'
)
_TEST_ES: Final = (
    '\n    def test_in_spanish(self) -> None:\n        self.assertEqual(greet("Ada", "es"), "¡Hola, Ada!")\n'
)
_COMMAND: Final = "import sys\n\nfrom greetings import greet\n\nprint(greet(*sys.argv[1:3]))\n"

SCRIPT: Final = (  # played backwards: the history in a later task's prompt names the earlier ones
    Scene(
        "[DEMO-1.1]",
        write("greetings.py", _HELLO) + write("test_greetings.py", _TEST),
        bash("python3 -m unittest -q"),
        done("Added `greet(name)` and a test of it."),
    ),
    Scene(
        "[DEMO-1.2]",
        read("greetings.py") + read("test_greetings.py"),
        edit("greetings.py", "greet(name: str)", 'greet(name: str, language: str = "en")')
        + edit(
            "greetings.py",
            'return f"Hello, {name}!"',
            'return {"en": f"Hello, {name}!", "es": f"¡Hola, {name}!"}[language]',
        )
        + write("test_greetings.py", _TEST + _TEST_ES),
        bash("python3 -m unittest -q"),
        done("`greet` takes a language now."),
    ),
    Scene(
        f"[{LAST}]",
        write("greet.py", _COMMAND),
        bash("python3 greet.py Ada es"),
        done("`python3 greet.py Ada es` greets."),
    ),
)


def run_scripted(environ: Mapping[str, str], root: Path, flags: Flags, *, page: bool) -> int:
    """Set the stage where the folder is empty, run, show what came of it; the exit code. `page`: serve it until the trial ends."""
    from bot.cli.local_commands import work_watched  # noqa: PLC0415 (it imports us)
    from bot.local.loop import Wish  # noqa: PLC0415

    _say("This is a trial: the model's answers come from a script, and cost nothing.")
    _say("All else is real: git, the Claude CLI, the tests, the commits. Nothing leaves this machine.\n")
    here = _set_the_stage(Path.cwd(), root, environ)
    with serve_model(Script(*reversed(SCRIPT)), key=MODEL_KEY) as model:
        dropped = ("GITHUB_TOKEN", "GH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "SLACK_WEBHOOK_URL")
        kept = {name: value for name, value in environ.items() if name not in dropped}
        scripted = {**kept, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": MODEL_KEY}
        chosen = {} if can_isolate() else {"agent.isolation": "none"}
        settings = read_settings(replace(flags, settings=chosen), scripted, here)
        wish = Wish(exit_when_idle=True, task=settings.task)
        code = work_watched(settings, scripted, wish, resume=False, page=page)
    if code == 0:
        _show(here, environ)
    else:
        _say(f"\nThe trial did not get to its end. The lines above, and the notes in {FOLDER}/, say why.")
    return code


def _set_the_stage(folder: Path, root: Path, environ: Mapping[str, str]) -> Path:
    """A repository with a first commit and three tasks, where there is nothing yet; where one was made before, that."""
    if (root / FOLDER / f"{LAST}.md").is_file():
        return root
    if any(folder.iterdir()) or root != folder.resolve():
        raise UsageError(
            "The script knows the tasks of its own sample project only, and makes that in an empty folder: "
            "`mkdir trial && cd trial && ai-ready start --scripted`."
        )
    _say("This folder is empty: making a small git repository with three tasks in it.\n")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    _git(folder, environ, "init", "--quiet", "--initial-branch=main")
    _git(folder, environ, "add", "--all")
    who = _git(folder, environ, "config", "--default", "", "--get", "user.email").strip()
    committer = () if who else ("-c", "user.name=You", "-c", "user.email=you@example.com")
    _git(folder, environ, *committer, "commit", "--quiet", "--no-verify", "--message", "A project to try ai-ready on")
    tracker = FileTracker(folder / FOLDER, "trial")
    tracker.check((Status.TODO,))
    for task in TASKS:
        tracker.create(task)
    return folder


def _show(root: Path, environ: Mapping[str, str]) -> None:
    """What came of it, and what to type next."""
    _say("\nWhat came of it (git log --oneline --graph --all):\n")
    _say(_git(root, environ, "log", "--oneline", "--graph", "--all", "--decorate=short"))
    _say(
        f"Each task is in {FOLDER}/, with its verdict. Your branch main was not touched; each task built on the one before."
    )
    _say(f"Look at the work:     git diff main...ai/task-{LAST}")
    _say(f"Take it over:         git merge ai/task-{LAST}")
    _say("With your own model:  export ANTHROPIC_API_KEY=...   then   ai-ready start   in a repository of yours")


def can_isolate() -> bool:
    """Whether this machine can run an agent as another user."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-look-") as folder:
        try:
            with isolation_for("auto", root=Path(folder), log=lambda _: None) as isolation:
                isolation.discard(isolation.home)
        except Blocked:
            _say("This machine lets no agent run as another user (that needs root or sudo): it runs as you here.\n")
            return False
    return True


def _git(folder: Path, environ: Mapping[str, str], *words: str) -> str:
    env = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    ran = subprocess.run(("git", *words), cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode != 0:
        raise UsageError(f"git {words[0]} failed here: {(ran.stderr or ran.stdout).strip()[:300]}")
    return ran.stdout


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
