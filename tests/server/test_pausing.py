"""A repository's pause: asked once in a while, and no start while nobody knows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import GitHubError
from bot.server.pausing import Pause

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AGE = 55.0


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


def test_an_answer_is_believed_for_a_while() -> None:
    pause, variable = Pause(), Variable()

    assert [pause.now(variable, after(n), age=AGE) for n in (0, 1, 54)] == [False] * 3
    assert len(variable.asked) == 1
    variable.says = True
    assert pause.now(variable, after(54.9), age=AGE) is False
    assert pause.now(variable, after(55), age=AGE) is True
    assert len(variable.asked) == 2


def test_unknown_is_not_yes() -> None:
    """Nor does an old no count; an old pause stays one until GitHub says otherwise."""
    pause, variable = Pause(), Variable(None)
    assert pause.now(variable, NOW, age=AGE) is None

    variable.says = False
    assert pause.now(variable, after(1), age=AGE) is False
    variable.says = None
    assert pause.now(variable, after(60), age=AGE) is None

    variable.says = True
    assert pause.now(variable, after(61), age=AGE) is True
    variable.says = None
    assert pause.now(variable, after(120), age=AGE) is True
    variable.says = False
    assert pause.now(variable, after(121), age=AGE) is False
