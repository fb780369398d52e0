"""What a command is answered: once, in time, and never more often than a reader wants to be told."""

from datetime import timedelta

import pytest

from bot.core.commands import parse_command
from bot.core.effects import Effect, PostComment, React
from bot.core.ledger import Record
from bot.core.messages.verdict import blocked
from bot.core.model import RunState
from bot.core.outbound import fence
from bot.core.plan import plan
from bot.core.run import Outcome
from bot.core.settings import AgentSettings, Limits, RepoConfig
from bot.core.situation import Start
from tests.core.test_plan import CONFIG, OWN, claim, ended, running
from tests.core.world import ANN, BOB, T0, after, comment, edit, issue, later, snapshot


def said(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.body for effect in effects if isinstance(effect, PostComment)]


def reactions(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.content for effect in effects if isinstance(effect, React)]


def test_twenty_requests_in_a_minute_are_one_run() -> None:
    """C15: each is seen; the newest counts."""
    asked = [comment(number, f"/ai run {number}") for number in range(10, 30)]
    decided = plan(snapshot(issue(1, comments=asked)), CONFIG, OWN)

    assert reactions(decided.effects) == ["eyes"] * 20
    assert said(decided.effects) == []
    assert decided.claim is not None
    assert decided.claim.run_key == "1-C29-1"


@pytest.mark.parametrize(
    ("body", "author", "words"),
    [
        ("/ai run", ANN, "at work already"),
        ("/ai run", BOB, "only people with write"),
        ("/ai rnu", ANN, "Did you mean `/ai run`?"),
    ],
)
def test_twenty_refusals_in_a_minute_are_one_reply(body: str, author: object, words: str) -> None:
    """C15, C10: within one look, and over several."""
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.ACTIVE, run_id=9)
    for first in (10, 20):
        more = [comment(number, body, author) for number in range(first, first + 10)]  # type: ignore[arg-type]
        snap = edit(snap, 1, comments=(*snap.issues[1].comments, *more))
        decided = plan(snap, CONFIG, OWN)
        assert reactions(decided.effects) == ["confused"] * 10
        assert [words in text for text in said(decided.effects)] == ([True] if first == 10 else [])
        snap = after(snap, decided.effects)

    much_later = later(snap, minutes=11)
    asked = comment(99, body, author, minutes=15)  # type: ignore[arg-type]
    much_later = edit(much_later, 1, comments=(*much_later.issues[1].comments, asked))
    assert len(said(plan(much_later, CONFIG, OWN).effects)) == 1


def test_a_kill_between_reply_and_reaction_says_nothing_twice() -> None:
    snap = snapshot(issue(1, comments=[comment(11, "/ai rnu")]))
    decided = plan(snap, CONFIG, OWN)
    snap = later(after(snap, decided.effects[:1]), minutes=30)

    assert plan(snap, CONFIG, OWN).effects == (React("IC_11", "confused"),)


def test_a_locked_issue_gets_the_reaction_alone() -> None:
    """C13."""
    snap = snapshot(issue(1, comments=[comment(11, "/ai help")], locked=True))

    assert plan(snap, CONFIG, OWN).effects == (React("IC_11", "eyes"),)


def test_a_model_that_is_not_allowed_gets_one_reply_with_the_list() -> None:
    """Aliases, and what the config itself names."""
    config = RepoConfig(agent=AgentSettings(model="opus", models={"senior": "claude-sonnet-4-5"}))
    snap = snapshot(issue(1, comments=[comment(11, "/ai run --model gpt-9"), comment(12, "/ai run --model gpt-9")]))
    decided = plan(snap, config, OWN)

    [text] = said(decided.effects)
    assert text.startswith(
        "`gpt-9` is not among the models allowed here: `claude-sonnet-4-5`, `haiku`, `opus`, `sonnet`."
    )
    assert decided.claim is None
    allowed = plan(snapshot(issue(1, comments=[comment(11, "/ai run --model claude-sonnet-4-5")])), config)
    start = allowed.survey.situations[1]
    assert isinstance(start, Start)
    assert start.model == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("labels", "model"),
    [
        (["junior"], "haiku"),
        (["senior"], "sonnet"),
        (["principal"], "opus"),
        (["junior", "principal"], "opus"),
        (["Senior", "JUNIOR"], "sonnet"),
        (["unknown"], "fable"),
    ],
)
def test_level_labels_choose_the_model_and_of_two_the_higher_one(labels: list[str], model: str) -> None:
    levels = {"junior": "haiku", "senior": "sonnet", "principal": "opus"}
    config = RepoConfig(agent=AgentSettings(model="fable", models=levels))

    start = plan(snapshot(issue(1, by=ANN, labels=labels)), config).survey.situations[1]

    assert isinstance(start, Start)
    assert start.model == model


def test_what_a_comment_names_outranks_the_label() -> None:
    snap = snapshot(issue(1, labels=["junior"], comments=[comment(11, "/ai run --model opus")]))

    start = plan(snap, CONFIG).survey.situations[1]

    assert isinstance(start, Start)
    assert start.model == "opus"


@pytest.mark.parametrize("limits", [Limits(runs_per_day=1), Limits(usd_per_day=8.0)], ids=["runs", "dollars"])
def test_a_cap_of_the_day_holds_and_the_next_day_lets_go(limits: Limits) -> None:
    """Said once, with when it goes on; nothing else has to happen."""
    config = RepoConfig(limits=limits)
    snap = snapshot(issue(1, comments=[ended(1, "done", usd=4.0)]), issue(2, by=ANN))
    held = plan(snap, config)
    snap = after(snap, held.effects)
    midnight = snap.now.replace(hour=0, minute=0) + timedelta(days=1)

    assert not any(isinstance(each, Start) for each in held.survey.situations.values())
    assert "goes on tomorrow" in snap.issues[2].comments[-1].body
    assert plan(snap, config).effects == ()
    over = later(snap, seconds=(midnight - snap.now).total_seconds() + 1)
    assert isinstance(plan(over, config).survey.situations[2], Start)


@pytest.mark.parametrize("text", ["/ai run", "/ai stop\nnow", "\n\n/ai approve", "@claude do it", "```\n```\n/ai run"])
def test_what_the_agent_says_commands_nobody(text: str) -> None:
    """O09: wherever it stands in what we write, also when somebody repeats that."""
    record = Record("7-C11-1", "needs-input", 0.1, T0, T0)
    outcome = Outcome("7-C11-1", "blocked", "needs-input", text, details=text, summary=text)
    bodies = [blocked(record, text, outcome=outcome), fence(text, limit=500)]

    assert [parse_command(body) for body in bodies] == [None, None]
    lines = bodies[0].splitlines()
    assert lines[0].startswith("Blocked (needs-input): ")
    assert [line for line in lines[:-1] if "@claude" in line.replace("`@claude`", "")] == []


def test_a_run_on_a_laptop_is_out_of_reach_of_stop() -> None:
    """👀 would say that it was ended."""
    snap = snapshot(
        issue(1, by=ANN, labels=["ai-running"], comments=[comment(11, "/ai stop", minutes=4)]),
        claims={1: claim(1, run_id=-7)},
    )

    effects = plan(snap, CONFIG, OWN).effects

    assert reactions(effects) == ["confused"]
    assert ["Ctrl+C ends it" in text for text in said(effects)] == [True]
