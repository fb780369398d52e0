"""What a run left on GitHub: files of its artifacts, and the files of its pull request. Asked when somebody looks.

An artifact was written by a job in which an agent was at work, so nothing in it is believed: it is read in memory, one
file by its name, and neither the archive nor that file beyond a fixed size.
"""

import io
import zipfile
import zlib
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from bot.github.app_wire import AppWire
from bot.github.courier import Courier
from bot.github.exchange import Answer, Story, get

MOST_PACKED: Final = 8_000_000
"""Bytes of an artifact that are fetched."""
MOST_MEMBERS: Final = 64
"""Files of an artifact; ours has two."""
MOST_FILES: Final = 300
"""Of a pull request."""
_ENTRY: Final = b"PK\x01\x02"
"""How each entry of a zip's directory begins."""
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, ValueError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for archives that are damaged, encrypted, or not what they say."""


class PullFile(NamedTuple):
    """A file of a pull request."""

    path: str
    added: int | None
    """None: no lines are counted, as of a picture."""
    removed: int | None


class Archive:
    """Of one repository. For one thread at a time."""

    def __init__(self, repo: str, wire: AppWire, courier: Courier) -> None:
        self._repo, self._wire, self._courier = repo, wire, courier

    def kept(self, run_id: int, name: str, member: str, *, most: int) -> bytes | None:
        """That file of the artifact of a workflow run, at most its first `most` bytes. None: it is not there (yet, or any
        more), or not what we wrote. Raises `GitHubError` when GitHub does not say.
        """
        found = self._courier.tell(_artifact(self._repo, run_id, name))
        if found is None:
            return None
        path = f"/repos/{self._repo}/actions/artifacts/{found}/zip"
        answer = self._wire.download(path, MOST_PACKED)
        if not isinstance(answer, Answer):
            return member_of(answer, member, most)
        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return None
        raise answer.error("hand out the log of the run")

    def changed(self, pull: int) -> tuple[PullFile, ...]:
        """What a pull request changes, at most `MOST_FILES` files. Raises `GitHubError`."""
        return self._courier.tell(_changed(self._repo, pull))


def member_of(packed: bytes, name: str, most: int) -> bytes | None:
    """The first `most` bytes of a file in a zip; None: there is no such zip, or no such file in it.

    What a directory says of sizes is not believed, and one with many entries is not read at all.
    """
    if packed.count(_ENTRY) > MOST_MEMBERS:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entry = archive.getinfo(name)
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return None
            with archive.open(entry) as file:
                return file.read(most)
    except _DAMAGED:
        return None


def _artifact(repo: str, run_id: int, name: str) -> Story[int | None]:
    """The id of the newest artifact of that name that GitHub still has and that is small enough."""
    answer = yield get(f"/repos/{repo}/actions/runs/{run_id}/artifacts?name={quote(name, safe='')}&per_page=100")
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None
    listed = answer.body.get("artifacts") if answer.ok and isinstance(answer.body, dict) else None
    if not isinstance(listed, list):
        raise answer.error("list what the run left")
    good = [each for each in listed if each["name"] == name and not each.get("expired")]
    return max((int(each["id"]) for each in good if each["size_in_bytes"] <= MOST_PACKED), default=None)


def _changed(repo: str, pull: int) -> Story[tuple[PullFile, ...]]:
    found: list[PullFile] = []
    for page in range(1, MOST_FILES // 100 + 1):
        answer = yield get(f"/repos/{repo}/pulls/{pull}/files?per_page=100&page={page}")
        if not answer.ok or not isinstance(answer.body, list):
            raise answer.error(f"list the files of pull request #{pull}")
        found += map(_file, answer.body)
        if len(answer.body) < 100:
            break
    return tuple(found)


def _file(said: Any) -> PullFile:
    """GitHub counts no lines of what is not text, and of what was only renamed."""
    if not said["changes"] and said["status"] != "renamed":
        return PullFile(str(said["filename"]), None, None)
    return PullFile(str(said["filename"]), int(said["additions"]), int(said["deletions"]))
