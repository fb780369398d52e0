"""Stories about several issues: order, dispatch, caps, and gates that run at the same time."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.sandbox.model import Scene, done, write
from bot.sandbox.records import Event
from tests.stories.conftest import Opens
from tests.stories.town import CONFIG, Run, Town, wait_until

SCENES = tuple(
    Scene(f"# [SHOP-{phase}.1]", write(f"part{phase}.py", f"{phase}\n"), done(f"Part {phase}.")) for phase in (1, 2, 3)
)
ANY = Scene("", write("hello.py", "print('hello')\n"), done("Ok."))


def test_three_phases_run_in_order_as_they_are_merged(opens: Opens) -> None:
    """All labelled at once: each phase starts when the one before is merged, not earlier."""
    town = opens(*SCENES)
    third, first, second = (town.asked(f"[SHOP-{phase}.1] Part {phase}") for phase in (3, 1, 2))

    seen = []
    for issue in (first, second, third):
        town.settle()
        seen.append([town.verdicts(each)[:1] != [] for each in (first, second, third)])
        [pull] = [pull for pull in town.pulls() if pull.open]
        assert f"Closes #{issue.number}" in pull.body
        town.merge(pull)
    town.settle()

    assert seen == [[True, False, False], [True, True, False], [True, True, True]]
    assert [issue.open for issue in (first, second, third)] == [False, False, False]
    assert town.read("main", "part3.py") == "3\n"
    assert [town.labels(issue) for issue in (first, second, third)] == [set(), set(), set()]


def test_a_second_ready_issue_is_dispatched(opens_quick: Opens) -> None:
    """One gate sees two ready issues: it takes one, dispatches the caller workflow for the other; both end Done."""
    town = opens_quick()
    first, second = town.asked("One thing"), town.asked("Another thing")
    run = town.next_run()
    assert run is not None
    run.gate()

    dispatched = [each for each in town.hub.actions.runs.values() if each.event == "workflow_dispatch"]
    assert [each.inputs["issue"] for each in dispatched] == ["2"]
    assert dispatched[0].inputs["run_key"].startswith("2-L")
    assert town.labels(second) == {"ai-ready", "ai-queued"}
    assert "**Queued**" in town.status(second)
    run.work()
    run.publish()
    run.end()
    town.settle()

    assert town.verdict(first).startswith("Done")
    assert town.verdict(second).startswith("Done")
    assert len(town.admitted) == 2


@pytest.mark.parametrize("status", [404, 422])
def test_a_dispatch_that_is_refused_for_good_is_said_once(opens: Opens, status: int) -> None:
    """The caller file lacks `workflow_dispatch`: Blocked (config-invalid), in the status as well; nothing is repeated."""
    town = opens(ANY)
    town.asked("One thing")
    second = town.asked("Another thing")
    town.hub.faults.fail("POST .*/dispatches", status, times=-1)

    town.settle()

    assert town.verdict(second).startswith("Blocked (config-invalid)")
    assert town.labels(second) == {"ai-blocked"}
    assert "**Blocked** (config-invalid)" in town.status(second)


def test_a_dispatch_that_meets_a_long_rate_limit_is_no_verdict(opens: Opens) -> None:
    """GitHub says to come back in 10 minutes: nobody sits and waits, and nobody calls it the user's mistake."""
    town = opens(ANY)
    town.asked("One thing")
    second = town.asked("Another thing")
    run = town.next_run()
    assert run is not None
    town.hub.faults.secondary_rate_limit("POST .*/dispatches", times=-1, retry_after=600)

    run.gate()

    assert town.verdicts(second) == []
    town.hub.faults.clear()
    with town.clock.ago(-300):
        run.work()
        run.publish()
        run.end()
        town.start().all_jobs()
        town.settle()


def test_a_dispatched_run_is_not_dispatched_twice(opens_quick: Opens) -> None:
    """Gates that look while a dispatched run waits for a runner leave it alone."""
    town = opens_quick()
    town.asked("One thing")
    town.asked("Another thing")
    run = town.next_run()
    assert run is not None
    run.gate()
    for _ in range(2):
        town.start("schedule").gate()

    dispatched = [each for each in town.hub.actions.runs.values() if each.event == "workflow_dispatch"]
    assert len(dispatched) == 1
    run.work()
    run.publish()
    run.end()
    for each in town.hub.actions.runs.values():
        if each.event == "schedule":
            town.hub.actions.update_run(each, status="completed", conclusion="success")
    town.settle()


def test_a_cap_that_is_reached_holds_the_next_one(opens_quick: Opens) -> None:
    """With one run at a time the second waits for the slot, and publish asks for another look when it is free."""
    town = opens_quick(config=CONFIG.replace("usd: 1,", "usd: 1, concurrent: 1,"))
    first, second = town.asked("One thing"), town.asked("Another thing")
    run = town.next_run()
    assert run is not None
    run.gate()

    assert "1 of 1 runs are at work" in town.status(second)
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    run.work()
    run.publish()
    run.end()
    town.settle()

    assert town.verdict(first).startswith("Done")
    assert town.verdict(second).startswith("Done")


def test_what_the_day_held_back_goes_on_when_that_run_is_yesterdays(opens_quick: Opens) -> None:
    """On hold with a note, not failed; the hourly gate after midnight starts it. (The day passes in the first verdict.)"""
    town = opens_quick(config=CONFIG.replace("usd: 1,", "usd: 1, runs_per_day: 1,"))
    first, second = town.asked("One thing"), town.asked("Another thing")
    town.settle()
    assert town.verdict(first).startswith("Done")
    assert "the only run of this UTC day is used (`limits.runs_per_day`); goes on tomorrow" in town.status(second)
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    assert town.verdicts(second) == []

    [said] = [each for each in first.comments if "ai-ready:verdict" in each.body]
    at = town.clock() - timedelta(days=1)
    town.hub.issues.edit_comment(said, town.rita, re.sub(r'"at":"[^"]+"', f'"at":"{at.isoformat()}"', said.body))
    town.start().all_jobs()

    assert town.verdict(second).startswith("Done")
    town.settle()


def test_a_daily_cap_is_not_overrun_by_gates_at_once(opens_quick: Opens) -> None:
    """Two gates, two issues, money for one run: one is admitted, the other says what it waits for."""
    town = opens_quick(config=CONFIG.replace("usd: 1,", "usd: 1, usd_per_day: 1,"))
    town.repo.variables["AI_READY_PAUSED"] = "true"
    issues = [town.asked(title) for title in ("One thing", "Another thing")]
    town.settle()
    del town.repo.variables["AI_READY_PAUSED"]
    runs = [town.start("schedule") for _ in range(2)]
    _gate_at_once(town, runs)

    assert sum(run.is_admitted for run in runs) == 1
    assert sum("`limits.usd_per_day`" in town.status(issue) for issue in issues) == 1
    _finish(runs)
    town.settle()


def test_a_claim_that_comes_late_finds_the_place_taken(opens_quick: Opens) -> None:
    """`concurrent: 1`: a gate read first and claims last. That its claim names the older time gives it no right."""
    town = opens_quick(config=CONFIG.replace("usd: 1,", "usd: 1, concurrent: 1,"))
    first, second = town.issue("One thing"), town.issue("Another thing")
    town.label(second)
    late = town.next_run()
    assert late is not None
    town.hub.faults.delay(1.5, "POST .*/git/refs", times=1)
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(late.gate)
        wait_until(lambda: not any(fault.times for fault in town.hub.faults._faults), "it is about to claim")
        town.label(first)
        quick = town.next_run()
        assert quick is not None
        quick.gate()
        assert quick.is_admitted
        looking.result()

    assert not late.is_admitted
    assert "1 of 1 runs are at work" in town.status(second)
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    _finish([late, quick])
    town.settle()
    assert [town.verdict(issue)[:4] for issue in (first, second)] == ["Done", "Done"]


def test_two_claims_for_one_place_leave_one_run(opens_quick: Opens) -> None:
    """`concurrent: 1`: two gates claim two issues, and each sees both claims. One steps back, the other goes on."""
    town = opens_quick(config=CONFIG.replace("usd: 1,", "usd: 1, concurrent: 1,"))
    issues, runs = [town.issue("One thing"), town.issue("Another thing")], list[Run]()
    with ThreadPoolExecutor(2) as pool:
        for issue in reversed(issues):
            town.hub.faults.delay(1.0, "POST .*/git/refs", times=1)
            town.label(issue)
            run = town.next_run()
            assert run is not None
            runs.append(run)
            pool.submit(run.gate)
            wait_until(lambda: not any(fault.times for fault in town.hub.faults._faults), "it is about to claim")

    assert sum(run.is_admitted for run in runs) == 1
    assert sum("1 of 1 runs are at work" in town.status(issue) for issue in issues) == 1
    _finish(runs)
    town.settle()
    assert [town.verdict(issue)[:4] for issue in issues] == ["Done", "Done"]


@pytest.mark.parametrize("gates", [2, 5])
def test_gates_at_the_same_time_admit_one_run(opens_quick: Opens, gates: int) -> None:
    """However many look at once: one claim, one run, one pull request, one status comment."""
    town = opens_quick()
    issue = town.asked()
    town.handled = len(town.events)
    runs = [town.start("schedule") for _ in range(gates)]
    _gate_at_once(town, runs)

    assert sum(run.is_admitted for run in runs) == 1
    assert len([body for body in town.said(issue) if "ai-ready:status" in body]) == 1
    _finish(runs)
    town.settle()
    assert town.verdict(issue).startswith("Done")
    assert len(town.pulls()) == 1


def test_a_prerequisite_that_reopens_while_it_is_claimed(opens_quick: Opens) -> None:
    """Gate reads again after its claim, sees that the issue waits now, and gives the claim back."""
    town = opens_quick()
    first = town.issue("[SHOP-1.1] First")
    town.hub.issues.close(first, town.rita)
    second = town.asked("[SHOP-1.2] Second")
    town.handled = len(town.events)

    def on_claim(event: Event) -> None:
        if event.name == "create":
            town.hub.issues.reopen(first, town.rita)

    town.hub.subscribe(on_claim)
    run = town.start().all_jobs()

    assert not run.is_admitted
    assert [event.name for event in town.events].count("create") == 1
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    assert "#1" in town.status(second)
    assert town.verdicts(second) == []
    town.handled = len(town.events)


def test_a_prerequisite_that_reopens_after_the_claim(opens: Opens) -> None:
    """Work looks again: what waits is not started, the run ends without spending anything."""
    town = opens(ANY)
    first = town.issue("[SHOP-1.1] First")
    town.hub.issues.close(first, town.rita)
    second = town.asked("[SHOP-1.2] Second")
    while (run := town.next_run()) is not None and not run.gate().admission:
        run.end()
    assert run is not None
    town.hub.issues.reopen(first, town.rita)

    run.work()
    run.publish()
    run.end()
    town.settle()

    assert town.verdict(second).startswith("Blocked (cancelled): ")
    assert "#1" in town.verdict(second)
    assert town.model.requests == []
    assert town.labels(second) == {"ai-ready", "ai-waiting"}

    town.hub.issues.close(first, town.rita)
    town.settle()

    assert [line.split(":")[0] for line in town.verdicts(second)] == ["Blocked (cancelled)", "Done"]


def test_a_cycle_is_said_and_starts_nothing(opens_quick: Opens) -> None:
    """Two issues that wait for each other: both say so, a third that is free runs."""
    town = opens_quick()
    one = town.asked("One", "Depends on #2")
    two = town.asked("Two", "Depends on #1")
    free = town.asked("Three", "Depends on nothing.")

    town.settle()

    assert "wait for each other" in town.status(one)
    assert "wait for each other" in town.status(two)
    assert town.verdict(free).startswith("Done")
    assert town.labels(one) == {"ai-ready", "ai-waiting"}


def _gate_at_once(town: Town, runs: list[Run]) -> None:
    """Gates that look at the same time; nothing orders them but GitHub, which is slow to make a claim."""
    town.hub.faults.delay(0.3, "POST .*/git/refs")
    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(Run.gate, runs))
    town.hub.faults.clear()


def _finish(runs: list[Run]) -> None:
    for run in runs:
        if run.is_admitted:
            run.work()
            run.publish()
        run.end()
