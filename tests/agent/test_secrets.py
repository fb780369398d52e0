"""A hostile program looks for the key and the token everywhere, isolated and not."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.agent.isolation import isolation_for
from bot.agent.launching import Isolation
from bot.agent.process import Cancel, Command, environment, run_command

HOLDER = """
import os, sys
os.environ.pop("GITHUB_TOKEN")
held = bytes.fromhex(sys.stdin.readline())  # in memory only, as the key proxy holds it
print("ready", flush=True)
sys.stdin.readline()
"""

# What a hostile agent can do: it knows where to look and what for, and says which of the secrets it found. The
# needles come reversed, so that the search does not find its own words.
HUNTER = """
import os, sys
holder, folder, words = sys.argv[1], sys.argv[2], [word[::-1].encode() for word in sys.argv[3].split(",")]
found = set()

def look(data):
    found.update(word for word in words if word in data)

def read(path):
    try:
        with open(path, "rb") as file:
            look(file.read(50_000_000))
    except OSError:
        pass

for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline", "comm"):
        read(f"/proc/{pid}/{name}")
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if os.path.isfile(f"/proc/{pid}/fd/{fd}") and os.stat(f"/proc/{pid}/fd/{fd}").st_size < 1_000_000:
                read(f"/proc/{pid}/fd/{fd}")
    except OSError:
        pass
try:
    with open(f"/proc/{holder}/maps") as maps, open(f"/proc/{holder}/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if "rw" in line and end - start < 1 << 28:
                try:
                    memory.seek(start)
                    look(memory.read(end - start))
                except OSError:
                    pass
except OSError:
    pass
for place, _, names in os.walk(folder):
    for name in names:
        read(os.path.join(place, name))
for program in (["git", "config", "--list"], ["env"], ["sudo", "-n", "cat", f"{folder}/git/config"]):
    try:
        import subprocess
        look(subprocess.run(program, cwd=folder + "/git", capture_output=True).stdout)
    except OSError:
        pass
print("found:", ",".join(sorted(word.decode()[:3] for word in found)) or "nothing")
"""


@dataclass
class House:
    """Where secrets are: in a process of ours, and in a file of ours."""

    pid: int
    folder: Path
    needles: str


@pytest.fixture
def house(root: Path) -> Iterator[House]:
    """A step of ours while the agent runs: token in the environment it began with, key in memory, both on disk."""
    env_word, memory_word, disk_word = (f"{name}{secrets.token_hex(20)}" for name in ("ENV", "MEM", "DSK"))
    git = root / "keep" / "git"
    git.mkdir(parents=True, mode=0o700)
    git.parent.chmod(0o700)
    (git / "config").write_text(f"[http]\n\textraheader = AUTHORIZATION: basic {disk_word}\n")
    holder = subprocess.Popen(
        (sys.executable, "-c", HOLDER),
        env={"GITHUB_TOKEN": env_word},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        print(memory_word.encode().hex(), file=holder.stdin, flush=True)
        assert holder.stdout.readline() == "ready\n"
        yield House(holder.pid, root / "keep", ",".join(word[::-1] for word in (env_word, memory_word, disk_word)))
        holder.kill()


def hunt(house: House, isolation: Isolation) -> str:
    argv = ("/usr/bin/python3", "-c", HUNTER, str(house.pid), str(house.folder), house.needles)
    env = environment(isolation, {"PATH": "/usr/bin:/bin", **dict.fromkeys(("GITHUB_TOKEN",), "x")}, {})
    return run_command(Command(argv, isolation.home, env, 60), isolation, cancel=Cancel()).tail


@pytest.mark.needs_root
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the hunter is a Python script")
def test_the_isolated_agent_finds_no_secret(house: House, apart: Isolation) -> None:
    """Not in any environment, command line, open file, memory, git config or on disk."""
    assert hunt(house, apart) == "found: nothing"


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the hunter is a Python script")
@pytest.mark.skipif(
    os.geteuid() != 0, reason="memory of other processes can't be read under every kernel's ptrace rules"
)
def test_without_isolation_it_finds_them_all(house: House, alone: Isolation) -> None:
    """The same search, so that the test above can fail."""
    assert hunt(house, alone) == "found: DSK,ENV,MEM"


@pytest.mark.needs_root
def test_S03_files_with_credentials_are_closed_or_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that everybody may pass, and in it what programs leave readable: the agent finds it empty, we do not."""
    home = root.with_name(f"{root.name}-home")
    kept = {name: home / name for name in (".npmrc", ".git-credentials", ".ssh/id_ed25519", ".config/gh/hosts.yml")}
    kept |= {name: home / name for name in (".docker/config.json", ".netrc", ".aws/credentials", "notes.txt")}
    for path in kept.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("token=canary0123456789")
    monkeypatch.setattr("bot.agent.isolation.own_home", lambda: home)
    try:
        with isolation_for("auto", root=root, log=print) as isolation:
            argv = ("/usr/bin/grep", "-rl", "canary", str(home))
            env = environment(isolation, {"PATH": "/usr/bin:/bin"}, {})
            found = run_command(Command(argv, isolation.home, env, 60), isolation, cancel=Cancel()).tail
        assert [line for line in found.splitlines() if "denied" not in line] == [str(kept["notes.txt"])]
        assert all("canary" in path.read_text() for path in kept.values())
    finally:
        shutil.rmtree(home)
