"""What can be done to issues (and to pull requests where GitHub treats them as issues), with timeline and events."""

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import App, Comment, Edit, Issue, Milestone, Reaction, Repo, TimelineEvent, User

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
BODY_LIMIT = 65536
"""GitHub's limit for a body, in characters."""
STATE_REASONS = ("completed", "not_planned", "duplicate", "reopened")


class Issues:
    """The verbs. Each is done by a token, writes the timeline and emits the event that GitHub would."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    # ---------------------------------------------------------------------------------------- reads

    def get(self, repo: Repo, number: int) -> Issue:
        """The issue or pull request. Raises `Refused` 404, 410 (deleted) or 301 (transferred; message is the new URL)."""
        issue = repo.issues.get(number)
        if issue is not None:
            return issue
        if number in repo.gone:
            target = repo.gone[number]
            if target is None:
                raise Refused(410, "This issue was deleted")
            raise Refused(301, f"{self._hub.api_url}/repos/{target.repo.full_name}/issues/{target.number}")
        raise not_found()

    def by_id(self, database_id: int) -> Issue:
        """The issue with this database id. Raises `Refused` 404."""
        for repo in self._hub.repositories.values():
            for issue in repo.issues.values():
                if issue.id == database_id:
                    return issue
        raise not_found()

    def listing(self, repo: Repo) -> list[Issue]:
        """Issues and pull requests by number, as *lists* show them: late where the stale fault is on."""
        with self._hub.lock:
            moment = self._hub.faults.listed_at()
            if moment is None:
                return [repo.issues[number] for number in sorted(repo.issues)]
            shown = (_as_of(repo.issues[number], moment) for number in sorted(repo.issues))
            return [issue for issue in shown if issue is not None]

    def comments(self, issue: Issue) -> list[Comment]:
        """Its comments as lists show them, oldest first."""
        moment = self._hub.faults.listed_at()
        return [comment for comment in issue.comments if moment is None or comment.created_at <= moment]

    def comment(self, repo: Repo, comment_id: int) -> Comment:
        """A comment by its database id. Raises `Refused` 404."""
        for issue in repo.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return comment
        raise not_found()

    # ------------------------------------------------------------------------------ opening, editing

    def create(
        self,
        repo: Repo,
        by: "Token",
        *,
        title: str,
        body: str = "",
        labels: Iterable[str] = (),
        assignees: Iterable[str] = (),
        milestone: int | None = None,
    ) -> Issue:
        """Open an issue. Unknown labels are made, as GitHub does for those who may."""
        with self._hub.lock:
            issue = self.new(repo, by, title=title, body=body)
            if milestone is not None:
                issue.milestone = _milestone(repo, milestone)
            self.changed(issue)
            self._hub.emit("issues", "opened", repo, by, issue=issue)
            self.add_labels(issue, labels, by)
            self.assign(issue, assignees, by)
            return issue

    def new(self, repo: Repo, by: "Token", *, title: str, body: str) -> Issue:
        """A record with the next number, without events (`create` and `Pulls.create` use it)."""
        if not title.strip():
            raise Refused.validation("Issue", "title", "missing_field")
        _check_body(body)
        number, node_id = self._hub.new_node("I")
        now = self._hub.now()
        issue = Issue(number, node_id, repo, repo.next_number, title, body, by.user, now, now, app=_app_of(by))
        repo.next_number += 1
        repo.issues[issue.number] = self._hub.register(issue)
        return issue

    def edit(self, issue: Issue, by: "Token", *, title: str | None = None, body: str | None = None) -> None:
        """Change title (a `renamed` event) or body (an edit with editor and time)."""
        with self._hub.lock:
            changes: dict[str, Any] = {}
            if title is not None and title != issue.title:
                if not title.strip():
                    raise Refused.validation("Issue", "title", "missing_field")
                changes["title"] = {"from": issue.title}
                self.happened(issue, "renamed", by, before=issue.title, after=title)
                issue.title = title
            if body is not None and body != issue.body:
                _check_body(body)
                changes["body"] = {"from": issue.body}
                now = self._hub.now()
                issue.edits.append(Edit(by.user, now, issue.body))
                issue.body, issue.editor, issue.last_edited_at = body, by.user, now
            if changes:
                self.changed(issue)
                self._tell(issue, "edited", by, changes=changes)

    def close(self, issue: Issue, by: "Token", *, reason: str = "completed", commit_id: str = "") -> None:
        """Close; a pull request closes unmerged (`Pulls.merge` merges). Closing a closed one changes its reason only."""
        with self._hub.lock:
            if reason not in STATE_REASONS:
                raise Refused.validation("Issue", "state_reason", "invalid")
            if not issue.open:
                issue.state_reason = "" if issue.pull else reason
                self.changed(issue)
                return
            now = self._hub.now()
            issue.open, issue.closed_at, issue.closed_by = False, now, by.user
            issue.state_reason = "" if issue.pull else reason
            self.happened(issue, "closed", by, state_reason=issue.state_reason, commit_id=commit_id)
            self.changed(issue)
            self._tell(issue, "closed", by)

    def reopen(self, issue: Issue, by: "Token") -> None:
        """Open it again. A merged pull request can't be."""
        with self._hub.lock:
            if issue.open:
                return
            if issue.pull is not None:
                self._hub.pulls.check_reopen(issue)
            issue.open, issue.closed_at, issue.closed_by = True, None, None
            issue.state_reason = "" if issue.pull else "reopened"
            self.happened(issue, "reopened", by)
            self.changed(issue)
            self._tell(issue, "reopened", by)

    def lock(self, issue: Issue, by: "Token", *, reason: str = "") -> None:
        """Only people with write may comment from now on."""
        with self._hub.lock:
            issue.locked, issue.lock_reason = True, reason
            self.happened(issue, "locked", by, lock_reason=reason)
            self.changed(issue)
            self._tell(issue, "locked", by)

    def unlock(self, issue: Issue, by: "Token") -> None:
        """Everybody may comment again."""
        with self._hub.lock:
            issue.locked, issue.lock_reason = False, ""
            self.happened(issue, "unlocked", by)
            self.changed(issue)
            self._tell(issue, "unlocked", by)

    def delete(self, issue: Issue, by: "Token") -> None:
        """Gone: 410 from now on; its links go with it."""
        with self._hub.lock:
            self._unlink(issue)
            self._hub.emit("issues", "deleted", issue.repo, by, issue=issue)
            del issue.repo.issues[issue.number]
            issue.repo.gone[issue.number] = None
            self._hub.forget(issue.node_id)

    def transfer(self, issue: Issue, target: Repo, by: "Token") -> Issue:
        """Move it: a new record there, 301 here."""
        with self._hub.lock:
            moved = self.new(target, by, title=issue.title, body=issue.body)
            moved.user, moved.comments, moved.created_at = issue.user, issue.comments, issue.created_at
            for comment in moved.comments:
                comment.issue = moved
            self._unlink(issue)
            self._hub.emit("issues", "transferred", issue.repo, by, issue=issue, new_issue=moved)
            del issue.repo.issues[issue.number]
            issue.repo.gone[issue.number] = moved
            self._hub.forget(issue.node_id)
            self.changed(moved)
            self._hub.emit("issues", "opened", target, by, issue=moved, old_issue=issue)
            return moved

    # ------------------------------------------------------------------- labels, people, milestones

    def add_labels(self, issue: Issue, names: Iterable[str], by: "Token") -> None:
        """Put labels on; those that don't exist are made. What is there already says nothing."""
        with self._hub.lock:
            for name in names:
                if issue.has_label(name):
                    continue
                label = issue.repo.labels.get(name.lower()) or self._hub.repos.create_label(issue.repo, name)
                issue.labels.append(label)
                self.happened(issue, "labeled", by, label=label)
                self.changed(issue)
                self._tell(issue, "labeled", by, label=label)

    def remove_label(self, issue: Issue, name: str, by: "Token") -> None:
        """Take one off. Raises `Refused` 404 "Label does not exist"."""
        with self._hub.lock:
            label = next((label for label in issue.labels if label.name.lower() == name.lower()), None)
            if label is None:
                raise Refused(404, "Label does not exist")
            issue.labels.remove(label)
            self.happened(issue, "unlabeled", by, label=label)
            self.changed(issue)
            self._tell(issue, "unlabeled", by, label=label)

    def set_labels(self, issue: Issue, names: Sequence[str], by: "Token") -> None:
        """Exactly these from now on."""
        with self._hub.lock:
            wanted = {name.lower() for name in names}
            for label in tuple(issue.labels):
                if label.name.lower() not in wanted:
                    self.remove_label(issue, label.name, by)
            self.add_labels(issue, names, by)

    def assign(self, issue: Issue, logins: Iterable[str], by: "Token") -> None:
        """Add assignees; GitHub leaves out, in silence, people who can't be (no access here)."""
        with self._hub.lock:
            for login in logins:
                user = self._assignable(issue.repo, login)
                if user is None or user in issue.assignees:
                    continue
                issue.assignees.append(user)
                self.happened(issue, "assigned", by, assignee=user)
                self.changed(issue)
                self._tell(issue, "assigned", by, assignee=user)

    def unassign(self, issue: Issue, logins: Iterable[str], by: "Token") -> None:
        """Take assignees off."""
        with self._hub.lock:
            gone = {login.lower() for login in logins}
            for user in tuple(issue.assignees):
                if user.login.lower() in gone:
                    issue.assignees.remove(user)
                    self.happened(issue, "unassigned", by, assignee=user)
                    self.changed(issue)
                    self._tell(issue, "unassigned", by, assignee=user)

    def set_milestone(self, issue: Issue, number: int | None, by: "Token") -> None:
        """Put it into a milestone, or (None) take it out."""
        with self._hub.lock:
            before = issue.milestone
            after = None if number is None else _milestone(issue.repo, number)
            if before is after:
                return
            issue.milestone = after
            action = "milestoned" if after is not None else "demilestoned"
            self.happened(issue, action, by, milestone=after or before)
            self.changed(issue)
            self._tell(issue, action, by, milestone=after or before)

    # ------------------------------------------------------------------------- comments, reactions

    def add_comment(self, issue: Issue, by: "Token", body: str) -> Comment:
        """Comment on an issue or pull request; refused on a locked one without write."""
        with self._hub.lock:
            if not body.strip():
                raise Refused.validation("IssueComment", "body", "missing_field")
            _check_body(body)
            if issue.locked and not by.may(issue.repo, "contents", "write") and not by.is_integration:
                raise Refused(403, "Unable to create comment because issue is locked.")
            now = self._hub.now()
            comment = Comment(*self._hub.new_node("IC"), issue, by.user, body, now, now, app=_app_of(by))
            issue.comments.append(self._hub.register(comment))
            self.changed(issue)
            self._hub.emit("issue_comment", "created", issue.repo, by, issue=issue, comment=comment)
            return comment

    def edit_comment(self, comment: Comment, by: "Token", body: str) -> None:
        """Change a comment's text; remembers who and when."""
        with self._hub.lock:
            if not body.strip():
                raise Refused.validation("IssueComment", "body", "missing_field")
            _check_body(body)
            if body == comment.body:
                return
            now, before = self._hub.now(), comment.body
            comment.edits.append(Edit(by.user, now, before))
            comment.body, comment.updated_at, comment.last_edited_at, comment.editor = body, now, now, by.user
            self.changed(comment.issue)
            changes = {"body": {"from": before}}
            parts = {"issue": comment.issue, "comment": comment, "changes": changes}
            self._hub.emit("issue_comment", "edited", comment.issue.repo, by, **parts)

    def delete_comment(self, comment: Comment, by: "Token") -> None:
        """Gone."""
        with self._hub.lock:
            comment.issue.comments.remove(comment)
            self._hub.forget(comment.node_id)
            self.changed(comment.issue)
            parts = {"issue": comment.issue, "comment": comment}
            self._hub.emit("issue_comment", "deleted", comment.issue.repo, by, **parts)

    def react(self, subject: Issue | Comment, by: "Token", content: str) -> tuple[Reaction, bool]:
        """React (no webhook for that). The second value is False when the reaction was there already."""
        with self._hub.lock:
            if content not in REACTIONS:
                raise Refused.validation("Reaction", "content", "invalid")
            for reaction in subject.reactions:
                if reaction.user is by.user and reaction.content == content:
                    return reaction, False
            made = Reaction(*self._hub.new_node("REA"), by.user, content, self._hub.now())
            subject.reactions.append(self._hub.register(made))
            return made, True

    def unreact(self, subject: Issue | Comment, reaction: Reaction) -> None:
        """Take a reaction back."""
        with self._hub.lock:
            subject.reactions.remove(reaction)
            self._hub.forget(reaction.node_id)

    # --------------------------------------------------------------------------------- bookkeeping

    def changed(self, issue: Issue) -> None:
        """Stamp it, and keep a copy for stale lists."""
        issue.updated_at = self._hub.now()
        shown = copy.copy(issue)
        shown.labels, shown.assignees = list(issue.labels), list(issue.assignees)
        shown.pull = copy.copy(issue.pull)
        shown.past = []
        issue.past.append((issue.updated_at, shown))

    def happened(self, issue: Issue, event: str, by: "Token", **detail: Any) -> TimelineEvent:
        """Write a line of the timeline."""
        made = TimelineEvent(*self._hub.new_node("TE"), event, by.user, self._hub.now(), detail)
        issue.timeline.append(self._hub.register(made))
        return made

    def _tell(self, issue: Issue, action: str, by: "Token", **parts: Any) -> None:
        name = "issues" if issue.pull is None else "pull_request"
        self._hub.emit(name, action, issue.repo, by, issue=issue, **parts)

    def _assignable(self, repo: Repo, login: str) -> User | None:
        for user in self._hub.users.values():
            if user.login.lower() == login.lower():
                return user if user.id in repo.collaborators or user is repo.owner else None
        return None

    def _unlink(self, issue: Issue) -> None:
        for other in issue.blocked_by:
            other.blocking.remove(issue)
        for other in issue.blocking:
            other.blocked_by.remove(issue)
        for child in issue.sub_issues:
            child.parent = None
        if issue.parent is not None:
            issue.parent.sub_issues.remove(issue)
        issue.blocked_by, issue.blocking, issue.sub_issues, issue.parent = [], [], [], None


def _as_of(issue: Issue, moment: Any) -> Issue | None:
    """What lists showed of it then: the newest copy that is not younger; None before it existed."""
    return next((shown for at, shown in reversed(issue.past) if at <= moment), None)


def _milestone(repo: Repo, number: int) -> Milestone:
    if number not in repo.milestones:
        raise Refused.validation("Issue", "milestone", "invalid")
    return repo.milestones[number]


def _app_of(by: "Token") -> App | None:
    return by.app


def _check_body(body: str) -> None:
    if len(body) > BODY_LIMIT:
        raise Refused.validation("Issue", "body", "custom", "body is too long (maximum is 65536 characters)")
