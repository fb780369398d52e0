"""Something that is done now and then, beside the work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SECONDS: Final = 5.0
"""Between two beats."""


@contextmanager
def beating(beat: Callable[[], None]) -> Iterator[None]:
    """While inside, `beat` is called every few seconds, from a thread of its own."""
    over = threading.Event()

    def go() -> None:
        while not over.wait(SECONDS):
            beat()

    thread = threading.Thread(target=go, name="beat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
