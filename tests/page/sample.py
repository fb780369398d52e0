"""A source of a few projects, made by the planner from issues as GitHub has them; and what a client is that asks the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.core.model import Actor, Issue, LabelEvent, Link, Permission, Ref, Snapshot, Source
from bot.core.settings import RepoConfig
from bot.core.survey import survey
from bot.page import shown
from bot.page.planned import Planned

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ALICE = Actor(1, "alice")
REPO = "acme/shop"
SERVER = "https://github.example"


def asked(number: int, title: str, *labels: str, on: Sequence[int] = (), body: str = "") -> Issue:
    """An open issue that somebody who may has labelled; `on`: GitHub's own dependencies."""
    return replace(
        unasked(number, title, body=body),
        labels=frozenset({"ai-ready", *labels}),
        label_events=(LabelEvent(str(9_000 + number), ALICE, NOW - timedelta(hours=1)),),
        links=tuple(Link(Ref(REPO, each), Source.NATIVE) for each in on),
        detailed=True,
    )


def unasked(number: int, title: str, *, body: str = "") -> Issue:
    return Issue(number, title, body=body, url=f"{SERVER}/{REPO}/issues/{number}", author=ALICE)


def closed(number: int, title: str) -> Issue:
    return Issue(number, title, open=False, state_reason="completed")


def snapshot(*issues: Issue) -> Snapshot:
    return Snapshot(
        repo=REPO,
        now=NOW,
        default_branch="main",
        issues={each.number: each for each in issues if each.open},
        closed={each.number: each for each in issues if not each.open},
        permissions={ALICE.id: Permission.WRITE},
        head_oid="a" * 40,
    )


def planned(*issues: Issue, project: str = "7") -> Planned:
    seen, config = snapshot(*issues), RepoConfig()
    return Planned(project, seen, survey(seen, config), config, SERVER)


def a_run(number: int, verdict: str = "done", *, issue: int = 1, days_ago: float = 0, usd: float = 0.5) -> shown.Run:
    end = NOW - timedelta(days=days_ago)
    return shown.Run(
        key=f"{issue}-L{1_700_000_000 + number}-1",
        issue=str(issue),
        name=shown.Link(f"#{issue}", f"{SERVER}/{REPO}/issues/{issue}"),
        state="ended" if verdict else "running",
        at=end - timedelta(minutes=10),
        title="[SHOP-1.1] Prices in cents",
        verdict=verdict,
        asked_at=end - timedelta(minutes=15),
        ended_at=end if verdict else None,
        usd=usd,
        log=shown.Link("Actions run", f"{SERVER}/{REPO}/actions/runs/{number}"),
    )


@dataclass
class Sample:
    """A `bot.page.shown.Source` whose content a test changes."""

    looked: dict[str, Planned] = field(default_factory=dict)
    ran: dict[str, tuple[shown.Run, ...]] = field(default_factory=dict)
    details: dict[str, shown.RunDetail] = field(default_factory=dict)
    vitals: tuple[shown.Vital, ...] = ()
    changes: int = 1

    def put(self, *issues: Issue, project: str = "7") -> None:
        self.looked[project] = planned(*issues, project=project)
        self.changes += 1

    def version(self, project: str = "") -> int:
        return self.changes

    def overview(self) -> tuple[shown.Summary, ...]:
        return tuple(shown.summary(each.project) for each in self.looked.values())

    def name(self, project: str) -> shown.Link | None:
        return self.looked[project].name if project in self.looked else None

    def project(self, project: str) -> shown.Project | None:
        return self.looked[project].project if project in self.looked else None

    def why(self, project: str, issues: Sequence[str]) -> Mapping[str, shown.Why]:
        return self.looked[project].why(issues)

    def runs(self, project: str, most: int = shown.MOST_RUNS) -> tuple[shown.Run, ...]:
        return self.ran.get(project, ())[:most]

    def run(self, project: str, key: str) -> shown.RunDetail | None:
        return self.details.get(key)

    def health(self) -> shown.Health:
        return shown.Health("ready", self.vitals)
