"""Repositories and their git: real bare repositories, changed through git's own plumbing."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.sandbox.errors import Refused
from bot.sandbox.records import Hook, Label, Milestone, Repo, Role, User
from bot.sandbox.shapes import accounts

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

ZERO = "0" * 40
"""git's "no such commit"."""
DEFAULT_LABELS = {"bug": "d73a4a", "documentation": "0075ca", "enhancement": "a2eeef", "question": "d876e3"}


class Repos:
    """Everything about repositories that isn't an issue or a pull request."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.former: dict[str, Repo] = {}
        """By lower-cased `owner/name`, repositories that had that name."""

    # ------------------------------------------------------------------------------------- creation

    def create(
        self, full_name: str, admin: User, *, files: Mapping[str, str] | None = None, private: bool = False
    ) -> Repo:
        """See `Hub.create_repo`."""
        owner_login, _, name = full_name.partition("/")
        with self._hub.lock:
            owner = self._account(owner_login)
            number, node_id = self._hub.new_node("R")
            path = self._hub.root / "repos" / owner.login / f"{name}.{number}.git"
            path.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                ["git", "init", "--quiet", "--bare", "--template=", "-b", "main", path], check=True, env=_env()
            )
            repo = Repo(number, node_id, owner, name, path, self._hub.now(), private=private)
            _configure(repo)
            self._hub.repositories[number] = self._hub.register(repo)
            repo.set_collaborator(admin, "admin")
            for label, color in DEFAULT_LABELS.items():
                self.create_label(repo, label, color=color)
            if files is not None:
                self.write_commit(repo, "main", files, author=admin, message="First commit")
            return repo

    def rename(self, repo: Repo, name: str, by: "Token") -> None:
        """Another name for the same id; the old one leads here until a new repository takes it."""
        with self._hub.lock:
            before = repo.name
            self._free(f"{repo.owner.login}/{name}")
            self.former[repo.full_name.lower()] = repo
            repo.name = name
            self._hub.emit("repository", "renamed", repo, by, changes={"repository": {"name": {"from": before}}})

    def transfer(self, repo: Repo, owner: str, by: "Token") -> None:
        """To another account; the old name leads here. Installations of the old account do not reach it any more."""
        with self._hub.lock:
            before, account = repo.owner, self._account(owner)
            self._free(f"{account.login}/{repo.name}")
            self.former[repo.full_name.lower()] = repo
            reached = self._hub.app_registry.covering(repo)
            repo.owner = account
            owned_by_people = before.type == "User"
            shown = (accounts.user if owned_by_people else accounts.organization)(self._hub, before)
            changes = {"owner": {"from": {"user" if owned_by_people else "organization": shown}}}
            self._hub.emit("repository", "transferred", repo, by, changes=changes)
            self._hub.app_registry.lost(reached, repo, by)

    def delete(self, repo: Repo, by: "Token") -> None:
        """404 from now on, under every name it had."""
        with self._hub.lock:
            reached = self._hub.app_registry.covering(repo)
            self._hub.emit("repository", "deleted", repo, by)
            del self._hub.repositories[repo.id]
            self.former = {name: one for name, one in self.former.items() if one is not repo}
            self._hub.forget(repo.node_id)
            self._hub.app_registry.lost(reached, repo, by)

    def _free(self, full_name: str) -> None:
        """Raises `Refused` 422 when a repository has this name."""
        if any(one.full_name.lower() == full_name.lower() for one in self._hub.repositories.values()):
            raise Refused.validation("Repository", "name", "custom", "name already exists on this account")

    def _account(self, login: str) -> User:
        for user in self._hub.users.values():
            if user.login.lower() == login.lower():
                return user
        return self._hub.create_user(login, organization=True)

    def set_collaborator(self, repo: Repo, login: str, role: Role) -> None:
        """Give a person a role: admin, maintain, write, triage, read, none."""
        with self._hub.lock:
            repo.set_collaborator(self._hub.user(login), role)

    def create_label(self, repo: Repo, name: str, *, color: str = "ededed", description: str = "") -> Label:
        """A label; 422 when it exists."""
        with self._hub.lock:
            if name.lower() in repo.labels:
                raise Refused.validation("Label", "name", "already_exists")
            label = Label(*self._hub.new_node("LA"), name=name, color=color.lstrip("#"), description=description)
            repo.labels[name.lower()] = self._hub.register(label)
            return label

    def edit_label(self, repo: Repo, label: Label, changes: Mapping[str, Any]) -> None:
        """`new_name`, `color`, `description`."""
        with self._hub.lock:
            name = str(changes.get("new_name") or label.name)
            if name.lower() != label.name.lower() and name.lower() in repo.labels:
                raise Refused.validation("Label", "name", "already_exists")
            del repo.labels[label.name.lower()]
            repo.labels[name.lower()] = label
            label.name, label.color = name, str(changes.get("color") or label.color).lstrip("#")
            label.description = str(changes.get("description", label.description) or "")

    def delete_label(self, repo: Repo, label: Label) -> None:
        """From the repository and, in silence, from its issues."""
        with self._hub.lock:
            del repo.labels[label.name.lower()]
            self._hub.forget(label.node_id)
            for issue in repo.issues.values():
                if label in issue.labels:
                    issue.labels.remove(label)
                    self._hub.issues.changed(issue)

    def add_hook(
        self, repo: Repo, url: str, *, secret: str = "", events: Iterable[str] = ("*",), active: bool = True
    ) -> Hook:
        """A repository webhook."""
        with self._hub.lock:
            hook = Hook(self._hub.new_id(), url, secret, tuple(events), active=active)
            repo.hooks.append(hook)
            return hook

    def create_milestone(self, repo: Repo, title: str, by: "Token", *, description: str = "") -> Milestone:
        """A milestone; its number counts per repository."""
        with self._hub.lock:
            if any(milestone.title == title for milestone in repo.milestones.values()):
                raise Refused.validation("Milestone", "title", "already_exists")
            now = self._hub.now()
            number = max(repo.milestones, default=0) + 1
            milestone = Milestone(*self._hub.new_node("MI"), number, title, by.user, now, now, description)
            repo.milestones[number] = self._hub.register(milestone)
            return milestone

    # ---------------------------------------------------------------------------------------- reads

    def blob(self, repo: Repo, oid: str) -> bytes:
        """A blob's bytes."""
        return _run(repo, "cat-file", "blob", oid).stdout

    def refs(self, repo: Repo, prefix: str = "refs/") -> dict[str, str]:
        """Full ref name → object id, of everything that starts with `prefix`."""
        listed = git(repo, "for-each-ref", "--format=%(refname) %(objectname)")
        pairs = (line.split(" ") for line in listed.splitlines())
        return {name: oid for name, oid in pairs if name.startswith(prefix)}

    def resolve(self, repo: Repo, revision: str) -> str:
        """The commit id of a branch, ref or id; empty when there is none."""
        name = revision if revision.startswith("refs/") else revision.removeprefix("heads/")
        return _try(repo, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}").strip()

    def branch_oid(self, repo: Repo, branch: str) -> str:
        """The commit a branch is at; empty when there is no such branch."""
        return _try(repo, "rev-parse", "--quiet", "--verify", f"refs/heads/{branch}^{{commit}}").strip()

    def read(self, repo: Repo, revision: str, path: str) -> str | None:
        """The text of a file at a revision; None when it isn't there."""
        if not self.resolve(repo, revision):
            return None
        done = _run(repo, "cat-file", "blob", f"{revision}:{path}")
        return done.stdout.decode(errors="replace") if done.returncode == 0 else None

    def tree(self, repo: Repo, revision: str) -> list[str]:
        """Every file's path at a revision; empty where there is no such revision."""
        return [path for path in _try(repo, "ls-tree", "-r", "-z", "--name-only", revision).split("\0") if path]

    def message(self, repo: Repo, oid: str) -> str:
        """A commit's message."""
        return git(repo, "log", "-1", "--format=%B", oid).rstrip("\n")

    def count_between(self, repo: Repo, base: str, head: str) -> int:
        """How many commits `head` has that `base` has not."""
        return int(git(repo, "rev-list", "--count", f"{base}..{head}"))

    def is_ancestor(self, repo: Repo, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`."""
        return _run(repo, "merge-base", "--is-ancestor", older, newer).returncode == 0

    # --------------------------------------------------------------------------------------- writes

    def commit_files(
        self, repo: Repo, branch: str, files: Mapping[str, str | None], by: "Token", message: str = "Change files"
    ) -> str:
        """A person's push: one commit on `branch` (made from the default branch where it is new); None deletes a file."""
        with self._hub.lock:
            before = self.branch_oid(repo, branch) or ZERO
            oid = self.write_commit(repo, branch, files, author=by.user, message=message)
            self.moved(repo, f"refs/heads/{branch}", before, oid, by)
            return oid

    def write_commit(
        self, repo: Repo, branch: str, files: Mapping[str, str | None], *, author: User, message: str
    ) -> str:
        """Commit without any event (as if it had always been there)."""
        start = self.branch_oid(repo, branch) or self.branch_oid(repo, repo.default_branch)
        stamp = f"{author.name} <{author.email}> {int(self._hub.now().timestamp())} +0000"
        text = message.encode()
        stream = [f"commit refs/heads/{branch}\nauthor {stamp}\ncommitter {stamp}\ndata {len(text)}\n".encode(), text]
        stream.append(f"\nfrom {start}\n".encode() if start else b"\n")
        for path, content in files.items():
            stream.append(_file_change(path, content))
        git(repo, "fast-import", "--quiet", "--force", "--date-format=raw", data=b"".join(stream))
        return self.branch_oid(repo, branch)

    def create_ref(self, repo: Repo, ref: str, oid: str, by: "Token") -> None:
        """`POST git/refs`: atomic; 422 "Reference already exists"."""
        with self._hub.lock:
            if not ref.startswith("refs/") or ref.count("/") < 2:
                raise Refused(422, "Reference name must start with 'refs/' and contain at least two slashes.")
            if not _try(repo, "cat-file", "-t", oid).strip():
                raise Refused(422, "Object does not exist")
            if not self.swap(repo, ref, ZERO, oid):
                raise Refused(422, "Reference already exists")
            self.moved(repo, ref, ZERO, oid, by)

    def swap(self, repo: Repo, ref: str, old: str, new: str) -> bool:
        """Move a ref from `old` to `new` atomically (also against pushes); False when it is not at `old`. No events."""
        return _run(repo, "update-ref", ref, new, old).returncode == 0

    def update_ref(self, repo: Repo, ref: str, oid: str, by: "Token", *, force: bool = False) -> None:
        """`PATCH git/refs/…`; 422 unless it is a fast-forward or forced."""
        with self._hub.lock:
            before = self.refs(repo).get(ref)
            if before is None:
                raise Refused(422, "Reference does not exist")
            if not self.resolve(repo, oid):
                raise Refused(422, "Object does not exist")
            if not force and not self.is_ancestor(repo, before, oid):
                raise Refused(422, "Update is not a fast forward")
            git(repo, "update-ref", ref, oid)
            self.moved(repo, ref, before, oid, by)

    def delete_ref(self, repo: Repo, ref: str, by: "Token") -> None:
        """`DELETE git/refs/…`; 422 "Reference does not exist"."""
        with self._hub.lock:
            before = self.refs(repo).get(ref)
            if before is None:
                raise Refused(422, "Reference does not exist")
            git(repo, "update-ref", "-d", ref)
            self.moved(repo, ref, before, ZERO, by)

    def create_commit(self, repo: Repo, tree: str, parents: Sequence[str], message: str, by: "Token") -> str:
        """`POST git/commits`: an object that no ref points to yet."""
        with self._hub.lock:
            if _try(repo, "cat-file", "-t", tree).strip() != "tree":
                raise Refused(422, "Tree SHA does not exist")
            for parent in parents:
                if _try(repo, "cat-file", "-t", parent).strip() != "commit":
                    raise Refused(422, "Parent SHA does not exist or is not a commit object")
            args = [part for parent in parents for part in ("-p", parent)]
            return git(repo, "commit-tree", tree, *args, data=message.encode(), author=by.user).strip()

    def create_tree(self, repo: Repo, entries: Sequence[Mapping[str, Any]], base: str = "") -> str:
        """`POST git/trees`: `entries` ({path, mode, type, sha | content}; sha None deletes) on top of `base`."""
        with self._hub.lock, tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            if base:
                git(repo, "read-tree", base, env=index)
            for entry in entries:
                oid = entry.get("sha")
                if "content" in entry:
                    oid = git(repo, "hash-object", "-w", "--stdin", data=str(entry["content"]).encode()).strip()
                if oid is None:
                    git(repo, "update-index", "--force-remove", str(entry["path"]), env=index)
                else:
                    info = f"{entry.get('mode', '100644')},{oid},{entry['path']}"
                    git(repo, "update-index", "--add", "--cacheinfo", info, env=index)
            return git(repo, "write-tree", env=index).strip()

    def moved(self, repo: Repo, ref: str, old: str, new: str, by: "Token") -> None:
        """A ref went from `old` to `new`: emit push, create and delete; move pull request heads."""
        if old == new or not ref.startswith(("refs/heads/", "refs/tags/")):
            return
        with self._hub.lock:
            if ZERO in (old, new):
                self._hub.emit("create" if old == ZERO else "delete", "", repo, by, ref=ref, oid=new)
            self._hub.emit("push", "", repo, by, ref=ref, oid=new, before=old)
            self._hub.pulls.follow(repo, ref, old, new, by)


def git(
    repo: Repo, *args: str, data: bytes | None = None, author: User | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Run git in the repository; its output. A failure is the sandbox's own bug and raises."""
    done = _run(repo, *args, data=data, env=_env(author) | dict(env or {}))
    if done.returncode != 0:
        raise AssertionError(f"git {' '.join(args)} failed in {repo.full_name}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def _try(repo: Repo, *args: str) -> str:
    done = _run(repo, *args)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _run(
    repo: Repo, *args: str, data: bytes | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    argv = ["git", "-C", str(repo.path), *args]
    return subprocess.run(argv, input=data or b"", capture_output=True, env=env or _env(), check=False)


_SETTINGS = """
[http]
    receivepack = true
[uploadpack]
    allowAnySHA1InWant = true
[receive]
    hideRefs = refs/pull
[gc]
    auto = 0
"""
_UPDATE_HOOK = """#!/bin/sh
# GitHub keeps workflow files from tokens without the `workflows` permission.
[ -n "$SANDBOX_KEEP_WORKFLOWS" ] && [ "$3" != 0000000000000000000000000000000000000000 ] || exit 0
file=$(git log --format= --name-only "$3" --not --all -- .github/workflows | head -n 1)
[ -z "$file" ] && exit 0
echo "refusing to allow a GitHub App to create or update workflow \\`$file\\` without \\`workflows\\` permission" >&2
exit 1
"""
_POST_RECEIVE_HOOK = '#!/bin/sh\nexec cat >> "$SANDBOX_PUSHED"\n'
"""Tells the sandbox which refs moved: lines of `old new ref`."""


def _configure(repo: Repo) -> None:
    with (repo.path / "config").open("a", encoding="utf-8") as config:
        config.write(_SETTINGS)
    for name, script in {"update": _UPDATE_HOOK, "post-receive": _POST_RECEIVE_HOOK}.items():
        hook = repo.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(script)
        hook.chmod(0o755)


def _env(author: User | None = None) -> dict[str, str]:
    """Git's environment: nothing of the person's own configuration."""
    env = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    if author is not None:
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": author.name, f"GIT_{role}_EMAIL": author.email}
    return env


def _file_change(path: str, content: str | None) -> bytes:
    if content is None:
        return f"D {path}\n".encode()
    text = content.encode()
    mode = "100755" if content.startswith("#!") else "100644"
    return f"M {mode} inline {path}\ndata {len(text)}\n".encode() + text + b"\n"
