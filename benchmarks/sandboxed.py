"""The place of the measurements: the sandbox's GitHub, a scripted model, a small repository, and our commands on it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.model import Scene, Script, ScriptedModel, bash, done, edit, read, serve_model
from bot.sandbox.records import Issue, Repo
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token

OWNER, NAME = "rita", "acme/shop"
MODEL_KEY = "sk-ant-api03-key-of-a-benchmark-that-opens-nothing-0000000000000000"
TITLE = "Say goodbye, too"
BODY = "`greet.py` only says hello.\n\n## Acceptance criteria\n- [ ] there is `bye()`\n"

FILES = {"README.md": "# Shop\n", "greet.py": 'def hello() -> str:\n    return "Hello"\n'}
CHECK = 'test -n "$(grep "def bye" greet.py)"'
"""Takes milliseconds: what the repository's own tests take is not the bot's."""

CONFIG = f"""\
agent: {{model: sonnet, isolation: %s}}
limits: {{usd: 1, minutes: 5, runs_per_day: 1000, usd_per_day: 1000}}
checks: {{test: '{CHECK}'}}
"""


def script() -> Script:
    """What the model does for every run: four answers, three of which call tools."""
    after = FILES["greet.py"] + '\n\ndef bye() -> str:\n    return "Bye"\n'
    return Script(
        Scene(
            TITLE,
            read("greet.py"),
            edit("greet.py", FILES["greet.py"], after),
            bash("python3 -c 'import greet; greet.bye()'"),
            done("Added `bye()`."),
        )
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A served GitHub with one repository, and a model."""

    hub: Hub
    repo: Repo
    model: ScriptedModel
    owner: Token
    environ: Mapping[str, str]
    """What `ai-ready run` gets to see."""

    def issue(self) -> Issue:
        """The owner asks for something."""
        return self.hub.issues.create(self.repo, self.owner, title=TITLE, body=BODY)


def put_away(hub: Hub, repo: Repo, issue: Issue) -> None:
    """Close an issue and every pull request: out of the way of the next measurement."""
    owner = hub.person(OWNER)
    for each in (issue, *(one for one in hub.issues.listing(repo) if one.pull and one.open)):
        hub.issues.close(each, owner)


@contextmanager
def place(root: Path) -> Iterator[Place]:
    """Set it up below `root`; everything is stopped at the end."""
    hub = Hub(root / "hub")
    hub.create_user(OWNER)
    files = {**FILES, ".github/ai-ready.yml": CONFIG % isolation()}
    repo = hub.create_repo(NAME, OWNER, files=files)
    owner = hub.person(OWNER)
    token = hub.tokens.personal(owner.user)
    with serve_model(script(), key=MODEL_KEY) as model, serve(hub):
        environ = {
            **plain_environ(),
            **passed_on(),
            "GITHUB_TOKEN": token.value,
            "GITHUB_API_URL": hub.api_url,
            "GITHUB_REPOSITORY": NAME,
            "ANTHROPIC_API_KEY": MODEL_KEY,
            "ANTHROPIC_BASE_URL": model.url,
        }
        yield Place(hub, repo, model, owner, environ)


def plain_environ() -> dict[str, str]:
    """Of our environment, what a runner would have, too; no variable of ours or of GitHub's."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def passed_on() -> dict[str, str]:
    """Which Claude CLI to use, where somebody said so."""
    return {"AI_READY_CLAUDE": os.environ["AI_READY_CLAUDE"]} if "AI_READY_CLAUDE" in os.environ else {}


def isolation() -> str:
    """`auto` where another uid can be had; an ordinary user has no key to guard here."""
    return "auto" if os.geteuid() == 0 else "none"


def ai_ready(*words: str) -> Sequence[str]:
    """The command as it is installed."""
    return (str(Path(sys.executable).with_name("ai-ready")), *words)


def must(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """A measurement of something that failed is none."""
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, done.args))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done
