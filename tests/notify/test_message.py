"""What Slack is told, word for word; foreign words stay words."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.effects import PostComment, PutStatus
from bot.core.ledger import DONE, Record
from bot.core.messages.verdict import blocked, done
from bot.core.model import Issue, Pull, Snapshot
from bot.core.names import Reason
from bot.core.run import Outcome
from bot.core.settings import ConfigProblem, Notify, RepoConfig
from bot.notify.message import Message, escaped, message
from bot.notify.notice import Kind, Link, Notice, notify_of, verdict_notice

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
KEY = "7-L1763715000-1"
SERVER = "https://github.com/acme/shop"
PULL = Pull(31, "ai/issue-7", "main", open=True, merged=False, draft=True, head_oid="c0", url=f"{SERVER}/pull/31")
SNAPSHOT = Snapshot("acme/shop", NOW, "main", {7: Issue(7, "Greet", url=f"{SERVER}/issues/7")}, pulls=(PULL,))
OUTCOME = Outcome(KEY, "done", usd=0.42, turns=3, seconds=750)
DONE_NOTICE = Notice(
    "done",
    Link("acme/shop#7", f"{SERVER}/issues/7"),
    "Greet the <world> & co",
    "Done: draft PR #31 is up for review.",
    Link("PR #31", f"{SERVER}/pull/31"),
    0.42,
    750,
    f"{SERVER}/actions/runs/99",
)


def marked(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def everything(said: Message) -> str:
    return json.dumps(said.body(), ensure_ascii=False)


def test_done_in_slacks_words() -> None:
    """Issue, title and verdict; below them the pull request, what it cost, how long it took, and the log."""
    said = message(DONE_NOTICE)

    assert said.body() == {
        "text": "acme/shop#7 Greet the &lt;world&gt; &amp; co: Done: draft PR #31 is up for review. "
        "https://github.com/acme/shop/pull/31",
        "blocks": [
            {
                "type": "section",
                "text": marked(
                    ":white_check_mark: *<https://github.com/acme/shop/issues/7|acme/shop#7>* "
                    "Greet the &lt;world&gt; &amp; co\nDone: draft PR #31 is up for review."
                ),
            },
            {
                "type": "context",
                "elements": [
                    marked(
                        "<https://github.com/acme/shop/pull/31|PR #31> · $0.42 · 12 min · "
                        "<https://github.com/acme/shop/actions/runs/99|log>"
                    )
                ],
            },
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_what_is_not_known_is_left_out() -> None:
    """A run that vanished: no pull request, no cost, no time, no log."""
    lost = Notice("blocked", Link("acme/shop#7"), "", "Blocked (runner-lost): it is gone.")

    assert message(lost).text == "acme/shop#7: Blocked (runner-lost): it is gone."
    assert message(lost).blocks == (
        {"type": "section", "text": marked(":octagonal_sign: *acme/shop#7*\nBlocked (runner-lost): it is gone.")},
    )


HOSTILE = (
    "<!channel> <!here> <@U012AB> <#C012AB> <!subteam^S01> @here @channel @everyone <https://evil.example|acme/shop>\n"
    "second line\u202e\u200b &lt;!channel&gt;"
)


@pytest.mark.parametrize("field", ["title", "sentence"])
def test_foreign_words_mention_nobody_and_link_nowhere(field: str) -> None:
    """Neither Slack's own brackets nor a bare @here; one line, nothing invisible."""
    said = message(replace(DONE_NOTICE, **{field: HOSTILE}))  # type: ignore[arg-type]

    for bad in ("<!", "<@", "<#", "@here", "@channel", "@everyone", "<https://evil", "\u202e", "\u200b", "\nsecond"):
        assert bad not in everything(said).replace("\\n", "\n")
    assert "&lt;!channel&gt; &lt;!here&gt;" in said.text
    assert "@ here" in said.text
    assert all(part["verbatim"] for part in (said.blocks[0]["text"], *said.blocks[1]["elements"]))


def test_an_address_that_is_none_is_not_linked() -> None:
    """`GITHUB_SERVER_URL=file:…`, and whatever could end the link early."""
    for url in ("file:///srv/git/acme/shop", "https://x|y", "https://x>y", "https://x y", "javascript:alert(1)"):
        said = message(replace(DONE_NOTICE, issue=Link("acme/shop#7", url), pull=None, log=url))
        assert url not in everything(said)


@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_any_words_fit_and_are_escaped(title: str, sentence: str) -> None:
    """Slack refuses a block's text over 3,000 characters; `<` and `>` are only ever ours."""
    said = message(replace(DONE_NOTICE, title=title, sentence=sentence))
    head = said.blocks[0]["text"]["text"]

    assert len(head) <= 3_000
    assert len(said.text) <= 4_000
    assert head.count("<") == head.count(">") == 1
    assert not set("<>\n") & set(said.text)
    json.dumps(said.body()).encode()


def test_the_longest_words_fit() -> None:
    """Every character grows by its escape."""
    assert len(message(replace(DONE_NOTICE, title="&" * 9_000, sentence="<" * 9_000)).blocks[0]["text"]["text"]) < 3_000
    assert escaped("&" * 50, 10) == "&amp;" * 9 + "…"


# ------------------------------------------------------------------------------ from a verdict comment


def test_the_comment_of_a_done_run_says_it_all() -> None:
    """Its first line, its price, and the pull request's page as GitHub gave it."""
    record = Record(KEY, DONE, 0.42, NOW, NOW, pull=31)
    notice = verdict_notice(PostComment(7, done(record, PULL, OUTCOME)), SNAPSHOT)

    assert notice == replace(DONE_NOTICE, title="Greet", usd=0, seconds=0, log="")


def test_the_comment_of_a_blocked_run_says_it_all() -> None:
    """Reason and sentence, as on the issue; no price, which is only what the run may have cost at most."""
    record = Record(KEY, Reason.RUNNER_LOST, 5.0, NOW, NOW)
    notice = verdict_notice(PostComment(7, blocked(record, "the run is gone")), SNAPSHOT)

    assert notice is not None
    assert (notice.kind, notice.sentence) == ("blocked", "Blocked (runner-lost): the run is gone.")
    assert (notice.usd, notice.pull) == (0.0, None)


def test_other_comments_are_not_told() -> None:
    """Replies, the status comment, and words that only look like a verdict."""
    for effect in (PostComment(7, "Blocked (x): y."), PutStatus(7, "…"), PostComment(7, "/ai run")):
        assert verdict_notice(effect, SNAPSHOT) is None


def test_an_issue_that_is_gone_is_named_all_the_same() -> None:
    """It was deleted meanwhile: its number is known."""
    record = Record("8-L1-1", Reason.RUNNER_LOST, 0, NOW, NOW)
    notice = verdict_notice(PostComment(8, blocked(record, "gone")), SNAPSHOT)

    assert notice is not None
    assert notice.issue == Link("acme/shop#8", "")


def test_what_the_config_wants() -> None:
    """Done and Blocked can be switched off; progress has its interval; a broken config wants the default."""
    quiet = Notify(on_complete=False, on_blocked=False)
    notices = [replace(DONE_NOTICE, kind=kind) for kind in get_args(Kind)]

    assert [notice.kind for notice in notices if notice.wanted(quiet)] == ["working"]
    assert all(notice.wanted(Notify()) for notice in notices)
    assert notify_of(RepoConfig(notify=quiet)) == quiet
    assert notify_of(ConfigProblem("…")) == Notify()
