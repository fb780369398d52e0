"""The real server's page: it shows what the server sees, on a listener of its own, and knows nothing else."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.sandbox.app_server import AppServer
from tests.page.visitor import basic
from tests.stories.server_town import Plan, server_setting, server_town

PASSWORD = "a password for the page"


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
            assert httpx.get(f"{server.url}{project}").status_code == 404
            assert httpx.get(f"{server.url}/status.json").status_code == 404
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
