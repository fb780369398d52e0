"""A run's commit in one file: made where hostile code ran, opened where the token is.

A bundle (gitformat-bundle(5)) is a short text header and a pack. The header is read here, line by line, instead of
asking git to fetch from it: a bundle may name any refs, history and objects, and of one that comes from `work`
exactly one commit, on parents that are known, is of interest. `git fetch` from a bundle does not check its objects before
git 2.46 either; `index-pack --strict` does, and takes a limit.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bot.core.names import Reason
from bot.core.run import Admission
from bot.errors import Blocked
from bot.job.git import Git, GitFailed
from bot.job.handover import MAX_BUNDLE_BYTES

SIGNATURE = b"# v2 git bundle\n"
MAX_HEADER_LINES = 8
MAX_LINE = 1024
MAX_OBJECTS = 100_000
"""Objects a change of the most files that can be configured may need, with every folder above them."""

UNPACK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a bundle held."""

    commit: str
    """As the bundle has it: only its tree is used."""
    tree: str
    merged: bool = False
    """It has the base as its second parent."""


def make_bundle(git: Git, admission: Admission, commit: str, path: Path) -> None:
    """Write `commit`, on top of the admission's start, as the one ref of a bundle at `path`, whole or not at all."""
    ref = f"refs/heads/{admission.branch}"
    git("update-ref", ref, commit)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        git("bundle", "create", "--quiet", "--version=2", str(part), ref, *_below(admission), seconds=300)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def builds_on_base(bundle: Path, admission: Admission) -> bool:
    """Whether the commit in `bundle` merges the base, which must be in the folder then where it is opened.

    Raises `Blocked(internal-error)` as `open_bundle` does.
    """
    with bundle.open("rb", buffering=0) as file:
        return _header(file, admission).merged


def open_bundle(git: Git, bundle: Path, admission: Admission) -> Unpacked:
    """Take the one commit out of `bundle` into `git`'s folder, where what it builds on already is.

    Raises `Blocked(internal-error)` for a bundle that is anything but one commit of the admission's branch on top of
    its start, with or without the base as a second parent: ours are. Raises `GitFailed` when this machine's disk is full.
    """
    with bundle.open("rb", buffering=0) as file:
        named = _header(file, admission)
        _count(file)
        words = ("index-pack", "--stdin", "--fix-thin", "--strict", f"--max-input-size={MAX_BUNDLE_BYTES}")
        try:
            git(*words, data=file, seconds=UNPACK_SECONDS)
        except GitFailed as error:
            if error.disk_full:
                raise
            raise _bad("its objects are not sound", error.stderr) from error
    parents = (admission.head_oid, admission.base_oid) if named.merged else (admission.head_oid,)
    return Unpacked(named.commit, _tree_of(git, named.commit, parents), named.merged)


@dataclass(frozen=True, slots=True)
class _Named:
    commit: str
    merged: bool


def _below(admission: Admission) -> tuple[str, ...]:
    return tuple(f"^{oid}" for oid in dict.fromkeys((admission.head_oid, admission.base_oid)))


def _header(file: IO[bytes], admission: Admission) -> _Named:
    """What the header names; leaves `file` where the pack begins."""
    if _line(file) != SIGNATURE:
        raise _bad("it is no bundle")
    lines = []
    while (line := _line(file)) != b"\n":
        lines.append(line)
        if len(lines) > MAX_HEADER_LINES:
            raise _bad("it names more than one ref")
    needed = sorted(
        line[1:].partition(b" ")[0].strip().decode("ascii", "replace") for line in lines if line.startswith(b"-")
    )
    merged = needed == sorted((admission.head_oid, admission.base_oid))
    if needed != [admission.head_oid] and not merged:
        raise _bad("it does not build on the commit the run started from")
    refs = [line for line in lines if not line.startswith(b"-")]
    found = re.fullmatch(rb"([0-9a-f]{40}) (\S+)\n", refs[0]) if len(refs) == 1 else None
    if not found or found[2] != f"refs/heads/{admission.branch}".encode():
        raise _bad("it names other refs than the run's branch")
    return _Named(found[1].decode(), merged)


def _line(file: IO[bytes]) -> bytes:
    """One line, byte by byte: nothing behind it may be read, the rest belongs to index-pack."""
    line = b""
    while not line.endswith(b"\n"):
        char = file.read(1)
        if not char or len(line) >= MAX_LINE:
            raise _bad("its header is not sound")
        line += char
    return line


def _count(file: IO[bytes]) -> None:
    """Refuse a pack of a million objects before git looks at each (gitformat-pack(5))."""
    at = file.tell()
    head = file.read(12)
    if len(head) != 12 or head[:4] != b"PACK":
        raise _bad("it holds no pack")
    if int.from_bytes(head[8:12], "big") > MAX_OBJECTS:
        raise Blocked(Reason.TOO_LARGE, f"The change holds more than {MAX_OBJECTS:,} objects.")
    file.seek(at)


def _tree_of(git: Git, commit: str, parents: tuple[str, ...]) -> str:
    """The commit's tree, once it is certain that these are the commit's parents."""
    ran = git.attempt("cat-file", "commit", commit, most=1 << 20)
    head = ran.out.split(b"\n\n", 1)[0].split(b"\n")
    found = [line.removeprefix(b"parent ").decode("ascii", "replace") for line in head if line.startswith(b"parent ")]
    if ran.exit_code != 0 or found != list(parents) or not head[0].startswith(b"tree "):
        raise _bad("its commit does not sit right on the one the run started from")
    return head[0].removeprefix(b"tree ").decode("ascii")


def _bad(why: str, details: str = "") -> Blocked:
    return Blocked(
        Reason.INTERNAL_ERROR, f"The bundle that the work job handed over can't be used: {why}.", details=details
    )
