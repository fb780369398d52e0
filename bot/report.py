"""What a step tells the machine it runs on: job outputs, the job summary, annotations, plain log lines."""

import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.outbound import one_line


def uncommanded(line: str) -> str:
    """`line` so that the runner takes it for words: it obeys `::name::` at a line's start, after any white space, and
    the older `##[name]` anywhere (actions/runner, ActionCommand.cs).
    """
    quiet = line.replace("##[", "## [")
    return f"| {quiet}" if quiet.lstrip().startswith("::") else quiet


@dataclass(frozen=True, slots=True)
class Report:
    """The runner's write channels; outside Actions they are None and only the log is written."""

    output: Path | None = None
    """`GITHUB_OUTPUT`."""
    summary: Path | None = None
    """`GITHUB_STEP_SUMMARY`."""
    annotate: bool = False
    """Inside Actions: errors and notices also become annotations of the run."""

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
        """Add to the job summary."""
        if self.summary is not None:
            with self.summary.open("a", encoding="utf-8") as file:
                file.write(markdown + "\n")

    def log(self, line: str) -> None:
        """Lines of the job's log, at once. None of them is a command to the runner, whoever wrote it."""
        sys.stdout.write("".join(f"{uncommanded(each)}\n" for each in line.splitlines() or [""]))
        sys.stdout.flush()

    def keep(self, details: str) -> str:
        """Keep a traceback; returns where, in words that end a sentence."""
        if self.annotate:
            sys.stdout.write("::group::Details\n")
            self.log(details)
            sys.stdout.write("::endgroup::\n")
            sys.stdout.flush()
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
            sys.stderr.write(f"ai-ready: {sentence}\n")
