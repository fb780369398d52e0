"""The end of a job's log: behind a redirect to a host that must not see the token, however long it is."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bot.core.secret import Secret
from bot.github.job_log import MOST_KEPT, end_of_log

TOKEN = Secret("ghs_token")


@contextmanager
def answering(status: int, body: bytes = b"", location: str = "") -> Iterator[tuple[str, list[str]]]:
    """A host that answers everything like this: its address, and the Authorization of each request."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("authorization", ""))
            self.send_response(status)
            if location:
                self.send_header("location", location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/logs", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_storage_host_does_not_see_the_token() -> None:
    with ExitStack() as stack:
        storage, seen_there = stack.enter_context(answering(200, "the énd".encode()))
        storage = storage.replace("127.0.0.1", "localhost")
        github, seen = stack.enter_context(answering(302, location=storage))

        assert end_of_log(github, TOKEN) == "the énd"
        assert seen == ["Bearer ghs_token"]
        assert seen_there == [""]


def test_only_the_end_of_a_long_log_is_kept() -> None:
    with answering(200, b"x" * 3_000_000 + b"the end") as (address, _):
        text = end_of_log(address, TOKEN)

    assert len(text) == MOST_KEPT
    assert text.endswith("xthe end")


def test_a_log_that_can_not_be_had_is_empty() -> None:
    """Expired (410), or nobody answers."""
    with answering(410, b"gone") as (address, _):
        assert end_of_log(address, TOKEN) == ""
    assert end_of_log(address, TOKEN) == ""
