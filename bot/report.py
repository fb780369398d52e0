"""What a step tells the machine it runs on: job outputs, the job summary, annotations, plain log lines."""

import contextlib
import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.core.outbound import clean, one_line


def uncommanded(line: str) -> str:
    """`line` so that the runner takes it for words: it obeys `::name::` at a line's start, after any white space, and
    the older `##[name]` anywhere (actions/runner, ActionCommand.cs).
    """
    quiet = line.replace("##[", "## [")
    return f"| {quiet}" if quiet.lstrip().startswith("::") else quiet


TONES: Final = {"head": "1", "good": "32", "bad": "31", "faint": "2"}
"""Colours and weights of a terminal (ECMA-48, SGR)."""


@dataclass(frozen=True, slots=True)
class Report:
    """The runner's write channels; outside Actions they are None and only the log is written."""

    output: Path | None = None
    """`GITHUB_OUTPUT`."""
    summary: Path | None = None
    """`GITHUB_STEP_SUMMARY`."""
    annotate: bool = False
    """Inside Actions: errors and notices also become annotations of the run."""
    colours: bool = False
    """The log goes to a terminal that shows them."""

    def outputs(self, values: Mapping[str, str]) -> None:
        """Set job outputs. A value can't start another output, whatever is in it: the delimiter is random.

        https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions#multiline-strings
        """
        if self.output is None:
            return
        with self.output.open("a", encoding="utf-8") as file:
            for name, value in values.items():
                mark = f"end-{secrets.token_hex(16)}"
                file.write(f"{name}<<{mark}\n{value}\n{mark}\n")

    def summarise(self, markdown: str) -> None:
        """Add to the job summary; where its disk is full that is left out, for it decides nothing."""
        if self.summary is not None:
            with contextlib.suppress(OSError), self.summary.open("a", encoding="utf-8") as file:
                file.write(markdown + "\n\n")

    def log(self, line: str) -> None:
        """Lines of the job's log, at once. None of them is a command to the runner, whoever wrote it."""
        sys.stdout.write("".join(f"{uncommanded(each)}\n" for each in line.splitlines() or [""]))
        sys.stdout.flush()

    def say(self, line: str, tone: str) -> None:
        """A line of the log in a tone of `TONES`, where colours are shown."""
        self.log(f"\x1b[{TONES[tone]}m{line}\x1b[0m" if self.colours and tone in TONES else line)

    def begin_group(self, title: str) -> None:
        """What is logged from here to `end_group` belongs together; inside Actions it is folded away."""
        if self.annotate:
            sys.stdout.write(f"::group::{one_line(title).replace('%', '%25')}\n")
            sys.stdout.flush()
        else:
            self.say(title, "head")

    def end_group(self) -> None:
        """See `begin_group`."""
        if self.annotate:
            sys.stdout.write("::endgroup::\n")
            sys.stdout.flush()

    def keep(self, details: str) -> str:
        """Keep a traceback; returns where, in words that end a sentence."""
        if self.annotate:
            self.begin_group("Details")
            self.log(details)
            self.end_group()
            return "the details are in this log"
        with tempfile.NamedTemporaryFile("w", prefix="ai-ready-", suffix=".log", delete=False) as file:
            file.write(details)
        return f"the details are in {file.name}"

    def error(self, sentence: str) -> None:
        """Say what went wrong where the person looks: the annotation inside Actions, stderr elsewhere."""
        if self.annotate:
            sys.stdout.write(f"::error title=ai-ready::{one_line(sentence).replace('%', '%25')}\n")
            sys.stdout.flush()
        else:
            sys.stderr.write(f"ai-ready: {clean(sentence)}\n")
