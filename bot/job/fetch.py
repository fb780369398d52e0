"""Fetching named commits of the server's repository into a git folder of ours, shallowly and stubbornly."""

import time
from collections.abc import Sequence

from bot.core.names import Reason
from bot.errors import Blocked
from bot.job.git import Git, GitFailed, Remote

RETRY_AFTER = (0.5, 3.0)
"""Seconds to wait before a second and a third try when the server or the network failed for now."""

FETCH_SECONDS = 900
"""5 GB at 6 MB/s."""

QUIET_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc")
"""Takes what is named, and nothing that git would add out of kindness."""

FOR_NOW = (
    "Could not resolve host",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Operation timed out",
    "early EOF",
    "RPC failed",
    "unexpected disconnect",
    "remote end hung up",
    "The requested URL returned error: 5",
    "The requested URL returned error: 429",
)
"""What git says when the same request may well succeed later."""

NOT_THERE = (
    "not our ref",
    "couldn't find remote ref",
    "no such remote ref",
    "unadvertised object",
    "no matching remote",
)
"""What git says when the server does not have a commit, or does not hand it out by its id."""


def fetch_commits(git: Git, remote: Remote, oids: Sequence[str], *, branches: Sequence[str], depth: int) -> None:
    """Bring the commits `oids` here, with `depth` commits of history.

    A server that does not hand out commits by id is asked for `branches` instead. Raises `Blocked`: `base-changed`
    when a commit is no longer on the server, `setup-failed` when the repository can't be read at all.
    """
    wanted = [f"{oid}:refs/ai-ready/{oid}" for oid in dict.fromkeys(oids)]
    try:
        _fetch(git, remote, wanted, depth=depth)
    except GitFailed as error:
        if not any(words in error.stderr for words in NOT_THERE):
            raise unreadable(error) from error
        _fetch_branches(git, remote, branches)
    missing = [oid for oid in dict.fromkeys(oids) if git.attempt("cat-file", "-e", f"{oid}^{{commit}}").exit_code != 0]
    if missing:
        raise Blocked(
            Reason.BASE_CHANGED, f"Commit {missing[0][:12]}, from which the run starts, is gone from the server."
        )


def remote_branches(git: Git, remote: Remote, names: Sequence[str]) -> dict[str, str]:
    """Where these branches are on the server now; those that are not there are left out."""
    refs = [f"refs/heads/{name}" for name in names]
    try:
        out = stubborn(git, remote, "ls-remote", "--refs", remote.url, *refs).decode("utf-8", "replace")
    except GitFailed as error:
        raise unreadable(error) from error
    found = dict(line.split("\t", 1)[::-1] for line in out.splitlines() if "\t" in line)
    return {name: found[ref] for name, ref in zip(names, refs, strict=True) if ref in found}


def unreadable(error: GitFailed) -> Blocked:
    """The repository can't be read: what git said, as the end of a run."""
    if error.disk_full:
        return disk_full()
    return Blocked(Reason.SETUP_FAILED, "The repository could not be fetched from the server.", details=error.stderr)


def disk_full() -> Blocked:
    """This machine has no room left."""
    return Blocked(Reason.SETUP_FAILED, "The runner's disk is full.")


def for_now(stderr: str) -> bool:
    """Whether the same request may well succeed later."""
    return any(words in stderr for words in FOR_NOW)


def _fetch_branches(git: Git, remote: Remote, branches: Sequence[str]) -> None:
    for branch in dict.fromkeys(branches):
        try:
            _fetch(git, remote, [f"refs/heads/{branch}:refs/ai-ready/heads/{branch}"], depth=0)
        except GitFailed as error:
            if not any(words in error.stderr for words in NOT_THERE):
                raise unreadable(error) from error


def _fetch(git: Git, remote: Remote, wanted: Sequence[str], *, depth: int) -> None:
    shallow = (f"--depth={depth}",) if depth else ()
    stubborn(git, remote, *QUIET_FETCH, *shallow, remote.url, *wanted)


def stubborn(git: Git, remote: Remote, *words: str) -> bytes:
    """Run a command that talks to `remote`; again when that failed for now. Raises `GitFailed`."""
    for wait in RETRY_AFTER:
        try:
            return git(*words, remote=remote, seconds=FETCH_SECONDS)
        except GitFailed as error:
            if not for_now(error.stderr):
                raise
        time.sleep(wait)
    return git(*words, remote=remote, seconds=FETCH_SECONDS)
