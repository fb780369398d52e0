"""The task source `file`, on a real disk, with other processes, some of them killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.core.model import Standing
from bot.core.settings import OrderRules
from bot.trackers.arranging import arrange_tasks
from bot.trackers.config import FileConfig
from bot.trackers.file_source import FileTracker
from bot.trackers.opening import open_tracker
from bot.trackers.tracker import (
    NewTask,
    NoSuchTask,
    SourceConfigError,
    SourceUnavailable,
    Stale,
    Status,
    Taken,
    TrackerError,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tracker(tmp_path: Path) -> FileTracker:
    tracker = FileTracker(tmp_path / "tasks", "ada")
    tracker.check(())
    return tracker


def write(tracker: FileTracker, name: str, text: str) -> Path:
    path = tracker.folder / f"{name}.md"
    path.write_bytes(text.encode())
    return path


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_claim_that_is_given_back_leaves_the_file_as_it_was(tracker: FileTracker) -> None:
    text = "---\nstatus: todo # soon\nx: 1\n---\n# A\r\n\r\nText\t \n"
    path = write(tracker, "a", text)
    path.chmod(0o600)

    claimed = tracker.claim(tracker.get("a"))
    assert b"claimed_by: ada\n" in path.read_bytes()
    tracker.set_status(claimed, Status.TODO)

    assert path.read_bytes() == text.encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert names_in(tracker.folder) == ["a.md"]


def test_a_link_is_no_task(tracker: FileTracker, tmp_path: Path) -> None:
    """One that came with the repository would show an agent a file of yours, and a claim copy it into the checkout."""
    (tmp_path / ".env").write_text("# My keys\n\nKEY=hunter2\n")
    (tracker.folder / "a.md").symlink_to("../.env")

    listing = tracker.list()

    assert listing.tasks == ()
    assert "is a link" in listing.problems[0].text
    with pytest.raises(TrackerError, match="is a link"):
        tracker.get("a")


def test_a_folder_that_a_link_of_the_checkout_leads_to_is_refused(tmp_path: Path) -> None:
    """Notes elsewhere don't become tasks because a repository says so; by its own name any folder may be used."""
    root, notes = tmp_path / "checkout", tmp_path / "notes"
    (root / ".ai-ready").mkdir(parents=True)
    notes.mkdir()
    (root / ".ai-ready" / "tasks").symlink_to(notes)

    with pytest.raises(SourceConfigError, match=f"name {notes} as `folder`"):
        open_tracker(FileConfig(), agent="ada", root=root, environ={})

    assert isinstance(open_tracker(FileConfig("../notes"), agent="ada", root=root, environ={}), FileTracker)


def test_a_task_edited_since_it_was_read_is_not_claimed(tracker: FileTracker) -> None:
    write(tracker, "a", "# A\n")
    read = tracker.get("a")
    write(tracker, "a", "# A, but blue\n")

    with pytest.raises(Stale, match="a was edited since it was read"):
        tracker.claim(read)
    assert tracker.get("a").status is Status.TODO


def test_text_that_people_write_during_a_run_is_kept(tracker: FileTracker) -> None:
    path = write(tracker, "a", "# A\n")
    claimed = tracker.claim(tracker.get("a"))
    path.write_text(path.read_text() + "\nBy the way: blue.\n")

    tracker.set_status(claimed, Status.IN_REVIEW)

    assert "By the way: blue." in path.read_text()


def test_a_broken_file_is_named_with_its_line_and_stops_nobody_else(tracker: FileTracker) -> None:
    write(tracker, "broken", "---\nstatus: begun\n---\n# [X-1.1] A\n")
    (tracker.folder / "latin.md").write_bytes(b"# caf\xc3\xa9\n\ncaf\xe9\n")
    write(tracker, "later", "# [X-1.2] B\n")
    write(tracker, "needs", "---\ndepends_on: broken\n---\n# C\n")
    write(tracker, "other", "# D\n")

    listing = tracker.list()
    found = arrange_tasks(listing, OrderRules())

    assert [problem.text for problem in listing.problems] == [
        f"{tracker.folder}/broken.md, line 2: there is no status `begun`; use one of {', '.join(Status)}.",
        f"{tracker.folder}/latin.md, line 3: not UTF-8; save it as UTF-8.",
    ]
    assert [task.id for task in found.ready] == ["other"]
    assert len(found.skipped) == 2
    with pytest.raises(TrackerError, match=r"broken\.md, line 2"):
        tracker.get("broken")


def test_depends_on_takes_file_names_and_keys_of_titles(tracker: FileTracker) -> None:
    write(tracker, "login", "---\nstatus: done\n---\n# [AUTH-1.1] Log in\n")
    write(tracker, "twin-1", "# [TWIN-1.1] One\n")
    write(tracker, "twin-2", "# [TWIN-1.1] Two\n")
    write(tracker, "a", "---\ndepends_on: [auth-1.1, login, TWIN-1.1, twin-2, nobody]\n---\n# A\n")

    assert [(each.id, each.standing) for each in tracker.get("a").prerequisites] == [
        ("login", Standing.CLOSED),
        ("login", Standing.CLOSED),
        ("TWIN-1.1", Standing.UNREADABLE),
        ("twin-2", Standing.OPEN),
        ("nobody", Standing.UNREADABLE),
    ]
    assert tracker.get("AUTH-1.1").id == "login"


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "", "x\0y"])
def test_an_id_never_leaves_the_folder(tracker: FileTracker, name: str) -> None:
    (tracker.folder.parent / "secret.md").write_text("# Secret\n")

    with pytest.raises(NoSuchTask):
        tracker.get(name)


def test_names_of_new_files(tracker: FileTracker) -> None:
    titles = ["[AUTH-1.1] Log in", "[AUTH-1.1] Again", "Paint: the / door!", "../../etc", "…", "README"]

    names = [tracker.create(NewTask(title)).id for title in titles]

    assert names == ["AUTH-1.1", "AUTH-1.1-2", "Paint-the-door", "etc", "task", "README-task"]
    assert [tracker.get(name).title for name in names] == titles


def test_a_readme_and_other_files_are_no_tasks(tracker: FileTracker) -> None:
    write(tracker, "README", "# How we write tasks\n")
    (tracker.folder / "notes.txt").write_text("x")
    (tracker.folder / "folder.md").mkdir()

    assert tracker.list().tasks == ()


def test_a_folder_that_cant_be_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "tasks").write_text("a file")

    with pytest.raises(SourceConfigError, match=r"The task folder .*/tasks can't be used \(File exists\)"):
        FileTracker(tmp_path / "tasks", "ada").check(())


def test_a_folder_that_went_away_is_said(tracker: FileTracker) -> None:
    write(tracker, "a", "# A\n").unlink()
    tracker.folder.rmdir()

    with pytest.raises(SourceUnavailable, match=r"can't be opened \(No such file or directory\)"):
        tracker.create(NewTask("B"))
    with pytest.raises(SourceUnavailable, match=r"can't be read \(No such file or directory\)"):
        tracker.list()


CLAIM = """
import sys
from pathlib import Path
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Stale, Taken
tracker = FileTracker(Path(sys.argv[1]), sys.argv[2])
sys.stdin.readline()
for task in tracker.list().tasks:
    try:
        tracker.claim(task)
        print(task.id, flush=True)
    except (Stale, Taken):
        pass
"""


def test_TS10_processes_that_race_never_claim_one_task_twice(tracker: FileTracker) -> None:
    for number in range(20):
        write(tracker, f"t{number:02}", f"# Task {number}\n")
    argv = (sys.executable, "-c", CLAIM, str(tracker.folder))
    pipe = subprocess.PIPE
    runners = [
        subprocess.Popen((*argv, name), cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for name in ("bob", "eve", "joe")
    ]

    for runner in runners:
        assert runner.stdin
        runner.stdin.write("\n")
        runner.stdin.flush()
    claimed = {runner.args[-1]: runner.communicate(timeout=60)[0].split() for runner in runners}  # type: ignore[index]

    assert [runner.returncode for runner in runners] == [0, 0, 0]
    assert sorted(task for tasks in claimed.values() for task in tasks) == [f"t{number:02}" for number in range(20)]
    assert {task.id: task.claimed_by for task in tracker.list().tasks} == {
        task: name for name, tasks in claimed.items() for task in tasks
    }


WRITE = """
import sys
from pathlib import Path
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Status
tracker = FileTracker(Path(sys.argv[1]), "bob")
task = tracker.claim(tracker.get("a"))
print("begun", flush=True)
while True:
    tracker.set_status(tracker.get("a"), Status.BLOCKED)
    tracker.set_status(tracker.get("a"), Status.TODO)
    tracker.claim(tracker.get("a"))
"""


def test_RP3_a_kill_in_the_middle_of_writes_leaves_a_whole_file_and_no_lock(tracker: FileTracker) -> None:
    body = "\n".join(f"Line {number} of many." for number in range(20_000))
    text = f"---\nstatus: todo\n---\n# A\n\n{body}\n"
    path = write(tracker, "a", text)
    for delay in (0.0, 0.011, 0.03):
        argv = (sys.executable, "-c", WRITE, str(tracker.folder))
        writer = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert writer.stdout
        assert writer.stdout.readline() == "begun\n"
        time.sleep(delay)  # when it dies is the point: anywhere between two writes or within one
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=60)

        left = tracker.get("a")
        again = FileTracker(tracker.folder, "bob")
        again.check(())
        if left.status is Status.IN_PROGRESS:
            with pytest.raises(Taken):
                tracker.claim(left)
            left = again.claim(left)
        again.set_status(left, Status.TODO)

        assert path.read_text() == text
        assert names_in(tracker.folder) == ["a.md"]


TORN = """
import resource, signal, sys
from pathlib import Path
from bot.trackers.file_source import FileTracker
tracker = FileTracker(Path(sys.argv[1]), "bob")
task = tracker.get("a")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
tracker.claim(task)
"""


def test_RP3_a_process_that_dies_with_half_a_file_written_leaves_the_old_one(tracker: FileTracker) -> None:
    text = "# A\n" + "0123456789\n" * 50_000
    path = write(tracker, "a", text)

    died = subprocess.run((sys.executable, "-c", TORN, str(tracker.folder)), cwd=ROOT, timeout=60, check=False)

    assert died.returncode == -signal.SIGXFSZ
    assert path.read_text() == text
    assert len(names_in(tracker.folder)) == 2
    assert [task.id for task in tracker.list().tasks] == ["a"]
    tracker.check(())
    assert names_in(tracker.folder) == ["a.md"]


def test_a_file_may_be_called_as_people_call_things(tracker: FileTracker) -> None:
    """A task that nobody sees would be waited for in vain."""
    for name in ("log in, please", "añadir ☂", "(draft)", "_later", ".hidden", "two\nlines"):
        write(tracker, name, f"# {name.strip()}\n")
    task = tracker.get("log in, please")
    claimed = tracker.claim(task)
    tracker.relate(tracker.get("añadir ☂"), task)

    assert [each.id for each in tracker.list().tasks] == ["(draft)", "añadir ☂", "log in, please"]
    assert claimed.status is Status.IN_PROGRESS
    assert [each.name for each in tracker.get("añadir ☂").prerequisites] == ["log in, please"]
    for name in ("../tasks/(draft)", "a/b", ".hidden", "a\\b", "two\nlines"):
        with pytest.raises(NoSuchTask):
            tracker.get(name)
