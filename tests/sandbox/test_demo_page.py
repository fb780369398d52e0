"""The page of a demo without a server follows what happens on the hub."""

from pathlib import Path

import httpx

from bot.sandbox.demo.watching import Watching
from bot.sandbox.server import serve
from bot.sandbox.stage import Setting, Stage
from bot.sandbox.state import Hub
from tests.local.test_start import until


def test_it_shows_what_gate_would_see(tmp_path: Path) -> None:
    setting = Setting()
    hub = Hub(tmp_path / "hub")
    for login in (setting.maintainer, setting.visitor):
        hub.create_user(login)
    repo = hub.create_repo(setting.repo, setting.maintainer, files={"README.md": "x"})
    with serve(hub):
        stage = Stage(hub, repo, setting, None, None)  # type: ignore[arg-type]  # (no job is run here)
        first = stage.issue("[SHOP-1.1] Print <i>receipts</i>")
        second = stage.issue("[SHOP-1.2] Gift cards")
        with Watching(stage).following() as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as page:
            stage.label(first)
            stage.label(second)
            until(lambda: "Waits for 1 issue to close" in page.get("/p/demo").text)
            assert "Print &lt;i&gt;receipts&lt;/i&gt;" in page.get("/p/demo/issues").text
            hub.issues.close(first, stage.maintainer)
            until(lambda: page.get("/status.json").json()["projects"][0]["issues"].get("closed") == 1)
