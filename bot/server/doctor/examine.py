"""All checks in their order, and how they are printed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.core.model import Json
from bot.core.pause import VARIABLE
from bot.errors import UsageError
from bot.github.courier import Courier
from bot.server.doctor import app_checks, repository_checks
from bot.server.doctor.finding import Finding, State, failed, skipped
from bot.server.setup.shipped import Mode, release_of

MARKS: Final = {State.PASS: "pass", State.FAIL: "FAIL", State.SKIP: "skip"}


@dataclass(frozen=True, slots=True)
class Doors:
    """Whom GitHub can be asked as."""

    nobody: Courier
    """Without a token: public pages."""
    app: Courier | None = None
    """As the App itself (its JWT)."""
    repository: Courier | None = None
    """As whoever reads the repository: the person, or the App's installation."""
    app_id: str = ""
    polls: bool = False
    """AI_READY_WEBHOOKS is off."""
    paused: bool = False
    """The server's own AI_READY_PAUSED is set."""
    unusable: str = ""
    """Why the App's key can't be used at all."""


def examine(doors: Doors, repo: str) -> Iterator[Finding]:
    """Every finding, as it comes. Raises nothing for GitHub's no."""
    yield from _app(doors, repo)
    if repo:
        yield from _repository(doors, repo)


def _app(doors: Doors, repo: str) -> Iterator[Finding]:
    if doors.unusable:
        yield failed("app-key", doors.unusable, "see `ai-ready setup`, or the private keys in the App's settings")
        return
    if doors.app is None:
        fix = "`ai-ready setup` makes one; not needed in mode action"
        yield skipped("app-key", "AI_READY_APP_ID is not set: there is no App to look at.", fix)
        return
    looks = doors.app.tell(app_checks.look(doors.app_id))
    yield looks.finding
    if doors.paused:
        fix = f"take {VARIABLE} out of the server's environment, and restart it"
        yield failed("server-pause", f"The server's {VARIABLE} is set: it starts nothing anywhere.", fix)
    if looks.about is None:
        return
    yield app_checks.permissions(looks.about)
    yield app_checks.events(looks.about, polls=doors.polls)
    yield doors.app.tell(app_checks.installations(f"{looks.about.get('html_url')}/installations/new"))
    yield doors.app.tell(app_checks.webhook(polls=doors.polls))
    root = "" if doors.polls else doors.app.tell(app_checks.webhook_root())
    yield doors.nobody.tell(app_checks.reachable(root))
    yield doors.app.tell(app_checks.deliveries(polls=doors.polls))
    if repo:
        yield doors.app.tell(app_checks.covers(repo))


def _repository(doors: Doors, repo: str) -> Iterator[Finding]:
    if doors.repository is None:
        fix = "run `gh auth login`, or set GITHUB_TOKEN"
        yield failed("token", f"There is no token to read {repo} with.", fix)
        return
    tell = doors.repository.tell
    home, finding = tell(repository_checks.look(repo))
    yield finding
    if home is None:
        return
    mode, finding = tell(repository_checks.workflow(home, release=_own_commit()))
    yield finding
    if doors.app is None and mode is Mode.SERVER:
        yield failed(
            "mode",
            "The workflow waits for a server, and no App is set up here.",
            "`ai-ready setup`, or `--mode action`",
        )
    yield tell(repository_checks.workflow_enabled(home))
    yield tell(repository_checks.actions_enabled(home))
    yield tell(repository_checks.pull_requests(home))
    config, finding = tell(repository_checks.config(home))
    yield finding
    yield tell(repository_checks.pause(home))
    yield tell(repository_checks.drafts(home, config))
    yield tell(repository_checks.labels(home))
    yield tell(repository_checks.model_key(home))
    yield tell(repository_checks.branch_rules(home))


def _own_commit() -> str:
    try:
        return release_of("").commit
    except UsageError:
        return ""


# --------------------------------------------------------------------------------------------- output


def line(finding: Finding) -> str:
    """One finding for a person; the fix below it."""
    text = f"{MARKS[finding.state]}  {finding.name:<20} {finding.text}"
    return f"{text}\n      fix: {finding.fix}" if finding.fix else text


def summary(findings: tuple[Finding, ...]) -> str:
    """How many of each."""
    counted = {state: sum(each.state is state for each in findings) for state in State}
    return f"{counted[State.PASS]} passed, {counted[State.FAIL]} failed, {counted[State.SKIP]} skipped."


def as_object(findings: tuple[Finding, ...]) -> Json:
    """For machines."""
    return {
        "ok": not any(each.state is State.FAIL for each in findings),
        "checks": [
            {"name": each.name, "state": each.state.value, "text": each.text, "fix": each.fix} for each in findings
        ],
    }


def as_json(findings: tuple[Finding, ...]) -> str:
    """`as_object`, as text."""
    return json.dumps(as_object(findings), indent=2) + "\n"
