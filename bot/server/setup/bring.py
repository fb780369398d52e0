"""Brings workflow, config and labels to a repository as the person who asks: files by a pull request, never by force.

A story (see bot.github.exchange): it yields requests and is sent the answers. Told twice, the second time finds
everything there and makes nothing.
"""

import base64
import binascii
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from bot.core.names import LABEL_LOOKS
from bot.errors import GitHubError, UsageError
from bot.github.exchange import Answer, Request, Story, get

BRANCH: Final = "ai/setup"
"""Below `ai/`, as everything that comes from us; `-2`, `-3`, … where an old one was left behind."""
MOST_BRANCHES: Final = 20
TITLE: Final = "Set up ai-ready"
MESSAGE: Final = "Set up ai-ready\n\nMade by `ai-ready setup`."


@dataclass(frozen=True, slots=True)
class Differing:
    """A file that is there already, with other content."""

    path: str
    lines: tuple[str, ...]
    """The first lines that differ, as `-theirs` and `+ours`."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What there was to do, and what became of it."""

    added: tuple[str, ...] = ()
    """Files in the pull request."""
    unchanged: tuple[str, ...] = ()
    """Files that are on the default branch as they should be."""
    differing: tuple[Differing, ...] = ()
    """Files left as they are."""
    pull_url: str = ""
    """The pull request that brings them; empty: none was needed, or none could be made."""
    compare_url: str = ""
    """Where a person opens it, when GitHub refused to."""
    refusal: str = ""
    """GitHub's words when it refused."""
    labels: tuple[str, ...] = ()
    """Labels made."""
    secrets_url: str = ""


@dataclass(frozen=True, slots=True)
class _Home:
    repo: str
    url: str
    default: str
    oid: str
    """Head of the default branch."""


@dataclass(frozen=True, slots=True)
class Luggage:
    """What is to be brought: path → text."""

    files: Mapping[str, str]
    """Ours: they are to be exactly like this."""
    seeds: Mapping[str, str]
    """The repository's own from then on: brought only where there is none."""
    body: str
    """Of the pull request."""
    replace: bool = False
    """Also where one of `files` is there with other content."""


def bring(repo: str, luggage: Luggage) -> Story[Brought]:
    """Bring files and labels.

    Raises:
        UsageError: the repository is empty, archived, or not the person's to write.
        GitHubError: GitHub gave no usable answer.
    """
    home = yield from _home(repo)
    every = {**luggage.files, **luggage.seeds}
    found = yield from _texts(home, tuple(every), home.default)
    other = [path for path, text in luggage.files.items() if found[path] not in (None, text)]
    wanted = {path: text for path, text in every.items() if found[path] is None or (luggage.replace and path in other)}
    differing = tuple(
        Differing(path, _difference(found[path] or "", every[path])) for path in other if path not in wanted
    )
    pull = yield from _propose(home, wanted, luggage.body) if wanted else _nothing()
    labels = yield from _labels(repo)
    return Brought(
        added=tuple(wanted),
        unchanged=tuple(path for path in every if path not in wanted and path not in other),
        differing=differing,
        pull_url=pull.url,
        compare_url=pull.compare_url,
        refusal=pull.refusal,
        labels=labels,
        secrets_url=f"{home.url}/settings/secrets/actions",
    )


# --------------------------------------------------------------------------------------------- reading


def _home(repo: str) -> Story[_Home]:
    answer = yield get(f"/repos/{repo}")
    if answer.status in (401, 403, 404):
        raise UsageError(f"The token can't see {repo}: check its name, and `gh auth status` ({answer.message}).")
    if not answer.ok:
        raise answer.error(f"read {repo}")
    about = answer.body
    if about.get("archived"):
        raise UsageError(f"{repo} is archived: nothing can be written there.")
    if not (about.get("permissions") or {}).get("push", True):
        raise UsageError(f"You may not write to {repo}: ask somebody who may to run this.")
    default = str(about["default_branch"])
    oid = yield from _oid(repo, default)
    if not oid:
        raise UsageError(f"{repo} is empty: push a first commit to {default}.")
    return _Home(repo, str(about["html_url"]), default, oid)


def _oid(repo: str, branch: str) -> Story[str]:
    answer = yield get(f"/repos/{repo}/git/ref/heads/{quote(branch)}")
    if answer.status in (404, 409):  # 409: the repository is empty
        return ""
    if not answer.ok:
        raise answer.error(f"read the branch {branch}")
    return str(answer.body["object"]["sha"])


def _texts(home: _Home, paths: tuple[str, ...], ref: str) -> Story[dict[str, str | None]]:
    """Each file's text on a branch; None: it isn't there."""
    found: dict[str, str | None] = {}
    for path in paths:
        answer = yield get(f"/repos/{home.repo}/contents/{quote(path)}?ref={quote(ref, safe='')}")
        found[path] = None if answer.status == 404 else text_of(answer, path)
    return found


def text_of(answer: Answer, path: str) -> str:
    """A file's text out of GitHub's contents API. Raises `GitHubError`."""
    if not answer.ok or not isinstance(answer.body, dict) or answer.body.get("encoding") != "base64":
        raise answer.error(f"read {path}")
    try:
        return base64.b64decode(str(answer.body["content"])).decode("utf-8", "replace")
    except (binascii.Error, KeyError) as error:
        raise GitHubError(f"GitHub's answer about {path} can't be read.") from error


def _difference(theirs: str, ours: str, most: int = 8) -> tuple[str, ...]:
    lines = difflib.unified_diff(theirs.splitlines(), ours.splitlines(), n=0, lineterm="")
    return tuple([line for line in lines if not line.startswith(("---", "+++", "@@"))][:most])


# -------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True, slots=True)
class _Pull:
    url: str = ""
    compare_url: str = ""
    refusal: str = ""


def _nothing() -> Story[_Pull]:
    yield from ()
    return _Pull()


def _propose(home: _Home, files: Mapping[str, str], body: str) -> Story[_Pull]:
    """A pull request with `files`; the one that is open already, where it has all of them."""
    branch, head, open_url = yield from _branch(home)
    if open_url:
        there = yield from _texts(home, tuple(files), branch)
        if all(there[path] == text for path, text in files.items()):
            return _Pull(open_url)
    commit = yield from _commit(home, head or home.oid, files)
    yield from _point(home.repo, branch, commit, new=not head)
    return (yield from _open_pull(home, branch, body)) if not open_url else _Pull(open_url)


def _branch(home: _Home) -> Story[tuple[str, str, str]]:
    """The branch to write, its head (empty: it isn't there) and the address of its open pull request."""
    owner = home.repo.partition("/")[0]
    for suffix in range(1, MOST_BRANCHES):
        branch = BRANCH if suffix == 1 else f"{BRANCH}-{suffix}"
        head = yield from _oid(home.repo, branch)
        if not head:
            return branch, "", ""
        answer = yield get(f"/repos/{home.repo}/pulls?state=open&head={quote(f'{owner}:{branch}', safe='')}")
        if not answer.ok:
            raise answer.error("list pull requests")
        if answer.body:
            return branch, head, str(answer.body[0]["html_url"])
    raise UsageError(
        f"{home.repo} has {MOST_BRANCHES - 1} branches {BRANCH}… without an open pull request: delete them."
    )


def _commit(home: _Home, parent: str, files: Mapping[str, str]) -> Story[str]:
    at = f"/repos/{home.repo}/git"
    entries = [{"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()]
    answer = yield get(f"{at}/commits/{parent}")
    if not answer.ok:
        raise answer.error("read the newest commit")
    answer = yield Request(
        "POST", f"{at}/trees", {"base_tree": answer.body["tree"]["sha"], "tree": entries}, repeatable=True
    )
    if not answer.ok:
        raise _unwritten(answer)
    about = {"message": MESSAGE, "tree": answer.body["sha"], "parents": [parent]}
    answer = yield Request("POST", f"{at}/commits", about)
    if not answer.ok:
        raise _unwritten(answer)
    return str(answer.body["sha"])


def _point(repo: str, branch: str, commit: str, *, new: bool) -> Story[None]:
    if new:
        answer = yield Request("POST", f"/repos/{repo}/git/refs", {"ref": f"refs/heads/{branch}", "sha": commit})
    else:
        answer = yield Request("PATCH", f"/repos/{repo}/git/refs/heads/{branch}", {"sha": commit, "force": False})
    if not answer.ok:
        raise _unwritten(answer)


def _unwritten(answer: Answer) -> GitHubError:
    """A token without the scope `workflow` gets 404 for a tree or a ref with workflow files in it, or 403 in words."""
    if answer.status in (403, 404):
        return GitHubError(
            f"GitHub does not let this token write workflow files ({answer.message}): "
            "run `gh auth refresh --scopes workflow`, or use a token with `workflow` (fine-grained: Workflows, write).",
            status=answer.status,
        )
    return answer.error(f"write the branch {BRANCH}")


def _open_pull(home: _Home, branch: str, body: str) -> Story[_Pull]:
    about = {"title": TITLE, "head": branch, "base": home.default, "body": body}
    answer = yield Request("POST", f"/repos/{home.repo}/pulls", about, creates=1)
    if answer.ok:
        return _Pull(str(answer.body["html_url"]))
    compare = f"{home.url}/compare/{quote(home.default)}...{quote(branch)}?expand=1"
    return _Pull(compare_url=compare, refusal=answer.message)


# --------------------------------------------------------------------------------------------- labels


def label_names(repo: str) -> Story[frozenset[str]]:
    """The repository's labels, lower case. Raises `GitHubError`."""
    names: set[str] = set()
    for page in range(1, 101):
        answer = yield get(f"/repos/{repo}/labels?per_page=100&page={page}")
        if not answer.ok or not isinstance(answer.body, list):
            raise answer.error("list labels")
        names.update(str(label["name"]).lower() for label in answer.body)
        if len(answer.body) < 100:
            break
    return frozenset(names)


def _labels(repo: str) -> Story[tuple[str, ...]]:
    """Make the labels that aren't there; those that are keep their looks."""
    there = yield from label_names(repo)
    made = []
    for name, (color, description) in LABEL_LOOKS.items():
        if name.lower() in there:
            continue
        about = {"name": name, "color": color, "description": description}
        answer = yield Request("POST", f"/repos/{repo}/labels", about, creates=1)
        if answer.ok:
            made.append(str(name))
        elif answer.status != 422:  # 422: somebody made it meanwhile
            raise answer.error(f"make the label {name}")
    return tuple(made)
