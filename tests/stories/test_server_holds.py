"""What the server holds back, and what the status comment says of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.records import Issue
from tests.stories.server_town import BY_WEBHOOKS, QUICK, Plan, ServerTown, check_server_town, quick_town

MILL, SHOP = "acme/mill", "acme/shop"


def test_the_servers_cap_is_named_as_such(tmp_path: Path) -> None:
    """The repository's own cap has room: raising that would help nobody."""
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=replace(QUICK, concurrent=1)) as town:
        mill, shop = town.repos
        town.actions.hold("in_progress")
        first = town.asked("Grind", repo=mill)
        town.until(lambda: town.actions.dispatches, "the mill has the only place")
        second = town.asked("Greet", repo=shop)
        town.labelled(second, "ai-ready", "ai-waiting")

        assert "the server allows 1 run at a time in all repositories" in town.status(second)
        assert "limits.concurrent" not in town.status(second)

        town.actions.hold("")
        assert town.verdict(first).startswith("Done")
        assert town.verdict(second).startswith("Done")
        settled(town)


def test_a_paused_server_plans_and_says_so_and_starts_nothing(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=replace(QUICK, paused=True)) as town:
        issue, behind = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(issue, "ai-ready", "ai-waiting")
        town.labelled(behind, "ai-ready", "ai-waiting")
        town.looks()

        assert "the server is paused" in town.status(issue)
        assert "**Waiting** for 1 issue" in town.status(behind)
        assert town.runs() == []


NO_MEMORY = replace(QUICK, pause=0.0, resume=0.0)
"""The variable is asked for at each look at which something would start."""
SET = "AI_READY_PAUSED"


def test_a_paused_repository_goes_on_when_the_variable_is_gone(tmp_path: Path) -> None:
    """Server and Action say the same; a run that was dispatched before is left alone."""
    with quick_town(tmp_path, rules=NO_MEMORY) as town:
        town.actions.hold("in_progress")
        first = town.asked("[A-1.1] First")
        town.until(lambda: town.runs(first), "the first run")
        town.repo.variables[SET] = "true"
        other = town.asked("[B-1.1] Other")
        town.labelled(other, "ai-ready", "ai-waiting")
        assert "the Actions variable `AI_READY_PAUSED`" in town.status(other)
        town.actions.hold("")
        assert town.verdict(first).startswith("Done")
        town.looks()
        assert town.runs(other) == []

        del town.repo.variables[SET]
        assert town.verdict(other).startswith("Done")
        settled(town)


def test_an_organization_pauses_all_its_repositories_but_for_those_that_say_no(tmp_path: Path) -> None:
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=NO_MEMORY) as town:
        mill, shop = town.repos
        mill.owner.variables[SET] = "yes"
        shop.variables[SET] = "false"
        held, free = town.asked("Grind", repo=mill), town.asked("Greet", repo=shop)

        assert town.verdict(free).startswith("Done")
        town.labelled(held, "ai-ready", "ai-waiting")
        assert "everything is paused" in town.status(held)
        mill.owner.variables.clear()
        assert town.verdict(held).startswith("Done")
        settled(town)


def test_while_the_variable_can_not_be_read_nothing_starts_and_nothing_untrue_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.github.courier.FIRST_PAUSE", 0.01)
    with quick_town(tmp_path, rules=NO_MEMORY) as town:
        town.hub.faults.fail("/actions/variables", 502, times=-1)
        issue = town.asked()
        town.until(lambda: asked(town) >= 5, "it was asked for in vain")
        assert (town.runs(), town.status(issue)) == ([], "")

        town.hub.faults.clear()
        assert town.verdict(issue).startswith("Done")
        settled(town)


def test_the_variable_is_asked_for_once_in_a_while_however_much_happens(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=QUICK) as town:
        issues = [town.asked(f"[A-1.{n}] Step") for n in (1, 2, 3)]
        with town.reviewing():
            for issue in issues:
                assert town.verdict(issue).startswith("Done")
            town.until(lambda: not any(issue.open for issue in issues), "everything merged")
        town.looks()

        assert asked(town) == 1
        settled(town)


def test_the_timer_asks_so_that_who_labels_need_not_wait_for_the_answer(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=replace(BY_WEBHOOKS, pause=0.0)) as town:
        assert town.verdict(town.asked("Greet")).startswith("Done")
        town.looks()
        before = asked(town)

        town.looks()
        assert asked(town) > before


def settled(town: ServerTown) -> None:
    """Everything has ended, as it should."""
    town.until(lambda: not any({"ai-queued", "ai-running"} & town.labels(i) for i in everywhere(town)), "rest")
    check_server_town(town)


def everywhere(town: ServerTown) -> list[Issue]:
    """The issues of all repositories."""
    return [issue for repo in town.repos for issue in repo.issues.values() if not issue.pull]


def asked(town: ServerTown) -> int:
    """How often the server asked for the repository's own variable."""
    return sum(SET in path for path in town.requests())
