"""Who is around `ai-ready start`, as a process: hooks, health, Slack, the terminal; and that no secret gets out."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.local.test_start import AI_READY, Desk
from tests.notify.channel import KEY, Channel

CONFIG = """\
agent: {isolation: none}
checks: {test: 'true'}
"""
ASKING = """\
#!/bin/sh
[ "$1" = --version ] && { echo "2.1.329 (Claude Code)"; exit; }
cat > ../prompt
answer='ASKS'
grep -q "In Spanish" ../prompt && { answer='{"verdict":"done","summary":"Ok.","reason":""}'; echo hola > hello.txt; }
cat ../prompt >> PROMPTS
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":1,"total_cost_usd":0.01,"structured_output":'"$answer"'}'
"""
PM_KEY = "pm-canary-key-1234567890"


@pytest.fixture
def desk(tmp_path: Path, channel: Channel) -> Desk:
    desk = Desk(tmp_path).make(CONFIG)
    desk.environ.update(channel.environ, HEADLESS_PM_API_KEY=PM_KEY)
    desk.agent('echo "$HEADLESS_PM_API_KEY" > hello.txt')
    return desk


def hook(desk: Desk, name: str, script: str) -> None:
    desk.write(f"mine/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)


def test_HK1_HK2_HK3_LG3_hooks_and_slack_go_with_a_task(desk: Desk, channel: Channel) -> None:
    """And neither the log nor a hook's environment holds a key."""
    desk.task("Hello", "Say <!here> hello")
    hook(desk, "pre_task", 'cat > ../pre.json; env > ../env.txt; echo "webhook $SLACK_WEBHOOK_URL"')
    hook(desk, "post_task", "cat > ../post.json; exit 1")
    hook(desk, "health_check", "echo not today; exit 1")

    ran = desk.run("start", "--single-task", "--hooks-dir", "mine")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [json.loads((desk.root.parent / name).read_text()) for name in ("pre.json", "post.json")]
    assert [each["hook"] for each in told] == ["pre_task", "post_task"]
    assert (told[0]["status"], told[1]["success"], told[1]["branch"]) == ("todo", True, "ai/task-Hello")
    assert "⚠ Health: health_check: The hook health_check said no (exit code 1): not today" in ran.stdout
    assert "⚠ The hook post_task said no (exit code 1), without a word" in ran.stdout
    assert channel.texts == ["Hello Say &lt;!here&gt; hello: Done: the work is on ai/task-Hello."]
    seen = (desk.root.parent / "env.txt").read_text()
    kept = [
        path.read_text(errors="replace") for path in (desk.root / ".ai-ready" / "local").rglob("*.*") if path.is_file()
    ]
    for secret in (PM_KEY, KEY, desk.environ["ANTHROPIC_API_KEY"]):
        assert [text for text in (seen, ran.stdout, ran.stderr, *kept) if secret in text] == []


def test_HK3_health_is_looked_at_during_a_task_and_knows_which(desk: Desk) -> None:
    """The agent is at work until the hook has heard of its task."""
    desk.environ["HEADLESS_PM_HEALTH_CHECK_INTERVAL"] = "5"
    desk.task("Hello")
    heard = desk.root.parent / "heard"
    desk.agent(f"until grep -qs TASK_Hello {heard}; do sleep 0.05; done; echo hi > hello.txt")
    hook(desk, "health_check", f'sed \'s/.*"name": "\\([^"]*\\)".*/TASK_\\1/\' >> {heard}')

    ran = desk.run("start", "--single-task", "--hooks-dir", "mine")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert heard.read_text().splitlines()[0] == "TASK_"


def test_HK1_HK5_a_task_that_a_hook_refuses_is_not_claimed(desk: Desk, channel: Channel) -> None:
    path = desk.task("Hello")
    hook(desk, "pre_task", "echo no room; exit 1")

    ran = desk.run("start", "--single-task", "--hooks-dir", "mine")

    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "⚠ Hello is not taken: The hook pre_task said no (exit code 1): no room" in ran.stdout
    assert path.read_text() == "# Hello\n"
    assert channel.posts == []


def test_LI9_UI2_a_person_at_the_terminal_redirects_the_agent(desk: Desk) -> None:
    """A question of the agent's is put before whoever sits there; the words reach the next attempt."""
    desk.write(".github/ai-ready.yml", f"{CONFIG}mode: interactive\n")
    desk.task("Hello")
    asks = '{"verdict":"needs-input","summary":"","reason":"In which language?"}'
    program = desk.root.parent / "claude"
    program.write_text(ASKING.replace("ASKS", asks).replace("PROMPTS", str(desk.root.parent / "prompts")))
    program.chmod(0o755)
    keyboard, terminal = os.openpty()
    said = b""

    with subprocess.Popen(
        (*AI_READY, "start", "--single-task"), cwd=desk.root, env=desk.environ, stdin=terminal, stdout=terminal
    ) as process:
        os.close(terminal)
        for words, answer in ((b"Select option:", b"3\n"), (b"(one line)", b"In Spanish\n")):
            while words not in said:
                said += os.read(keyboard, 4096)
            os.write(keyboard, answer)
        with contextlib.suppress(OSError):  # it has ended
            while data := os.read(keyboard, 4096):
                said += data
        assert process.wait(100) == 0, said.decode()
    os.close(keyboard)

    assert "1. Continue" in said.decode()
    assert "In which language?" in said.decode()
    assert "redirect (by operator): In Spanish" in desk.run("status").stdout
    assert (desk.root.parent / "prompts").read_text().count("In Spanish") == 1
