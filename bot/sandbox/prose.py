"""Text for the pages: GitHub-like markdown without anything active in it, and the timeline as sentences."""

import re
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token as Piece

from bot.sandbox.records import Comment, Issue, Label, Milestone, Review, TimelineEvent, User

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PLAIN_TAG = re.compile(r"(</?(?:details|summary|br|sub|sup|kbd|b|i|em|strong|p|hr)\s*(?:open)?\s*/?>)")
"""The only HTML that is shown as HTML: without attributes, so without anything that acts."""
_NUMBER = re.compile(r"(?<![\w/&])#(\d+)\b")
_PERSON = re.compile(r"(?<![\w/])@([A-Za-z0-9][A-Za-z0-9-]*)")
_BOX = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MARK = re.compile(r"##\[(group|endgroup|error|warning|notice)\](?:Run )?(.*)")
"""How the runner marks a line of a job's log; each step begins with `##[group]Run its name`."""


def rendered(text: str, repo: str) -> str:
    """Markdown as HTML: tables, strike-through, `#7` linked within `repo`; no images, no active HTML."""
    return str(_markdown().render(text, {"repo": repo}))


def log_lines(text: str) -> list[tuple[str, str]]:
    """A log's lines as (mark, words): no terminal colours; `group` is a heading, "" an ordinary line."""
    lines = _ESCAPES.sub("", text).split("\n")
    if lines[-1] == "":
        lines.pop()
    told = [(mark[1], mark[2]) if (mark := _MARK.match(line)) else ("", line) for line in lines]
    return [(mark, words) for mark, words in told if mark != "endgroup"]


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"]).disable("image")
    made.add_render_rule("html_block", _harmless)
    made.add_render_rule("html_inline", _harmless)
    made.add_render_rule("text", _linked)
    return made


def _harmless(self: RendererHTML, pieces: list[Piece], at: int, options: Any, env: Any) -> str:  # noqa: ARG001
    parts = _PLAIN_TAG.split(_COMMENT.sub("", pieces[at].content))
    return "".join(part if _PLAIN_TAG.fullmatch(part) else escapeHtml(part) for part in parts)


def _linked(self: RendererHTML, pieces: list[Piece], at: int, options: Any, env: Any) -> str:  # noqa: ARG001
    text = pieces[at].content
    if at == 0 and text[:4] in _BOX:
        text = _BOX[text[:4]] + text[4:]
    shown = escapeHtml(text)
    inside = sum(piece.type == "link_open" for piece in pieces[:at])
    if inside > sum(piece.type == "link_close" for piece in pieces[:at]):
        return shown
    shown = _NUMBER.sub(rf'<a href="/{env["repo"]}/issues/\1">#\1</a>', shown)
    return _PERSON.sub(r"<strong>@\1</strong>", shown)


def told(event: TimelineEvent) -> str:
    """What happened, without the name of who did it; empty for what pages leave out."""
    words = {
        "labeled": "added the label {label}",
        "unlabeled": "removed the label {label}",
        "renamed": "changed the title from “{before}” to “{after}”",
        "closed": "closed this",
        "reopened": "reopened this",
        "merged": "merged this",
        "assigned": "assigned {assignee}",
        "unassigned": "unassigned {assignee}",
        "milestoned": "added this to the milestone {milestone}",
        "demilestoned": "removed this from the milestone {milestone}",
        "locked": "locked this conversation",
        "unlocked": "unlocked this conversation",
        "ready_for_review": "marked this as ready for review",
        "convert_to_draft": "turned this back into a draft",
        "review_requested": "asked {requested_reviewer} for a review",
        "blocked_by_added": "marked this as blocked by {blocked_by}",
        "blocked_by_removed": "removed the block by {blocked_by}",
        "blocking_added": "marked this as blocking {blocking}",
        "blocking_removed": "removed the block of {blocking}",
        "sub_issue_added": "added the sub-issue {sub_issue}",
        "sub_issue_removed": "removed the sub-issue {sub_issue}",
        "parent_issue_added": "made this a sub-issue of {parent_issue}",
        "parent_issue_removed": "took this from its parent {parent_issue}",
    }.get(event.event, "")
    said = words.format_map({key: _named(value) for key, value in event.detail.items()}) if words else ""
    if event.event == "closed" and event.detail.get("state_reason") in ("not_planned", "duplicate"):
        return f"{said} as {event.detail['state_reason'].replace('_', ' ')}"
    return said


def story(issue: Issue) -> list[TimelineEvent | Comment | Review]:
    """Everything that happened and was said, oldest first."""
    shown = (one for one in issue.timeline if told(one) and not (issue.merged and one.event == "closed"))
    entries: list[TimelineEvent | Comment | Review] = [*issue.comments, *shown]
    if issue.pull is not None:
        answers = {comment.review_id for thread in issue.pull.threads for comment in thread.comments[1:]}
        entries += [review for review in issue.pull.reviews if review.id not in answers]
    return sorted(entries, key=lambda one: (_moment(one), one.id))


def _moment(entry: TimelineEvent | Comment | Review) -> Any:
    return entry.submitted_at if isinstance(entry, Review) else entry.created_at


def _named(value: Any) -> str:
    if isinstance(value, Label):
        return value.name
    if isinstance(value, Milestone):
        return value.title
    if isinstance(value, User):
        return value.login
    return f"#{value.number}" if isinstance(value, Issue) else str(value)
