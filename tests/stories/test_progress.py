"""Stories of what people see of a run while it goes on, and what is left of it when it was killed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.progress import journal
from bot.progress.journal import EVENTS_FILE, SUMMARY_FILE
from bot.sandbox.model import Tool, Turn, bash, done, read, say, write
from bot.sandbox.stage import MODEL_KEY
from tests.progress.test_events import VALIDATOR
from tests.stories.conftest import Opens
from tests.stories.town import Run, Town, kill, stand_in_agent, wait_until

CANARY = "c4n4ry-of-what-a-tool-is-given"
HOSTILE = "Fix it\n::set-output name=admitted::true\x1b[2J##[add-mask]x @rita"


def todos(*items: tuple[str, str]) -> Turn:
    """The agent writes its list."""
    given = [{"content": content, "status": status, "activeForm": content} for content, status in items]
    return Turn(tools=(Tool("TodoWrite", {"todos": given}),))


def admitted(town: Town) -> Run:
    """A run whose gate said yes."""
    run = town.next_run()
    assert run is not None
    run.gate()
    assert run.is_admitted
    return run


def told(run: Run) -> list[dict[str, Any]]:
    """What `work` has told so far; every line fits the schema."""
    lines = [json.loads(line) for line in (run.out / EVENTS_FILE).read_text().splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
    return lines


def named(run: Run, event: str) -> list[dict[str, Any]]:
    """The data of the events of this name."""
    return [line["data"] for line in told(run) if line["event"] == event]


def everything(run: Run) -> str:
    """All that `work` leaves for people to read."""
    paths = [run.out / EVENTS_FILE, run.out / SUMMARY_FILE, run.folder / "work.log", run.folder / "work.summary"]
    return "\n".join(path.read_text() for path in paths)


def test_what_the_agent_does_can_be_followed(opens: Opens) -> None:
    """Its list, its tools and where they work, turns and cost; nothing of what tools are given or give, even with the
    runner's debug output on; and a secret that the agent writes into its list or its words is taken out.
    """
    town = opens(
        say("I'll look first.\nAnd then more.") + read("greet.py"),
        todos(("Look", "completed"), (HOSTILE, "in_progress"), (f"Use {MODEL_KEY[::-1]}", "pending")),
        write("hello.py", f"print('{CANARY}')\n") + bash(f"echo {CANARY}-$((6*7))-out && python3 -m this"),
        say(f"The key is {MODEL_KEY}.") + bash(f"KEY={MODEL_KEY} cat greet.py"),
        done("Said hello."),
    )
    town.variables |= {"ACTIONS_STEP_DEBUG": "true", "RUNNER_DEBUG": "1", "GITHUB_ACTIONS": "true"}
    town.asked()
    run = admitted(town)
    with run.killed("work") as environ:
        assert run.process("work", environ).wait(timeout=60) == 0
        run._take(environ)

    assert [(used["tool"], used["target"]) for used in named(run, "tool-used")] == [
        ("Read", "greet.py"),
        ("Write", "hello.py"),
        ("Bash", "echo … && python3 -m this"),
        ("Bash", "cat …"),
    ]
    [listed] = named(run, "todos-changed")
    assert [todo["state"] for todo in listed["todos"]] == ["completed", "in-progress", "pending"]
    assert [turn["turn"] for turn in named(run, "turn-began")] == [1, 2, 3, 4, 5]
    log = (run.folder / "work.log").read_text()
    assert re.search(r"^\[0:\d\d turn 1 \$0\.\d+\] Read greet\.py$", log, re.MULTILINE)
    assert re.search(r"^\[0:\d\d turn 2 \$0\.\d+\] todo 1/3: \[x\] Look; \[>\] Fix it ::set-output", log, re.MULTILINE)
    commands = [line for line in log.splitlines() if line.startswith("::") or "##[" in line or "\x1b" in line]
    assert [line.split("::")[1] for line in commands] == ["group", "endgroup"]
    shown = everything(run)
    assert CANARY not in shown
    assert "42-out" not in shown
    assert "def greet" not in shown
    assert MODEL_KEY not in shown  # the proxy keeps it back, whoever says it
    assert MODEL_KEY[::-1] not in shown
    assert "Use [redacted]" in shown
    assert "@rita" not in (run.folder / "work.summary").read_text().replace("`@rita`", "")
    run.publish()
    run.end()


def test_a_killed_run_leaves_what_it_told(opens: Opens) -> None:
    """SIGKILL while the agent works: whole lines up to there, a summary that says so; publish believes none of it."""
    town = opens(write("hello.py", "print('hello')\n"), Turn(delay=60))
    issue = town.asked()
    run = admitted(town)
    with run.killed("work") as environ:
        process = run.process("work", environ)
        wait_until(lambda: len(town.prompts()) > 1, "the agent works")
        wait_until(lambda: "Write hello.py" in (run.folder / "work.log").read_text(), "it is told")
        kill(process)

    assert told(run)[-1]["event"] == "tool-used"
    assert "**No end is known.**" in (run.out / SUMMARY_FILE).read_text()
    assert "it was at: agent (attempt 1 of 2)" in (run.out / SUMMARY_FILE).read_text()
    assert "the work has begun" in (run.folder / "work.summary").read_text()
    with (run.out / EVENTS_FILE).open("a") as file:
        file.write('{"event": "verdict", "data": {"verdict": "done"}}\n')
    stand_in_agent(town)  # it is tried again
    run.publish("failure")
    run.end("failure")
    town.settle()

    assert [line.split(":")[0] for line in town.verdicts(issue)] == ["Blocked (runner-lost)", "Done"]


def test_a_silent_agent_shows_signs_of_life(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the model thinks: what was used so far, of what may be used."""
    monkeypatch.setattr(journal, "QUIET", 0.2)
    town = opens(write("hello.py", "print('hello')\n"), Turn(text="Hm.", delay=1.5), done("Ok."))
    town.asked()
    run = admitted(town)
    run.work()

    thinking = [event for event in named(run, "still-working") if (event["doing"], event["turns"]) == ("agent", 1)]
    assert len(thinking) >= 2
    assert thinking[-1]["usd"] > 0
    run.publish()
    run.end()


def test_a_run_that_never_began_tells_why(opens: Opens) -> None:
    """No key for the model: the events end with the verdict, and so does the page of the run."""
    town = opens(write("hello.py", "x"), key="")
    town.asked()
    run = admitted(town)
    run.work()

    assert told(run)[-1]["data"]["reason"] == "config-invalid"
    assert "**Blocked** (config-invalid)" in (run.folder / "work.summary").read_text()
    run.publish()
    run.end()


def test_the_page_of_the_run_says_how_it_went(opens: Opens) -> None:
    """gate at the start, work at both ends, publish at last; the agent's words are words."""
    town = opens(
        write("broken", "why\n"), done("I think so."), bash("rm broken; echo 'x' > a"), done("Now @rita ![x](y).")
    )
    town.asked("Greet <b>the</b> @world")
    run = admitted(town)
    run.work()
    run.publish()
    run.end()
    pages = {job: (run.folder / f"{job}.summary").read_text() for job in ("gate", "work", "publish")}

    assert pages["gate"].startswith("### #1 Greet `<b>the</b>` `@world`: admitted\n\nRun `1-L")
    assert f"[log]({town.hub.url}/acme/shop/actions/runs/{run.record.id})" in pages["gate"]
    assert "| test | `sh check.sh` | failed (1) |" in pages["work"]
    assert "| test | `sh check.sh` | passed |" in pages["work"]
    assert "| turns | 4 of 50 |" in pages["work"]
    assert "```text\nNow @rita ![x](y).\n```" in pages["work"]
    assert pages["publish"].startswith("### #1 Greet `<b>the</b>` `@world`: Done\n\nDone: draft PR [#2](")
    assert (
        Path(run.out / SUMMARY_FILE).read_text().startswith("# #1 Greet `<b>the</b>` `@world`\n\n**The work is done.**")
    )
