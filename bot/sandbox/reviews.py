"""Reviews of pull requests: submitting and dismissing them, conversations on lines of the diff.

https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Review, ReviewComment, ReviewThread
from bot.sandbox.repos import git

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED"]
STATES: dict[str, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


class Reviews:
    """The verbs."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def submit(
        self, issue: Issue, by: "Token", *, event: str = "COMMENT", body: str = "", comments: Iterable[Any] = ()
    ) -> Review:
        """APPROVE, REQUEST_CHANGES or COMMENT; `comments` are {path, line, body} and start threads."""
        started = tuple(comments)
        with self._hub.lock:
            if event not in STATES:
                raise Refused.validation("PullRequestReview", "event", "invalid")
            if by.user is issue.user and event != "COMMENT":
                raise Refused(422, "Can not approve your own pull request")
            if event != "APPROVE" and not body and not started:
                raise Refused.validation("PullRequestReview", "body", "missing_field")
            review = self._review(issue, by, STATES[event], body)
            made = [self._thread(issue, by, review, comment) for comment in started]
            if by.user in part(issue).requested_reviewers:
                part(issue).requested_reviewers.remove(by.user)
            self._submitted(issue, by, review, made)
            return review

    def dismiss(self, issue: Issue, review_id: int, by: "Token", message: str) -> Review:
        """Take an approval or a request for changes back. Raises `Refused`: 404, 422 for a mere comment."""
        with self._hub.lock:
            review = next((one for one in part(issue).reviews if one.id == review_id), None)
            if review is None:
                raise not_found()
            if not message or review.state not in ("APPROVED", "CHANGES_REQUESTED"):
                raise Refused(422, "Can not dismiss a commented pull request review")
            review.state = "DISMISSED"
            self._hub.issues.changed(issue)
            self._hub.emit("pull_request_review", "dismissed", issue.repo, by, issue=issue, review=review)
            return review

    def reply(self, issue: Issue, by: "Token", comment_id: int, body: str) -> tuple[ReviewThread, ReviewComment]:
        """Answer in the thread that this comment is in. Raises `Refused` 404."""
        with self._hub.lock:
            for thread in part(issue).threads:
                if any(comment.id == comment_id for comment in thread.comments):
                    return thread, self.answer(thread, by, body)
            raise not_found()

    def answer(self, thread: ReviewThread, by: "Token", body: str) -> ReviewComment:
        """Answer in a thread: on GitHub each such comment is a review of its own, submitted as a comment."""
        with self._hub.lock:
            if not body.strip():
                raise Refused.validation("PullRequestReviewComment", "body", "missing_field")
            review = self._review(thread.issue, by, "COMMENTED", "")
            made = self._comment(thread, by, review, body)
            self._submitted(thread.issue, by, review, [made])
            return made

    def resolve(self, thread: ReviewThread, by: "Token", *, resolved: bool = True) -> None:
        """Mark a conversation as resolved, or open it again."""
        with self._hub.lock:
            thread.resolved_by = by.user if resolved else None

    def follow(self, issue: Issue, old: str, new: str) -> None:
        """The head moved: conversations move along with their lines; those whose line changed are outdated."""
        for thread in part(issue).threads:
            if thread.line:
                thread.line = _moved(git(issue.repo, "diff", "-U0", old, new, "--", thread.path), thread.line)

    def _review(self, issue: Issue, by: "Token", state: ReviewState, body: str) -> Review:
        pull = part(issue)
        node = self._hub.new_node("PRR")
        review = Review(*node, by.user, body, state, pull.head_oid, self._hub.now(), issue)
        pull.reviews.append(self._hub.register(review))
        return review

    def _comment(self, thread: ReviewThread, by: "Token", review: Review, body: str) -> ReviewComment:
        now, node = self._hub.now(), self._hub.new_node("PRRC")
        first = thread.comments[0].id if thread.comments else 0
        made = ReviewComment(*node, thread, by.user, body, now, now, review.id, in_reply_to=first)
        thread.comments.append(self._hub.register(made))
        return made

    def _thread(self, issue: Issue, by: "Token", review: Review, comment: Any) -> ReviewComment:
        pull, path = part(issue), str(comment["path"])
        line = int(comment.get("line") or comment.get("position") or 1)
        hunk = _hunk(git(issue.repo, "diff", f"{pull.base_oid}...{pull.head_oid}", "--", path), line)
        thread = ReviewThread(*self._hub.new_node("PRRT"), issue, path, line, line, pull.head_oid, hunk)
        pull.threads.append(self._hub.register(thread))
        return self._comment(thread, by, review, str(comment["body"]))

    def _submitted(self, issue: Issue, by: "Token", review: Review, comments: Iterable[ReviewComment]) -> None:
        self._hub.issues.changed(issue)
        self._hub.emit("pull_request_review", "submitted", issue.repo, by, issue=issue, review=review)
        for comment in comments:
            parts = {"issue": issue, "comment": comment}
            self._hub.emit("pull_request_review_comment", "created", issue.repo, by, **parts)


def _hunk(diff: str, line: int) -> str:
    """The hunk of a file's diff up to `line` of its new side; empty where the diff has no such line."""
    starts = [*_HUNK.finditer(diff)]
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(diff)
        header, *lines = diff[start.start() : end].rstrip("\n").split("\n")
        at = int(start[3]) - 1
        for count, text in enumerate(lines, start=1):
            at += not text.startswith("-")
            if at == line and not text.startswith("-"):
                return "\n".join([header, *lines[:count]])
    return ""


def _moved(diff: str, line: int) -> int:
    """Where `line` of the old side is on the new one, by a diff without context; 0: it was changed."""
    shift = 0
    for hunk in _HUNK.finditer(diff):
        start, size, added = int(hunk[1]), int(hunk[2] or 1), int(hunk[4] or 1)
        if start + (size == 0) > line:
            break
        if size and line < start + size:
            return 0
        shift += added - size
    return line + shift
