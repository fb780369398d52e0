"""Who may ask, for which models, and what counts as a pause."""

import pytest

from bot.core.access import Answer, may_ask
from bot.core.asking import allowed_models
from bot.core.model import Actor, Permission
from bot.core.pause import is_pause
from bot.core.settings import AgentSettings, RepoConfig


@pytest.mark.parametrize(
    ("permission", "answer"),
    [
        (Permission.ADMIN, Answer.YES),
        (Permission.WRITE, Answer.YES),
        (Permission.READ, Answer.NO),
        (Permission.NONE, Answer.NO),
        (Permission.UNKNOWN, Answer.UNKNOWN),
    ],
)
def test_who_may_write_may_ask(permission: Permission, answer: Answer) -> None:
    """And a bot never, whatever it may do."""
    assert may_ask(Actor(1, "ada"), permission) is answer
    assert may_ask(Actor(2, "helper[bot]", is_bot=True), permission) is Answer.NO


@pytest.mark.parametrize("value", ["", "0", "false", "No", " OFF "])
def test_only_a_clear_no_is_no_pause(value: str) -> None:
    """In any case, with space around it."""
    assert not is_pause(value)
    assert is_pause(value + "x")


def test_a_command_may_name_the_aliases_and_what_the_config_uses() -> None:
    """Nothing else: the bill is the repository's."""
    config = RepoConfig(agent=AgentSettings(model="claude-a", models={"hard": "claude-b"}))

    assert allowed_models(config) == {"opus", "sonnet", "haiku", "claude-a", "claude-b"}
