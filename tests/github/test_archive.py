"""What a run left, read by the App: its own file of its own artifact, however hostile; and what its pull request changes."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from bot.core.secret import Secret
from bot.errors import GitHubError
from bot.github.app_wire import Connection
from bot.github.archive import MOST_MEMBERS, MOST_PACKED, member_of
from bot.github.exchange import Answer
from tests.github.app_stage import AppStage, Seen

NAME = "ai-ready-log-1-L1-1"


def zipped(*files: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def uploaded(app: AppStage, folder: Path, content: bytes, name: str = NAME) -> int:
    """The workflow run that left it."""
    world = app.stage.world
    workflow = world.hub.actions.find_workflow(world.shop, "ai.yml")
    run = world.hub.actions.dispatch(world.shop, workflow, world.by("bob"), ref="main", inputs={"issue": "1"})
    path = folder / f"{run.id}.zip"
    path.write_bytes(content)
    world.hub.actions.add_artifact(run, name, path, "sha256:0")
    return run.id


def test_one_file_of_one_artifact_is_read(app: AppStage, tmp_path: Path) -> None:
    run_id = uploaded(app, tmp_path, zipped(("events.jsonl", b"one\ntwo\n"), ("summary.md", b"#")))
    archive = app.client().archive(app.place)

    asked = app.requests(lambda: archive.kept(run_id, NAME, "events.jsonl", most=100))

    assert archive.kept(run_id, NAME, "events.jsonl", most=100) == b"one\ntwo\n"
    assert archive.kept(run_id, NAME, "events.jsonl", most=5) == b"one\nt"
    assert archive.kept(run_id, NAME, "else.txt", most=100) is None
    assert archive.kept(run_id, "ai-ready-log-9-L1-1", "events.jsonl", most=100) is None
    assert archive.kept(999_999, NAME, "events.jsonl", most=100) is None
    assert [each.path.partition("?")[0].rpartition("/")[2] for each in asked][-2:] == ["artifacts", "zip"]


def test_one_that_is_too_large_is_not_fetched(app: AppStage, tmp_path: Path) -> None:
    run_id = uploaded(app, tmp_path, zipped(("events.jsonl", bytes(MOST_PACKED)), how=zipfile.ZIP_STORED))
    archive = app.client().archive(app.place)

    asked = app.requests(lambda: archive.kept(run_id, NAME, "events.jsonl", most=100))

    assert archive.kept(run_id, NAME, "events.jsonl", most=100) is None
    assert not [each for each in asked if each.path.endswith("/zip")]


class Storage(BaseHTTPRequestHandler):
    """An API that sends on to a storage with another name, and that storage."""

    seen: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["authorization"])
        self.send_response(302 if self.path.endswith("/zip") else 200)
        self.send_header("location", f"http://localhost:{self.connection.getsockname()[1]}/stored")
        self.end_headers()
        if not self.path.endswith("/zip"):
            self.wfile.write(b"x" * 1_000)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the library)
        """Say nothing."""


def test_the_storage_does_not_see_our_token() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Storage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = Connection(f"http://127.0.0.1:{server.server_address[1]}", Seen())

        fetched = connection.download("/a/zip", Secret("ghs_secret"), 1_000, installation_id=5)
        cut = connection.download("/a/zip", Secret("ghs_secret"), 999, installation_id=5)

        connection.close()
        server.shutdown()
    assert fetched == b"x" * 1_000
    assert isinstance(cut, Answer)
    assert cut.status == 413
    assert Storage.seen == ["Bearer ghs_secret", None] * 2


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zip at all",
        zipped(("events.jsonl", b"x" * 100))[:-30],
        zipped(("../events.jsonl", b"x"), ("/events.jsonl", b"x")),
        zipped(*((f"{number}", b"") for number in range(MOST_MEMBERS)), ("events.jsonl", b"x")),
        zipped(("events.jsonl", b"x"), how=zipfile.ZIP_LZMA),
        zipped(("events.jsonl", b"x" * 100)).replace(b"\x08\x00", b"\x63\x00"),
    ],
    ids=["empty", "text", "torn", "other names", "many", "slow to unpack", "unknown method"],
)
def test_what_is_no_archive_of_ours_is_as_if_it_were_not_there(packed: bytes) -> None:
    assert member_of(packed, "events.jsonl", 1_000) is None


def test_a_bomb_is_unpacked_only_so_far() -> None:
    bomb = zipped(("events.jsonl", bytes(50_000_000)))
    assert len(bomb) < 100_000

    found = member_of(bomb, "events.jsonl", 1_000)

    assert found == bytes(1_000)


def test_what_a_pull_request_changes(app: AppStage) -> None:
    world = app.stage.world
    with pytest.raises(GitHubError) as refused:
        app.client().archive(app.place).changed(999)
    assert refused.value.status == 404

    pull = world.pull("ai/issue-1")

    assert app.client().archive(app.place).changed(pull.number) == (("1.txt", 1, 0),)
