"""`ai-ready serve`."""

import os
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8080,
) -> None:
    """The App server: plans every repository of the App.

    Needs AI_READY_APP_ID, AI_READY_PRIVATE_KEY (or its _PATH) and AI_READY_WEBHOOK_SECRET; docs/configuration.md has the rest. SIGTERM or Ctrl-C ends it in good order, a second one at once.
    """
    from bot.config import server_env  # noqa: PLC0415
    from bot.server.start import serve as run  # noqa: PLC0415

    def said(address: str) -> None:
        sys.stdout.write(f"ai-ready listens on {address}\n")
        sys.stdout.flush()

    def said_page(address: str) -> None:
        sys.stdout.write(f"the page is at {address}\n")
        sys.stdout.flush()

    if not run(server_env(), host, port, said, said_page):
        os._exit(0)  # a thread that still waits for GitHub would hold the process; the next one takes its work over
