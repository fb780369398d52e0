"""`ai-ready start --page`: what a browser sees of a runner at work, and when its work is done."""

import re
import signal
from pathlib import Path

import httpx
import pytest

from bot.core.settings import OrderRules
from bot.trackers.arranging import stands
from bot.trackers.tracker import Listing, Status, Task
from tests.local.test_start import Desk, read_until, until

AGENT = "echo $$ > half.txt; while [ ! -e GO ]; do sleep 0.1; done"


def test_the_page_follows_the_runner(tmp_path: Path) -> None:
    """Queue and reasons while the first task is worked on; its log, cost, branch and files once it is done."""
    desk = Desk(tmp_path).make()
    desk.environ["AI_READY_PAGE_PORT"] = "0"
    desk.task("One", "[SHOP-1.1] Prices <b>in cents</b>")
    desk.task("Two", "[SHOP-1.2] A cart")
    go = tmp_path / "go"
    desk.agent(AGENT.replace("GO", str(go)))
    with desk.started("--page") as process:
        url = re.findall(r"The page is at (\S+)", read_until(process, "The page is at"))[0]
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as page:
            read_until(process, "The agent begins")
            until(lambda: "state s-running" in page.get("/p/here").text)
            shown = page.get("/p/here").text
            assert "Prices &lt;b&gt;in cents&lt;/b&gt;" in shown
            assert "Waits for 1 task, and starts by itself then." in shown
            assert "SHOP-1.2 (Two) waits for SHOP-1.1 (One): phase order" in shown
            (key,) = set(re.findall(r"/p/here/runs/(One-T\d+-1)", page.get("/p/here/runs").text))
            assert "ai-ready stop" in page.get(f"/p/here/runs/{key}").text
            before = page.get("/p/here").headers["etag"]
            go.touch()
            until(lambda: page.get("/p/here/runs").text.count('s-closed">done') == 2)
            run = page.get(f"/p/here/runs/{key}").text
            assert "The agent begins (attempt 1 of" in run
            assert "half.txt" in run
            assert "ai/task-One" in run
            assert '<span class="state s-closed">passed</span>' in run
            assert page.get("/p/here").headers["etag"] != before
            today = page.get("/p/here/figures.json").json()[-1]
            assert (today["runs"], today["verdicts"]) == (2, {"done": 2})
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_port_that_was_named_is_the_one_or_none(tmp_path: Path) -> None:
    desk = Desk(tmp_path).make()
    desk.environ |= {"AI_READY_PAGE_HOST": "0.0.0.0"}

    ran = desk.run("start", "--page", "--exit-when-idle")

    assert ran.returncode == 2
    assert "AI_READY_PAGE_PASSWORD" in ran.stderr


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_drawn(status: Status, tmp_path: Path) -> None:
    """With what it waits for, and in the queue only what is to be done."""
    first = Task("a", "A", "[X-1.1] a", status, "r")
    second = Task("b", "B", "[X-1.2] b", Status.TODO, "r")

    found = {each.task.id: each for each in stands(Listing((second, first)), OrderRules())}

    assert [each.name for each in found["b"].waits] == (["X-1.1"] if status.open else [])
    assert (found["a"].place > 0) == (status is Status.TODO)
    assert found["b"].place == (2 if status is Status.TODO else 1)
