"""Writes the excerpts in docs/progress.md: what a run on the sandbox really says, by its log, its events, its summary.

python -m bot.sandbox.demo.excerpt [PAGE]

Takes about a minute, most of which the scripted model thinks, so that the log has to say that the work goes on.
"""

import json
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from bot.sandbox.demo.project import CONFIG, FILES, MAINTAINER, REPO, VISITOR
from bot.sandbox.model import Scene, Script, Tool, Turn, bash, done, edit, read, say, write
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.stage import Setting, Stage, raise_curtain

PAGE = Path(__file__).parents[3] / "docs" / "progress.md"
TITLE = "Ten per cent off from three items"
SHOWN = ("tool-used", "todos-changed", "check-ended", "verdict")
"""One event of each is shown."""
TEST = """\
import unittest


class DiscountTest(unittest.TestCase):
    def test_three_items(self) -> None:
        self.assertEqual(900, 1000)
"""


def _list(*states: str) -> Turn:
    texts = ("Read the cart", "Take the discount off", "Cover it with a test")
    todos = [{"content": text, "status": state, "activeForm": text} for text, state in zip(texts, states, strict=True)]
    return Turn(tools=(Tool("TodoWrite", {"todos": todos}),))


def script() -> Script:
    """An agent that thinks for a while, believes itself done, and is sent back by the repository's tests."""
    return Script(
        Scene(
            TITLE,
            say("I'll read the cart before I change it.")
            + read("shop/cart.py")
            + _list(*("in_progress", "pending", "pending")),
            Turn(delay=31) + _list("completed", "in_progress", "pending") + bash("git log --oneline | head -5"),
            write("tests/test_discount.py", TEST) + _list("completed", "completed", "in_progress"),
            done("From three items on, ten per cent are taken off."),
            read("tests/test_discount.py"),
            edit("tests/test_discount.py", "(900, 1000)", "(900, 1000 - 100)")
            + bash("python3 -m unittest -q tests.test_discount"),
            _list("completed", "completed", "completed"),
            done("From three items on, ten per cent are taken off; the test was wrong and is mended."),
        )
    )


def main(page: Path) -> None:
    """Play it, and put what it said between the page's marks."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-excerpt-"))
    root.chmod(0o755)  # the agent's user passes through
    setting = Setting(REPO, MAINTAINER, VISITOR, files=FILES, config=CONFIG.format(isolation="auto"))
    with raise_curtain(root, setting, script()) as stage:
        stage.label(stage.issue(TITLE, "Like the shop in town does it."))
        stage.actions.wait_idle(180)
        parts = _parts(stage)
    shutil.rmtree(root, ignore_errors=True)
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(marks[0])
        text = f"{before}{marks[0]}\n{part}\n{marks[1]}{rest.partition(marks[1])[2]}"
    page.write_text(text, encoding="utf-8")


def _parts(stage: Stage) -> Mapping[str, str]:
    [run] = [run for run in stage.hub.actions.runs.values() if run.artifacts]
    log = next("".join(job.log) for job in run.jobs if job.name.endswith("work"))
    lines = log[log.index("[0:00] Run ") :].partition("##[group]Run ")[0].replace("##[group]", "▸ ")
    said = [re.sub(r"(/[\w.-]+)+/judge-\w+/\w+/", "", line) for line in lines.splitlines() if line != "##[endgroup]"]
    return {
        "log": "\n".join(["```text", *said, "```"]),
        "events": "\n".join(["```json", *_events(_kept(run, "events.jsonl")), "```"]),
        "summary": re.sub(r"^", "> ", _kept(run, "summary.md").strip(), flags=re.MULTILINE).replace("> #", "> ####"),
    }


def _events(lines: str) -> list[str]:
    last = {json.loads(line)["event"]: line for line in lines.splitlines()}
    return [last[name] for name in SHOWN]


def _kept(run: WorkflowRun, name: str) -> str:
    [log] = [artifact for artifact in run.artifacts if artifact.name.startswith("ai-ready-log-")]
    with zipfile.ZipFile(log.path) as archive:
        text = archive.read(name).decode()
    return re.sub(r"http://127\.0\.0\.1:\d+", "https://github.com", text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE)
