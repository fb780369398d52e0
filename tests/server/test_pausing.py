"""A repository's pause: asked once in a while, and no start while nobody knows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import GitHubError
from bot.server.pausing import Pause

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NO, YES = 600.0, 55.0


@dataclass
class Variable:
    """What GitHub says next; None: nothing."""

    says: bool | None = False
    asked: list[bool | None] = field(default_factory=list)

    def paused(self) -> bool:
        self.asked.append(self.says)
        if self.says is None:
            raise GitHubError("GitHub could not read the variable", status=502)
        return self.says


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def ask(pause: Pause, variable: Variable, seconds: float) -> bool | None:
    return pause.now(variable, after(seconds), no=NO, yes=YES)


def test_an_answer_is_believed_for_a_while_and_a_pause_not_as_long() -> None:
    pause, variable = Pause(), Variable()

    assert [ask(pause, variable, n) for n in (0, 1, 599)] == [False] * 3
    assert len(variable.asked) == 1
    variable.says = True
    assert ask(pause, variable, 599.9) is False
    assert ask(pause, variable, 600) is True
    variable.says = False
    assert ask(pause, variable, 654.9) is True
    assert ask(pause, variable, 655) is False
    assert len(variable.asked) == 3


def test_what_is_forgotten_is_asked_again() -> None:
    pause, variable = Pause(), Variable()
    ask(pause, variable, 0)
    variable.says = True

    pause.forget()

    assert ask(pause, variable, 1) is True


def test_unknown_is_not_yes() -> None:
    """Nor does an old no count; an old pause stays one until GitHub says otherwise."""
    pause, variable = Pause(), Variable(None)
    assert ask(pause, variable, 0) is None

    variable.says = False
    assert ask(pause, variable, 1) is False
    variable.says = None
    assert ask(pause, variable, 601) is None

    variable.says = True
    assert ask(pause, variable, 602) is True
    variable.says = None
    assert ask(pause, variable, 660) is True
    variable.says = False
    assert ask(pause, variable, 661) is False
