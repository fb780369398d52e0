"""Fixtures of the stories: towns, whose invariants are checked when the story is over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.model import Scene, Script, Turn
from tests.stories.invariants import check_town
from tests.stories.town import Town, settled_town, stand_in_agent

Opens = Callable[..., Town]
"""`opens(*turns_or_scenes, config=…, files=…, key=…)`: see `settled_town`."""


@pytest.fixture
def opens(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Opens]:
    """Opens a town; at the end of the story everything that always holds is checked."""
    towns: list[Town] = []
    with ExitStack() as stack:

        def open_town(*lines: Turn | Scene, **setting: str | None) -> Town:
            folder = tmp_path / f"town-{len(towns)}"
            turns = tuple(line for line in lines if isinstance(line, Turn))
            scenes = [line for line in lines if isinstance(line, Scene)]
            script = Script(*scenes, *([Scene("", *turns)] if turns else []))
            towns.append(stack.enter_context(settled_town(folder, script, **setting)))  # type: ignore[arg-type]
            return towns[-1]

        yield open_town
        printed = capfd.readouterr()
        for town in towns:
            check_town(town, [printed.out, printed.err])


@pytest.fixture
def opens_quick(opens: Opens) -> Opens:
    """`opens`, with a stand-in for the agent (`stand_in_agent`) that writes hello.py."""

    def open_quick(**setting: str | None) -> Town:
        town = opens(**setting)
        stand_in_agent(town)
        return town

    return open_quick
