"""A server process beside the hub, with a stub in the place of `ai-ready serve`: up, killed, up again, heard of."""

import json
import sys
from pathlib import Path

import pytest

from bot.sandbox.app_server import AppServer, ServerSetting, register
from bot.sandbox.records import App
from tests.sandbox.world import World

STUB = """\
import json, os, pathlib, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

here = pathlib.Path(os.environ["HOME"])
(here / "environ.json").write_text(json.dumps(dict(os.environ)))

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with (here / "got").open("a") as file:
            file.write(self.headers["X-GitHub-Event"] + "\\n")
        self.send_response(202)
        self.end_headers()
    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print("GitHub is", os.environ["GITHUB_API_URL"], flush=True)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def setting(folder: Path, stub: str = STUB) -> ServerSetting:
    path = folder / "stub.py"
    path.write_text(stub)
    return ServerSetting(folder / "server", command=(sys.executable, str(path)))


@pytest.fixture
def app(served: World) -> App:
    return register(served.hub, served.shop.owner, [served.shop])


def test_a_killed_server_misses_deliveries_until_it_is_up_again(served: World, app: App, tmp_path: Path) -> None:
    server = AppServer(served.hub, app, setting(tmp_path))
    with server:
        served.issue()
        served.hub.webhooks.flush()
        first = server.url
        assert server.kill() == -9
        assert (server.running, server.url) == (False, "")
        served.issue()
        served.hub.webhooks.flush()
        server.start()
        missed = next(one for one in served.hub.webhooks.of(app.hook) if one.status_code == 502)
        served.hub.webhooks.redeliver(missed)
        served.hub.webhooks.flush()

        assert server.url != first
    assert not server.running
    assert (tmp_path / "server" / "got").read_text().split() == ["issues", "issues"]


def test_it_gets_the_environment_of_the_contract_and_nothing_else(served: World, app: App, tmp_path: Path) -> None:
    with AppServer(served.hub, app, setting(tmp_path)):
        environ = json.loads((tmp_path / "server" / "environ.json").read_text())

    ours = {name for name in environ if name.startswith(("AI_READY", "GITHUB"))}
    assert ours == {
        "AI_READY_APP_ID",
        "AI_READY_DATABASE_URL",
        "AI_READY_PAGE_PORT",
        "AI_READY_PRIVATE_KEY_PATH",
        "AI_READY_RECONCILE_SECONDS",
        "AI_READY_WEBHOOK_SECRET",
        "GITHUB_API_URL",
    }
    key = Path(environ["AI_READY_PRIVATE_KEY_PATH"])
    assert (key.stat().st_mode & 0o777, key.read_text()) == (0o600, app.private_pem)
    assert environ["AI_READY_WEBHOOK_SECRET"] == app.hook.secret


def test_one_that_does_not_come_up_says_why(served: World, app: App, tmp_path: Path) -> None:
    server = AppServer(served.hub, app, setting(tmp_path, "import sys; sys.exit('no key')"))

    with pytest.raises(RuntimeError, match="no key"):
        server.start()
    assert not app.hook.active
