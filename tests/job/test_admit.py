"""The gate's story on a GitHub that is one pure value (tests/core/world.py)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bot.config import parse_repo_config
from bot.core.effects import Continue, Effect, MakeClaim, PutStatus
from bot.core.model import Actor, Permission, Ref, Snapshot, Standing
from bot.core.rounds import Conversation, FailedJob
from bot.core.specs.diff import Existing
from bot.core.view import Own
from bot.errors import GitHubError
from bot.github.ports import Applied
from bot.job.admit import SAID_ALONE, SAID_BESIDE, Gatekeeper, gate
from tests.core.world import ANN, SHA, after, issue, snapshot


@dataclass
class PureGitHub:
    """Reads and writes a snapshot; remembers what was done, in order."""

    state: Snapshot
    refuse_claims: Applied | None = None
    done: list[Effect] = field(default_factory=list)

    def snapshot(self, *, focus: Iterable[int] = (), now: datetime) -> Snapshot:
        return self.state

    def issue_snapshot(self, number: int, *, now: datetime, prerequisites: bool = True) -> Snapshot:
        return self.state

    def permission(self, actor: Actor) -> Permission:
        return Permission.WRITE if actor == ANN else Permission.READ

    def branch_oid(self, branch: str) -> str:
        return SHA

    def conversation(self, pull: int) -> Conversation:
        return Conversation()

    def failed_jobs(self, oid: str) -> tuple[FailedJob, ...]:
        return ()

    def task_issues(self) -> tuple[Existing, ...]:
        return ()

    def standings(self, refs: Iterable[Ref]) -> dict[Ref, Standing]:
        return {}

    def apply(self, effects: Sequence[Effect], snapshot: Snapshot) -> tuple[Applied, ...]:
        if self.refuse_claims is not None and isinstance(effects[0], MakeClaim):
            return (self.refuse_claims,)
        self.done += effects
        self.state = after(self.state, effects)
        return tuple(Applied(effect, ok=True) for effect in effects)


def keeper(github: PureGitHub) -> Gatekeeper:
    return Gatekeeper(github, parse_repo_config, "https://example.test", clock=lambda: github.state.now)


def many(count: int) -> PureGitHub:
    """`count` phased issues, all labelled."""
    return PureGitHub(snapshot(*(issue(n, f"[A-{n // 90}.{n % 90}] x", by=ANN) for n in range(1, count + 1))))


def test_an_admitted_run_does_not_wait_for_a_hundred_comments() -> None:
    """Its own words come first, a few others after it, and the rest is the next gate's."""
    github = many(150)
    came_to = gate(keeper(github), Own(42, prefer=1))
    said = [effect.issue for effect in github.done if isinstance(effect, PutStatus)]

    assert came_to.admission is not None
    assert said[0] == 1
    assert len(said) == 1 + SAID_BESIDE
    assert github.done[-1] == Continue()


def test_gates_that_follow_say_the_rest_and_then_ask_no_more() -> None:
    github = many(150)
    gate(keeper(github), Own(42, prefer=1))
    github.done.clear()
    gate(keeper(github), Own(43))

    assert Continue() not in github.done
    assert all(each.labels & {"ai-waiting", "ai-running"} for each in github.state.issues.values())


def test_a_gate_that_admits_nothing_says_as_much_as_its_job_has_time_for() -> None:
    github = many(400)
    github.state = after(github.state, ())
    paused = Gatekeeper(github, parse_repo_config, "", paused=True, clock=lambda: github.state.now)
    gate(paused, Own(42))

    assert sum(isinstance(effect, PutStatus) for effect in github.done) == SAID_ALONE
    assert github.done[-1] == Continue()


def test_a_claim_that_somebody_else_holds_is_theirs() -> None:
    github = many(1)
    claim = MakeClaim(1, "k", 42, github.state.now, 5.0)
    github.refuse_claims = Applied(claim, ok=False, message="Reference already exists", status=422)

    assert gate(keeper(github), Own(42)).admission is None


@pytest.mark.parametrize(
    ("status", "message"), [(403, "Resource not accessible by integration"), (422, "Rule violation")]
)
def test_a_claim_that_is_refused_for_another_reason_is_an_error_in_githubs_words(status: int, message: str) -> None:
    """A missing permission or a rule on branches would otherwise leave the issue queued for ever, without a word."""
    github = many(1)
    claim = MakeClaim(1, "k", 42, github.state.now, 5.0)
    github.refuse_claims = Applied(claim, ok=False, message=message, status=status)

    with pytest.raises(GitHubError, match=message):
        gate(keeper(github), Own(42))


@pytest.mark.parametrize("attempts", [1, 5])
def test_our_own_limits_come_before_githubs(attempts: int) -> None:
    """However slow the agent and each command are, the job still has minutes to hand over what became of it (R32)."""
    words = f"limits: {{minutes: 40}}\nchecks: {{setup: a, lint: b, test: c, minutes: 10, attempts: {attempts}}}\n"
    github = PureGitHub(replace(snapshot(issue(1, by=ANN)), config_text=words))

    made = gate(keeper(github), Own(42, prefer=1))

    first_setup, compared = 1, 2
    commands = first_setup + 3 * attempts + compared
    assert made.admission is not None
    assert made.job_minutes >= made.admission.minutes + 10 * commands + 10
