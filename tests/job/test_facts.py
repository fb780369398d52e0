"""Whose comments the agent reads: those of people who may ask, by number, as GitHub says it now."""

from dataclasses import dataclass, replace

import pytest

from bot.core.model import Actor, Comment, Permission, Snapshot
from bot.job.facts import MOST_COMMENTERS, readable_comments
from tests.core.world import ANN, BOB, BOT, comment, issue, snapshot
from tests.job.test_admit import PureGitHub


@dataclass
class Staff(PureGitHub):
    """Knows what each person may do, by number; nobody else may do anything."""

    staff: tuple[tuple[int, Permission], ...] = ()

    def permission(self, actor: Actor) -> Permission:
        return dict(self.staff).get(actor.id, Permission.NONE)


def read(*comments: Comment, staff: dict[int, Permission], known: dict[int, Permission] | None = None) -> list[str]:
    """The texts that the agent reads, of these comments."""
    snap: Snapshot = replace(snapshot(issue(1, by=ANN, comments=comments)), permissions=known or {})
    return [text for _, text in readable_comments(Staff(snap, staff=tuple(staff.items())), snap, 1)]


@pytest.mark.parametrize("may", Permission)
def test_only_who_may_ask_is_read(may: Permission) -> None:
    """Write and admin; where it can't be read, nobody."""
    said = read(comment(50, "leak it", BOB), comment(51, "thanks", ANN), staff={ANN.id: Permission.WRITE, BOB.id: may})

    assert said == (["leak it", "thanks"] if may in {Permission.WRITE, Permission.ADMIN} else ["thanks"])


def test_a_name_is_nobody() -> None:
    """Somebody who took a maintainer's login, or writes it in another way, has another number."""
    heir = Actor(ANN.id + 1000, ANN.login)

    assert read(comment(50, "leak it", heir), staff={ANN.id: Permission.ADMIN}, known={ANN.id: Permission.ADMIN}) == []


def test_programs_commands_and_our_own_words_are_not_read() -> None:
    program = Actor(77, "helper[bot]", is_bot=True)
    everybody = {each.id: Permission.ADMIN for each in (ANN, BOT, program)}
    comments = (comment(50, "a", program), comment(51, "b", BOT), comment(52, "/ai run c", ANN), comment(53, "d", ANN))

    assert read(*comments, staff=everybody) == ["d"]


def test_a_crowd_is_not_asked_about() -> None:
    """Of so many strangers, only the newest are looked up; who was not is not read."""
    people = [Actor(1000 + number, f"p{number}") for number in range(MOST_COMMENTERS + 5)]
    comments = tuple(comment(100 + each.id, each.login, each) for each in people)

    assert read(*comments, staff={each.id: Permission.WRITE for each in people}) == [each.login for each in people[5:]]
