"""Pull requests: opening, pushing, merging; and what a merge closes. Their reviews are in `reviews`."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Issue, Pull, Repo
from bot.sandbox.repos import ZERO, git

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)
"""https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue"""

MergeMethod = Literal["merge", "squash"]


class Pulls:
    """The verbs. A pull request is an `Issue` whose `pull` is set; both share number, comments and labels."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._sizes: dict[tuple[str, str], tuple[int, int, int, int]] = {}

    # ---------------------------------------------------------------------------------------- reads

    def get(self, repo: Repo, number: int) -> Issue:
        """The pull request. Raises `Refused` 404, also for an issue."""
        issue = repo.issues.get(number)
        if issue is None or issue.pull is None:
            raise not_found()
        return issue

    def listing(self, repo: Repo) -> list[Issue]:
        """Pull requests by number, as lists show them."""
        return [issue for issue in self._hub.issues.listing(repo) if issue.pull is not None]

    def open_for(self, repo: Repo, head: str) -> Issue | None:
        """The open pull request of this head branch."""
        for issue in repo.issues.values():
            if issue.pull is not None and issue.open and issue.pull.head == head:
                return issue
        return None

    def mergeable(self, issue: Issue) -> bool:
        """Whether it merges without conflicts (really tried)."""
        pull = part(issue)
        base = self._hub.repos.branch_oid(issue.repo, pull.base)
        return bool(base) and _merge_tree(issue.repo, base, pull.head_oid) is not None

    def files(self, issue: Issue) -> list[dict[str, Any]]:
        """What it changes against its merge base, in REST's shape without URLs: filename, status, additions, patch, …"""
        pull = part(issue)
        return changed_files(issue.repo, f"{self._base_oid(issue)}...{pull.head_oid}")

    def diff(self, issue: Issue) -> str:
        """The unified diff against its merge base."""
        return git(issue.repo, "diff", f"{self._base_oid(issue)}...{part(issue).head_oid}")

    def commits(self, issue: Issue) -> list[str]:
        """Its commit ids, oldest first."""
        span = f"{self._base_oid(issue)}..{part(issue).head_oid}"
        return git(issue.repo, "rev-list", "--reverse", span).split()

    def sizes(self, issue: Issue) -> tuple[int, int, int, int]:
        """Commits, changed files, added lines, removed lines; counted once per pair of ends."""
        ends = (self._base_oid(issue), part(issue).head_oid)
        if ends not in self._sizes:
            counted = git(issue.repo, "diff", "--numstat", "--no-renames", "...".join(ends)).splitlines()
            pairs = [line.split("\t")[:2] for line in counted]
            added, removed = (sum(int(pair[side]) for pair in pairs if pair[side] != "-") for side in (0, 1))
            self._sizes[ends] = (self._hub.repos.count_between(issue.repo, *ends), len(pairs), added, removed)
        return self._sizes[ends]

    def closes(self, issue: Issue) -> list[int]:
        """Numbers of the issues that merging it closes: closing words in its body, on the default branch only."""
        if part(issue).base != issue.repo.default_branch:
            return []
        return [int(number) for number in _CLOSES.findall(issue.body)]

    def _base_oid(self, issue: Issue) -> str:
        pull = part(issue)
        if pull.merged:
            return pull.base_oid
        return self._hub.repos.branch_oid(issue.repo, pull.base) or pull.base_oid

    # ------------------------------------------------------------------------------------- changing

    def create(
        self, repo: Repo, by: "Token", *, title: str, head: str, base: str, body: str = "", draft: bool = False
    ) -> Issue:
        """Open a pull request of `head` (`branch` or `owner:branch`); refused in GitHub's words."""
        with self._hub.lock:
            branch = head.removeprefix(f"{repo.owner.login}:")
            self._check_new(repo, by, branch, base, draft=draft)
            issue = self._hub.issues.new(repo, by, title=title, body=body)
            head_oid, base_oid = (self._hub.repos.branch_oid(repo, name) for name in (branch, base))
            pull = Pull(*self._hub.new_node("PR"), branch, head_oid, base, base_oid, draft=draft)
            issue.pull = pull
            self._hub.forget(issue.node_id)
            issue.node_id = pull.node_id
            self._hub.register(issue)
            git(repo, "update-ref", f"refs/pull/{issue.number}/head", head_oid)
            self._hub.issues.changed(issue)
            self._hub.emit("pull_request", "opened", repo, by, issue=issue)
            return issue

    def _check_new(self, repo: Repo, by: "Token", head: str, base: str, *, draft: bool) -> None:
        if by.kind == "job" and not repo.settings.actions_may_create_pulls:
            raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
        if draft and not repo.settings.draft_pulls:
            raise Refused(422, "Draft pull requests are not supported in this repository.")
        for field, branch in (("base", base), ("head", head)):
            if not self._hub.repos.branch_oid(repo, branch):
                raise Refused.validation("PullRequest", field, "invalid")
        if self.open_for(repo, head) is not None:
            words = f"A pull request already exists for {repo.owner.login}:{head}."
            raise Refused.validation("PullRequest", "head", "custom", words)
        if not self._hub.repos.count_between(repo, f"refs/heads/{base}", f"refs/heads/{head}"):
            raise Refused.validation("PullRequest", "head", "custom", f"No commits between {base} and {head}")

    def set_draft(self, issue: Issue, by: "Token", *, draft: bool) -> None:
        """Ready for review, or back to draft."""
        with self._hub.lock:
            pull = part(issue)
            if pull.draft == draft:
                return
            pull.draft = draft
            action = "converted_to_draft" if draft else "ready_for_review"
            self._hub.issues.happened(issue, "convert_to_draft" if draft else "ready_for_review", by)
            self._hub.issues.changed(issue)
            self._hub.emit("pull_request", action, issue.repo, by, issue=issue)

    def set_base(self, issue: Issue, by: "Token", base: str) -> None:
        """Another base branch."""
        with self._hub.lock:
            pull = part(issue)
            if base == pull.base:
                return
            oid = self._hub.repos.branch_oid(issue.repo, base)
            if not oid:
                raise Refused.validation("PullRequest", "base", "invalid")
            before, pull.base, pull.base_oid = pull.base, base, oid
            self._hub.issues.changed(issue)
            changes = {"base": {"ref": {"from": before}, "sha": {"from": pull.base_oid}}}
            self._hub.emit("pull_request", "edited", issue.repo, by, issue=issue, changes=changes)

    def request_reviewers(self, issue: Issue, logins: Iterable[str], by: "Token") -> None:
        """Ask people for a review."""
        with self._hub.lock:
            for login in logins:
                user = self._hub.user(login)
                if user is issue.user or user.id not in issue.repo.collaborators:
                    raise Refused(422, "Reviews may only be requested from collaborators.")
                if user not in part(issue).requested_reviewers:
                    part(issue).requested_reviewers.append(user)
                    self._hub.issues.happened(issue, "review_requested", by, requested_reviewer=user)
                    self._hub.issues.changed(issue)
                    self._hub.emit("pull_request", "review_requested", issue.repo, by, issue=issue, reviewer=user)

    def merge(self, issue: Issue, by: "Token", *, method: MergeMethod = "merge", title: str = "") -> str:
        """A real merge (or squash) commit on the base; closes what `Closes #n` names; the merge commit's id."""
        with self._hub.lock:
            pull, repo = part(issue), issue.repo
            if pull.merged or not issue.open or pull.draft:
                raise Refused(405, "Pull Request is still a draft" if pull.draft else "Pull Request is not mergeable")
            base = self._hub.repos.branch_oid(repo, pull.base)
            tree = _merge_tree(repo, base, pull.head_oid) if base else None
            if tree is None:
                raise Refused(405, "Pull Request is not mergeable")
            words = title or f"Merge pull request #{issue.number} from {repo.owner.login}/{pull.head}\n\n{issue.title}"
            parents = ["-p", base] + (["-p", pull.head_oid] if method == "merge" else [])
            oid = git(repo, "commit-tree", tree, *parents, data=words.encode(), author=by.user).strip()
            if not self._hub.repos.swap(repo, f"refs/heads/{pull.base}", base, oid):
                raise Refused(409, "Base branch was modified. Review and try the merge again.")
            self._merged(issue, by, base, oid)
            self._hub.repos.moved(repo, f"refs/heads/{pull.base}", base, oid, by)
            return oid

    def _merged(self, issue: Issue, by: "Token", base: str, oid: str) -> None:
        pull, now = part(issue), self._hub.now()
        pull.merged, pull.merged_at, pull.merged_by, pull.merge_commit_oid, pull.base_oid = (
            True,
            now,
            by.user,
            oid,
            base,
        )
        issue.open, issue.closed_at, issue.closed_by = False, now, by.user
        for event in ("merged", "closed"):
            self._hub.issues.happened(issue, event, by, commit_id=oid)
        self._hub.issues.changed(issue)
        self._hub.emit("pull_request", "closed", issue.repo, by, issue=issue)
        for number in self.closes(issue):
            closed = issue.repo.issues.get(number)
            if closed is not None and closed.pull is None and closed.open:
                self._hub.issues.close(closed, by, commit_id=oid)
        if issue.repo.settings.delete_branch_on_merge and self._hub.repos.branch_oid(issue.repo, pull.head):
            self._hub.repos.delete_ref(issue.repo, f"refs/heads/{pull.head}", by)

    def check_reopen(self, issue: Issue) -> None:
        """A merged one stays merged; a head that is gone, or has another open one, can't come back."""
        pull = part(issue)
        if pull.merged or not self._hub.repos.branch_oid(issue.repo, pull.head):
            raise Refused.validation("PullRequest", "state", "invalid")
        if self.open_for(issue.repo, pull.head) is not None:
            raise Refused.validation("PullRequest", "state", "invalid")

    def follow(self, repo: Repo, ref: str, old: str, new: str, by: "Token") -> None:
        """A branch moved: heads move along, a base that got the commits has merged them, a deleted branch closes."""
        branch = ref.removeprefix("refs/heads/")
        for issue in tuple(repo.issues.values()):
            if issue.pull is None or not issue.open or branch not in (issue.pull.head, issue.pull.base):
                continue
            if new == ZERO:
                self._hub.issues.close(issue, by)
            elif branch == issue.pull.head:
                self._moved(issue, by, old, new)
            elif self._hub.repos.is_ancestor(repo, issue.pull.head_oid, new):
                self._merged(issue, by, old, new)

    def _moved(self, issue: Issue, by: "Token", old: str, new: str) -> None:
        pull = part(issue)
        pull.head_oid = new
        self._hub.reviews.follow(issue, old, new)
        git(issue.repo, "update-ref", f"refs/pull/{issue.number}/head", new)
        if self._hub.repos.is_ancestor(issue.repo, new, f"refs/heads/{pull.base}"):
            self._hub.issues.close(issue, by)  # nothing left to propose
            return
        self._hub.issues.changed(issue)
        self._hub.emit("pull_request", "synchronize", issue.repo, by, issue=issue, before=old, after=new)


def part(issue: Issue) -> Pull:
    """The pull request part of an issue that is one."""
    if issue.pull is None:
        raise not_found()
    return issue.pull


def _merge_tree(repo: Repo, base: str, head: str) -> str | None:
    """The tree of merging `head` into `base`; None on conflicts."""
    try:
        return git(repo, "merge-tree", "--write-tree", base, head).split("\n", 1)[0]
    except AssertionError:
        return None


def changed_files(repo: Repo, span: str) -> list[dict[str, Any]]:
    """Files changed in `base...head`, as REST lists them (without URLs)."""
    words = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
    fields = git(repo, "diff", "--raw", "-z", "-M", "--abbrev=40", span).split("\0")
    found: list[dict[str, Any]] = []
    while len(fields) > 1:
        meta, path = fields.pop(0).lstrip(":").split(" "), fields.pop(0)
        entry: dict[str, Any] = {"sha": meta[3], "status": words[meta[4][0]], "filename": path}
        if meta[4][0] in "RC":
            entry |= {"previous_filename": path, "filename": fields.pop(0)}
        if entry["status"] == "removed":
            entry["sha"] = meta[2]
        found.append(entry)
    for entry in found:
        _count(repo, span, entry)
    return found


def _count(repo: Repo, span: str, entry: dict[str, Any]) -> None:
    patch = git(repo, "diff", "-M", span, "--", *{entry.get("previous_filename", entry["filename"]), entry["filename"]})
    at = patch.find("\n@@")
    hunks = patch[at + 1 :] if at >= 0 else ""
    lines = hunks.split("\n")
    entry["additions"] = sum(line.startswith("+") for line in lines)
    entry["deletions"] = sum(line.startswith("-") for line in lines)
    entry["changes"] = entry["additions"] + entry["deletions"]
    if hunks:
        entry["patch"] = hunks.rstrip("\n")
