"""The sandbox as a process of its own: `python -m bot.sandbox`, for whoever kills everything else around it.

Repositories with the server-mode workflow, an App installed in them, two people. It prints one line of JSON (where it
is, the App's number, key and secret, the people's tokens) and serves until SIGTERM, or until its standard input ends.
People act over REST with their tokens; faults, webhooks and the ends of runs are set at `/_sandbox/…`.
"""

import argparse
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from bot.sandbox.actions.instant import Instant
from bot.sandbox.app_server import register
from bot.sandbox.records import App
from bot.sandbox.server import serve
from bot.sandbox.stage import SERVER_CALLER
from bot.sandbox.state import Hub

PEOPLE = ("rita", "mallory")
"""The maintainer, and somebody who may only read."""


def main(argv: list[str]) -> int:
    """Serve until told to end."""
    words = argparse.ArgumentParser(prog="python -m bot.sandbox", description="GitHub on localhost, with an App.")
    words.add_argument("--repo", action="append", default=[], help="owner/name, as often as wanted; acme/shop")
    words.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0: any free one")
    words.add_argument("--config", default="", help="text of .github/ai-ready.yml")
    given = words.parse_args(argv)
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    with tempfile.TemporaryDirectory(prefix="ai-ready-sandbox-") as folder:
        hub, files = Hub(Path(folder) / "hub"), {".github/workflows/ai-ready.yml": SERVER_CALLER.read_text()}
        for login in PEOPLE:
            hub.create_user(login)
        names = given.repo or ["acme/shop"]
        config = {".github/ai-ready.yml": given.config} if given.config else {}
        repos = [hub.create_repo(name, PEOPLE[0], files=files | config) for name in names]
        app = register(hub, hub.user(PEOPLE[0]), repos)
        with serve(hub, port=given.port), Instant(hub):
            sys.stdout.write(json.dumps(_facts(hub, app, Path(folder) / "app.pem")) + "\n")
            sys.stdout.flush()
            threading.Thread(target=_until_input_ends, args=(ended,), daemon=True).start()
            ended.wait()
    return 0


def _facts(hub: Hub, app: App, key: Path) -> Mapping[str, object]:
    key.write_text(app.private_pem)
    key.chmod(0o600)
    return {
        "url": hub.url,
        "api_url": hub.api_url,
        "app_id": app.id,
        "private_key_path": str(key),
        "webhook_secret": app.hook.secret,
        "tokens": {login: hub.tokens.personal(hub.user(login)).value for login in PEOPLE},
    }


def _until_input_ends(ended: threading.Event) -> None:
    """Whoever started us holds our input: when they die, so do we."""
    while sys.stdin.buffer.read(1024):
        pass
    ended.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
