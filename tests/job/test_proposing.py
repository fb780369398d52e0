"""Publish's side of `/ai init`: what a plan has to be to be shown, and that what is shown can be approved."""

import json
import random
import string
from dataclasses import dataclass

import pytest

from bot.core.inits.proposal import proposal_in
from bot.core.ledger import Record
from bot.core.messages.inits import proposed_issues
from bot.core.names import Reason
from bot.core.outbound import COMMENT_LIMIT
from bot.core.run import Outcome
from bot.core.specs.diff import Existing
from bot.core.specs.shown import plan_markdown
from bot.core.verdict import Refusal
from bot.job.proposing import read_proposal
from bot.job.redact import Redactor
from tests.core.world import T0, issue


@dataclass(frozen=True)
class Lists:
    """What is there already."""

    there: tuple[Existing, ...] = ()

    def task_issues(self) -> tuple[Existing, ...]:
        """See `proposing.Lister`."""
        return self.there


def answer(count: int, words: int) -> str:
    """A plan that can hardly be packed: each series waits for all that come before it."""
    dice = random.Random(count * words)
    keys = [f"S{number}-1.1" for number in range(1, count + 1)]
    return json.dumps(
        {
            "project": "Shop",
            "problem": "",
            "tasks": [
                {
                    "key": key,
                    "title": " ".join("".join(dice.choices(string.ascii_letters, k=9)) for _ in range(words)),
                    "description": "Do it.",
                    "acceptance_criteria": ["Done"],
                    "test_steps": [],
                    "priority": "normal",
                    "category": "functional",
                    "phase": "",
                    "prerequisites": keys[max(0, number - 30) : number],
                }
                for number, key in enumerate(keys)
            ],
        }
    )


@pytest.mark.parametrize("words", [1, 8, 12, 16, 19])
@pytest.mark.parametrize("count", [5, 60, 100])
def test_a_plan_that_is_said_is_shown_and_can_be_approved(count: int, words: int) -> None:
    """All of it, or none: nobody approves what they can't read, and what they read can be made."""
    read = read_proposal(answer(count, words), issue(1, body="A shop."), Redactor(()), Lists())
    if isinstance(read, Refusal):
        assert read.reason is Reason.TOO_LARGE
        assert count > 5
        return
    proposal, diff = read
    record = Record("1-C1-1", Reason.NEEDS_INPUT, 0.1, T0, T0, kind="init", planned=True)
    notes = tuple(f"Left out: {number} {'x' * 200}" for number in range(20))

    body = proposed_issues(record, Outcome("1-C1-1", "blocked", notes=notes), proposal, diff, 1)

    assert len(body) <= COMMENT_LIMIT
    assert plan_markdown(proposal.plan, diff) in body
    found = proposal_in(body)
    assert found is not None
    assert found.plan == proposal.plan
    assert body.splitlines()[-1] == "/ai approve"
