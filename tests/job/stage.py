"""A server that is a folder, a repository on it, and what a run stands on: real git, real files, no network."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.agent.isolation import isolation_for
from bot.agent.process import Cancel
from bot.agent.prompt import Said
from bot.core.rounds import Round
from bot.core.run import Admission, AgentReport, Outcome
from bot.core.secret import Secret
from bot.core.settings import Checks, RepoConfig
from bot.job.brief import Task
from bot.job.collect import Baseline, collect
from bot.job.commit import commit_tree
from bot.job.git import Remote, remote_of
from bot.job.handover import hand_over, receive
from bot.job.publish import Press, Pushed, Withheld, prepare_branch
from bot.job.session import Ask
from bot.job.work import work
from bot.job.workspace import Ground, Workspace, prepare
from bot.progress.events import Entry
from bot.progress.journal import Journal
from bot.progress.lines import line_for
from bot.progress.state import Progress

REPO = "acme/shop"
IDENTITY = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": os.devnull,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


def git(at: Path, *words: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
    """Plain git, as a person would run it."""
    done = subprocess.run(
        ("git", *words), cwd=at, input=data, capture_output=True, check=False, env={**IDENTITY, **(env or {})}
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


@dataclass
class Server:
    """A folder of bare repositories, spoken to as file://."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / f"{REPO}.git"

    @property
    def url(self) -> str:
        return self.root.as_uri()

    @property
    def remote(self) -> Remote:
        return remote_of(self.url, REPO, Secret(""))

    def git(self, *words: str, data: bytes = b"") -> str:
        return git(self.path, *words, data=data)

    def oid(self, ref: str) -> str:
        return self.git("rev-parse", ref)

    def branches(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines if line)

    def read(self, ref: str, path: str) -> str:
        return self.git("show", f"{ref}:{path}")

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "main",
        message: str = "work",
        modes: Mapping[str, str] | None = None,
        when: str = "",
    ) -> str:
        """Commit `files` (None removes) on top of `branch`; modes by path, e.g. 120000 for a symlink."""
        index = self.root / "index"
        index.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(index)}
        parent = self.branches().get(branch, "")
        if parent:
            git(self.path, "read-tree", parent, env=env)
        for path, content in files.items():
            if content is None:
                line = f"0 {'0' * 40}\t{path}\n".encode()
                git(self.path, "update-index", "--index-info", data=line, env=env)
                continue
            mode = (modes or {}).get(path, "100644")
            oid = str(content)
            if mode != "160000":
                raw = content if isinstance(content, bytes) else content.encode()
                oid = git(self.path, "hash-object", "-w", "--stdin", data=raw)
            git(self.path, "update-index", "--add", "--replace", "--cacheinfo", f"{mode},{oid},{path}", env=env)
        tree = git(self.path, "write-tree", env=env)
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        words = ("commit-tree", tree, "-m", message, *(("-p", parent) if parent else ()))
        oid = git(self.path, *words, env=dates)
        self.git("update-ref", f"refs/heads/{branch}", oid)
        return oid

    def clone(self, to: Path) -> Path:
        git(self.root, "clone", "-q", str(self.path), str(to))
        return to


def make_server(root: Path) -> Server:
    server = Server(root)
    server.path.mkdir(parents=True)
    server.git("init", "-q", "--bare", "--initial-branch=main")
    server.git("config", "uploadpack.allowFilter", "true")
    return server


def admission(server: Server, **changes: object) -> Admission:
    """An admission of issue 7, on top of main."""
    base = server.branches().get("main", "")
    made = Admission(
        issue=7,
        repo=REPO,
        run_key="7-L123-1",
        title="Add a greeting",
        branch="ai/issue-7",
        base="main",
        base_oid=base,
        head_oid=base,
        approver_id=4711,
        approver_login="ann",
        model="opus",
        usd=5.0,
        minutes=10,
        content_sha="0" * 64,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class OpenScreen:
    """Knows the words it was given, nothing else."""

    known: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        for word in self.known:
            text = text.replace(word, "[redacted]")
        return text

    def found(self, data: bytes) -> list[str]:
        return ["known-secret" for word in self.known if word.encode() in data]


@contextmanager
def standing(root: Path, *, isolated: bool = False, screen: OpenScreen | None = None) -> Iterator[Ground]:
    """A ground under `root`; with `isolated`, another uid."""
    lines: list[str] = []
    screen = screen or OpenScreen()
    environ = {"PATH": IDENTITY["PATH"]}

    def listen(entry: Entry, progress: Progress) -> None:
        line = line_for(entry, progress)
        lines.extend([line.text] if line else [])

    journal = Journal("7-L123-1", 7, screen=screen.text, log=lines.append, listeners=(listen,))
    with isolation_for("auto" if isolated else "none", root=root, log=lines.append) as isolation:
        yield Ground(root, isolation, Cancel(), screen, lines.append, journal.tell, environ)


def log_of(ground: Ground) -> list[str]:
    """The lines that were logged on `ground`."""
    lines: list[str] = ground.log.__self__  # type: ignore[attr-defined]
    return lines


def ready(server: Server, ground: Ground, **changes: object) -> tuple[Admission, Workspace]:
    """A prepared workspace and its admission."""
    made = admission(server, **changes)
    return made, prepare(made, server.remote, ground)


def tree_of(ground: Ground, workspace: Workspace, before: Baseline | None = None) -> str:
    """Collect, expecting no refusal."""
    ground.isolation.reclaim(workspace.tree.path)
    found = collect(workspace, before or Baseline())
    assert found.refusal is None, found.refusal
    return found.tree


def names(workspace: Workspace, tree: str) -> set[str]:
    """Every path of a tree."""
    out = workspace.git("ls-tree", "-r", "-z", "--name-only", tree)
    return {os.fsdecode(name) for name in out.split(b"\0") if name}


def sealed(workspace: Workspace, made: Admission, tree: str) -> str:
    """A commit of `tree` in the workspace's git folder."""
    return commit_tree(workspace.git, tree, made, merged=workspace.merge is not None)


def done_report(**changes: object) -> AgentReport:
    """An agent that ended well and says done."""
    report = AgentReport(
        exit_code=0,
        results=1,
        subtype="success",
        terminal_reason="completed",
        structured={"verdict": "done", "summary": "Did it.", "reason": ""},
        turns=3,
        usd=0.25,
        metered_usd=0.20,
        seconds=1.0,
        session_id="s-1",
        model="claude-x",
        version="2.1.329",
    )
    return replace(report, **changes)  # type: ignore[arg-type]


@dataclass
class Scripted:
    """An agent that does what a list of functions does to the files, one for each ask."""

    steps: list[Callable[[Path], AgentReport | None]]
    asks: list[Ask] = field(default_factory=list)

    def ask(self, ask: Ask) -> AgentReport:
        step = self.steps[min(len(self.asks), len(self.steps) - 1)]
        self.asks.append(ask)
        return step(ask.workspace) or done_report()


def writes(files: Mapping[str, str]) -> Callable[[Path], None]:
    """A step that writes these files."""

    def step(tree: Path) -> None:
        for name, content in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(content)

    return step


Step = Callable[[Path], AgentReport | None]
PLAIN = RepoConfig(checks=Checks(test="true"))


@dataclass
class Stage:
    """A run in the making."""

    server: Server
    ground: Ground
    out: Path

    def run(
        self,
        *steps: Step,
        config: RepoConfig = PLAIN,
        body: str = "Please.",
        round: Round | None = None,  # noqa: A002
        **changes: object,
    ) -> Outcome:
        self.agent = Scripted(list(steps))
        self.task = Task(admission(self.server, **changes), config, body, (Said("bob", "do it well"),), round=round)
        return work(self.task, self.server.remote, self.agent, self.ground, out=self.out)

    def publish(self, outcome: Outcome) -> Pushed | Withheld:
        digests = hand_over(self.out, outcome)
        received = receive(self.out, digests, self.task.admission)
        press = Press(self.ground.root / "press", self.server.remote, OpenScreen(), {})
        return prepare_branch(self.task.admission, received, self.task.config, press)
