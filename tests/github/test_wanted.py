"""How long the next look's pages are: GitHub's price goes by what is asked for."""

import pytest

from bot.github.wanted import Pages

ALL = Pages()


@pytest.mark.parametrize(("listed", "expected"), [(0, 10), (3, 10), (6, 11), (20, 25), (32, 40), (1000, 50)], ids=str)
def test_a_page_is_as_long_as_the_list_was_and_some_more(listed: int, expected: int) -> None:
    """Never longer than GitHub or its node limit allows."""
    assert ALL.after({"recent": listed}).recent == expected


def test_what_was_not_listed_stays_as_it_is() -> None:
    """A look at one issue lists no others; what is not a page of ours is no business of it."""
    short = ALL.after({"open": 0, "asked": 0, "recent": 0, "refs": 0})

    assert short == Pages(10, 10, 10, 10)
    assert short.after({"refs": 40, "changed": 7}) == Pages(10, 10, 10, 50)
    assert short.after({"open": 500}).open == ALL.open
