"""Rewriting a task, on each source that can: what else is there stays, and nobody's change is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from bot.trackers.headless_pm import HeadlessPmTracker
from bot.trackers.tracker import NewTask, Priority, Rewriting, Stale, Status, Tracker, Wording
from tests.npm import needs_npm
from tests.trackers.linear_server import Linear
from tests.trackers.stages import BacklogStage, FileStage, LinearStage

TEXT = '## Description\n\nLog in.\n\n## Acceptance Criteria\n\n- [ ] It works.\n\n## Test Steps\n\n1. Run it.\n\n<!-- ai-ready:task {"a":1} -->'


@pytest.fixture(params=["file", "linear", pytest.param("backlog", marks=needs_npm)])
def ada(request: pytest.FixtureRequest, tmp_path: Path, serve: Callable[[FastAPI], str]) -> Iterator[Tracker]:
    match request.param:
        case "backlog":
            yield BacklogStage(tmp_path).tracker("ada")
        case "linear":
            linear = Linear()
            yield LinearStage(serve(linear.app()), linear).tracker("ada")
            assert linear.refused == []
        case _:
            yield FileStage(tmp_path).tracker("ada")


def test_a_text_with_headings_and_a_marker_comes_back_and_is_rewritten(ada: Tracker) -> None:
    """Notes, status and relations stay."""
    assert isinstance(ada, Rewriting)
    first = ada.create(NewTask("[AUTH-1.1] Model"))
    made = ada.create(NewTask("[AUTH-1.2] Log in", TEXT, Priority.HIGH))
    assert made.body.startswith(TEXT)
    ada.relate(made, first)
    ada.comment(made, "A note.")

    read = ada.get(made.id)
    now = ada.rewrite(
        read, Wording(lambda text: text.replace("It works", "It is fast"), "[AUTH-1.2] Sign in", Priority.LOW)
    )
    assert (now.title, now.priority, now.status) == ("[AUTH-1.2] Sign in", Priority.LOW, Status.TODO)
    assert now.body.startswith(TEXT.replace("It works", "It is fast"))
    assert [each.name for each in now.prerequisites] == [first.name]
    if ada.source != "linear":  # comments are not part of its text
        assert "A note." in now.body

    same = ada.rewrite(now, Wording(lambda text: text))
    assert (same.title, same.priority, same.body) == (now.title, now.priority, now.body)
    normal = ada.rewrite(same, Wording(lambda text: text, priority=Priority.NORMAL))
    assert normal.priority is Priority.NORMAL


def test_a_task_that_changed_since_is_left_as_it_is(ada: Tracker) -> None:
    assert isinstance(ada, Rewriting)
    read = ada.create(NewTask("[AUTH-1.1] Model", "Old."))
    ada.claim(read)

    with pytest.raises(Stale, match="was changed since it was read"):
        ada.rewrite(read, Wording(lambda _: "New."))
    assert ada.get(read.id).body.startswith("Old.")


def test_a_file_of_a_persons_own_making_keeps_what_else_is_in_it(tmp_path: Path) -> None:
    """Foreign keys, comments, words before the heading, Windows line ends."""
    tracker = FileStage(tmp_path).tracker("ada")
    assert isinstance(tracker, Rewriting)
    path = tmp_path / "tasks" / "a.md"
    path.write_bytes(b"---\r\nstatus: todo # mine\r\nowner: me\r\n---\r\nBefore.\r\n\r\n# Old #\r\n\r\nText.\r\n")
    tracker.rewrite(tracker.get("a"), Wording(lambda text: f"{text}\n\nMore.", "New", Priority.URGENT))

    assert path.read_bytes() == (
        b"---\r\nstatus: todo # mine\r\nowner: me\r\npriority: urgent\r\n---\r\nBefore.\r\n\r\n# New\r\n\r\nText.\r\n\r\nMore.\r\n"
    )


def test_headless_pm_can_not() -> None:
    assert not issubclass(HeadlessPmTracker, Rewriting)
