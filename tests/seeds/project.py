"""A project of somebody who has the documentation of the systems before at hand, and a terminal."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bot.agent.claude_code import find_cli
from bot.reference_migrating import SUBSTITUTIONS
from tests.job.stage import git

ROOT = Path(__file__).parents[2]


@dataclass
class Project:
    """A checkout, and what the person's shell has."""

    folder: Path
    model_url: str
    environ: dict[str, str] = field(default_factory=dict)
    replaced: tuple[tuple[str, str], ...] = ()
    """Besides `SUBSTITUTIONS`: places and addresses that are examples."""

    def __post_init__(self) -> None:
        commands = self.folder / "bin"
        commands.mkdir(parents=True)
        self.command("python", f'exec {sys.executable} "$@"')
        self.command("claude", f'exec {find_cli(path="")} "$@"')
        self.command("pip", f'echo "$@" >> {self.folder}/installed')
        home = self.folder / "home"
        home.mkdir()
        (home / ".gitconfig").write_text("[user]\n\tname = Ann Doe\n\temail = ann@example.org\n")
        self.environ = {
            "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "ANTHROPIC_BASE_URL": self.model_url,
            "ANTHROPIC_API_KEY": "sk-ant-api03-a-key-that-opens-nothing-0000000000",
            **self.environ,
        }
        self.checkout.mkdir()
        git(self.checkout, "init", "-q", "--initial-branch=main")
        self.write(".gitignore", ".ai-agents/\nvenv/\nlogs/\n")
        self.write("venv/bin/activate", "")
        if os.geteuid() != 0:  # no other user to be had
            self.write(".github/ai-ready.yml", "agent: {isolation: none}\n")
        self.commit("first")

    @property
    def checkout(self) -> Path:
        return self.folder / "shop"

    def command(self, name: str, line: str) -> None:
        """Something on PATH."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        path = self.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> None:
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "-q", "-m", message)

    def words(self, text: str) -> str:
        """A block in the words of today."""
        for old, new in (*SUBSTITUTIONS, *self.replaced):
            text = text.replace(old, new)
        return text

    def shell(self, text: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a block as it would be pasted, up to the first command that fails."""
        argv = ("bash", "-e", "-c", self.words(text))
        return subprocess.run(
            argv, cwd=self.checkout, env=self.environ, capture_output=True, text=True, timeout=seconds, check=False
        )

    def python(self, text: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a program."""
        with self.program(text) as running:
            out, err = running.communicate(timeout=seconds)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)

    def program(self, text: str) -> subprocess.Popen[str]:
        """Begin a program."""
        file = self.folder / "program.py"
        file.write_text(self.words(text))
        return subprocess.Popen(
            (sys.executable, str(file)),
            cwd=self.checkout,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
