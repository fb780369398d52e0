"""What Slack is told, as facts: how a run ended, or how far it is. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.core.effects import Effect, PostComment
from bot.core.ledger import DONE
from bot.core.markers import reveal
from bot.core.model import Issue, Snapshot
from bot.core.names import VERDICT_MARKER
from bot.core.settings import ConfigProblem, Notify, RepoConfig

Kind = Literal["done", "blocked", "working"]


@dataclass(frozen=True, slots=True)
class Link:
    """A name that leads somewhere; without an address it is only the name."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One post."""

    kind: Kind
    issue: Link
    """`owner/name#7`."""
    title: str
    """Of the issue: anybody's words."""
    sentence: str
    """What is so; an agent or a repository may have had a say in it."""
    pull: Link | None = None
    usd: float = 0.0
    seconds: float = 0.0
    """What the run took; 0: not known, as with what it cost."""
    log: str = ""
    """The page of the workflow run."""

    def wanted(self, notify: Notify) -> bool:
        """Whether the repository's config lets it be said."""
        return {"done": notify.on_complete, "blocked": notify.on_blocked}.get(self.kind, True)


Tell = Callable[[Notify, Notice], object]
"""Says a notice as the repository's config wants it. Never raises."""


def nobody(_notify: Notify, _notice: Notice) -> None:
    """Where there is nobody to tell."""


def verdict_notice(effect: Effect, snapshot: Snapshot) -> Notice | None:
    """What a verdict comment tells Slack; None: this effect is no verdict.

    Its price is not told: of a run that vanished it is the most that it may have been.
    """
    if not isinstance(effect, PostComment) or (data := reveal(VERDICT_MARKER, effect.body)) is None:
        return None
    issue = snapshot.issues.get(effect.issue, Issue(effect.issue, ""))
    return Notice(
        kind="done" if data.get("code") == DONE else "blocked",
        issue=Link(f"{snapshot.repo}#{issue.number}", issue.url),
        title=issue.title,
        sentence=effect.body.partition("\n")[0],
        pull=_pull(data, snapshot),
    )


def _pull(data: Mapping[str, Any], snapshot: Snapshot) -> Link | None:
    number = data.get("pull")
    if not number:
        return None
    return Link(f"PR #{number}", next((pull.url for pull in snapshot.pulls if pull.number == number), ""))


def notify_of(config: RepoConfig | ConfigProblem) -> Notify:
    """What the repository wants to hear; a config that can't be read wants what is the default."""
    return Notify() if isinstance(config, ConfigProblem) else config.notify
