"""Which paths no run may change, and what in a change deserves a look. Pure; paths are text, not files.

Paths are relative, `/`-separated, and may hold surrogate escapes (git's file names are bytes). A protected path is
one that *some* file system takes for a protected one: any case, any Unicode form, with code points that HFS+
ignores, with the dots and streams that NTFS ignores, or as an 8.3 short name. Over-matching is meant: the
config's `allow` opens what is needed.

Patterns are gitignore's: `*` and `?` stay within a name, `**` crosses folders, a pattern without a slash matches
at any depth, any other one from the root; a match on a folder covers everything beneath it, and the folder itself
as a file or symlink.
"""

import fnmatch
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

BUILT_IN = (
    ".github/**",
    ".git*",
    "CODEOWNERS",
    "**/.claude/**",
    ".mcp.json",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "**/.husky/**",
    "**/.devcontainer/**",
    ".envrc",
    ".ripgreprc",
    ".ai-ready/hooks/**",
    ".ai-ready/roles/**",
    ".ai-agents/config.yml",
)
"""What steers CI, reviews, agents and shells: whoever changes it runs code elsewhere, or lifts these very rules."""

# https://github.com/git/git/blob/v2.39.5/utf8.c#L668 (next_hfs_char): what HFS+ leaves out when it compares names.
HFS_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])

SHORT_NAME = re.compile(r"([^.~]{1,6})~[0-9]+(?:\.[^.]{0,3})?")
"""NTFS' 8.3 alias: up to six characters of the name without its dots, `~`, a number."""

MOST_LINK_HOPS = 40
"""Linux' own limit (path_resolution(7)); more is a loop."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which paths are protected in this repository."""

    protect: tuple[str, ...] = ()
    """The config's additions: nothing takes from them."""
    allow: tuple[str, ...] = ()
    """The config's exceptions from the built-in list."""

    def protects(self, path: str) -> str:
        """The pattern by which `path` is protected; empty: it is not."""
        spelling = normal(path)
        for pattern in self.protect:
            if _matches(pattern, spelling):
                return pattern
        if any(_matches(pattern, spelling) for pattern in self.allow):
            return ""
        for pattern in BUILT_IN:
            if _matches(pattern, spelling):
                return pattern
        return _short_name_of_built_in(spelling)


def normal(path: str) -> str:
    """`path` as the most forgiving file system would compare it."""
    names = path.replace("\\", "/").split("/")
    return "/".join(_normal_name(name) for name in names)


def _normal_name(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name.translate(HFS_IGNORED)).casefold()
    plain = unicodedata.normalize("NFKC", plain)
    # NTFS drops what follows a colon (`.git::$INDEX_ALLOCATION`), then dots and spaces at the end.
    return plain.partition(":")[0].rstrip(" .") or plain


def is_git_folder(path: str) -> bool:
    """Whether some name in `path` is `.git` to some file system, or steps out of its folder: never in a tree of ours."""
    return any(name in {"", ".", "..", ".git"} or _is_short_git(name) for name in normal(path).split("/"))


def _is_short_git(name: str) -> bool:
    return re.fullmatch(r"git~[0-9]+", name) is not None


def _short_name_of_built_in(spelling: str) -> str:
    for name in spelling.split("/"):
        short = SHORT_NAME.fullmatch(name)
        for pattern in BUILT_IN if short else ():
            stem = _short_stem(pattern)
            open_ended = pattern.endswith("*") and not pattern.endswith("**")
            if short and (short[1] == stem or (open_ended and short[1].startswith(stem))):
                return pattern
    return ""


def _short_stem(pattern: str) -> str:
    """What NTFS' short name of a built-in pattern's file begins with: `**/.claude/**` → `claude`, `.mcp.json` → `mcp`."""
    name = pattern.removesuffix("/**").rpartition("/")[2].rstrip("*")
    without_extension = name.rpartition(".")[0].strip(".") or name
    return normal(without_extension).replace(".", "")[:6]


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> tuple[re.Pattern[str] | None, ...]:
    """One expression for each name of a pattern; None stands for `**`, any number of names."""
    spelled = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", pattern.strip()).casefold())
    spelled = spelled.removeprefix("./")
    anywhere = "/" not in spelled.rstrip("/")
    words = [word for word in spelled.split("/") if word]
    # fnmatch's expressions do not backtrack from one star into another, so they stay linear.
    names = [None if word == "**" else re.compile(fnmatch.translate(word)) for word in words]
    return (None, *names) if anywhere else tuple(names)


def _matches(pattern: str, spelling: str) -> bool:
    """Whether `pattern` matches the path or a folder above it: all its places in the pattern at once, name by name."""
    words = _compiled(pattern)
    at = _past_stars({0}, words)
    for name in spelling.split("/") if words else ():
        if len(words) in at:
            return True
        stepped = {place + 1 for place in at if (word := words[place]) and word.fullmatch(name)}
        at = _past_stars(stepped | _stay(at, words), words)
    return bool(words) and len(words) in at


def _stay(at: set[int], words: Sequence[re.Pattern[str] | None]) -> set[int]:
    """Places where `**` may take one name more."""
    return {place for place in at if words[place] is None}


def _past_stars(at: set[int], words: Sequence[re.Pattern[str] | None]) -> set[int]:
    """`at`, and what is reached from there when `**` stands for nothing."""
    reached = set(at)
    for place in range(len(words)):
        if place in reached and words[place] is None:
            reached.add(place + 1)
    return reached


# ---------------------------------------------------------------------------------------------- symlinks


def resolve(path: str, links: Mapping[str, str]) -> str | None:
    """Where `path` leads in a tree whose symlinks are `links`; None: out of the tree, or nowhere (a loop).

    The empty text is the tree's root. Every name is looked at in turn, because `b/..` of a symlink `b` is not here.
    """
    todo, done, hops = path.split("/")[::-1], list[str](), 0
    while todo:
        name = todo.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            if not done:
                return None
            done.pop()
            continue
        target = links.get("/".join((*done, name)))
        if target is None:
            done.append(name)
            continue
        hops += 1
        if hops > MOST_LINK_HOPS or target.startswith("/"):
            return None
        todo.extend(target.split("/")[::-1])
    return "/".join(done)


def link_problem(path: str, links: Mapping[str, str], guard: Guard) -> str:
    """Why the symlink at `path` may not be there; empty: it may."""
    end = resolve(path, links)
    if end is None or _is_absolute_on_windows(links.get(path, "")):
        return f"{path}: a symbolic link that leaves the repository"
    if end and (is_git_folder(end) or guard.protects(end)):
        return f"{path}: a symbolic link to the protected {end}"
    return ""


def _is_absolute_on_windows(target: str) -> bool:
    return re.match(r"\\|[A-Za-z]:", target) is not None


# ---------------------------------------------------------------------------------- what deserves a look

MANIFESTS = re.compile(
    r"(^|/)(pyproject\.toml|setup\.(py|cfg)|requirements[^/]*\.(txt|in)|pipfile|package\.json|cargo\.toml|go\.mod|gemfile|"
    r"pom\.xml|build\.gradle(\.kts)?|composer\.json|environment\.ya?ml|[^/]+\.csproj|mix\.exs|deno\.jsonc?)$"
)
LOCK_FILES = re.compile(
    r"(^|/)([^/]+\.lock|[^/]+-lock\.(json|ya?ml)|package-lock\.json|npm-shrinkwrap\.json|go\.sum|bun\.lockb|"
    r"gradle\.lockfile|packages\.lock\.json)$"
)
TESTS = re.compile(
    r"(^|/)(tests?|__tests__|spec|specs|testdata)/|(^|/)(test_[^/]+|conftest\.py)$|[._-](test|spec)s?\.[^/.]+$"
)
BUILD = re.compile(
    r"(^|/)(makefile|gnumakefile|dockerfile[^/]*|containerfile|docker-compose[^/]*|compose\.ya?ml|jenkinsfile|justfile|"
    r"taskfile\.ya?ml|noxfile\.py|tox\.ini|pytest\.ini|build\.rs|cmakelists\.txt|meson\.build|\.pre-commit-config\.yaml|"
    r"(jest|vitest|vite|webpack|rollup|babel|eslint|playwright|next)\.config\.[a-z]+|tsconfig[^/]*\.json|\.npmrc|\.yarnrc[^/]*|"
    r"bazel[^/]*|workspace|build\.bazel|\.circleci/.*|azure-pipelines[^/]*|\.travis\.yml)$"
)

KINDS = (
    ("dependency manifests", MANIFESTS),
    ("lock files", LOCK_FILES),
    ("tests", TESTS),
    ("build or CI configuration", BUILD),
)

MOST_NAMED = 10
"""Paths named in one note."""


def notes_on(paths: Sequence[str]) -> tuple[str, ...]:
    """One note for each kind of changed file that a reviewer should look at first."""
    notes = []
    for kind, pattern in KINDS:
        found = [path for path in paths if pattern.search(path.lower())]
        if found:
            notes.append(f"Changes {kind}: {listed(found)}")
    return tuple(notes)


def listed(paths: Sequence[str], most: int = MOST_NAMED) -> str:
    """`paths` in one line that is safe to print: odd characters escaped, the list cut with a count."""
    shown = ", ".join(printable(path) for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most} more"


def printable(path: str) -> str:
    """`path` without anything that could break a line or a terminal; bytes that are no UTF-8 in hex."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)[:300]
