"""`ai-ready start` and the commands around it, as processes; the agent is the real CLI, or a small program in its place."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from bot.local.loop import NOTHING
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from tests.job.stage import git

AI_READY = (sys.executable, "-m", "bot")
CODE = Path(__file__).parents[2]
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202eevil"
STAND_IN = """\
#!/bin/sh
[ "$1" = --version ] && { echo "2.1.329 (Claude Code)"; exit; }
cat > /dev/null
DOES
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":1,\
"total_cost_usd":0.01,"structured_output":{"verdict":"done","summary":"Ok.","reason":""}}'
"""


class Desk:
    """Somebody's checkout, and the command in it."""

    before: tuple[str, ...] = ()
    """Words in front of the command."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self.root.mkdir(parents=True)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(CODE),
            "ANTHROPIC_API_KEY": "sk-ant-api03-desk-key-that-opens-nothing-00000000000000000000",
            "HEADLESS_PM_WORKTREE_BASE": str(folder / "trees"),
        }
        (folder / "home").mkdir()
        (folder / "trees").mkdir()

    def make(self, config: str = "agent: {isolation: none}\nchecks: {test: 'true'}\n") -> "Desk":
        """A repository with a first commit."""
        git(self.root, "init", "-q", "--initial-branch=main")
        self.write(".github/ai-ready.yml", config)
        git(self.root, "add", ".")
        git(self.root, "commit", "-q", "-m", "first")
        return self

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def task(self, name: str, title: str = "") -> Path:
        return self.write(f".ai-ready/tasks/{name}.md", f"# {title or name}\n")

    def agent(self, does: str) -> None:
        """A small program that does this in the work tree, then says that it is done."""
        program = self.root.parent / "claude"
        program.write_text(STAND_IN.replace("DOES", does))
        program.chmod(0o755)
        self.environ["AI_READY_CLAUDE"] = str(program)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (*self.before, *AI_READY, *words),
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            (*AI_READY, "start", *words), cwd=self.root, env=self.environ, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run("status", "--json").stdout)[0]
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def until(so: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it says up to the line with these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}:\n{said}")


def test_an_empty_folder_and_one_command_no_account(desk: Desk) -> None:
    """The real CLI with scripted answers: 1.1, 1.2, 1.3 in order, each on the work before it; main is not touched."""
    del desk.environ["ANTHROPIC_API_KEY"], desk.environ["HEADLESS_PM_WORKTREE_BASE"]

    ran = desk.run("start", "--scripted")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the model's answers come from a script" in ran.stdout
    assert [ran.stdout.index(f"✓ DEMO-1.{number} Done") for number in (1, 2, 3)] == sorted(
        ran.stdout.index(f"✓ DEMO-1.{number} Done") for number in (1, 2, 3)
    )
    subjects = git(desk.root, "log", "--reverse", "--format=%s", "main..ai/task-DEMO-1.3").splitlines()
    assert [subject.split()[0] for subject in subjects] == ["[DEMO-1.1]", "[DEMO-1.2]", "[DEMO-1.3]"]
    assert git(desk.root, "log", "--format=%s", "main") == "A project to try ai-ready on"
    assert "git merge ai/task-DEMO-1.3" in ran.stdout
    assert len(git(desk.root, "worktree", "list").splitlines()) == 1
    assert git(desk.root, "status", "--porcelain") == "?? .ai-ready/"
    git(desk.root, "merge", "-q", "ai/task-DEMO-1.3")
    assert (
        subprocess.run(
            (sys.executable, "greet.py", "Ada", "es"), cwd=desk.root, capture_output=True, text=True, check=True
        ).stdout
        == "¡Hola, Ada!\n"
    )
    desk.environ["AI_READY_PAGE_PORT"] = "0"
    again = desk.run("start", "--scripted", "--page")
    assert again.returncode == 0
    assert "The page is at http://127.0.0.1:" in again.stdout
    assert "No task is ready" in again.stdout


def test_scripted_leaves_a_folder_with_files_alone(desk: Desk) -> None:
    desk.write("notes.txt", "mine")

    ran = desk.run("start", "--scripted")

    assert ran.returncode == 2
    assert "in an empty folder" in ran.stderr
    assert [path.name for path in desk.root.iterdir()] == ["notes.txt"]


def test_the_trial_takes_no_option_that_it_would_not_keep(desk: Desk) -> None:
    ran = desk.run("start", "--scripted", "--single-task", "--resume")

    assert ran.returncode == 2
    assert ran.stderr == "ai-ready: --scripted is a trial of its own: leave --resume and --single-task out.\n"
    assert list(desk.root.iterdir()) == []


def test_without_a_repository_it_says_what_to_do(desk: Desk) -> None:
    ran = desk.run("start")

    assert ran.returncode == 2
    assert "git init" in ran.stderr
    assert list(desk.root.iterdir()) == []


def test_without_a_commit_nothing_is_claimed(desk: Desk) -> None:
    git(desk.root, "init", "-q", "--initial-branch=main")
    task = desk.task("One")

    ran = desk.run("start", "--exit-when-idle")

    assert ran.returncode == 2
    assert "no commit yet: make a first one" in ran.stderr
    assert "status" not in task.read_text()


def test_CF3_without_a_key_nothing_is_claimed(desk: Desk) -> None:
    desk.make()
    task = desk.task("One")
    del desk.environ["ANTHROPIC_API_KEY"]

    ran = desk.run("start", "--exit-when-idle")

    assert ran.returncode == 2
    assert "API key not found" in ran.stderr
    assert "status" not in task.read_text()


def test_MO5_without_a_cli_nothing_is_claimed(desk: Desk) -> None:
    desk.make()
    task = desk.task("One")
    desk.environ["AI_READY_CLAUDE"] = "/nowhere/claude"

    ran = desk.run("start", "--exit-when-idle")

    assert ran.returncode == 2
    assert "Claude Code CLI not found" in ran.stderr
    assert "status" not in task.read_text()


def test_CL1_CL2_LG4_stopped_from_another_terminal_and_taken_up_again(desk: Desk) -> None:
    """The agent is at work when it is told to stop: its work is saved, the task goes on with --resume."""
    desk.make()
    task = desk.task("One", "The first one")
    desk.agent("echo half > half.txt; sleep 600")
    with desk.started() as process:
        read_until(process, "The agent begins")
        until(lambda: list((desk.root.parent / "trees").glob("*/task-One/*/half.txt")))
        standing = desk.status()
        assert (standing["state"], standing["pid"]) == ("running", process.pid)
        assert "Task: One The first one (attempt 1" in desk.run("status").stdout
        refused = desk.run("start")
        assert refused.returncode == 2
        assert "at work in this checkout already" in refused.stderr

        stopped = desk.run("stop")

        assert stopped.returncode == 0, stopped.stderr
        assert "has stopped." in stopped.stdout
        assert process.wait(60) == 0
    assert "in_progress" in task.read_text()
    assert desk.status()["state"] == "stopped"
    assert "`ai-ready start --resume` takes up One again." in desk.run("resume").stdout

    desk.agent("cat half.txt && echo whole > whole.txt")
    ran = desk.run("start", "--resume", "--exit-when-idle")

    assert ran.returncode == 0, ran.stdout
    assert "✓ One Done" in ran.stdout
    assert git(desk.root, "show", "ai/task-One:half.txt") == "half"
    assert git(desk.root, "show", "ai/task-One:whole.txt") == "whole"
    assert task.read_text().count("Done: ") == 1
    assert desk.status()["tasks_completed"] == 1


def test_RP1_LG4_after_kill_9_the_state_is_true_and_the_task_goes_on(desk: Desk) -> None:
    desk.make()
    task = desk.task("One")
    desk.agent("echo half > half.txt; sleep 600")
    with desk.started() as process:
        until(lambda: list((desk.root.parent / "trees").glob("*/task-One/*/half.txt")))
        process.kill()
        process.wait(60)
    assert desk.status()["state"] == "killed"
    told = desk.run("status").stdout
    assert "State: killed (it is not running" in told
    assert "One will be taken up again by `ai-ready start --resume`." in told
    assert desk.run("stop").stdout == "No runner is at work in this checkout.\n"
    other = desk.run("start", "--exit-when-idle", "--agent-id", "zoe")
    name = str(desk.status()["agent_id"])
    assert f"One was left under way by the runner {name}: `ai-ready start --resume --agent-id {name}`" in other.stdout
    assert "Starting" not in other.stdout

    desk.agent("cat half.txt && echo whole > whole.txt")
    ran = desk.run("start", "--resume", "--exit-when-idle")

    assert ran.returncode == 0, ran.stdout
    assert git(desk.root, "show", "ai/task-One:half.txt") == "half"
    assert task.read_text().count("Done: ") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_TS14_RP6_idle_it_waits_and_ends_at_once_at_ctrl_c(desk: Desk, number: signal.Signals) -> None:
    desk.make()
    with desk.started() as process:
        read_until(process, NOTHING)
        assert desk.status()["state"] == "waiting"

        process.send_signal(number)

        assert process.wait(60) == 0
    assert desk.status()["state"] == "stopped"


def test_LG1_LG2_RP2_what_is_said_and_kept(desk: Desk) -> None:
    desk.make()
    desk.task("One")
    desk.task("Two", "[A-1.1] Two")
    desk.write(".ai-ready/tasks/Three.md", "---\nstatus: blocked\n---\n# [A-1.2] Three\n")
    desk.task("Four", "[A-1.3] Four")
    desk.agent("echo x > $RANDOM.txt; date > date.txt")
    before = desk.run("resume").stdout
    assert "Project: shop\nProvider: file\nTasks: 4 (3 todo, 1 blocked)\nBlocked:\n  Three" in before
    assert not (desk.root / ".ai-ready" / "local").exists()

    ran = desk.run("start", "--exit-when-idle", "--agent-id", "ada")

    assert ran.returncode == 0, ran.stdout
    runs = sorted((desk.root / ".ai-ready" / "local" / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        assert {event["run"] for event in events} == {run.name}
        assert json.loads((run / "metadata.json").read_text())["result"]["outcome"]["verdict"] == "done"
        assert "Done" in (run / "summary.md").read_text() or "done" in (run / "summary.md").read_text()
    logged = desk.run("logs", "--tail", "2").stdout.splitlines()
    assert len(logged) == 2
    assert logged[-1].endswith("No task is ready: done.")
    assert len(desk.run("logs").stdout.splitlines()) <= 50
    listed = desk.run("tasks").stdout
    assert "Three  blocked      [A-1.2] Three" in listed
    assert "Skipping A-1.3 - blocked by: A-1.2 (blocked)" in listed
    assert {each["name"]: each["status"] for each in json.loads(desk.run("tasks", "--json").stdout)} == {
        "One": "done",
        "Two": "done",
        "Three": "blocked",
        "Four": "todo",
    }


def test_TS10_two_runners_in_one_checkout_share_the_tasks(desk: Desk) -> None:
    """Each task is done by one of them, once; two of the same name are refused elsewhere."""
    desk.make()
    tasks = [desk.task(f"Task-{number}") for number in range(4)]
    desk.agent("date +%N > $(basename $(dirname $PWD)).txt; sleep 0.5")

    with (
        desk.started("--exit-when-idle", "--agent-id", "ada") as ada,
        desk.started("--exit-when-idle", "--agent-id", "bob") as bob,
    ):
        said = [each.communicate(timeout=300)[0] for each in (ada, bob)]

    assert (ada.returncode, bob.returncode) == (0, 0), said
    for number, task in enumerate(tasks):
        assert task.read_text().count("Done: ") == 1, said
        assert "status: done" in task.read_text()
        assert sum(f"✓ Task-{number} Done" in each for each in said) == 1
    runs = list((desk.root / ".ai-ready" / "local" / "runs").iterdir())
    assert len(runs) == 4


def test_other_peoples_words_never_steer_the_terminal(desk: Desk) -> None:
    """Titles, claims and what a check prints: on the terminal and in the log they are words, and no lines of their own."""
    printed = "printf '\\302\\233' ; printf 'a\\r2026-11-21T00:00:00Z forged\\n'"
    desk.make(f"agent: {{isolation: none}}\nchecks: {{test: {json.dumps(printed)}}}\n")
    desk.agent("echo 1 > a.txt")
    desk.task("One", f"Do {HOSTILE}")
    desk.write(
        ".ai-ready/tasks/Two.md", f"---\nstatus: blocked\nclaimed_by: '{HOSTILE[-4:]}\u202e'\n---\n# {HOSTILE}\n"
    )
    desk.write(".ai-ready/tasks/Three.md", '---\nstatus: "\\e[31mevil"\n---\n# Three\n')

    ran = [desk.run(*words) for words in (["tasks"], ["resume"], ["start", "--exit-when-idle"], ["logs"], ["status"])]
    ran.append(desk.run("start", "--task", "Three"))

    shown = "".join(each.stdout + each.stderr for each in ran)
    assert "evil" in shown
    assert "forged" in shown
    assert not [each for each in shown if each != "\n" and not each.isprintable()]
    assert not [line for line in ran[3].stdout.splitlines() if line.startswith("2026-11-21T00")]


def test_a_terminal_that_lacks_letters_shows_the_rest(desk: Desk) -> None:
    desk.make()
    desk.task("One", "Grüße ☂")
    desk.environ["PYTHONIOENCODING"] = "ascii"

    ran = [desk.run(command) for command in ("tasks", "resume")]

    assert [each.returncode for each in ran] == [0, 0], ran
    assert "Gr??e ?" in ran[0].stdout


def test_a_session_of_a_newer_version_is_refused_and_left(desk: Desk) -> None:
    desk.make()
    desk.agent("true")
    assert desk.run("start", "--exit-when-idle").returncode == 0
    path = next((desk.root / ".ai-ready/local/sessions").glob("*.json"))
    newer = path.read_text().replace('"version": 1', '"version": 99')
    path.write_text(newer)

    ran = desk.run("start", "--exit-when-idle")

    assert ran.returncode == 2
    assert "newer ai-ready" in ran.stderr
    assert path.read_text() == newer


def test_a_branch_in_the_way_is_said_before_a_claim(desk: Desk) -> None:
    desk.make()
    desk.agent("true")
    task = desk.task("One")
    git(desk.root, "branch", "ai")

    ran, looked = desk.run("start", "--exit-when-idle"), desk.run("config")

    assert ran.returncode == 2
    assert "There is a branch called `ai`" in ran.stderr
    assert "There is a branch called `ai`" in looked.stdout
    assert "status" not in task.read_text()


def test_a_file_that_may_not_be_used_is_the_persons_to_mend(desk: Desk) -> None:
    """No traceback, and nothing to report: which file, and what to do."""
    desk.make()
    desk.agent("true")
    if os.geteuid() == 0:  # root may do everything, without these two
        caps = "-dac_override,-dac_read_search"
        desk.before = ("setpriv", f"--bounding-set={caps}", f"--inh-caps={caps}")
    assert desk.run("start", "--exit-when-idle").returncode == 0
    lock = next((desk.root / ".ai-ready/local/runners").glob("*.json"))
    lock.chmod(0)

    ran = [desk.run(*words) for words in (["start"], ["status"], ["stop"])]

    assert [each.returncode for each in ran] == [2, 2, 2]
    for each in ran:
        assert (
            each.stderr
            == f"ai-ready: {lock} can't be used (Permission denied): make it readable and writable for you.\n"
        )


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_TS11_RU4_on_github_a_task_is_in_review_and_later_ones_wait_for_the_merge(
    desk: Desk, tmp_path: Path, method: Literal["merge", "squash"]
) -> None:
    """The draft pull request is linked; once it is merged the task is done, and the next starts from the merged work."""
    hub = Hub(tmp_path / "hub")
    hub.create_user("ann")
    config = "agent: {isolation: none}\nchecks: {test: 'true'}\n"
    repo = hub.create_repo("acme/shop", "ann", files={".github/ai-ready.yml": config})
    with serve(hub):
        git(desk.root, "init", "-q", "--initial-branch=main")
        git(desk.root, "remote", "add", "origin", f"{hub.url}/acme/shop.git")
        git(desk.root, "fetch", "-q", "origin")
        git(desk.root, "reset", "-q", "--hard", "origin/main")
        token = hub.tokens.personal(hub.user("ann")).value
        desk.environ |= {"GITHUB_TOKEN": token, "GITHUB_API_URL": hub.api_url, "GITHUB_SERVER_URL": hub.url}
        desk.agent("date +%N > $(basename $(dirname $PWD)).txt")
        first, second = desk.task("One", "[A-1.1] One"), desk.task("Two", "[A-2.1] Two")

        ran = desk.run("start", "--exit-when-idle")

        pulls = [issue for issue in repo.issues.values() if issue.pull]
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert len(pulls) == 1
        url = f"{hub.url}/acme/shop/pull/{pulls[0].number}"
        assert "status: in_review" in first.read_text()
        assert first.read_text().count(url) == 2  # in the front matter, and in the note
        assert f"Done: draft pull request {url} is up for review." in first.read_text()
        assert "Skipping A-2.1 - blocked by: A-1.1 (in_review)" in ran.stdout
        assert "Look at it, and merge it" in first.read_text()
        assert "status" not in second.read_text()
        assert token not in ran.stdout + first.read_text()

        person = hub.person("ann")
        hub.pulls.set_draft(pulls[0], person, draft=False)
        hub.pulls.merge(pulls[0], person, method=method)
        ran = desk.run("start", "--resume", "--exit-when-idle")

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert f"✓ One is done now: #{pulls[0].number} was merged." in ran.stdout
        assert "status: done" in first.read_text()
        assert first.read_text().count(f"#{pulls[0].number} was merged.") == 1
        assert "status: in_review" in second.read_text()
        base = hub.repos.branch_oid(repo, "main")
        assert git(desk.root, "rev-parse", "ai/task-Two^") == base
        assert "task-One.txt" in git(desk.root, "ls-tree", "--name-only", "ai/task-Two")
