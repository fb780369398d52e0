"""Protected paths in every spelling, symlinks resolved against a whole tree, and what deserves a look."""

import os

import pytest

from bot.core.paths import BUILT_IN, Guard, is_git_folder, link_problem, listed, notes_on, printable, resolve

PROTECTED = [
    ".github/workflows/ci.yml",
    ".github/workflows/é.yml",
    ".github/workflows/e\u0301.yml",
    ".GitHub/x",
    ".github",
    ".\uff47\uff49\uff54\uff48\uff55\uff42/x",
    ".git\u200chub/x",
    ".github./x",
    ".github /x",
    ".github::$INDEX_ALLOCATION/x",
    ".github\\workflows\\x.yml",
    "GITHUB~1/workflows/x.yml",
    ".gitmodules",
    ".gitattributes",
    "deep/down/.gitattributes",
    "GITMOD~1",
    ".gitlab-ci.yml",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    "CODEOW~1",
    ".claude/settings.json",
    ".claude",
    "packages/a/.claude/settings.json",
    ".mcp.json",
    "MCP~1.JSO",
    "CLAUDE.md",
    "claude.MD",
    "sub/CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    ".husky/pre-commit",
    ".devcontainer/devcontainer.json",
    ".envrc",
    ".ripgreprc",
    ".ai-ready/hooks/pre_task",
    ".AI-Ready/Hooks",
    ".ai-ready/roles/qa.md",
    ".ai-agents/config.yml",
]
ORDINARY = [
    *("src/main.py", "github/x.py", "gitx", "package.json", "CLAUDE.md.txt", "docs/agents.html", "a~1.txt", "envrc"),
    ".ai-ready/tasks/hooks.md",
    ".ai-agents/state/tasks/1.md",
    "sub/.ai-ready/hooks/pre_task",
    *("docs/github/workflows.md", "my.mcp.json", "é.txt", "CODEOWNERS2", "claude/settings.json", "x~", "~1"),
    "HUSKYX~1/pre-commit",
]


@pytest.mark.parametrize("path", PROTECTED)
def test_protected_in_any_spelling(path: str) -> None:
    """What some file system takes for a protected path is one."""
    assert Guard().protects(path)


@pytest.mark.parametrize("path", ORDINARY)
def test_ordinary_paths_are_free(path: str) -> None:
    """Names that only look alike are not protected."""
    assert Guard().protects(path) == ""


def test_every_built_in_pattern_protects_something() -> None:
    """The list holds no dead pattern."""
    assert {Guard().protects(path) for path in PROTECTED} == set(BUILT_IN)
    assert Guard().protects(".github/workflows/ci.yml") == ".github/**"


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("*.sql", "a/b/x.SQL", "x.sql.py"),
        ("migrations/**", "migrations/1/a.py", "app/migrations/a.py"),
        ("migrations", "app/migrations/a.py", "migrations2"),
        ("/top.txt", "top.txt", "a/top.txt"),
        ("a/**/z", "a/b/c/z", "b/z"),
        ("a/**/z", "a/z", "az"),
        ("a/*.py", "a/b.py", "a/b/c.py"),
        ("?.txt", "a.txt", "ab.txt"),
        ("build/", "x/build/y", "rebuild"),
        ("**", "anything/at/all", ""),
    ],
)
def test_patterns_are_gitignore_s(pattern: str, inside: str, outside: str) -> None:
    """Slashes anchor, stars stay within a name, two of them cross folders, a folder covers what is in it."""
    guard = Guard(protect=(pattern,), allow=BUILT_IN)

    assert guard.protects(inside) == pattern
    assert not outside or guard.protects(outside) == ""


def test_allow_takes_from_the_built_in_list_only() -> None:
    """What the config itself protects stays so."""
    guard = Guard(protect=(".gitignore",), allow=(".gitignore", ".gitattributes"))

    assert guard.protects(".gitattributes") == ""
    assert guard.protects(".gitignore") == ".gitignore"
    assert guard.protects(".gitmodules") == ".git*"


def test_matching_stays_cheap() -> None:
    """A path made to make patterns backtrack takes no time to speak of (the test's own time limit holds it)."""
    guard = Guard(protect=("*a*a*a*a*b", "**/x/**/y/**/z"))

    assert guard.protects("a" * 4000) == ""
    assert guard.protects("x/y/" * 1000) == ""


@pytest.mark.parametrize("path", [".git/config", "a/.GIT/x", "git~1/x", "a/../b", "./a", "a//b", ".git \u200d/x"])
def test_git_s_own_folder_in_any_spelling(path: str) -> None:
    """These may never be in a tree."""
    assert is_git_folder(path)


def test_what_hfs_ignores_is_ignored_and_nothing_beside_it() -> None:
    """Git's own list (next_hfs_char in utf8.c), to both its ends."""
    ignored = [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
    beside = (0x200B, 0x2010, 0x2029, 0x202F, 0x2069, 0x2070, 0xFEFE, 0xFF00)

    assert all(is_git_folder(f".g{chr(point)}it/config") for point in ignored)
    assert not any(is_git_folder(f".g{chr(point)}it/config") for point in beside)


LINKS = {
    "up": "..",
    "a/up": "..",
    "a/twice": "../../x",
    "abs": "/etc/passwd",
    "loop": "loop",
    "one": "two",
    "two": "one",
    "in": "a/b",
    "a/gh": "../.github",
    "hop": "a/up",
    "over": "hop/../x",
    "win": "C:\\Windows",
    "share": "\\\\host\\share",
    "dot": ".",
    "long": "a/./b/../c",
    "slashes": "a//c/",
}


@pytest.mark.parametrize(
    ("path", "end"),
    [
        *[(name, None) for name in ("up", "a/twice", "abs", "loop", "one", "over")],
        *[("a/up", ""), ("in", "a/b"), ("a/gh", ".github"), ("hop", ""), ("dot", ""), ("long", "a/c")],
        *[("in/c", "a/b/c"), ("slashes", "a/c")],
    ],
)
def test_where_a_link_leads(path: str, end: str | None) -> None:
    """Links are followed name by name through the whole tree; out of it or round in circles is nowhere."""
    assert resolve(path, LINKS) == end


def test_links_are_followed_as_often_as_linux_does() -> None:
    """Forty of them (path_resolution(7)), not one more."""
    chain = {f"l{n}": f"l{n + 1}" for n in range(41)}

    assert resolve("l1", chain) == "l41"
    assert resolve("l0", chain) is None


@pytest.mark.parametrize("path", ["up", "a/twice", "abs", "loop", "over", "win", "share", "a/gh"])
def test_links_that_may_not_be(path: str) -> None:
    """Out of the tree, absolute on any system, or into what is protected."""
    leaves = f"{path}: a symbolic link that leaves the repository"

    assert link_problem(path, LINKS, Guard()) == (
        f"{path}: a symbolic link to the protected .github" if path == "a/gh" else leaves
    )


@pytest.mark.parametrize("path", ["in", "hop", "dot", "long", "a/up"])
def test_links_that_may_be(path: str) -> None:
    """Within the tree they are ordinary."""
    assert link_problem(path, LINKS, Guard()) == ""


def test_what_deserves_a_look_is_named_by_kind() -> None:
    """Manifests, lock files, tests and build configuration are allowed, and said."""
    notes = notes_on(["package.json", "uv.lock", "web/package-lock.json", "tests/test_a.py", "Makefile", "src/a.py"])

    assert notes == (
        "Changes dependency manifests: package.json",
        "Changes lock files: uv.lock, web/package-lock.json",
        "Changes tests: tests/test_a.py",
        "Changes build or CI configuration: Makefile",
    )


def test_a_long_list_is_cut_with_a_count() -> None:
    """Ten names, then how many more."""
    assert listed([f"f{n}" for n in range(12)]).endswith("f9 and 2 more")
    assert listed([f"f{n}" for n in range(10)]).endswith("f8, f9")
    assert len(printable("x" * 400)) == 300


def test_odd_names_print_on_one_line() -> None:
    """Newlines, escapes and bytes that are no UTF-8 show as what they are."""
    assert printable(os.fsdecode(b"a\nb\x1b[0m\xe9")) == "a\\nb\\x1b[0m\\xe9"
