"""GitHub for the server: the App itself, and each repository as its installation (`AppGitHub`, `RepositoryGitHub`).

Every repository is read and written with a token for that repository alone, so that nothing written for one can end up
in another that has taken its name.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from weakref import WeakValueDictionary

from bot.core.effects import Dispatch
from bot.core.model import ActionsRun, Snapshot
from bot.core.names import CALLER_WORKFLOW
from bot.core.secret import Secret
from bot.github import app_stories
from bot.github.app_auth import LOOK_AROUND, READ_RUNS, WELCOME, AppJwt, Clock, Grant, InstallationToken
from bot.github.app_stories import AppFacts, HookConfig
from bot.github.app_wire import AppWire, Connection, Credentials, Observer
from bot.github.archive import Archive
from bot.github.courier import Courier, Timing
from bot.github.exchange import Answer
from bot.github.pacing import InstallationPacing, SharedPace, Strikes
from bot.github.ports import Applied, FailedDelivery, Installation, Listed, Place, Reach
from bot.github.repository_client import RepositoryClient
from bot.github.wanted import Scope

NOT_REACHED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY})
"""How GitHub answers who asks for a token for a repository that the installation has not (422), or where there is no
living installation. 401 is about our key."""


@dataclass(frozen=True, slots=True)
class AppAccess:
    """Which App, where."""

    app_id: str
    """Its number, or its client id."""
    key: Secret
    """As `app_auth.app_key` gives it."""
    api_url: str = "https://api.github.com"
    workflow: str = CALLER_WORKFLOW
    """File name of the caller workflow in every repository."""


class AppRepository(RepositoryClient):
    """One repository as the App. For one thread at a time. Keeps what it learnt (names, node ids) between passes."""

    def candidate(self, number: int, *, now: datetime) -> Snapshot:
        """One issue in detail with its prerequisites, claims and branches. Raises GitHubError."""
        return self.issue_snapshot(number, now=now)

    def dispatch(self, effect: Dispatch, snapshot: Snapshot) -> Applied:
        """Send one dispatch. `ok` with `run_id` where GitHub says it; `unsure`: look it up before sending it again."""
        (applied,) = self.apply((effect,), snapshot)
        return applied

    def dispatched_runs(self, since: datetime) -> tuple[ActionsRun, ...]:
        """Runs of the caller workflow that dispatches started since then, newest first. Raises GitHubError."""
        return self._courier.tell(app_stories.dispatched_runs(self._repo, self._scope.workflow, since))

    def run(self, run_id: int) -> ActionsRun:
        """One workflow run; GONE when it was deleted, UNKNOWN when GitHub would not say."""
        return self._courier.tell(app_stories.one_run(self._repo, run_id))

    def paused(self) -> bool:
        """Whether the Actions variable says so, the repository's or its organization's. Raises GitHubError."""
        return self._courier.tell(app_stories.paused(self._repo))


class AppClient:
    """GitHub, as the App. Thread-safe; `close` it. Every method raises `GitHubError`."""

    def __init__(
        self, access: AppAccess, pace: SharedPace, observer: Observer, *, timing: Timing | None = None
    ) -> None:
        self._access = access
        self._pace = pace
        self._observer = observer
        self._timing = timing or Timing()
        self._clock = Clock(self._timing.now)
        self._connection = Connection(access.api_url, observer, self._timing)
        self._jwt = AppJwt(access.app_id, access.key, self._clock)
        self._strikes: dict[int, Strikes] = {}
        self._repositories: WeakValueDictionary[Place, AppRepository] = WeakValueDictionary()
        self._lock = threading.Lock()

    def app(self) -> AppFacts:
        """The App's name, permissions and events."""
        return self._as_app().tell(app_stories.app_facts())

    def hook_config(self) -> HookConfig:
        """Where the App's deliveries go."""
        return self._as_app().tell(app_stories.hook_config())

    def own_id(self) -> int:
        """The user id of the App's bot; 0 as long as the App is installed nowhere."""
        for installation in self.installations().found:
            if not installation.suspended:
                return self._around(installation.id).tell(app_stories.own_id())
        return 0

    def installations(self) -> Listed[Installation]:
        """Every installation, suspended ones too."""
        return self._as_app().tell(app_stories.installations())

    def installation(self, installation_id: int) -> Installation | None:
        """One of them; None: it was removed."""
        return self._as_app().tell(app_stories.installation(installation_id))

    def repositories(self, installation_id: int) -> Reach:
        """What an installation reaches. Status 404: it is gone."""
        return self._around(installation_id).tell(app_stories.repositories(installation_id))

    def reaches(self, place: Place) -> bool:
        """Whether its installation reaches the repository, by the repository's number: a token for it alone is asked for."""
        grant = Grant(place.installation_id, place.repository_id, LOOK_AROUND)
        token = InstallationToken(grant, self._app_wire(), self._clock).token()
        if isinstance(token, Answer) and (token.undecided or token.status not in NOT_REACHED):
            raise token.error(f"say whether the App reaches {place.full_name}")
        return not isinstance(token, Answer)

    def repository(self, place: Place) -> AppRepository:
        """The client of one repository: the same one as long as its place is the same, and somebody keeps it."""
        with self._lock:
            kept = self._repositories.get(place)
        if kept is not None:
            return kept
        grant = Grant(place.installation_id, place.repository_id, welcome=WELCOME)
        scope = Scope(
            place.full_name,
            workflow=self._access.workflow,
            repository_id=place.repository_id,
            reviews=True,
            checks=True,
            remember=True,
        )
        made = AppRepository(scope, self._courier(InstallationToken(grant, self._app_wire(), self._clock)))
        with self._lock:
            return self._repositories.setdefault(place, made)

    def archive(self, place: Place) -> Archive:
        """What runs of a repository left there; with rights to read and no others."""
        grant = Grant(place.installation_id, place.repository_id, READ_RUNS)
        token = InstallationToken(grant, self._app_wire(), self._clock)
        return Archive(place.full_name, AppWire(self._connection, token), self._courier(token))

    def failed_deliveries(self, since: datetime) -> Listed[FailedDelivery]:
        """Deliveries since then that failed and were not handed over later, oldest first, one per GUID."""
        return self._as_app().tell(app_stories.failed_deliveries(since))

    def redeliver(self, delivery_id: int) -> bool:
        """Ask for it once more; False: GitHub refused."""
        return self._as_app().tell(app_stories.redeliver(delivery_id))

    def strikes(self, installation_id: int) -> int:
        """How often in a row GitHub limited an installation without saying for how long."""
        with self._lock:
            found = self._strikes.get(installation_id)
            return found.count if found is not None else 0

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    def _as_app(self) -> Courier:
        return self._courier(self._jwt)

    def _around(self, installation_id: int) -> Courier:
        grant = Grant(installation_id, permissions=LOOK_AROUND)
        return self._courier(InstallationToken(grant, self._app_wire(), self._clock))

    def _app_wire(self) -> AppWire:
        return AppWire(self._connection, self._jwt)

    def _courier(self, credentials: Credentials) -> Courier:
        whose = credentials.installation_id
        with self._lock:
            strikes = self._strikes.setdefault(whose, Strikes())
        pacing = InstallationPacing(
            self._pace, whose, clock=self._timing.now, strikes=strikes, waited=self._observer.waited
        )
        return Courier(AppWire(self._connection, credentials), self._timing, pacing)
