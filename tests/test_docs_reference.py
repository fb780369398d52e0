"""The reference pages are what the code says."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from bot.config import VARIABLES, parse_repo_config
from bot.core.commands import COMMANDS
from bot.core.names import Reason
from bot.core.settings import RepoConfig
from bot.reference import PAGES, config_example, write

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """`python -m bot.reference` mends a difference."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_the_example_is_the_defaults() -> None:
    """The file in the docs can be copied and changes nothing."""
    assert parse_repo_config(config_example()) == RepoConfig()


def test_nothing_is_missing(tmp_path: Path) -> None:
    """Every key, variable, command and reason code is on a page."""
    write(tmp_path)
    text = "".join((tmp_path / name).read_text(encoding="utf-8") for name in PAGES)
    keys = []
    for field in fields(RepoConfig):
        value = getattr(RepoConfig(), field.name)
        keys += [f"{field.name}.{each.name}" for each in fields(value)] if is_dataclass(value) else [field.name]
    names = [*keys, *(each.name for each in VARIABLES), *(each.usage for each in COMMANDS), *Reason]
    assert [name for name in names if f"`{name}`" not in text] == []
