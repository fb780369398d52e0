"""Making issues of an approved plan against the served sandbox: once, in place, and never on what was read too long ago."""

from dataclasses import replace

import pytest

from bot.core.effects import MakeIssues
from bot.core.inits.portion import NewIssue, Portion, Relation, Update
from bot.core.inits.tally import META, Tally, tally_in
from bot.core.markers import reveal
from bot.core.messages.making import tally_status
from bot.core.names import STATUS_MARKER
from bot.core.specs.mark import marked_body
from bot.core.specs.planned import PlannedTask
from bot.github.ports import Applied
from bot.sandbox.records import Comment, Issue
from tests.github.stage import GATE, Stage

TASK = PlannedTask("AUTH-1.1", "Log in", "With a password.", ("It works",), ("Try it",))
NEW = NewIssue(TASK.key, TASK.full_title, marked_body(TASK, "issue-1"), ("priority: high", "P1"))


class Spec:
    """An issue whose plan is approved, with its ledger."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.issue: Issue = stage.world.issue("The shop", body="People log in.")
        self.meta: Issue = stage.world.issue("META: Shop", body="Mine.")
        self.tally = Tally("C7", "abc", 1, ((META, self.meta.number),))
        self.client = stage.client()
        bot = stage.world.hub.tokens.for_job(stage.world.shop, GATE, job="gate")
        self.comment: Comment = stage.world.hub.issues.add_comment(self.issue, bot, tally_status(self.tally, "{}"))

    @property
    def ledger(self) -> Tally | None:
        """As it is."""
        return tally_in(reveal(STATUS_MARKER, self.comment.body) or {})

    def do(self, portion: Portion, *, seen: Tally | None = None) -> Applied:
        """Do one portion, on the ledger as it is or as it was `seen`."""
        tally = seen or self.ledger
        assert tally is not None
        effect = MakeIssues(self.issue.number, self.comment.node_id, tally, tally, portion, "{}")
        [answer] = self.client.apply((effect,), self.client.snapshot(now=self.stage.now))
        return answer

    def titled(self, title: str) -> list[Issue]:
        """The issues of that title."""
        return [issue for issue in self.stage.world.shop.issues.values() if issue.title == title]


@pytest.fixture
def spec(stage: Stage) -> Spec:
    return Spec(stage)


def test_an_issue_is_made_and_noted(spec: Spec) -> None:
    """As a sub-issue, with the first of its labels that the repository has."""
    spec.stage.world.hub.repos.create_label(spec.stage.world.shop, "P1", color="ff0000", description="")

    assert spec.do(Portion(new=(NEW,))).ok

    [made] = spec.titled("[AUTH-1.1] Log in")
    assert made.parent is spec.meta
    assert [label.name for label in made.labels] == ["P1"]
    assert spec.ledger is not None
    assert spec.ledger.numbers == {META: spec.meta.number, "AUTH-1.1": made.number}


def test_on_an_old_ledger_nothing_is_made(spec: Spec) -> None:
    """Somebody was faster, or what was read is late."""
    assert spec.do(Portion(new=(NEW,))).ok

    again = spec.do(Portion(new=(NEW,)), seen=spec.tally)

    assert (again.ok, again.unsure) == (False, True)
    assert len(spec.titled("[AUTH-1.1] Log in")) == 1


def test_an_answer_that_is_lost_leaves_it_open(spec: Spec) -> None:
    """What may have been made stays noted; the next look finds it by its title."""
    spec.stage.world.hub.faults.drop_after("graphql.*createIssue")

    answer = spec.do(Portion(new=(NEW,)))

    assert (answer.ok, answer.unsure) == (False, True)
    assert spec.ledger is not None
    assert (spec.ledger.begun, spec.ledger.meta) == (("AUTH-1.1",), spec.meta.number)
    assert len(spec.titled("[AUTH-1.1] Log in")) == 1


def test_a_refusal_is_counted(spec: Spec) -> None:
    """GitHub's words are kept for people."""
    answer = spec.do(Portion(new=(replace(NEW, title="x" * 300),)))

    assert (answer.ok, answer.unsure) == (False, False)
    assert spec.ledger is not None
    assert (spec.ledger.begun, spec.ledger.tries) == ((), 1)
    assert "too long" in spec.ledger.refusal


def test_a_rate_limit_makes_nothing_doubtful(spec: Spec) -> None:
    """It is held back longer than anybody waits: not made, and not noted as if it might be."""
    spec.stage.world.hub.faults.secondary_rate_limit("graphql.*createIssue", times=-1, retry_after=600)

    answer = spec.do(Portion(new=(NEW,)))

    assert answer.retry_after
    assert spec.titled("[AUTH-1.1] Log in") == []
    assert spec.ledger == spec.tally


def test_what_people_changed_is_not_overwritten(spec: Spec) -> None:
    """Of two of ours the one that is as we wrote it is brought up to date, with what stands behind our part."""
    ours = spec.stage.world.issue(TASK.full_title, body=f"{NEW.body}\nMy notes.")
    theirs = spec.stage.world.issue("[AUTH-1.2] Log out", body="My own words.")
    changed = replace(TASK, title="Log in by mail", description="With a link.")
    other = replace(TASK, key="AUTH-1.2", title="Log out", description="Everywhere.")

    updates = (Update(ours.number, changed, "issue-1"), Update(theirs.number, other, "issue-1"))
    assert spec.do(Portion(updates=updates)).ok

    assert ours.title == "[AUTH-1.1] Log in by mail"
    assert "With a link." in ours.body
    assert ours.body.endswith("\nMy notes.")
    assert (theirs.title, theirs.body) == ("[AUTH-1.2] Log out", "My own words.")
    assert spec.ledger == replace(spec.tally, changed=2)


def test_relations_are_made_and_those_that_are_there_are_fine(spec: Spec) -> None:
    first, then = spec.stage.world.issue("First"), spec.stage.world.issue("Then")
    relations = (
        Relation("sub-issue", spec.meta.number, first.number),
        Relation("blocked-by", then.number, first.number),
        Relation("blocked-by", then.number, 4711),
    )
    assert spec.do(Portion(relations=relations)).ok
    before = spec.ledger

    assert spec.do(Portion(relations=relations)).ok

    assert then.blocked_by == [first]
    assert spec.meta.sub_issues == [first]
    assert before == replace(spec.tally, related=3)


def test_meta_remembers_and_keeps_its_text(spec: Spec) -> None:
    for line in ('<!-- ai-ready:project {"v":1} -->', '<!-- ai-ready:project {"v":2} -->'):
        assert spec.do(Portion(finish=line)).ok

    assert spec.meta.body == 'Mine.\n\n<!-- ai-ready:project {"v":2} -->\n'
    assert spec.ledger == replace(spec.tally, done=True)
