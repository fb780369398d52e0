"""JSON of repositories, labels, milestones, refs, commits, trees and files."""

import base64
from typing import TYPE_CHECKING, Any

from bot.sandbox.records import Json, Label, Milestone, Repo
from bot.sandbox.repos import git
from bot.sandbox.shapes.accounts import stamp, user

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

_ADDRESSES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def repo_url(hub: "Hub", repo: Repo) -> str:
    """Its address in the API."""
    return f"{hub.api_url}/repos/{repo.full_name}"


def page_url(hub: "Hub", repo: Repo) -> str:
    """Its page."""
    return f"{hub.url}/{repo.full_name}"


def repository_lite(hub: "Hub", repo: Repo) -> Json:
    """A "minimal repository"."""
    api = repo_url(hub, repo)
    return {
        "id": repo.id,
        "node_id": repo.node_id,
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(hub, repo.owner),
        "html_url": page_url(hub, repo),
        "description": repo.description or None,
        "fork": False,
        "url": api,
    } | {name: api + rest for name, rest in _ADDRESSES.items()}


def repository(hub: "Hub", repo: Repo) -> Json:
    """A repository as webhooks and pull requests carry it."""
    page, made = page_url(hub, repo), stamp(repo.created_at)
    waiting = sum(issue.open for issue in repo.issues.values())
    counts = ("forks_count", "forks", "stargazers_count", "watchers_count", "watchers", "size")
    flags = {"has_issues": True, "has_projects": False, "has_downloads": True, "has_wiki": False, "has_pages": False}
    flags |= {"has_discussions": False, "archived": False, "disabled": False, "is_template": False}
    return (
        repository_lite(hub, repo)
        | {
            "git_url": page.replace("http://", "git://") + ".git",
            "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": repo.default_branch,
            "open_issues_count": waiting,
            "open_issues": waiting,
            "created_at": made,
            "updated_at": made,
            "pushed_at": made,
            "topics": [],
            "visibility": "private" if repo.private else "public",
            "web_commit_signoff_required": False,
            "allow_forking": True,
            "custom_properties": {},
        }
        | dict.fromkeys(counts, 0)
        | flags
    )


def repository_full(hub: "Hub", repo: Repo, by: "Token") -> Json:
    """`GET /repos/{owner}/{repo}`: with what the asker may do."""
    asked = {"pull": ("contents", "read"), "push": ("contents", "write"), "admin": ("administration", "write")}
    may = {word: by.may(repo, area, level) for word, (area, level) in asked.items()}
    may |= {"triage": by.may(repo, "issues", "write"), "maintain": may["admin"]}
    more = {"subscribers_count": 0, "network_count": 0, "permissions": may, "allow_auto_merge": False}
    more |= {"delete_branch_on_merge": repo.settings.delete_branch_on_merge, "has_discussions": False}
    return repository(hub, repo) | more


def label(hub: "Hub", repo: Repo, record: Label) -> Json:
    """A label."""
    return {
        "id": record.id,
        "node_id": record.node_id,
        "url": f"{repo_url(hub, repo)}/labels/{record.name.replace(' ', '%20')}",
        "name": record.name,
        "color": record.color,
        "default": False,
        "description": record.description or None,
        "archived_at": None,
        "archived_by": None,
    }


def milestone(hub: "Hub", repo: Repo, record: Milestone) -> Json:
    """A milestone."""
    api = f"{repo_url(hub, repo)}/milestones/{record.number}"
    inside = [issue.open for issue in repo.issues.values() if issue.milestone is record]
    return {
        "url": api,
        "html_url": f"{page_url(hub, repo)}/milestone/{record.number}",
        "labels_url": f"{api}/labels",
        "id": record.id,
        "node_id": record.node_id,
        "number": record.number,
        "title": record.title,
        "description": record.description or None,
        "creator": user(hub, record.creator),
        "open_issues": sum(inside),
        "closed_issues": len(inside) - sum(inside),
        "state": "open" if record.open else "closed",
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "due_on": stamp(record.due_on),
        "closed_at": stamp(record.closed_at),
    }


def git_ref(hub: "Hub", repo: Repo, ref: str, oid: str, kind: str = "commit") -> Json:
    """A ref of `git/refs`."""
    node = base64.urlsafe_b64encode(f"{repo.id}:{ref}".encode()).decode().rstrip("=")
    target = {"sha": oid, "type": kind, "url": f"{repo_url(hub, repo)}/git/{kind}s/{oid}"}
    return {"ref": ref, "node_id": f"REF_{node}", "url": f"{repo_url(hub, repo)}/git/{ref}", "object": target}


def commit_facts(repo: Repo, oid: str) -> Json:
    """What git says of a commit: tree, parents, people, dates (ISO), message."""
    form = "%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    tree, parents, *people, message = git(repo, "log", "-1", f"--format={form}", oid).split("\0")
    return {
        "tree": tree,
        "parents": parents.split(),
        "author": dict(zip(("name", "email", "date"), people[:3], strict=True)),
        "committer": dict(zip(("name", "email", "date"), people[3:], strict=True)),
        "message": message.rstrip("\n"),
    }


def git_commit(hub: "Hub", repo: Repo, oid: str) -> Json:
    """A commit of `git/commits`."""
    facts, api, page = commit_facts(repo, oid), repo_url(hub, repo), page_url(hub, repo)
    parents = [
        {"sha": sha, "url": f"{api}/git/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in facts["parents"]
    ]
    return {
        "sha": oid,
        "node_id": f"C_{oid}",
        "url": f"{api}/git/commits/{oid}",
        "html_url": f"{page}/commit/{oid}",
        "author": facts["author"],
        "committer": facts["committer"],
        "message": facts["message"],
        "tree": {"sha": facts["tree"], "url": f"{api}/git/trees/{facts['tree']}"},
        "parents": parents,
        "verification": _UNSIGNED,
    }


_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def commit(hub: "Hub", repo: Repo, oid: str) -> Json:
    """A commit of `commits` (lists, branches)."""
    made, api, page = git_commit(hub, repo, oid), repo_url(hub, repo), page_url(hub, repo)
    inner = {key: made[key] for key in ("url", "author", "committer", "message", "tree")}
    return {
        "sha": oid,
        "node_id": made["node_id"],
        "url": f"{api}/commits/{oid}",
        "html_url": f"{page}/commit/{oid}",
        "comments_url": f"{api}/commits/{oid}/comments",
        "commit": inner | {"comment_count": 0, "verification": _UNSIGNED},
        "author": _account(hub, made["author"]["email"]),
        "committer": _account(hub, made["committer"]["email"]),
        "parents": [parent | {"url": f"{api}/commits/{parent['sha']}"} for parent in made["parents"]],
    }


def _account(hub: "Hub", email: str) -> Json | None:
    return next((user(hub, one) for one in hub.users.values() if one.email == email), None)


def push_commit(hub: "Hub", repo: Repo, oid: str) -> Json:
    """A commit of a push payload."""
    facts = commit_facts(repo, oid)
    listed = git(repo, "show", "--format=", "--name-status", "--no-renames", "-z", oid).strip("\0").split("\0")
    changes = list(zip(listed[::2], listed[1::2], strict=False))
    people = {role: {key: facts[role][key] for key in ("name", "email")} for role in ("author", "committer")}
    return {
        "id": oid,
        "tree_id": facts["tree"],
        "distinct": True,
        "message": facts["message"],
        "timestamp": facts["committer"]["date"],
        "url": f"{page_url(hub, repo)}/commit/{oid}",
        **people,
        "added": [path for word, path in changes if word == "A"],
        "removed": [path for word, path in changes if word == "D"],
        "modified": [path for word, path in changes if word == "M"],
    }


def content_entry(hub: "Hub", repo: Repo, path: str, about: dict[str, Any]) -> Json:
    """One entry of `contents`; `about`: ref, type (file | dir), sha, size and for a file alone its bytes."""
    api = f"{repo_url(hub, repo)}/contents/{path}?ref={about['ref']}"
    kind = "blob" if about["type"] == "file" else "tree"
    git_url = f"{repo_url(hub, repo)}/git/{kind}s/{about['sha']}"
    html = f"{page_url(hub, repo)}/{kind}/{about['ref']}/{path}"
    entry: Json = {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": about["sha"],
        "size": about["size"],
        "url": api,
        "html_url": html,
        "git_url": git_url,
        "download_url": f"{page_url(hub, repo)}/raw/{about['ref']}/{path}" if kind == "blob" else None,
        "type": about["type"],
        "_links": {"self": api, "git": git_url, "html": html},
    }
    if "bytes" in about:
        entry |= {"content": base64.encodebytes(about["bytes"]).decode(), "encoding": "base64"}
    return entry
