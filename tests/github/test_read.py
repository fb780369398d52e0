"""JSON → facts, without a network."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.effects import MakeClaim
from bot.core.model import Actor, Claim, Permission, Ref, RunState, Source, Standing
from bot.github import read
from bot.github.claims import claim_message, read_claim
from tests.github.stage import ADA, AT, connection, detail


def linked(number: int, state: str = "OPEN", *, reason: str | None = None, repo: str = "acme/shop") -> dict[str, Any]:
    return {"number": number, "state": state, "stateReason": reason, "repository": {"nameWithOwner": repo}}


def labelled(name: str, at: str, actor: Any = ADA) -> dict[str, Any]:
    return {"__typename": "LabeledEvent", "id": f"LE_{at}", "createdAt": at, "actor": actor, "label": {"name": name}}


def test_ids_beyond_32_bits_are_read() -> None:
    """Newer issues and comments have ids that GraphQL's Int can't hold."""
    assert read.full_issue(detail()).id == 3_000_000_007


def test_our_labels_are_recognised_in_any_case() -> None:
    """GitHub treats `AI-Ready` and `ai-ready` as one label; other people's labels keep their spelling."""
    issue = read.full_issue(detail(labels=connection({"name": "AI-Ready"}, {"name": "Bug"})))

    assert issue.labels == {"ai-ready", "Bug"}


def test_label_events_are_those_of_the_request_label_oldest_first() -> None:
    """Other labels ask for nothing."""
    events = (
        labelled("Ai-Ready", "2026-11-21T10:00:00Z"),
        labelled("bug", "2026-11-21T08:00:00Z"),
        labelled("ai-ready", AT),
    )

    found = read.full_issue(detail(timelineItems=connection(*events))).label_events

    assert [event.at.hour for event in found] == [9, 10]
    assert {event.actor for event in found} == {Actor(11, "ada")}


def test_the_newest_rename_counts() -> None:
    renames = [{"__typename": "RenamedTitleEvent", "createdAt": f"2026-11-{day}T09:00:00Z"} for day in (20, 22, 21)]

    assert read.full_issue(detail(timelineItems=connection(*renames))).renamed_at == datetime(
        2026, 11, 22, 9, tzinfo=UTC
    )


def test_the_last_time_it_was_closed_is_known_also_when_it_is_open_again() -> None:
    closings = [{"__typename": "ClosedEvent", "createdAt": f"2026-11-{day}T09:00:00Z"} for day in (20, 22, 21)]

    assert read.full_issue(detail(timelineItems=connection(*closings))).closed_at == datetime(
        2026, 11, 22, 9, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("data", "who"),
    [
        (ADA, Actor(11, "ada")),
        (
            {"__typename": "Bot", "login": "github-actions", "databaseId": 41898282},
            Actor(41898282, "github-actions", is_bot=True),
        ),
        ({"__typename": "Organization", "login": "acme"}, Actor(0, "acme")),
        (None, Actor(0, "ghost")),
    ],
    ids=["person", "bot", "organization", "deleted account"],
)
def test_accounts(data: Any, who: Actor) -> None:
    """Whoever has no id is nobody: id 0."""
    assert read.actor(data) == who


def test_comments_are_ordered_and_know_our_reactions_only() -> None:
    """Other people's eyes are not ours, and a later page may hold earlier comments."""

    def remark(number: int, at: str, *, mine: bool) -> dict[str, Any]:
        groups = [{"content": "EYES", "viewerHasReacted": mine}, {"content": "HEART", "viewerHasReacted": True}]
        return {
            "id": f"IC_{number}",
            "fullDatabaseId": str(number),
            "author": ADA,
            "body": "/ai run",
            "createdAt": at,
            "lastEditedAt": at if mine else None,
            "reactionGroups": groups,
        }

    late, early = remark(2, "2026-11-21T10:00:00Z", mine=True), remark(1, AT, mine=False)
    found = read.full_issue(detail(comments=connection(late, early))).comments

    assert [comment.id for comment in found] == [1, 2]
    assert [comment.reactions for comment in found] == [frozenset(), frozenset({"eyes"})]
    assert [comment.edited for comment in found] == [False, True]


def test_native_prerequisites_come_with_their_standing() -> None:
    """One answer tells both the link and what became of its far end, also in another repository."""
    data = detail(
        blockedBy=connection(linked(3), linked(5, "CLOSED", reason="DUPLICATE", repo="Other/Repo")),
        subIssues=connection(linked(8, "CLOSED", reason="COMPLETED")),
        issueDependenciesSummary={"blockedBy": 1},
    )

    assert [(str(link.ref), link.source) for link in read.links(data)] == [
        ("acme/shop#3", Source.NATIVE),
        ("other/repo#5", Source.NATIVE),
        ("acme/shop#8", Source.SUB_ISSUE),
    ]
    assert read.linked(data) == {
        Ref("acme/shop", 3): Standing.OPEN,
        Ref("other/repo", 5): Standing.NOT_PLANNED,
        Ref("acme/shop", 8): Standing.CLOSED,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"issueDependenciesSummary": {"blockedBy": 2}, "blockedBy": connection(linked(3))},
        {"blockedBy": connection(None)},
        {"subIssues": connection(linked(8), None)},
    ],
    ids=["counted but not listed", "a blocker is null", "a sub-issue is null"],
)
def test_a_prerequisite_that_github_hides_is_unreadable_not_absent(changes: dict[str, Any]) -> None:
    """A blocker in a private repository must hold the issue back."""
    data = detail(**changes)

    assert read.HIDDEN in {link.ref for link in read.links(data)}
    assert read.linked(data)[read.HIDDEN] is Standing.UNREADABLE


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"state": "OPEN"}, Standing.OPEN),
        ({"state": "CLOSED", "stateReason": None}, Standing.CLOSED),
        ({"state": "CLOSED", "stateReason": "COMPLETED"}, Standing.CLOSED),
        ({"state": "CLOSED", "stateReason": "NOT_PLANNED"}, Standing.NOT_PLANNED),
        ({"pullState": "MERGED"}, Standing.MERGED),
        ({"pullState": "CLOSED"}, Standing.UNMERGED),
        ({"pullState": "OPEN"}, Standing.OPEN),
        ({"pullState": "SOMETHING_NEW"}, Standing.UNKNOWN),
    ],
)
def test_standings(node: dict[str, Any], expected: Standing) -> None:
    assert read.standing(node) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"permission": "admin", "user": {"id": 11}}, Permission.ADMIN),
        ({"permission": "write", "role_name": "maintain", "user": {"id": 11}}, Permission.WRITE),
        ({"permission": "read", "role_name": "triage", "user": {"id": 11}}, Permission.READ),
        ({"permission": "admin", "user": {"id": 12}}, Permission.NONE),
        ({"permission": "custom", "user": {"id": 11}}, Permission.UNKNOWN),
        ({"permission": "admin", "user": None}, Permission.UNKNOWN),
        (None, Permission.UNKNOWN),
    ],
    ids=["admin", "maintain", "triage", "somebody else has the login now", "unheard of", "nobody", "nothing"],
)
def test_permission_is_of_the_id_not_the_login(answer: Any, expected: Permission) -> None:
    assert read.permission(answer, Actor(11, "ada")) is expected


def test_a_running_workflow_is_active_and_named_by_its_run_name() -> None:
    run = read.run({"id": 5, "status": "waiting", "conclusion": None, "name": "ai-ready", "display_title": "ai 7-x-1"})

    assert (run.state, run.name, run.conclusion) == (RunState.ACTIVE, "ai 7-x-1", "")
    assert read.run({"id": 5, "status": "completed", "conclusion": "cancelled"}).state is RunState.ENDED


# --------------------------------------------------------------------------------------------- claims

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
EFFECT = MakeClaim(issue=7, run_key="7-LE_x-1", run_id=55, until=NOW.replace(hour=10), usd=5.0)


def test_a_claim_reads_back_as_it_was_written() -> None:
    claim = read_claim("ai/claim-7", "abc", claim_message(EFFECT, NOW).strip(), NOW)

    assert claim == Claim(7, "7-LE_x-1", 55, at=NOW, until=NOW.replace(hour=10), usd=5.0, oid="abc")


def test_the_same_claim_is_the_same_text() -> None:
    """So that making its commit twice makes one commit."""
    assert claim_message(EFFECT, NOW) == claim_message(EFFECT, NOW)


@pytest.mark.parametrize(
    "message",
    ["", "Merge branch", '{"issue": 7}', "x\n\n[1]", 'x\n\n{"run_key": null, "run_id": "x"}', "x\n\n" + "[" * 5000],
)
def test_a_claim_nobody_can_read_still_stands_for_six_hours(message: str) -> None:
    """Somebody made the branch by hand: an unknown holder is a holder, but not for ever."""
    claim = read_claim("ai/claim-7", "abc", message, NOW)

    assert claim is not None
    assert (claim.run_key, claim.run_id, (claim.until - NOW).total_seconds()) == ("", 0, 6 * 3600)


@pytest.mark.parametrize("branch", ["ai/issue-7", "ai/claim-", "ai/claim-7x", "ai/claim-٧", "main"])
def test_other_branches_are_no_claims(branch: str) -> None:
    assert read_claim(branch, "abc", claim_message(EFFECT, NOW), NOW) is None
