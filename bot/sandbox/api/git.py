"""REST: branches, commits, refs, trees and blobs (`/git/…`), and files (`contents`)."""

import base64
import binascii
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, done, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.pulls import changed_files
from bot.sandbox.records import Json, Repo
from bot.sandbox.repos import git
from bot.sandbox.shapes import repos as shapes

router = APIRouter(prefix="/repos/{owner}/{repo}")


def _resolved(ask: Ask, repo: Repo, revision: str) -> str:
    oid = ask.hub.repos.resolve(repo, revision)
    if not oid:
        raise Refused(422, f"No commit found for SHA: {revision}")
    return oid


def _not_empty(ask: Ask, repo: Repo) -> None:
    if not ask.hub.repos.refs(repo, "refs/heads/"):
        raise Refused(409, "Git Repository is empty.")


# ---------------------------------------------------------------------------------- branches, commits


@router.get("/branches")
def list_branches(ask: Asked) -> Response:
    """By name."""
    repo = ask.require("contents", "read")
    refs = sorted(ask.hub.repos.refs(repo, "refs/heads/").items())

    def shape(pair: tuple[str, str]) -> Json:
        name, oid = pair[0].removeprefix("refs/heads/"), pair[1]
        api = shapes.repo_url(ask.hub, repo)
        return {"name": name, "commit": {"sha": oid, "url": f"{api}/commits/{oid}"}, "protected": False}

    return paged(ask, refs, shape)


@router.get("/branches/{branch:path}")
def get_branch(ask: Asked, branch: str) -> Response:
    """404 "Branch not found"."""
    repo = ask.require("contents", "read")
    oid = ask.hub.repos.branch_oid(repo, branch)
    if not oid:
        raise Refused(404, "Branch not found")
    api = f"{shapes.repo_url(ask.hub, repo)}/branches/{quote(branch)}"
    links = {"self": api, "html": f"{shapes.page_url(ask.hub, repo)}/tree/{branch}"}
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    shown = {"name": branch, "commit": shapes.commit(ask.hub, repo, oid), "_links": links, "protected": False}
    protection = {"enabled": False, "required_status_checks": checks}
    return answer(shown | {"protection": protection, "protection_url": f"{api}/protection"})


@router.get("/commits")
def list_commits(ask: Asked) -> Response:
    """From `sha` (default branch), newest first."""
    repo = ask.require("contents", "read")
    _not_empty(ask, repo)
    start = _resolved(ask, repo, ask.query.get("sha", repo.default_branch))
    path = ask.query.get("path")
    oids = git(repo, "rev-list", start, *(("--", path) if path else ())).split()
    return paged(ask, oids, lambda oid: shapes.commit(ask.hub, repo, oid))


@router.get("/commits/{revision:path}")
def get_commit(ask: Asked, revision: str) -> Response:
    """With its files and counts."""
    repo = ask.require("contents", "read")
    _not_empty(ask, repo)
    oid = _resolved(ask, repo, revision)
    shown = shapes.commit(ask.hub, repo, oid)
    parent = shown["parents"][0]["sha"] if shown["parents"] else _EMPTY_TREE
    files = [_file(ask, repo, oid, one) for one in changed_files(repo, f"{parent}..{oid}")]
    added, removed = (sum(one[key] for one in files) for key in ("additions", "deletions"))
    stats = {"additions": added, "deletions": removed, "total": added + removed}
    return answer(shown | {"stats": stats, "files": files})


_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git's id of a tree without files."""


def _file(ask: Ask, repo: Repo, oid: str, entry: Json) -> Json:
    page, path = shapes.page_url(ask.hub, repo), quote(entry["filename"])
    urls = {"blob_url": f"{page}/blob/{oid}/{path}", "raw_url": f"{page}/raw/{oid}/{path}"}
    return entry | urls | {"contents_url": f"{shapes.repo_url(ask.hub, repo)}/contents/{path}?ref={oid}"}


@router.get("/compare/{basehead:path}")
def compare(ask: Asked, basehead: str) -> Response:
    """`base...head`."""
    repo, hub = ask.require("contents", "read"), ask.hub
    base, dots, head = basehead.partition("...")
    if not dots or not hub.repos.resolve(repo, base) or not hub.repos.resolve(repo, head):
        raise not_found()
    base_oid, head_oid = hub.repos.resolve(repo, base), hub.repos.resolve(repo, head)
    merge_base = git(repo, "merge-base", base_oid, head_oid).strip()
    ahead, behind = (hub.repos.count_between(repo, *pair) for pair in ((base_oid, head_oid), (head_oid, base_oid)))
    words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    commits = git(repo, "rev-list", "--reverse", f"{base_oid}..{head_oid}").split()
    page, api = shapes.page_url(hub, repo), f"{shapes.repo_url(hub, repo)}/compare/{basehead}"
    return answer(
        {
            "url": api,
            "html_url": f"{page}/compare/{basehead}",
            "permalink_url": f"{page}/compare/{base_oid}...{head_oid}",
            "diff_url": f"{page}/compare/{basehead}.diff",
            "patch_url": f"{page}/compare/{basehead}.patch",
            "base_commit": shapes.commit(hub, repo, base_oid),
            "merge_base_commit": shapes.commit(hub, repo, merge_base),
            "status": words[(bool(ahead), bool(behind))],
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": len(commits),
            "commits": [shapes.commit(hub, repo, oid) for oid in commits],
            "files": [_file(ask, repo, head_oid, one) for one in changed_files(repo, f"{base_oid}...{head_oid}")],
        }
    )


# --------------------------------------------------------------------------------------------- refs


@router.get("/git/ref/{ref:path}")
def get_ref(ask: Asked, ref: str) -> Response:
    """`heads/main`; 404 unless it is exactly that."""
    repo = ask.require("contents", "read")
    oid = ask.hub.repos.refs(repo).get(f"refs/{ref}")
    if oid is None:
        raise not_found()
    return answer(shapes.git_ref(ask.hub, repo, f"refs/{ref}", oid))


@router.get("/git/matching-refs/{ref:path}")
def matching_refs(ask: Asked, ref: str) -> Response:
    """Every ref that starts so."""
    repo = ask.require("contents", "read")
    refs = sorted(ask.hub.repos.refs(repo, f"refs/{ref}").items())
    return paged(ask, refs, lambda pair: shapes.git_ref(ask.hub, repo, *pair))


@router.post("/git/refs")
def create_ref(ask: Asked) -> Response:
    """Atomic: the second of two gets 422 "Reference already exists"."""
    repo = ask.require("contents", "write")
    ref, oid = ask.text("ref"), ask.text("sha")
    ask.hub.repos.create_ref(repo, ref, oid, ask.by)
    return answer(shapes.git_ref(ask.hub, repo, ref, oid), 201)


@router.patch("/git/refs/{ref:path}")
def update_ref(ask: Asked, ref: str) -> Response:
    """Fast-forward unless `force`."""
    repo, oid = ask.require("contents", "write"), ask.text("sha")
    ask.hub.repos.update_ref(repo, f"refs/{ref}", oid, ask.by, force=ask.body.get("force") is True)
    return answer(shapes.git_ref(ask.hub, repo, f"refs/{ref}", oid))


@router.delete("/git/refs/{ref:path}")
def delete_ref(ask: Asked, ref: str) -> Response:
    """422 "Reference does not exist"."""
    ask.hub.repos.delete_ref(ask.require("contents", "write"), f"refs/{ref}", ask.by)
    return done()


# ------------------------------------------------------------------------------------------ objects


def _object(repo: Repo, oid: str, kind: str) -> str:
    found = git(repo, "cat-file", "--batch-check", data=f"{oid}\n".encode()).split()
    if len(found) != 3 or found[1] != kind:
        raise not_found()
    return found[0]


@router.get("/git/commits/{oid}")
def get_git_commit(ask: Asked, oid: str) -> Response:
    """The object."""
    repo = ask.require("contents", "read")
    return answer(shapes.git_commit(ask.hub, repo, _object(repo, oid, "commit")))


@router.post("/git/commits")
def create_git_commit(ask: Asked) -> Response:
    """`{"message", "tree", "parents": […]}`: an object that no ref points to yet."""
    repo = ask.require("contents", "write")
    oid = ask.hub.repos.create_commit(repo, ask.text("tree"), ask.texts("parents"), ask.text("message"), ask.by)
    return answer(shapes.git_commit(ask.hub, repo, oid), 201)


def _tree(ask: Ask, repo: Repo, oid: str, *, recursive: bool) -> Json:
    lines = git(repo, "ls-tree", "-z", "-l", *(("-r", "-t") if recursive else ()), oid).split("\0")
    entries = []
    for line in filter(None, lines):
        about, _, path = line.partition("\t")
        mode, kind, sha, size = about.split()
        entry: Json = {"path": path, "mode": mode, "type": kind, "sha": sha}
        entry["url"] = f"{shapes.repo_url(ask.hub, repo)}/git/{kind}s/{sha}"
        entries.append(entry | ({"size": int(size)} if size != "-" else {}))
    url = f"{shapes.repo_url(ask.hub, repo)}/git/trees/{oid}"
    return {"sha": oid, "url": url, "tree": entries, "truncated": False}


@router.get("/git/trees/{revision:path}")
def get_tree(ask: Asked, revision: str) -> Response:
    """Of a tree, commit or branch; `recursive` with any value."""
    repo = ask.require("contents", "read")
    found = git(repo, "cat-file", "--batch-check", data=f"{revision}^{{tree}}\n".encode()).split()
    if len(found) != 3:
        raise not_found()
    return answer(_tree(ask, repo, found[0], recursive="recursive" in ask.query))


@router.post("/git/trees")
def create_tree(ask: Asked) -> Response:
    """`{"base_tree", "tree": [{path, mode, type, sha | content}]}`; `sha: null` deletes."""
    repo = ask.require("contents", "write")
    entries = ask.body.get("tree")
    if not isinstance(entries, list) or not entries:
        raise Refused(422, "Invalid tree info")
    oid = ask.hub.repos.create_tree(repo, entries, ask.body.get("base_tree") or "")
    return answer(_tree(ask, repo, oid, recursive=False), 201)


@router.get("/git/blobs/{oid}")
def get_blob(ask: Asked, oid: str) -> Response:
    """In base64."""
    repo = ask.require("contents", "read")
    data = ask.hub.repos.blob(repo, _object(repo, oid, "blob"))
    url = f"{shapes.repo_url(ask.hub, repo)}/git/blobs/{oid}"
    text = base64.encodebytes(data).decode()
    shown: Json = {"sha": oid, "node_id": f"B_{oid}", "size": len(data), "url": url, "content": text}
    return answer(shown | {"encoding": "base64", "highlighted_content": None})


@router.post("/git/blobs")
def create_blob(ask: Asked) -> Response:
    """`content` as utf-8 or base64."""
    repo = ask.require("contents", "write")
    text = ask.text("content", "")
    data = _decoded(text) if ask.text("encoding", "utf-8") == "base64" else text.encode()
    oid = git(repo, "hash-object", "-w", "--stdin", data=data).strip()
    return answer({"sha": oid, "url": f"{shapes.repo_url(ask.hub, repo)}/git/blobs/{oid}"}, 201)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        raise Refused(422, "content is not valid Base64") from None


# ------------------------------------------------------------------------------------------- contents


def _entries(repo: Repo, oid: str, path: str) -> list[dict[str, Any]]:
    """The file at `path`, or what the folder holds; empty when there is neither."""
    listed = git(repo, "ls-tree", "-z", "-l", oid, *((path,) if path else ())).split("\0")
    if path and listed[0].split(" ")[1:2] == ["tree"]:
        listed = git(repo, "ls-tree", "-z", "-l", oid, f"{path}/").split("\0")
    found = []
    for line in filter(None, listed):
        about, _, name = line.partition("\t")
        _, kind, sha, size = about.split()
        entry = {"path": name, "sha": sha, "type": "dir" if kind == "tree" else "file", "size": 0}
        found.append(entry | ({"size": int(size)} if size != "-" else {}))
    return found


@router.get("/contents")
def get_root(ask: Asked) -> Response:
    """The root folder."""
    return get_contents(ask, "")


@router.get("/contents/{path:path}")
def get_contents(ask: Asked, path: str) -> Response:
    """A file (or its bytes with `Accept: …raw`), or a folder's list."""
    repo, path = ask.require("contents", "read"), path.strip("/")
    ref = ask.query.get("ref", repo.default_branch)
    oid = ask.hub.repos.resolve(repo, ref)
    found = _entries(repo, oid, path) if oid else []
    if not found:
        raise Refused(404, "Not Found" if oid else f"No commit found for the ref {ref}")
    if len(found) == 1 and found[0]["path"] == path:
        found[0]["bytes"] = ask.hub.repos.blob(repo, found[0]["sha"])
        if "raw" in ask.request.headers.get("accept", ""):
            return Response(found[0]["bytes"], media_type="application/vnd.github.raw+json")
        return answer(shapes.content_entry(ask.hub, repo, path, found[0] | {"ref": ref}))
    return answer([shapes.content_entry(ask.hub, repo, one["path"], one | {"ref": ref}) for one in found])


@router.put("/contents/{path:path}")
def put_contents(ask: Asked, path: str) -> Response:
    """`{"message", "content" (base64), "sha" (of the file it replaces), "branch"}`; 409 when it changed meanwhile."""
    return _commit_one(ask, path, _decoded(ask.text("content")))


@router.delete("/contents/{path:path}")
def delete_contents(ask: Asked, path: str) -> Response:
    """`{"message", "sha", "branch"}`."""
    return _commit_one(ask, path, None)


def _commit_one(ask: Ask, path: str, data: bytes | None) -> Response:
    repo = ask.require("contents", "write")
    if path.startswith(".github/workflows/"):
        ask.by.require(repo, "workflows", "write")
    branch = ask.text("branch", repo.default_branch)
    oid = ask.hub.repos.branch_oid(repo, branch)
    before = _entries(repo, oid, path) if oid else []
    if before and ask.body.get("sha") != before[0]["sha"]:
        if "sha" not in ask.body:
            raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        raise Refused(409, f"{path} does not match {before[0]['sha']}")
    text = None if data is None else data.decode("utf-8", "surrogateescape")
    made = ask.hub.repos.commit_files(repo, branch, {path: text}, ask.by, message=ask.text("message"))
    commit = shapes.git_commit(ask.hub, repo, made)
    if data is None:
        return answer({"content": None, "commit": commit})
    entry = _entries(repo, made, path)[0]
    shown = shapes.content_entry(ask.hub, repo, path, entry | {"ref": branch})
    return answer({"content": shown, "commit": commit}, 200 if before else 201)
