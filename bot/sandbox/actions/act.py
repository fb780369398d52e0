"""Runs one job with the real act, on this machine, in a folder of its own, and tells what came of it.

act (https://nektosact.com) reads the one-job file and runs its steps here (`-P ubuntu-latest=-self-hosted`). Secrets
and variables go in by files that are gone once the job has begun: never by argv, which everybody can read.
"""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any, Literal

from bot.sandbox.actions.processes import cancel_step, descendants, send, tracked

ALWAYS_SECONDS = 300.0
"""How long a cancelled job's `if: always()` steps may take altogether."""

_ADOPT_ORPHANS = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
os.execv(sys.argv[1], sys.argv[1:])
"""
"""act becomes the parent of processes that lose theirs: a daemon of a step can be found, and killed."""

Why = Literal["", "ended", "cancelled", "timed_out", "lost"]


@dataclass(frozen=True, slots=True)
class Order:
    """All that one job needs."""

    document: Mapping[str, Any]
    """The one-job workflow."""
    job: str
    event: str
    payload: Mapping[str, Any]
    folder: Path
    """Fresh and ours: HOME, RUNNER_TEMP and the workspace are below it."""
    ref: str
    sha: str
    actor: str
    seconds: float
    """timeout-minutes, in seconds."""
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    actions: Mapping[str, Path]
    """What `uses: owner/name@ref` stands for here."""
    tracking_id: str


@dataclass(slots=True)
class StepRecord:
    """A step that act has come to."""

    conclusion: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Result:
    """What came of a job."""

    conclusion: str
    """success, failure or cancelled."""
    steps: dict[str, StepRecord]
    """By step id, or its index as text."""
    summary: str
    log_tail: str = ""


class Control:
    """How somebody else ends a job that runs: thread-safe, the first word holds, `force` makes it quick."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.hurry = threading.Event()
        self.why: Why = ""
        self._lock = threading.Lock()

    def end(self, why: Why, *, force: bool = False) -> None:
        """Ask for the end. `lost`: everything is killed at once, as when the runner's machine goes away."""
        with self._lock:
            self.why = self.why or why
        if force or why in ("lost", "ended"):
            self.hurry.set()
        self.asked.set()


def run_job(act: Path, order: Order, control: Control, log: Callable[[str], None]) -> Result:
    """Run it to its end; `log` gets the output as it comes. Nothing that it started lives on."""
    reader = _Reader(log)
    argv = _prepare(act, order)
    environment = {"HOME": str(order.folder / "home"), "PATH": order.env["PATH"], "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _ADOPT_ORPHANS, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        watch = threading.Thread(target=_watch, args=(process.pid, order.seconds, control), name=f"watch {order.job}")
        watch.start()
        try:
            for line in process.stdout or ():
                reader.line(line)
                if reader.begun:
                    shutil.rmtree(order.folder / "settings", ignore_errors=True)
        finally:
            control.end("ended")
            watch.join()
            if process.poll() is None:
                send([*descendants(process.pid), process.pid], SIGKILL)
    send(tracked(order.tracking_id), SIGKILL)
    return reader.result(control.why)


def _watch(pid: int, seconds: float, control: Control) -> None:
    """End the job when somebody asks for it or its time is over."""
    if not control.asked.wait(seconds):
        control.end("timed_out")
    if control.why in ("cancelled", "timed_out"):
        cancel_step(pid, hurry=control.hurry.is_set)
        control.hurry.wait(ALWAYS_SECONDS)
    if control.why != "ended":
        send([*descendants(pid), pid], SIGKILL)


def _prepare(act: Path, order: Order) -> list[str]:
    """Write what act reads; returns its command line."""
    home, workspace, settings = order.folder / "home", order.folder / "workspace", order.folder / "settings"
    for folder, mode in ((order.folder, 0o755), (home, 0o750), (workspace, 0o755), (settings, 0o700)):
        folder.mkdir(mode=mode, parents=True)
    _pretend_checkout(workspace, order.ref, order.sha)
    for name, content in (
        ("workflow.yml", order.document),
        ("event.json", order.payload),
        ("env.yml", {**order.env, "RUNNER_TRACKING_ID": order.tracking_id}),
        ("secrets.yml", order.secrets),
        ("variables.yml", order.variables),
    ):
        (settings / name).write_text(json.dumps(content))  # JSON is YAML, and quotes what YAML would not
    argv = [
        str(act), order.event, "--json", "--no-skip-checkout", "--no-cache-server", "--strict",
        "-j", order.job, "-a", order.actor, "-C", str(workspace), "-W", str(settings / "workflow.yml"),
        "-e", str(settings / "event.json"), "--env-file", str(settings / "env.yml"),
        "--secret-file", str(settings / "secrets.yml"), "--var-file", str(settings / "variables.yml"),
    ]  # fmt: skip
    for label in ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "self-hosted"):
        argv += ["-P", f"{label}=-self-hosted"]
    for uses, folder in order.actions.items():
        argv += ["--local-repository", f"{uses}={folder}"]
    return argv


def _pretend_checkout(workspace: Path, ref: str, sha: str) -> None:
    """For act, which takes `github.sha` from git alone: a repository that is nothing but a branch at that commit."""
    branch = ref.removeprefix("refs/heads/")
    head = workspace / ".git" / "refs" / "heads" / branch
    head.parent.mkdir(parents=True)
    (workspace / ".git" / "objects").mkdir()
    head.write_text(f"{sha}\n")
    (workspace / ".git" / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    (workspace / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 0\n")


class _Reader:
    """Understands act's JSON lines."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._steps: dict[str, StepRecord] = {}
        self._summaries: dict[tuple[str, ...], str] = {}
        self._conclusion = ""
        self._tail: list[str] = []
        self.begun = False
        """act has read its files and begins with the steps."""

    def line(self, text: str) -> None:
        """One line of act's output."""
        try:
            event = json.loads(text)
        except ValueError:
            self._write(text)
            return
        path = tuple(event.get("stepID") or ())
        self._conclusion = event.get("jobResult") or self._conclusion
        self.begun = self.begun or (event.get("stepid") == ["--setup-job"] and "stepResult" in event)
        if path:
            self._step(path, event)
        if event.get("raw_output"):
            self._write(str(event["msg"]))
        elif event.get("level") in ("error", "fatal") and not event.get("command"):
            self._write(f"##[error]{event['msg']}\n")

    def _step(self, path: tuple[str, ...], event: Mapping[str, Any]) -> None:
        command, step = event.get("command"), self._steps.setdefault(path[0], StepRecord())
        if len(path) == 1 and event.get("stepResult") and event.get("stage") == "Main":
            step.conclusion = str(event["stepResult"])
        if command == "set-output" and len(path) == 1:
            step.outputs[str(event["name"])] = str(event["arg"])
        elif command == "summary":
            self._summaries[path] = str(event["content"])
        elif command in ("group", "endgroup"):
            self._write(f"##[{command}]{event['arg']}")
        elif command in ("error", "warning", "notice"):
            self._write(f"##[{command}]{str(event['msg']).partition('::')[2].partition('::')[2]}")
        elif str(event.get("msg", "")).startswith("⭐ Run Main"):
            self._write(f"##[group]Run {str(event['msg']).removeprefix('⭐ Run Main ').partition(chr(10))[0]}\n")

    def _write(self, text: str) -> None:
        self._tail = [*self._tail[-40:], text]
        self._log(text if text.endswith("\n") else f"{text}\n")

    def result(self, why: Why) -> Result:
        """What came of it; `why` says who ended it."""
        conclusion = self._conclusion if self._conclusion == "success" else "failure"
        if why in ("cancelled", "timed_out"):
            conclusion = "cancelled"
        elif why == "lost":
            # A machine that went away says nothing any more; what act still began in the moment of its death is not so.
            return Result("failure", {}, "", "".join(self._tail))
        # A composite step repeats the last summary of those inside it.
        inner = {path[:1] for path in self._summaries if len(path) > 1}
        kept = [text for path, text in self._summaries.items() if len(path) > 1 or path not in inner]
        return Result(conclusion, self._steps, "\n".join(kept), "".join(self._tail))
