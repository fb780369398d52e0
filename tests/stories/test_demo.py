"""The demo as a newcomer runs it: as a process, with next to nothing in its environment."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bot.sandbox.demo.project import FILES, ISSUES, script
from tests.stories.conftest import Opens
from tests.stories.town import wait_until

ROOT = Path(__file__).parents[2]
PASSED_ON = ("PATH", "SSL_CERT_FILE")


def demo(home: Path, *options: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """`ai-ready demo` with an empty HOME, to its end."""
    with started(home, *options, **more) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def started(home: Path, *options: str, **more: str) -> "subprocess.Popen[str]":
    """The same, while it plays."""
    environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environ |= {"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "COLUMNS": "120", **more}
    home.chmod(0o755)
    for folder in list(home.parents)[:-1]:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o011)  # the agent, another user, works below it
    argv = (sys.executable, "-m", "bot", "demo", *options)
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=environ, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def kept(home: Path, *options: str) -> tuple["subprocess.CompletedProcess[str]", str]:
    """`--keep`, until Ctrl-C: and what the page showed before that of the run of the first issue that was done."""
    said = []
    with started(home, "--keep", *options) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith("Left up at "):
                break
        try:
            shown = run_page("".join(said))
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, "".join([*said, out]), err), shown


def run_page(said: str) -> str:
    """The page of the run of #2, with its log."""
    [address] = set(re.findall(r"http://\S+(?=: what runs)", said))
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as page:
        [project] = set(re.findall(r'"(/p/[^/"]+)"', page.get("/").text))
        [path] = set(re.findall(rf"{project}/runs/2-L\d+-1", page.get(f"{project}/runs").text))
        wait_until(lambda: 'class="log"' in page.get(path).text, "the run's page has its log")
        return page.get(path).text


@pytest.mark.story
@pytest.mark.parametrize("options", [(), ("--server",)], ids=["action", "server"])
def test_the_demo_plays_to_its_end(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Three issues Done in the order of their phases, one Blocked; nothing is left behind."""
    played, shown = kept(tmp_path, *options)
    lines = [line.strip() for line in played.stdout.splitlines()]
    said = [line.partition(" s  ")[2] for line in lines if " s  " in line]

    assert (played.returncode, played.stderr) == (0, "")
    assert "the model is scripted" in played.stdout
    assert "Watch it at http://127.0.0.1:" in played.stdout
    assert ("ai-ready serve is up as a GitHub App" in played.stdout) == bool(options)
    assert "#3 ai-waiting for #2 (phase order)" in said
    done = [line for line in said if " Done: draft PR " in line]
    assert [line.partition(" ")[0] for line in done] == ["#2", "#3", "#4"]
    assert any(line.startswith("#5 Blocked (needs-input): ") for line in said)
    for issue, verdict in (("#2", "Done"), ("#3", "Done"), ("#4", "Done"), ("#5", "Blocked (needs-input)")):
        assert any(line.startswith(f"│ {issue} ") and f"│ {verdict} " in line for line in lines)
    for words in ("The agent begins (attempt 1 of 2)", "Read shop/cart.py", "shop/cart.py</code>", "Actions run</a>"):
        assert words in shown
    assert '<span class="state s-closed">passed</span>' in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.story
def test_a_demo_that_gets_stuck_says_what_waits(tmp_path: Path) -> None:
    """Without a Claude CLI nothing is merged: exit 1, and each issue without a verdict says what it waits for."""
    played = demo(tmp_path, AI_READY_CLAUDE="/nonexistent")

    assert (played.returncode, played.stderr) == (1, "")
    assert "#2 Blocked (setup-failed): Claude Code CLI not found: AI_READY_CLAUDE names /nonexistent" in played.stdout
    assert "#3 has no verdict: Waiting for 1 issue to close." in played.stdout
    assert "The last words of" not in played.stdout


DEMO_CONFIG = """\
agent: {model: sonnet, isolation: none}
checks: {test: "python3 -m unittest -q"}
"""


def test_the_question_can_be_answered(opens: Opens) -> None:
    """Whoever answers in the demo's pages, as the verdict asks for, gets a draft pull request."""
    town = opens(*script().scenes, files=FILES, config=DEMO_CONFIG)
    mail = ISSUES[-1]
    issue = town.asked(mail.title, mail.body)
    town.settle()
    assert town.verdict(issue).startswith("Blocked (needs-input)")

    town.comment(issue, "/ai retry With smtplib; the host is in SMTP_HOST")
    town.settle()

    assert town.verdicts(issue)[-1].startswith("Done: draft PR ")
    assert town.read("ai/issue-1", "shop/mail.py")


def test_an_issue_that_the_script_does_not_know_says_so(opens: Opens) -> None:
    """A newcomer's own issue ends Blocked with what to do, not with an error of the model's API."""
    town = opens(*script().scenes, files=FILES, config=DEMO_CONFIG)
    issue = town.asked("[SHOP-3.1] Something new", "Say hello.")

    town.settle()

    assert town.verdict(issue).startswith("Blocked (needs-input)")
    assert "--live" in town.verdict_bodies(issue)[0]
