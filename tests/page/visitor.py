"""The page on a real listener, and somebody who asks it over HTTP."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from bot.page.access import Access
from bot.page.listener import Limits, Listener
from bot.page.shown import Source
from bot.page.sockets import listen

PATIENCE = 30.0


@contextmanager
def opened(source: Source, access: Access | None = None, limits: Limits | None = None) -> Iterator[httpx.Client]:
    """A client of the page, which is served until the end."""
    listener = Listener(source, access or Access(), listen("127.0.0.1", 0), limits)
    listener.start()
    try:
        with httpx.Client(base_url=listener.url, timeout=PATIENCE, trust_env=False) as client:
            yield client
    finally:
        listener.stop()


def basic(password: str, name: str = "") -> Mapping[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}
