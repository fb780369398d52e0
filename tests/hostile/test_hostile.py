"""The campaign's own tests: it attacks our code as it is now, and it can tell held from not held."""

import os

import pytest

from tests.hostile.__main__ import ALL, SAMPLE, bout
from tests.hostile.arena import ROOT, Attack

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.id)
def test_its_defence_is_in_our_code(attack: Attack) -> None:
    """What is taken out stands there exactly once."""
    assert attack.off
    for weakness in (*attack.given, *attack.off):
        text = (ROOT / weakness.path).read_text()
        assert text.count(weakness.old) == 1, f"{weakness.path}: {weakness.old}"
        compile(text.replace(weakness.old, weakness.new), weakness.path, "exec")


def test_each_has_a_name_of_its_own_and_a_line_in_the_docs() -> None:
    page = (ROOT / "docs" / "hostile.md").read_text()

    assert len({attack.id for attack in ALL}) == len(ALL)
    assert [attack.id for attack in ALL if f"| {attack.id} | {attack.title} |" not in page] == []
    assert set(SAMPLE) <= {attack.id for attack in ALL}


@as_root
@pytest.mark.story
def test_an_attack_is_held_and_its_defence_is_why() -> None:
    [attack] = [each for each in ALL if each.id == "S01 environ"]

    done = bout(attack)

    assert (done.word, done.trouble) == ("held", "")


@as_root
@pytest.mark.story
def test_an_attack_that_is_not_held_is_said() -> None:
    """Against a bot without that defence."""
    [attack] = [each for each in ALL if each.id == "R42 done"]

    done = bout(Attack(attack.id, attack.title, attack.tries, (), attack.does, given=attack.off))

    assert (done.word, done.trouble) == ("NOT HELD", "")
