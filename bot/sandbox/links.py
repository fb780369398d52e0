"""Native dependencies (blocked by / blocking) and sub-issues."""

from typing import TYPE_CHECKING

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Issue

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

MAX_SUB_ISSUES = 100
MAX_BLOCKERS = 50


class Links:
    """The verbs. Blockers and children are issues, never pull requests."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def block(self, issue: Issue, blocker: Issue, by: "Token") -> None:
        """`issue` is blocked by `blocker` from now on."""
        with self._hub.lock:
            if blocker is issue or issue.pull or blocker.pull or blocker in issue.blocked_by:
                raise Refused(422, "Issue cannot be added as a dependency")
            if len(issue.blocked_by) >= MAX_BLOCKERS:
                raise Refused(422, "The maximum number of dependencies has been reached")
            issue.blocked_by.append(blocker)
            blocker.blocking.append(issue)
            self._blocked("added", issue, blocker, by)

    def unblock(self, issue: Issue, blocker: Issue, by: "Token") -> None:
        """Not blocked by it any more. Raises `Refused` 404."""
        with self._hub.lock:
            if blocker not in issue.blocked_by:
                raise not_found()
            issue.blocked_by.remove(blocker)
            blocker.blocking.remove(issue)
            self._blocked("removed", issue, blocker, by)

    def add_child(self, parent: Issue, child: Issue, by: "Token", *, replace: bool = False) -> None:
        """`child` becomes a sub-issue of `parent`; one parent at a time unless `replace`."""
        with self._hub.lock:
            if child is parent or child.pull or parent.pull or self._is_above(child, parent):
                raise Refused(
                    422,
                    "An error occurred while adding the sub-issue to the parent issue. Sub issue may not be a parent",
                )
            if len(parent.sub_issues) >= MAX_SUB_ISSUES:
                raise Refused(422, "Parent cannot have more than 100 sub-issues")
            if child.parent is not None:
                if not replace:
                    raise Refused(422, "Sub issue may only have one parent")
                self.remove_child(child.parent, child, by)
            child.parent = parent
            parent.sub_issues.append(child)
            self._related("added", parent, child, by)

    def remove_child(self, parent: Issue, child: Issue, by: "Token") -> None:
        """Not a sub-issue any more. Raises `Refused` 404."""
        with self._hub.lock:
            if child not in parent.sub_issues:
                raise not_found()
            parent.sub_issues.remove(child)
            child.parent = None
            self._related("removed", parent, child, by)

    def _is_above(self, issue: Issue, other: Issue) -> bool:
        """Whether `issue` is an ancestor of `other`."""
        above = other.parent
        while above is not None:
            if above is issue:
                return True
            above = above.parent
        return False

    def _blocked(self, what: str, issue: Issue, blocker: Issue, by: "Token") -> None:
        self._hub.issues.happened(issue, f"blocked_by_{what}", by, blocked_by=blocker)
        self._hub.issues.happened(blocker, f"blocking_{what}", by, blocking=issue)
        self._hub.issues.changed(issue)
        self._hub.issues.changed(blocker)
        parts = {"blocked": issue, "blocker": blocker}
        self._hub.emit("issue_dependencies", f"blocked_by_{what}", issue.repo, by, **parts)
        self._hub.emit("issue_dependencies", f"blocking_{what}", blocker.repo, by, **parts)

    def _related(self, what: str, parent: Issue, child: Issue, by: "Token") -> None:
        self._hub.issues.happened(parent, f"sub_issue_{what}", by, sub_issue=child)
        self._hub.issues.happened(child, f"parent_issue_{what}", by, parent_issue=parent)
        self._hub.issues.changed(parent)
        self._hub.issues.changed(child)
        parts = {"parent": parent, "child": child}
        self._hub.emit("sub_issues", f"sub_issue_{what}", parent.repo, by, **parts)
        self._hub.emit("sub_issues", f"parent_issue_{what}", child.repo, by, **parts)
