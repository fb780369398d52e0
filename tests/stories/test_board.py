"""The board of a META issue, kept by gates and by the server: to the end, beside what people write."""

from pathlib import Path

from bot.core.boards.block import END, START, without
from bot.core.names import BOARD_MARKER
from bot.sandbox.records import Issue
from tests.stories.conftest import Opens
from tests.stories.server_town import BY_WEBHOOKS, ServerTown, check_server_town, quick_town

PHASES = tuple(
    f"[SHOP-{key}] Part {key}" for key in ("1.1", "1.2", "1.3", "2.1", "2.2", "3.1", "4.1", "4.2", "5.1", "10.1")
)
GOALS = "## Goals\r\n\r\n- be quick\r\n"


def closings(issue: Issue) -> int:
    return sum(BOARD_MARKER in comment.body for comment in issue.comments)


def edits(town: ServerTown, issue: Issue) -> int:
    """How often the server wrote into an issue's body."""
    return sum(edit.editor is town.app.bot for edit in issue.edits)


def test_the_server_keeps_the_board_of_ten_phases_to_its_end(tmp_path: Path) -> None:
    """People write into the same issue meanwhile; what they wrote is there, and the issue is closed with the last one."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        meta = town.issue("META: SHOP A shop", GOALS)
        issues = [town.issue(title) for title in PHASES]
        town.hub.webhooks.flush()
        assert START not in meta.body, "nobody asked for anything yet"
        with town.reviewing():
            for issue in issues:
                town.label(issue)
            town.until(lambda: "3 of 10 closed" in meta.body, "three are closed", timeout=90)
            with_note = f"A note.\n\n{meta.body}\n\nAnother one."
            town.hub.issues.edit(meta, town.maintainer, body=with_note)
            town.until(lambda: not meta.open, "the board closed", timeout=90)

        assert "10 of 10 closed" in meta.body
        assert "cost so far $0" in meta.body
        assert without(meta.body).startswith(f"A note.\n\n{GOALS}")
        assert meta.body.endswith(f"{END}\n\nAnother one.")
        assert closings(meta) == 1
        town.looks()
        before = edits(town, meta)
        town.hub.issues.reopen(meta, town.maintainer)
        town.looks()
        assert (meta.open, closings(meta), edits(town, meta)) == (True, 1, before)
        check_server_town(town)


def test_the_server_is_not_its_own_reason_to_write(tmp_path: Path) -> None:
    """Its edit comes back as a webhook: it looks, and there is nothing to do."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        meta = town.issue("META: SHOP A shop", GOALS)
        first, second = (town.issue(title) for title in PHASES[:2])
        town.actions.hold("queued")
        town.label(first)
        town.until(lambda: "**Queued:** #2" in meta.body, "the board")
        town.looks(4)
        written = edits(town, meta)
        assert written <= 2, "not asked for, then queued"

        town.label(second)
        town.until(lambda: "**Next up:** #3" in meta.body, "the board says so, too")
        town.actions.hold("in_progress")
        town.until(lambda: "**Running now:** #2" in meta.body, "news of the run alone is enough")
        town.looks(4)
        assert edits(town, meta) <= written + 2
        town.actions.hold("")
        town.verdict(first)


def test_gates_keep_the_board_and_close_it(opens_quick: Opens) -> None:
    """Action mode: whoever plans writes it; publish says itself that the work is up for review."""
    town = opens_quick()
    meta = town.issue("META: SHOP A shop", GOALS)
    first, second = town.asked(PHASES[0]), town.issue(PHASES[1])
    run = town.next_run()
    assert run is not None
    run.gate()
    assert f"**Running now:** #{first.number}" in meta.body
    assert f"**Not asked for yet:** #{second.number}" in meta.body
    run.work()
    run.publish()
    run.end()
    assert f"**In review:** #{first.number}" in meta.body

    [pull] = town.pulls()
    town.hub.issues.edit(meta, town.rita, body=f"{meta.body}\r\nSeen #{pull.number}.")
    town.merge(pull)
    town.settle()
    assert "1 of 2 closed" in meta.body
    town.hub.issues.close(second, town.rita)
    town.settle()

    assert "2 of 2 closed** (100 %), cost so far $0.010" in meta.body
    assert meta.body.startswith(GOALS)
    assert meta.body.endswith(f"{END}\r\nSeen #{pull.number}.")
    assert not meta.open
    assert closings(meta) == 1


def test_a_board_that_cannot_be_written_keeps_nothing_from_running(opens_quick: Opens) -> None:
    """GitHub fails at every edit of the issue: the run starts and ends all the same, and the next gate catches up."""
    town = opens_quick()
    meta, first = town.issue("META: SHOP A shop", GOALS), town.asked(PHASES[0])
    town.hub.faults.fail(r"graphql.*updateIssue\(", 502, times=-1)

    town.settle()
    assert town.verdict(first).startswith("Done")
    assert meta.body == GOALS

    town.hub.faults.clear()
    town.start().all_jobs()
    assert f"**In review:** #{first.number}" in meta.body


def test_gates_keep_the_board_of_a_series_to_its_end(opens_quick: Opens) -> None:
    """All labelled at once; the maintainer merges, and writes into the board's issue each time."""
    town = opens_quick()
    program = town.folder / "claude"
    program.write_text(program.read_text().replace("> hello.py", '> "part$(date +%s%N).py"'))
    meta = town.issue("META: SHOP A shop", GOALS)
    issues = [town.asked(title) for title in PHASES[1:5]]

    for done, issue in enumerate(issues):
        town.settle()
        assert f"**{done} of 4 closed**" in meta.body
        assert f"**In review:** #{issue.number}" in meta.body
        town.hub.issues.edit(meta, town.rita, body=f"{meta.body}{done}")
        town.merge(next(pull for pull in town.pulls() if pull.open))
    town.settle()

    assert "4 of 4 closed" in meta.body
    assert meta.body.startswith(GOALS)
    assert meta.body.endswith(f"{END}0123")
    assert (meta.open, closings(meta)) == (False, 1)
