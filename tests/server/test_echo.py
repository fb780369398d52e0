"""What we wrote is in the cache as if it had been read again, and what creates a comment is recognised."""

from datetime import UTC, datetime

from bot.core.boards.block import END, START
from bot.core.effects import CloseIssue, DropComment, PostComment, PutBoard, PutStatus, React, SetLabels
from bot.core.markers import hide
from bot.core.model import Issue, Snapshot
from bot.core.names import GITHUB_ACTIONS_BOT_ID, REPLY_MARKER, STATUS_MARKER, VERDICT_MARKER
from bot.github.ports import Applied
from bot.server.echo import echo, own_bot
from bot.server.saying import digest, says

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
STATUS = "**Queued**\n\n" + hide(STATUS_MARKER, {"v": 1})


def snapshot() -> Snapshot:
    issue = Issue(7, "Greet", labels=frozenset({"ai-ready", "bug"}), detailed=True)
    return Snapshot("o/r", NOW, "main", {7: issue}, own_ids=frozenset({GITHUB_ACTIONS_BOT_ID, 5}))


def after(*applied: Applied) -> Issue:
    return echo(snapshot(), applied).issues[7]


def test_labels() -> None:
    issue = after(Applied(SetLabels(7, ("ai-queued",), ("ai-ready",)), ok=True))

    assert issue.labels == {"bug", "ai-queued"}


def test_a_status_comment_is_made_and_then_edited() -> None:
    made = Applied(PutStatus(7, STATUS), ok=True, node_id="IC_9")
    edited = Applied(PutStatus(7, "**Running**", "IC_9"), ok=True)

    [comment] = after(made).comments
    assert (comment.node_id, comment.body, comment.author.id) == ("IC_9", STATUS, 5)
    assert [c.body for c in after(made, edited).comments] == ["**Running**"]


def test_what_was_not_done_is_not_there() -> None:
    assert after(Applied(SetLabels(7, ("ai-queued",)), ok=False, unsure=True)).labels == {"ai-ready", "bug"}
    assert after(Applied(PutStatus(7, STATUS), ok=True)).comments == ()  # nobody knows which comment it is


def test_closing() -> None:
    assert not after(Applied(CloseIssue(7), ok=True)).open


def test_a_board() -> None:
    block = f"{START}\n{END}"
    issue = after(Applied(PutBoard(7, block), ok=True))

    assert (issue.body, issue.body_edited_at) == (block, NOW)
    assert says(PutBoard(7, block)) == 1


def test_deleting_a_comment() -> None:
    made, dropped = Applied(PutStatus(7, STATUS), ok=True, node_id="IC_9"), Applied(DropComment(7, "IC_9"), ok=True)

    assert after(made, dropped).comments == ()
    assert len(after(dropped, made).comments) == 1


def test_our_bot() -> None:
    assert own_bot(snapshot()) == 5


def test_the_same_comment_has_the_same_digest_whatever_its_words() -> None:
    verdicts = [PostComment(7, f"{text}\n" + hide(VERDICT_MARKER, {"run": "7-C1-1"})) for text in ("a", "b")]
    replies = [PostComment(7, text + hide(REPLY_MARKER, {"to": 12})) for text in ("a", "b")]

    assert {digest(each) for each in verdicts} == {"verdict:7-C1-1"}
    assert {digest(each) for each in replies} == {"reply:7:12"}
    assert digest(PutStatus(7, "a")) == digest(PutStatus(7, "b")) == "status:7"
    assert digest(PostComment(7, "a")) != digest(PostComment(7, "b"))


def test_what_is_the_same_twice_as_once_has_no_digest() -> None:
    for effect in (PutStatus(7, "a", "IC_1"), SetLabels(7, ("x",)), React("IC_1", "eyes")):
        assert digest(effect) == ""


def test_what_githubs_content_limits_count() -> None:
    assert [says(e) for e in (PutStatus(7, "a"), PostComment(7, "a"), React("IC", "eyes"), SetLabels(7, ("x",)))] == [
        1,
        1,
        1,
        0,
    ]
