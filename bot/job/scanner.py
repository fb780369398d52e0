"""Finds secrets by the rules of a maintained scanner (`bot.job.scanner_rules`), in linear time."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from math import log2
from typing import Final

from bot.job.scanner_rules import RULES, Rule

# A literal \n, \r or \t (as in JSON) and the end of a terminal colour are boundaries too.
START: Final = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt])|(?<=[0-9\[]m))"
"""What a token may begin after."""
END: Final = r"(?![A-Za-z0-9_-])"
"""What it may end before."""


def spans_of_rules(text: str) -> Iterator[tuple[str, int, int]]:
    """Kind and place of everything in `text` that a rule describes."""
    for rule in RULES:
        if rule.begins in text:
            for match in _pattern(rule).finditer(text):
                if _is_random(match[0], rule):
                    yield rule.kind, *match.span()


@lru_cache(maxsize=len(RULES))
def _pattern(rule: Rule) -> re.Pattern[str]:
    """Compiled when it is needed: all of them take longer than most commands."""
    return re.compile(f"{START}{re.escape(rule.begins)}{rule.goes_on}{END}")


def _is_random(found: str, rule: Rule) -> bool:
    """Words have no digits, and placeholders repeat themselves."""
    if not any(map(str.isdigit, found[len(rule.begins) :])):
        return False
    size = len(found)
    return -sum(count / size * log2(count / size) for count in Counter(found).values()) >= rule.entropy
