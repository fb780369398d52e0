"""Pages as they were rendered, as long as what they show is the same. Thread-safe."""

import threading
from collections import OrderedDict
from typing import Final

MOST: Final = 128
MOST_BYTES: Final = 16_000_000


class Rendered:
    """The newest `MOST` pages, at most `MOST_BYTES` of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, address: str, version: int) -> bytes | None:
        """The page at this address for this version; None: it was not rendered, or let go of."""
        with self._lock:
            known = self._pages.get(address)
            if known is None or known[0] != version:
                return None
            self._pages.move_to_end(address)
            return known[1]

    def put(self, address: str, version: int, body: bytes) -> None:
        """Keep it; the ones that nobody asked for longest go."""
        with self._lock:
            _, old = self._pages.pop(address, (0, b""))
            self._pages[address] = version, body
            self._bytes += len(body) - len(old)
            while len(self._pages) > MOST or self._bytes > MOST_BYTES:
                _, (_, gone) = self._pages.popitem(last=False)
                self._bytes -= len(gone)
