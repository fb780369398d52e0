import ctypes
import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.agent.isolation import OtherUser, isolation_for
from bot.agent.keyring import KEYCTL, start_without_keys
from bot.agent.launching import Isolation
from bot.agent.places import passable, reachable, run_root
from bot.agent.process import Cancel, Command, Finished, environment, run_command
from bot.agent.uids import FIRST_UID, take_uid, tool
from bot.errors import Blocked, InternalError

PATH = {"PATH": "/usr/bin:/bin"}


def sh(isolation: Isolation, script: str, *, seconds: float = 20) -> Finished:
    command = Command(("sh", "-c", script), isolation.home, environment(isolation, PATH, {}), seconds)
    return run_command(command, isolation, cancel=Cancel())


def status_of(isolation: Isolation) -> dict[str, str]:
    lines = sh(isolation, "grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status").tail.splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.needs_root
def test_another_uid_has_no_rights_and_gets_none(apart: Isolation) -> None:
    """What runs isolated has a uid of its own, no groups, no capabilities, and can't gain any."""
    groups = os.getgroups()
    os.setgroups([4, 27])
    try:
        status = status_of(apart)
    finally:
        os.setgroups(groups)

    uid = apart.name.removeprefix("uid ")
    assert status["Uid"].split() == [uid] * 4
    assert status["Gid"].split() == [uid] * 4
    assert status["Groups"] in {"", uid}
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


READ_KEY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
key, text = libc.syscall({number}, 10, -3, b"user", b"ai-ready-test", 0), ctypes.create_string_buffer(100)
print(libc.syscall({number}, 11, key, text, 100) if key > 0 else "no key", text.value.decode())
"""


@pytest.mark.needs_root
@pytest.mark.skipif(not KEYCTL.get(platform.machine()), reason="the number of keyctl is not known here")
def test_the_runners_session_keyring_is_not_the_agents(apart: Isolation) -> None:
    """Who possesses a key may read it, whatever uid that is: a Kerberos ticket of the runner's, for one."""
    number = KEYCTL[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)

    def put_and_read() -> tuple[str, str]:
        add_key = {250: 248, 219: 217}.get(number, number - 2)
        if libc.syscall(add_key, b"user", b"ai-ready-test", b"canary", 6, -3) < 0:
            pytest.skip("no keys may be used here")
        script = READ_KEY.format(number=number)
        ours = subprocess.run(("python3", "-c", script), capture_output=True, text=True, check=True).stdout
        return ours.strip(), sh(apart, f"python3 -c '{script}'").tail.strip()

    assert start_without_keys(put_and_read) == ("6 canary", "no key")


@pytest.mark.needs_root
def test_run_root_is_passed_but_neither_listed_nor_written(apart: Isolation, root: Path) -> None:
    """The isolated user uses its home, and finds out nothing of what else the run keeps beside it."""
    (root / "ours").mkdir(mode=0o700)

    assert sh(apart, "touch ~/mine && touch $TMPDIR/mine").exit_code == 0
    assert sh(apart, f"ls {root}").exit_code != 0
    assert sh(apart, f"touch {root}/new").exit_code != 0
    assert sh(apart, f"ls {root}/ours").exit_code != 0
    assert sh(apart, f"mv {root}/home {root}/away").exit_code != 0


@pytest.mark.needs_root
def test_two_runs_never_share_a_uid(apart: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uid is one run's alone until that run ends, wherever the search for one begins."""
    monkeypatch.setattr("random.randrange", lambda _: int(apart.name.removeprefix("uid ")) - FIRST_UID)
    roots = [run_root() for _ in range(3)]
    others = [isolation_for("auto", root=folder, log=print) for folder in roots]

    assert len({apart.name, *(other.name for other in others)}) == 4

    for other, folder in zip(others, roots, strict=True):
        with other:
            other.discard(folder)


def test_a_machine_without_a_free_uid_says_so() -> None:
    """The range is finite; a uid given back can be had again."""
    few = range(59_990, 59_993)
    taken = [take_uid(few) for _ in few]

    with pytest.raises(Blocked, match="in use on this machine") as refusal:
        take_uid(few)

    assert refusal.value.code == "setup-failed"
    assert {uid for uid, _ in taken} == set(few)
    for _, lock in taken:
        lock.close()
    take_uid(few)[1].close()


@pytest.mark.needs_root
def test_the_end_of_a_run_leaves_nothing_of_it(root: Path) -> None:
    """After the `with`, no process lives, no file lies in shared folders (closed ones neither), no memory is shared."""
    with isolation_for("auto", root=root, log=print) as isolation:
        uid = int(isolation.name.removeprefix("uid "))
        launch = isolation.launch(("sleep", "100.0625"), env=PATH, cwd=isolation.home)
        left = subprocess.Popen(launch.argv, env=launch.env, cwd=launch.cwd, start_new_session=True)
        waste = [Path(folder) / f"ai-ready-waste-{uid}" for folder in ("/tmp", "/var/tmp", "/dev/shm")]
        sh(isolation, "; ".join(f"mkdir -p {path}/deep; touch {path}/deep/file" for path in waste))
        sh(isolation, f"chmod 555 {waste[0]}/deep; chmod 000 {waste[1]}; ipcmk -M 4096 -p 0666")
        assert all(path.exists() for path in waste)

    assert left.wait(5) == -9
    assert not any(path.exists() for path in waste)
    assert str(uid) not in subprocess.run(("ipcs", "-m", "-c"), capture_output=True, text=True, check=True).stdout


KILLED_RUN = """
import os, subprocess, sys
from bot.agent.isolation import isolation_for
from bot.agent.places import run_root

root = run_root()
isolation = isolation_for("auto", root=root, log=lambda line: None)
(root / "shop").mkdir()
(root / "shop" / "private.txt").write_text("of another issue")
words = "touch /tmp/left-$$; (setsid sleep NAP > /dev/null 2>&1 &); echo /tmp/left-$$"
launch = isolation.launch(("sh", "-c", words), env={"PATH": "/usr/bin:/bin"}, cwd=isolation.home)
print(root, subprocess.run(launch.argv, env=launch.env, capture_output=True, text=True).stdout.strip(), flush=True)
if "live" in sys.argv:
    sys.stdin.read()
os.kill(os.getpid(), 9)
"""


@pytest.mark.needs_root
def test_what_a_killed_run_left_is_gone_before_the_next_one_begins(root: Path) -> None:
    """Workspace, files, processes: no later agent reads or meets them. A run that lives is left alone (R66)."""
    nap = f"{NAP}66"
    argv = (sys.executable, "-c", KILLED_RUN.replace("NAP", nap))
    with subprocess.Popen((*argv, "live"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout is not None
        kept = [Path(word) for word in living.stdout.readline().split()]
        dead = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
        left = [Path(word) for word in dead.stdout.split()]
        assert dead.returncode == -9
        assert [path.exists() for path in (*kept, *left)] == [True] * 4

        said: list[str] = []
        with isolation_for("auto", root=root, log=said.append):
            assert [path.exists() for path in (*kept, *left)] == [True, True, False, False]
            assert len(sleepers(nap)) == 1
        assert any("was killed" in line for line in said)
        living.communicate()
    shutil.rmtree(root / "home", ignore_errors=True)
    with isolation_for("auto", root=root, log=said.append):
        assert [path.exists() for path in kept] == [False, False]
        assert not sleepers(nap)


NAP = f"100.{os.getpid():07}"
"""Seconds that no other process on this machine sleeps: the tests run side by side."""


@pytest.mark.parametrize(
    "script",
    ["setsid sh -c 'trap \"\" INT TERM HUP; sleep SECONDS' & sleep 0.2", "(setsid sleep SECONDS &)"],
)
def test_daemons_die_with_the_command_that_started_them(anyhow: Isolation, script: str) -> None:
    """A process that left the group, ignores signals and lost its parent is killed all the same."""
    before = sleepers()

    finished = sh(anyhow, script.replace("SECONDS", NAP))

    assert finished.exit_code == 0
    assert sleepers() <= before


def sleepers(nap: str = NAP) -> set[str]:
    found = subprocess.run(("pgrep", "-f", f"^sleep {nap}$"), capture_output=True, text=True, check=False)
    return set(found.stdout.split())


@pytest.mark.needs_root
def test_a_process_that_hides_itself_is_found(apart: Isolation) -> None:
    """An undumpable process, whose files in /proc belong to root, dies like any other."""
    hide = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); os.setsid(); "
        f"os.execv('/bin/sleep', ['sleep', '{NAP}'])"
    )
    before = sleepers()

    sh(apart, f'python3 -c "{hide}" & sleep 0.3')

    assert sleepers() <= before


@pytest.mark.needs_root
def test_a_process_without_its_first_thread_is_no_zombie(apart: Isolation) -> None:
    """/proc calls it one while its other threads go on, until they have ended."""
    headless = (
        "import ctypes, os, pathlib, sys, threading, time\n"
        "def beat():\n"
        "    while True:\n"
        "        pathlib.Path(sys.argv[1]).open('a').write('.')\n"
        "        time.sleep(0.01)\n"
        "os.setsid(); threading.Thread(target=beat).start(); ctypes.CDLL(None).pthread_exit(None)\n"
    )
    beats = apart.home / "beats"

    sh(apart, f'python3 -c "{headless}" {beats} & while ! [ -s {beats} ]; do sleep 0.05; done; sleep 0.2')

    before = beats.stat().st_size
    time.sleep(0.3)
    assert beats.stat().st_size == before > 0


@pytest.mark.needs_root
def test_a_fork_bomb_ends_at_the_users_limit(apart: Isolation) -> None:
    """The uid may have a bounded number of processes."""
    assert sh(apart, "grep processes /proc/self/limits").tail.split()[2:4] == ["4096", "4096"]


@pytest.mark.needs_root
def test_where_memory_ends_it_goes_first(apart: Isolation) -> None:
    """The runner's own processes stay."""
    assert sh(apart, "cat /proc/self/oom_score_adj").tail == "1000"


@pytest.mark.needs_root
def test_own_and_reclaim_touch_only_the_tree(apart: Isolation, root: Path, tmp_path: Path) -> None:
    """Ownership moves forth and back; what a symlink points to, or somebody else owns, keeps its owner."""
    tree, outside = root / "tree", tmp_path / "outside"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("x")
    outside.write_text("ours")
    outside.chmod(0o600)
    (tree / "link").symlink_to(outside)
    apart.own(tree)

    assert (
        sh(
            apart, f"echo y > {tree}/sub/file && mkdir {tree}/new && chmod 000 {tree}/new {tree}/sub/file {tree}/sub"
        ).exit_code
        == 0
    )
    (tree / "ours-in-between").write_text("x")
    os.chown(tree / "ours-in-between", 12345, 12345)
    apart.reclaim(tree)

    assert {
        path.lstat().st_uid for path in (tree, tree / "sub", tree / "sub" / "file", tree / "new", tree / "link")
    } == {0}
    assert (tree / "sub" / "file").read_text() == "y\n"
    assert stat.S_IMODE((tree / "sub").stat().st_mode) & 0o700 == 0o700
    assert outside.stat().st_uid == 0
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert (tree / "ours-in-between").stat().st_uid == 12345


@pytest.mark.needs_root
def test_a_file_of_ours_linked_into_the_tree_is_never_given_away(apart: Isolation, root: Path) -> None:
    """Not every kernel keeps the agent from linking what it may not write, as it may our git folder's config."""
    tree, ours = root / "tree", root / "config"
    tree.mkdir()
    ours.write_text("[core]")
    apart.own(tree)
    sh(apart, f"mkdir -p {tree}/node_modules && echo x > ~/cached && ln ~/cached {tree}/node_modules/linked")
    (tree / "linked").hardlink_to(ours)

    apart.reclaim(tree)
    apart.own(tree)

    assert (ours.stat().st_uid, ours.stat().st_nlink, ours.read_text()) == (0, 1, "[core]")
    assert sh(apart, f"echo y > {tree}/node_modules/linked").exit_code == 0  # as package managers do it


@pytest.mark.needs_root
def test_no_pipe_stays_in_a_tree_that_is_taken_back(apart: Isolation, root: Path) -> None:
    """git reads every `.gitignore` that it passes, and would wait for somebody to write into this one."""
    tree = root / "tree"
    tree.mkdir()
    apart.own(tree)
    sh(apart, f"cd {tree} && mkdir sub && mkfifo sub/.gitignore && touch sub/file && ln -s nowhere sub/link")

    apart.reclaim(tree)

    assert {path.name for path in (tree / "sub").iterdir()} == {"file", "link"}


@pytest.mark.needs_root
def test_nobody_else_writes_into_a_tree_that_was_taken_back(apart: Isolation, root: Path) -> None:
    """The agent of another run on this machine would change under our eyes what we have looked at."""
    tree = root / "tree"
    tree.mkdir()
    apart.own(tree)
    sh(apart, f"mkdir {tree}/open && touch {tree}/open/file && chmod -R 777 {tree}")

    apart.reclaim(tree)

    assert {path.stat().st_mode & 0o022 for path in (tree, tree / "open", tree / "open" / "file")} == {0}
    assert os.access(tree / "open" / "file", os.X_OK)


def test_discard_deletes_what_the_user_closed(anyhow: Isolation, root: Path) -> None:
    """A tree goes, whatever modes are in it."""
    tree = root / "tree"
    tree.mkdir()
    anyhow.own(tree)
    sh(anyhow, f"mkdir -p {tree}/a/b && touch {tree}/a/b/c && chmod 000 {tree}/a/b && chmod 555 {tree}/a")

    anyhow.discard(tree)

    assert not tree.exists()


@pytest.mark.needs_root
def test_sudo_is_enough(root: Path, tmp_path: Path) -> None:
    """Where root is had by sudo, which clears the environment, the command still gets exactly its own."""
    sudo = tmp_path / "sudo"
    sudo.write_text(
        '#!/bin/sh\ncase "$1" in -n) shift;; esac\ncase "$1" in --) shift;; esac\nexec env -i PATH=/usr/bin:/bin SUDO_USER=runner "$@"\n'
    )
    sudo.chmod(0o755)

    with OtherUser(root, become_root=(str(sudo), "-n", "--")) as isolation:
        command = Command(
            ("sh", "-c", "id -u; pwd; env | sort"), isolation.home, {"PATH": "/usr/bin:/bin", "A": "b c=d"}, 10
        )
        finished = run_command(command, isolation, cancel=Cancel())

    uid = isolation.name.removeprefix("uid ")
    assert finished.tail.splitlines() == [
        uid,
        str(isolation.home),
        "A=b c=d",
        "PATH=/usr/bin:/bin",
        f"PWD={isolation.home}",
    ]


@pytest.mark.needs_root
def test_that_nothing_can_be_ended_is_said(root: Path, tmp_path: Path) -> None:
    """Where other users' processes can't be seen, that one failed kill would be all there was."""
    refusing = tmp_path / "sudo"
    refusing.write_text('#!/bin/sh\ncase "$*" in *os.kill*) [ -e "$0.no" ] && exit 1;; esac\nexec "$@"\n')
    refusing.chmod(0o755)
    with OtherUser(root, become_root=(str(refusing),)) as isolation:
        Path(f"{refusing}.no").touch()
        with pytest.raises(InternalError, match="can't be ended"):
            isolation.kill_all()
        Path(f"{refusing}.no").unlink()


@pytest.mark.needs_root
def test_refuses_where_becoming_another_user_fails(root: Path) -> None:
    """A machine that says yes and does not do it is found out before anything runs."""
    with pytest.raises(Blocked, match="becoming another user failed") as refusal:
        OtherUser(root, become_root=("/bin/false",))

    assert refusal.value.code == "setup-failed"


@pytest.mark.needs_root
def test_refuses_without_root_and_sudo_and_says_what_to_do(tmp_path: Path) -> None:
    """An ordinary user is told how to go on, isolated or not."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(61999)
        try:
            isolation_for("auto", root=tmp_path, log=print)
        except Blocked as refusal:
            os.write(theirs, f"{refusal.code} {refusal}".encode())
        os._exit(0)
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    os.waitpid(child, 0)

    assert said.startswith("setup-failed The agent can't be isolated")
    assert "passwordless sudo" in said
    assert "agent.isolation: none" in said


def test_none_is_said_loudly(root: Path) -> None:
    """Nobody runs without isolation unawares."""
    said: list[str] = []

    with isolation_for("none", root=root, log=said.append) as isolation:
        assert isolation.name == "none"

    assert said == [line for line in said if line.startswith("WARNING")]
    assert len(said) == 1


@pytest.mark.needs_root
def test_a_program_inside_a_closed_home_is_made_reachable(apart: Isolation, root: Path) -> None:
    """GitHub's runner keeps its tools below a folder that other uids can't pass."""
    closed = root / "closed"
    closed.mkdir(mode=0o750)
    program = closed / "tool"
    program.write_text("#!/bin/sh\necho works\n")
    program.chmod(0o755)
    assert sh(apart, str(program)).exit_code != 0

    there = reachable(program, root=root)

    assert sh(apart, str(there)).tail == "works"
    assert there.stat().st_ino == program.stat().st_ino  # linked: the CLI is 377 MB
    assert reachable(Path("/bin/sh"), root=root) == Path("/bin/sh").resolve()


@pytest.mark.needs_root
def test_a_private_program_is_copied(apart: Isolation, root: Path) -> None:
    """A link would share the mode that keeps others out."""
    program = root / "tool"
    program.write_text("#!/bin/sh\necho works\n")
    program.chmod(0o700)

    assert sh(apart, str(reachable(program, root=root))).tail == "works"
    assert stat.S_IMODE(program.stat().st_mode) == 0o700


def test_run_root_refuses_a_place_nobody_can_pass(tmp_path: Path) -> None:
    """A run whose agent could not reach its workspace does not begin."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o750)

    assert not passable(closed)
    with pytest.raises(Blocked, match="No temporary folder"):
        run_root(closed)


@pytest.mark.needs_root
def test_taking_a_uid_is_quick(root: Path) -> None:
    """The wall costs milliseconds, so there is no reason to switch it off."""
    started = time.monotonic()

    with isolation_for("auto", root=root, log=print):  # its end takes as long as there are files in /tmp, whoever's
        taken = time.monotonic() - started

    assert taken < 1


@pytest.mark.needs_root
def test_what_everybody_may_write_is_read_only(root: Path) -> None:
    """A program left in a folder of PATH that is 0777, as on GitHub's hosted runners, would be run by us as root."""
    everybodys = Path("/opt/ai-ready-test-everybodys")
    everybodys.mkdir()
    everybodys.chmod(0o777)
    try:
        with isolation_for("auto", root=root, log=print) as isolation:
            planted = sh(isolation, f"touch {everybodys}/setpriv")
            kept = sh(
                isolation, "touch /tmp/ai-ready-mine /var/tmp/ai-ready-mine ~/mine $TMPDIR/mine && echo > /dev/null"
            )
        assert planted.exit_code != 0
        assert "Read-only file system" in planted.tail
        assert list(everybodys.iterdir()) == []
        assert kept.exit_code == 0, kept.tail
        (everybodys / "ours").write_text("the machine's own view of it is as before")
    finally:
        shutil.rmtree(everybodys)


WATCHER = """
import os, sys
for _ in range(3):
    if not os.fork():
        break
print("ready", flush=True)
while True:
    with open("/proc/loadavg") as file:
        newest = int(file.read().split()[4])
    for pid in range(newest - 2, newest + 8):
        try:
            os.close(os.open(f"/proc/{pid}/root{sys.argv[1]}/setpriv", os.O_CREAT | os.O_WRONLY))
        except OSError:
            pass
"""
"""Waits for a process of its own uid that root started outside of its mount namespace, to write through it."""


@pytest.mark.needs_root
def test_who_ends_the_agent_is_no_way_out_of_its_mount_namespace(root: Path) -> None:
    """For a moment its killer has the agent's uid and all of the disk; the agent sees nothing of it."""
    everybodys = Path("/opt/ai-ready-test-killer")
    everybodys.mkdir()
    everybodys.chmod(0o777)
    try:
        with isolation_for("auto", root=root, log=print) as isolation:
            for _ in range(4):
                words = ("python3", "-I", "-S", "-c", WATCHER, str(everybodys))
                launch = isolation.launch(words, env=PATH, cwd=Path("/"))
                with subprocess.Popen(
                    launch.argv, env=launch.env, cwd=launch.cwd, stdout=subprocess.PIPE, start_new_session=True
                ) as watcher:
                    assert watcher.stdout is not None
                    assert watcher.stdout.readline() == b"ready\n"
                    isolation.kill_all()
                    assert watcher.wait(30) == -9
        assert list(everybodys.iterdir()) == []
    finally:
        shutil.rmtree(everybodys)


@pytest.mark.needs_root
def test_a_machine_without_mount_namespaces_says_so(root: Path, tmp_path: Path) -> None:
    """In an ordinary container the uid alone has to do; the log names what that leaves open."""
    root_without = tmp_path / "root"
    root_without.write_text(
        '#!/bin/sh\ncase "$1" in */unshare) echo "unshare failed: no" >&2; exit 1;; esac\nexec "$@"\n'
    )
    root_without.chmod(0o755)
    said: list[str] = []

    with OtherUser(root, become_root=(str(root_without),), log=said.append) as isolation:
        assert sh(isolation, "id -u").tail == isolation.name.removeprefix("uid ")

    assert len(said) == 1
    assert "no mount namespace (unshare failed: no)" in said[0]


def test_what_we_run_as_root_comes_from_places_of_roots() -> None:
    """sudo looks into /usr/local/bin first, where the agent may write on GitHub's hosted runners: never a bare name."""
    for name in ("setpriv", "prlimit", "chown", "chmod", "rm", "find", "env", "sh", "unshare", "choom"):
        assert tool(name).startswith(("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"))
