"""What we ship for a repository: the caller workflow of each mode, pinned to a release, and a commented config."""

import json
import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Final

from bot.errors import InternalError, UsageError
from bot.versions import DISTRIBUTION


class Mode(StrEnum):
    """Who decides."""

    ACTION = "action"
    """The workflow's own gate; no server."""
    SERVER = "server"


def mode_of(text: str) -> Mode:
    """The mode of that name. Raises `UsageError`."""
    try:
        return Mode(text)
    except ValueError:
        raise UsageError(f"--mode takes {' or '.join(Mode)}, not {text!r}.") from None


_FILES: Final = {Mode.ACTION: "action-only.yml", Mode.SERVER: "server-mode.yml"}
_PLACEHOLDER: Final = re.compile(r"OWNER/ai-ready(/\.github/workflows/ai-ready\.yml)@0{40}( # v[\w.+-]+)?")
_HOSTED: Final = re.compile(r"https://(github\.com|[\w-]+\.ghe\.com)/?")
"""GitHub's own servers."""
_QUEUE: Final = re.compile(r"^ *queue: max\b.*\n", re.MULTILINE)
_RELEASE: Final = re.compile(r"([A-Za-z0-9][\w.-]{0,99}/[\w.-]{1,100})@([0-9a-f]{40})")
_REMOTE: Final = re.compile(
    r"(?:https?|ssh)://(?:[^/@]+@)?[^/]+/([^/]+/[^/]+?)(?:\.git)?/?|[^/@]+@[^:/]+:([^/]+/[^/]+?)(?:\.git)?"
)
GIT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Release:
    """Which ai-ready a workflow uses."""

    repository: str
    """`owner/name` on the same GitHub."""
    commit: str
    """40 hexadecimal digits."""
    version: str
    """Shown beside it."""

    def __str__(self) -> str:
        return f"{self.repository}@{self.commit}"


def example(mode: Mode) -> str:
    """The workflow to copy, as shipped: with placeholders for the release."""
    # Beside the package in a checkout, inside it where it was installed from a wheel.
    for folder in (Path(__file__).parents[3] / "examples", Path(__file__).parents[2] / "examples"):
        if (file := folder / _FILES[mode]).is_file():
            return file.read_text(encoding="utf-8")
    raise InternalError(f"examples/{_FILES[mode]} is not part of this installation of ai-ready.")


def caller(mode: Mode, release: Release, server_url: str = "https://github.com") -> str:
    """The caller workflow, pinned to a release. Its head, which says how to copy it by hand, becomes one line.

    A GitHub Enterprise Server refuses a workflow with a key that it does not know, as `queue` of a concurrency group:
    https://github.blog/changelog/2026-05-07-github-actions-concurrency-groups-now-allow-larger-queues
    """
    text = _PLACEHOLDER.sub(
        lambda found: f"{release.repository}{found[1]}@{release.commit} # v{release.version}", example(mode)
    )
    if not _HOSTED.fullmatch(server_url):
        text = _QUEUE.sub("", text)
    _, _, rest = text.partition("\nname: ")
    return f"# ai-ready, made by `ai-ready setup --mode {mode}`; `ai-ready doctor` compares it with the shipped one.\nname: {rest}"


# ------------------------------------------------------------------------------------------- release


def release_of(given: str) -> Release:
    """The release to pin: `given` as `owner/name@commit`, else where this ai-ready itself came from.

    Raises:
        UsageError: neither is known.
    """
    version = _version()
    if given:
        found = _RELEASE.fullmatch(given)
        if found is None:
            raise UsageError("--release has to be owner/name@commit, with all 40 digits of the commit.")
        return Release(found[1], found[2], version)
    repository, commit = _installed_from() or _checked_out() or ("", "")
    if not repository or not commit:
        raise UsageError(
            "It is not known from which commit this ai-ready was installed: say it by --release owner/ai-ready@COMMIT."
        )
    return Release(repository, commit, version)


def _version() -> str:
    try:
        return Distribution.from_name(DISTRIBUTION).version
    except PackageNotFoundError:
        return "0"


def _installed_from() -> tuple[str, str] | None:
    """What the installer noted: https://packaging.python.org/en/latest/specifications/direct-url/."""
    try:
        noted = json.loads(Distribution.from_name(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    commit = noted.get("vcs_info", {}).get("commit_id", "")
    return (repository, commit) if (repository := _named(str(noted.get("url", "")))) and commit else None


def _checked_out() -> tuple[str, str] | None:
    """This checkout's origin and commit; None where it isn't one."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return None
    return _named(_git(root, "remote", "get-url", "origin")), _git(root, "rev-parse", "HEAD")


def _named(url: str) -> str:
    found = _REMOTE.fullmatch(url)
    return (found[1] or found[2]) if found else ""


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *words), capture_output=True, text=True, check=False, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# -------------------------------------------------------------------------------------------- config


def config_text(example_config: str) -> str:
    """`.github/ai-ready.yml` out of the file with every key at its default: all of it commented out, so it changes nothing."""
    head = (
        "# Settings of the ai-ready bot. Every key is optional; uncomment what is to differ from its default.\n"
        "# Only the file on the default branch counts. A key that does not exist stops new runs, and is named.\n#\n"
    )
    return head + "".join(f"# {line}\n" for line in example_config.splitlines())
