"""Who the agent and the repository's commands run as: another uid without rights, or (said loudly) ourselves.

Owns the run's uid, its lock, its home, and the end of every process that has it. The uid is the wall between
hostile code and our key and token: another uid reads neither our memory nor our environment, writes none of our
files, signals none of our processes, and with `no_new_privs` stays what it is. It needs no passwd entry and no
installed user. Being root (containers) or having passwordless sudo (GitHub's hosted runners) is enough.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bot.agent.closing import closing_words
from bot.agent.credentials import open_credentials, own_home
from bot.agent.killing import killing_words
from bot.agent.launching import Isolation, Launch
from bot.agent.leftovers import leftovers
from bot.agent.metadata import refuse_metadata, reopen_metadata
from bot.agent.uids import ALL_UIDS, SYSTEM_PATH, alive, has_name, marked_processes, run_short, take_uid, tool
from bot.core.names import Reason
from bot.errors import Blocked, InternalError

MOST_PROCESSES = 4096
"""Processes and threads the uid may have: a fork bomb ends here, not at the machine's limit."""

SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (we clean them, we write nothing there)
"""World-writable places where the uid may leave something for the next run; emptied of it at the end."""

SWEPT = (*SHARED_FOLDERS, "/dev/mqueue")
"""Message queues outlive their processes, too (mq_overview(7))."""

FIRST_TO_GO = 1000
"""Where memory ends, the kernel ends what runs isolated before anything else of the machine (proc_pid_oom_score_adj(5))."""

WHAT_TO_DO = (
    "use a GitHub-hosted runner, a container as root, or a runner whose user has passwordless sudo and setpriv; "
    "or set `agent.isolation: none` in .github/ai-ready.yml, which lets the agent read everything the runner can"
)


def isolation_for(setting: Literal["auto", "none"], *, root: Path, log: Callable[[str], None]) -> Isolation:
    """The isolation that `agent.isolation` asks for, with its home under `root` (see `places.run_root`).

    Raises `Blocked(setup-failed)` with what to do when the setting is `auto` and no other uid can be had here.
    """
    if setting == "none":
        log(
            "WARNING: agent.isolation is none: the agent and the checks run as this very user and can read its secrets."
        )
        return SameUser(root)
    return OtherUser(root, become_root=_way_to_root(), log=log)


def demand_isolation(setting: Literal["auto", "none"]) -> None:
    """Raise `Blocked(setup-failed)` where this machine can't have what `agent.isolation` asks for, before anything is begun."""
    if setting == "auto":
        _way_to_root()


def isolation_again(trace: str, *, root: Path, log: Callable[[str], None]) -> Isolation:
    """The isolation of a process of ours that was killed: to end what it left running and take its files back.

    Its home is made under `root`, which is not the one it had. Raises `Blocked(setup-failed)` when it can't be had here.
    """
    kind, _, value = trace.partition(" ")
    if kind == "uid":
        uid = int(value)
        return OtherUser(root, become_root=_way_to_root(), log=log, uids=range(uid, uid + 1), clear=False)
    return SameUser(root, mark=value)


def _way_to_root() -> tuple[str, ...]:
    """The words before a command that make it run as root; empty when we are root."""
    if shutil.which("setpriv", path=SYSTEM_PATH) is None:
        raise Blocked(
            Reason.SETUP_FAILED, f"The agent can't be isolated: there is no setpriv here. To go on, {WHAT_TO_DO}."
        )
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo", path=SYSTEM_PATH)
    if sudo is not None and run_short((sudo, "-n", "true")).returncode == 0:
        return (sudo, "-n", "--")
    raise Blocked(
        Reason.SETUP_FAILED,
        f"The agent can't be isolated: this is neither root nor a user with passwordless sudo. To go on, {WHAT_TO_DO}.",
    )


class OtherUser:
    """A uid of this run alone."""

    def __init__(
        self,
        root: Path,
        *,
        become_root: tuple[str, ...],
        log: Callable[[str], None] = lambda _line: None,
        uids: range = ALL_UIDS,
        clear: bool = True,
    ) -> None:
        """Take a free uid and prove that it works. `become_root` goes before what root has to do (`sudo -n --`).

        `clear`: first take away what killed runs have left.
        """
        self._become_root = become_root
        self._closing: tuple[str, ...] = ()
        self.uid, self._lock = take_uid(uids)
        try:
            self._close(root, log)
            self._prove()
            self.kill_all()  # what a killed earlier run with this uid may have left
            if clear:
                self._clear(log)
            if why := refuse_metadata(self._become_root, self.uid):
                log(f"In a cloud that hands its machines credentials, the agent may ask for them, too ({why}).")
            self.home = root / "home"
            (self.home / "tmp").mkdir(parents=True)
            self.home.chmod(0o700)
            self.own(self.home)
        except BaseException:
            reopen_metadata(self._become_root, self.uid)
            self._lock.close()
            raise

    @property
    def name(self) -> str:
        """The uid, in words."""
        return f"uid {self.uid}"

    @property
    def trace(self) -> str:
        """The uid: nobody else has it."""
        return f"uid {self.uid}"

    def identity(self) -> dict[str, str]:
        """A name made of the uid; the home under the run's folder."""
        name = f"ai-ready-{self.uid}"
        return {"HOME": str(self.home), "USER": name, "LOGNAME": name, "TMPDIR": str(self.home / "tmp")}

    def launch(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Launch:
        """Drop to the uid without rights, then start with nothing but `env`."""
        # The agent may have closed its workspace to us (chmod 0700), so the change of folder happens as the agent;
        # and sudo clears the environment, so the variables travel as words. They hold no secret, by contract.
        variables = [f"{name}={value}" for name, value in env.items()]
        entry = (tool("env"), "-i", f"--chdir={cwd}", *variables, *argv)
        return Launch((*self._words(limited=True), *entry), {"PATH": SYSTEM_PATH}, Path("/"), keyless=True)

    def own(self, path: Path) -> None:
        """Change the owner to the uid."""
        us, them = os.geteuid(), self.uid
        self._root("chown", "-R", "-h", "-P", f"--from={us}", f"{them}:{them}", "--", str(path))

    def reclaim(self, path: Path) -> None:
        """Open everything as the uid, then change the owner back to us."""
        self.kill_all()
        # chmod as the agent and chown only of what is the agent's: neither can touch a file of ours or of root
        # that was hard-linked into the tree (where fs.protected_hardlinks is 0, proc_sys_fs(5)). It goes, or the next
        # `own` would give it to the agent. So do pipes and the like: a `.gitignore` that is one would keep git waiting.
        # And nobody else writes here while we read.
        if path.stat().st_uid == self.uid:
            foreign = ("!", "-uid", str(self.uid), "-links", "+1")
            odd = ("!", "-type", "f", "!", "-type", "l")
            self._root("find", str(path), "-xdev", "!", "-type", "d", "(", *foreign, "-o", *odd, ")", "-delete")
        run_short((*self._words(), tool("chmod"), "-R", "u+rwX,go-w", "--", str(path)), seconds=600)
        us = f"{os.geteuid()}:{os.getegid()}"
        self._root("chown", "-R", "-h", "-P", f"--from={self.uid}", us, "--", str(path))

    def kill_all(self) -> None:
        """Signal as the uid until no process has it."""
        self._kill(self.uid)

    def _kill(self, uid: int) -> None:
        # Where /proc hides other users' processes (hidepid) we see none: one blind kill, unless we are root.
        blind, end = bool(self._become_root), time.monotonic() + 10
        while blind or alive(uid):
            done = run_short((*self._become_root, *killing_words(uid)))
            if done.returncode != 0:
                raise InternalError(f"Processes of uid {uid} can't be ended: {done.stderr.strip()[-500:]}")
            if not blind and time.monotonic() > end:
                raise InternalError(f"Processes of uid {uid} do not die.")
            blind = False
            time.sleep(0.005)

    def discard(self, path: Path) -> None:
        """Delete as root."""
        self.kill_all()
        self._root("rm", "-rf", "--one-file-system", "--", str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.kill_all()
            folders = [folder for folder in SWEPT if Path(folder).is_dir()]
            # As root: a folder that the uid has closed to itself keeps what is in it. Nobody is left to race with us.
            run_short((*self._become_root, tool("find"), *folders, *_sweep(self.uid)), seconds=120)
        finally:
            reopen_metadata(self._become_root, self.uid)
            self._lock.close()

    def _clear(self, log: Callable[[str], None]) -> None:
        with leftovers(self.uid, SHARED_FOLDERS) as found:
            for uid, paths in found.items():
                self._kill(uid)
                reopen_metadata(self._become_root, uid)
                if paths:
                    self._root("rm", "-rf", "--one-file-system", "--", *map(str, paths))
            if found:
                log("An earlier run on this machine was killed; what it left is taken away.")

    def _words(self, *, limited: bool = False) -> tuple[str, ...]:
        """What goes before a command to run it as the uid; `limited` adds its limits: processes, and where to write."""
        uid = str(self.uid)
        processes = (tool("prlimit"), f"--nproc={MOST_PROCESSES}:{MOST_PROCESSES}", "--core=0:0")
        memory = (tool("choom"), "-n", str(FIRST_TO_GO), "--")
        limits = (*self._closing, *processes, *memory) if limited else ()
        drop = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
        return (*self._become_root, *limits, tool("setpriv"), "--reuid", uid, "--regid", uid, *drop, "--")

    def _root(self, name: str, *argv: str) -> None:
        done = run_short((*self._become_root, tool(name), *argv), seconds=600)
        if done.returncode != 0:
            raise InternalError(f"{name} failed: {done.stderr.strip()[-500:]}")

    def _prove(self) -> None:
        """Become the uid once: in a container without the capability, or with few mapped ids, this fails."""
        done = run_short((*self._words(limited=True), tool("id"), "-u"))
        if done.stdout.strip() != str(self.uid):
            why = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise Blocked(
                Reason.SETUP_FAILED,
                f"The agent can't be isolated: becoming another user failed ({why[0][:200]}). To go on, {WHAT_TO_DO}.",
            )

    def _close(self, root: Path, log: Callable[[str], None]) -> None:
        """Make the rest of the disk read-only for what is launched; said where this machine does not let us."""
        keep = [*(Path(folder) for folder in SHARED_FOLDERS if Path(folder).is_dir()), root]
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        hide = [*open_credentials(own_home())]
        words = closing_words(tool("unshare"), tool("sh"), keep=keep, hide=hide, mountinfo=mountinfo)
        done = run_short((*self._become_root, *words, tool("true")))
        if done.returncode == 0:
            self._closing = words
            return
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        log(f"WARNING: what everybody may write on this machine, the agent may too: no mount namespace ({why[:200]}).")


def _sweep(uid: int) -> tuple[str, ...]:
    """For find(1): delete what `uid` left, and look into no folder that it could not pass."""
    theirs = ("-uid", str(uid))
    closed = ("(", "-type", "d", "!", *theirs, "!", "-perm", "-001", "-prune", ")")
    delete = ("-prune", "-execdir", tool("rm"), "-rf", "--one-file-system", "--", "{}", "+")
    return ("-xdev", "-mindepth", "1", *closed, "-o", "(", *theirs, *delete, ")")


class SameUser:
    """No isolation: ourselves. Only processes are kept track of, by a mark in their environment."""

    name = "none"

    def __init__(self, root: Path, *, mark: str = "") -> None:
        """Make the home under `root`. `mark`: of one that was there before."""
        self._mark = f"AI_READY_MARK={mark or secrets.token_hex(8)}"
        self.uid = os.geteuid()
        self.home = root / "home"
        (self.home / "tmp").mkdir(parents=True)
        self.home.chmod(0o700)

    @property
    def trace(self) -> str:
        """The mark that its processes carry."""
        return f"mark {self._mark.partition('=')[2]}"

    def identity(self) -> dict[str, str]:
        """Our own name, another home."""
        name = pwd.getpwuid(os.geteuid()).pw_name if has_name(os.geteuid()) else "ai-ready"
        return {"HOME": str(self.home), "USER": name, "LOGNAME": name, "TMPDIR": str(self.home / "tmp")}

    def launch(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Launch:
        """Put the mark into the environment."""
        name, _, value = self._mark.partition("=")
        return Launch(tuple(argv), {**env, name: value}, cwd)

    def own(self, path: Path) -> None:
        """Nothing to do: it is theirs because it is ours."""

    def reclaim(self, path: Path) -> None:
        """Make it readable and writable again."""
        self.kill_all()
        run_short(("chmod", "-R", "u+rwX", "--", str(path)), seconds=600)

    def kill_all(self) -> None:
        """Kill by the mark until none has it; a process that cleaned its environment escapes."""
        end = time.monotonic() + 10
        while marked := list(marked_processes(self._mark.encode())):
            for pid in marked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            if time.monotonic() > end:
                raise InternalError("Processes of this run do not die.")
            time.sleep(0.005)

    def discard(self, path: Path) -> None:
        """Delete as ourselves."""
        self.reclaim(path)
        run_short(("rm", "-rf", "--", str(path)), seconds=600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_all()
