"""The event file of a workflow run."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Issue
from bot.core.requests import boxless_sha
from bot.errors import UsageError
from bot.github.event import read_event

AT = 1_795_255_631
ISSUE = {"number": 7, "title": "Log in", "body": "- [x] done", "updated_at": "2026-11-21T10:07:11Z"}
SHA = boxless_sha(Issue(number=7, title="Log in", body="- [ ] done"))


def event(tmp_path: Path, payload: Any, name: str = "issues") -> Any:
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return read_event(name, path)


def test_a_label_event_says_which_issue_and_what_was_approved(tmp_path: Path) -> None:
    """Its time is the issue's `updated_at`, give or take a second."""
    found = event(tmp_path, {"action": "labeled", "label": {"name": "ai-ready"}, "issue": ISSUE})

    assert found.issue == 7
    assert dict(found.approved) == {f"L{AT - 1}": SHA, f"L{AT}": SHA, f"L{AT + 1}": SHA}


def test_a_comment_is_its_own_request(tmp_path: Path) -> None:
    found = event(tmp_path, {"action": "created", "comment": {"id": 11}, "issue": ISSUE}, "issue_comment")

    assert (found.issue, dict(found.approved)) == (7, {"C11": SHA})


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "labeled", "label": {"name": "bug"}, "issue": ISSUE},
        {"action": "closed", "issue": ISSUE},
        {"action": "labeled", "label": {"name": "ai-ready"}, "issue": {**ISSUE, "updated_at": "soon"}},
        {"action": "labeled", "label": {"name": "ai-ready"}, "issue": {**ISSUE, "title": None}},
    ],
)
def test_other_events_approve_nothing(tmp_path: Path, payload: Any) -> None:
    found = event(tmp_path, payload)

    assert (found.issue, dict(found.approved)) == (7, {})


@pytest.mark.parametrize("payload", [{}, {"issue": []}, {"issue": {"number": "7"}}, {"schedule": "17 * * * *"}])
def test_an_event_about_no_issue(tmp_path: Path, payload: Any) -> None:
    assert event(tmp_path, payload, "schedule").issue == 0


@pytest.mark.parametrize("text", ["not json", "[1]", "[" * 100_000])
def test_a_broken_event_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"event\.json"):
        event(tmp_path, text)


def test_no_event_file_is_no_event(tmp_path: Path) -> None:
    assert read_event("schedule", tmp_path / "none.json").issue == 0
    assert read_event("schedule", None).issue == 0
