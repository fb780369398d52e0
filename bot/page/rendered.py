"""Pages as they were rendered, as long as what they show is the same. Thread-safe; of those who ask at once, one renders."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

MOST: Final = 128
MOST_BYTES: Final = 16_000_000
DOORS: Final = 64
"""Pages that may be rendered side by side; more of them wait for each other."""


class Page(NamedTuple):
    """One page."""

    version: int
    """Of what it shows."""
    body: bytes
    tag: str
    """Its entity tag."""


def tagged(version: int, body: bytes) -> Page:
    """A page with its tag."""
    return Page(version, body, f'"{hashlib.sha256(body).hexdigest()[:24]}"')


class Rendered:
    """The newest `MOST` pages, at most `MOST_BYTES` of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doors = tuple(threading.Lock() for _ in range(DOORS))
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._bytes = 0

    def get(self, address: str, version: int, render: Callable[[], bytes]) -> Page:
        """The page at this address for this version, rendered where there is none. Raises what `render` does."""
        page = self._known(address, version)
        if page is not None:
            return page
        with self._doors[hash(address) % DOORS]:
            page = self._known(address, version)
            if page is None:
                page = tagged(version, render())
                self._keep(address, page)
            return page

    def _known(self, address: str, version: int) -> Page | None:
        with self._lock:
            page = self._pages.get(address)
            if page is None or page.version != version:
                return None
            self._pages.move_to_end(address)
            return page

    def _keep(self, address: str, page: Page) -> None:
        """The ones that nobody asked for longest go."""
        with self._lock:
            old = self._pages.pop(address, None)
            self._pages[address] = page
            self._bytes += len(page.body) - (len(old.body) if old is not None else 0)
            while len(self._pages) > MOST or self._bytes > MOST_BYTES:
                _, gone = self._pages.popitem(last=False)
                self._bytes -= len(gone.body)
