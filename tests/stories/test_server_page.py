"""The real server's page: it shows what the server sees, on a listener of its own, and knows nothing else."""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.cli.commands import app as command
from bot.page.app import Pages
from bot.page.live import Live
from bot.sandbox.app_server import AppServer, ServerSetting, register
from bot.sandbox.model import Scene, Script, bash, done, write
from bot.sandbox.stage import SERVER_CALLER, Setting, Stage, raise_curtain
from tests.page.sample import NOW, Sample
from tests.page.visitor import PATIENCE, basic
from tests.stories.invariants import check_end
from tests.stories.server_town import Plan, server_setting, server_town
from tests.stories.town import CONFIG, FILES

PASSWORD = "a password for the page"
FAR = 600
"""Seconds until the server's timer looks: what the page tells before that, a webhook brought."""
HOSTILE = '<script>alert(1)</script> "><img src=x onerror=alert(2)> \u202egnp.live\u202c \U0001f389 </title>'


@pytest.mark.story
def test_the_page_follows_the_server(tmp_path: Path) -> None:
    """An issue is asked for, waits, runs and is done; the page tells each, and only who has the password sees it."""
    plan = Plan()
    with server_town(tmp_path, plan) as town:
        setting = replace(server_setting(tmp_path, plan), page=True, env={"AI_READY_PAGE_PASSWORD": PASSWORD})
        with AppServer(town.hub, town.app, setting) as server:
            town.server = server
            first = town.asked("[SHOP-1.1] Print <b>receipts</b>")
            second = town.asked("[SHOP-1.2] Sell gift cards")
            with httpx.Client(base_url=server.page_url, headers=basic(PASSWORD), trust_env=False) as page:
                project = f"/p/{town.repo.id}"
                town.until(lambda: "Sell gift cards" in page.get(f"{project}/issues").text, "the page shows the issue")
                assert town.verdict(first).startswith("Done")
                town.until(lambda: 'state s-closed">done' in page.get(f"{project}/runs").text, "the page shows the run")
                shown = page.get(project).text
                assert "Print &lt;b&gt;receipts&lt;/b&gt;" in shown
                assert "Waits for 1 issue to close" in shown
                assert f'href="{town.hub.url}/{town.repo.full_name}/issues/{second.number}"' in shown
                (run,) = [each for each in page.get("/status.json").json()["projects"][0]["days"] if each["runs"]]
                assert run["verdicts"] == {"done": 1}
                key = town.actions.dispatches[0].run_key
                assert "it ended: done" in page.get(f"{project}/runs/{key}").text
                health = {each["name"]: each for each in page.get("/status.json").json()["health"]["vitals"]}
                assert health["last_webhook"]["value"].endswith("ago")
                assert health["failed_deliveries"]["value"] == "0"

            assert httpx.get(f"{server.page_url}{project}").status_code == 401
            for route in Pages(Sample(), Live(lambda _: 0), lambda: NOW).routes():
                path = route.path.format(project=town.repo.id, key=key, name="page.js")
                assert httpx.get(f"{server.page_url}{path}").status_code == 401, path
                assert httpx.get(f"{server.url}{path}").status_code == 404, path
            assert httpx.post(f"{server.page_url}/webhook", headers=basic(PASSWORD)).status_code == 404
            for path in ("/healthz", "/readyz", "/metrics"):
                assert "SHOP" not in httpx.get(f"{server.url}{path}").text
            assert server.stop() == 0
            assert "Traceback" not in server.log.read_text()
            assert PASSWORD not in server.log.read_text()


@pytest.mark.story
def test_on_the_network_the_page_needs_a_password(tmp_path: Path) -> None:
    """The server does not start: exit code 2, and it says what to set."""
    plan = Plan()
    with server_town(tmp_path, plan) as town:
        setting = replace(server_setting(tmp_path, plan), page=True, env={"AI_READY_PAGE_HOST": "0.0.0.0"})
        with pytest.raises(RuntimeError, match=r"exit 2.*AI_READY_PAGE_PASSWORD"):
            AppServer(town.hub, town.app, setting).start()


# ------------------------------------------------------------------------- with the real workflow files


class Visitor:
    """Has the page of a repository open: reads it whenever the event stream says that something changed."""

    def __init__(self, page: httpx.Client, stage: Stage) -> None:
        self.page, self.stage = page, stage
        self.texts: list[str] = []

    def sees(self, path: str, *words: str) -> str:
        """Wait until the page at `path` has all of these words."""
        end, text, of = time.monotonic() + PATIENCE, "", f"{self.stage.repo.id}{path.removeprefix('/runs')}"
        with self.page.stream("GET", "/live", params={"of": of, "since": "0"}) as stream:
            for line in stream.iter_lines():  # the first one at once; a sign of life every 15 s
                if line == "event: changed":
                    text = self.page.get(f"/p/{self.stage.repo.id}{path}").text
                    self.texts.append(text)
                    if all(word in text for word in words):
                        return text
                missing = [word for word in words if word not in text]
                assert time.monotonic() < end, f"never on {path}: {missing}\n{text[-6000:]}"
        raise AssertionError("the stream ended")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, and the agent's user may pass through."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-page-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.story
def test_from_the_label_to_the_log_as_a_visitor_sees_it(folder: Path) -> None:
    """Server, workflow files under act, Claude CLI: each step reaches the open page by a webhook; then what the run left."""
    go = folder / "go"
    works = bash(f"until [ -e {go} ]; do sleep 0.05; done"), write("hello.py", "print('hello')\n"), done("Ok.")
    with ExitStack() as stack:
        setting = Setting(files=FILES, config=CONFIG, caller=SERVER_CALLER)
        stage = stack.enter_context(raise_curtain(folder, setting, Script(Scene("", *works))))
        app = register(stage.hub, stage.repo.owner, [stage.repo])
        serving = ServerSetting(folder / "server", reconcile_seconds=FAR, page=True)
        server = stack.enter_context(AppServer(stage.hub, app, serving))
        page = stack.enter_context(httpx.Client(base_url=server.page_url, trust_env=False, timeout=PATIENCE))
        visitor = Visitor(page, stage)
        first, second = stage.issue(f"[SHOP-1.1] {HOSTILE}"), stage.issue("[SHOP-1.2] Gift cards")
        github = f"{stage.hub.url}/{stage.repo.full_name}"

        stage.label(second)
        visitor.sees("", "Waits for 1 issue to close", "SHOP-1.2 (#2) waits for SHOP-1.1 (#1): phase order")
        stage.label(first)
        running = visitor.sees("/runs", "state s-running")
        [key] = set(re.findall(rf"/p/{stage.repo.id}/runs/(1-L\d+-1)", running))
        at_work = visitor.sees(f"/runs/{key}", "can be followed on GitHub", "/ai stop", f"{github}/actions/runs/")
        assert "the server claimed the issue and dispatched the run" in at_work
        go.touch()
        visitor.sees("/runs", 'state s-closed">done', f'href="{github}/issues/3"')
        assert stage.verdicts(first) == ["Done: draft PR #3 is up for review."]

        left = visitor.sees(f"/runs/{key}", "The agent begins (attempt 1 of", "hello.py", "1 file, +1 −0")
        assert "<code>sh check.sh</code>" in left
        assert 'state s-closed">passed' in left
        assert "it ended: done" in left
        assert re.search(r"<dt>Cost</dt><dd>\$0\.0\d+</dd>", left)
        assert re.search(r"<dt>Turns</dt><dd>3</dd>", left)
        assert f'href="{github}/issues/1"' in left
        found = page.get(f"/p/{stage.repo.id}/runs/{key}", params={"q": "test: passed"}).text
        assert "1 line<" in found

        figures = page.get(f"/p/{stage.repo.id}/figures.json").json()
        assert figures[-1]["verdicts"] == {"done": 1}
        environ = {"AI_READY_PAGE_PORT": server.page_url.rpartition(":")[2]}
        asked = json.loads(CliRunner().invoke(command, ["server-status", "--json"], env=environ).output)
        assert asked["projects"][0]["days"] == figures

        for text in (*visitor.texts, left, found, page.get("/").text):
            assert "<script>alert" not in text
            assert "<img" not in text
            assert "\u202e" not in text
        for text in (running, at_work, left):
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        stage.actions.wait_idle(PATIENCE)
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()
        check_end(stage.hub, stage.repo)
