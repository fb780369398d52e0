"""The whole GitHub on localhost in one object: `Hub`. One re-entrant lock, one clock, one counter for every id.

    hub = Hub(tmp_path)
    ada = hub.create_user("ada")
    shop = hub.create_repo("acme/shop", "ada", files={"README.md": "# Shop"})
    issue = hub.issues.create(shop, hub.person("ada"), title="[AUTH-1.1] Log in")
    hub.issues.add_labels(issue, ["ai-ready"], hub.person("ada"))

Verbs live in rooms of the hub: `issues`, `pulls`, `reviews`, `repos` (git), `actions` (runs), `tokens`, `apps`, `webhooks`,
`faults`. Every verb takes the token that acts (`hub.person(login)` for a person's click), changes state under the lock
and emits one or more `Event`s. Verbs check what GitHub's *validation* checks (422); who may do it is checked by the doors (REST,
GraphQL, git) with `token.require(repo, area, level)`.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from bot.sandbox.apps import Apps
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.faults import Faults
from bot.sandbox.issues import Issues
from bot.sandbox.links import Links
from bot.sandbox.payloads import Change, event_payload
from bot.sandbox.pulls import Pulls
from bot.sandbox.rates import Rates
from bot.sandbox.records import App, Event, Repo, User
from bot.sandbox.repos import Repos
from bot.sandbox.requests import RequestLog
from bot.sandbox.reviews import Reviews
from bot.sandbox.runs import Actions
from bot.sandbox.tokens import Token, Tokens, utc_now
from bot.sandbox.webhooks import Webhooks

ACTIONS_BOT_ID = 41898282
"""`github-actions[bot]`, on every GitHub."""

Subscriber = Callable[[Event], None]
_T = TypeVar("_T")


class Hub:
    """GitHub's state. Thread-safe: every verb takes `lock`; hold it yourself to read several things at one moment."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.now = clock
        self.url = "http://127.0.0.1"
        """Where it is served (`serve` sets it); every URL in an answer begins with it."""
        self._last_id = 1000
        self._nodes: dict[str, Any] = {}
        self._subscribers: list[Subscriber] = []
        self.users: dict[int, User] = {}
        self.repositories: dict[int, Repo] = {}
        self.apps: dict[int, App] = {}
        self.ghost = self.create_user("ghost", id=10137)
        self.actions_bot = self.create_user("github-actions[bot]", bot=True, id=ACTIONS_BOT_ID)
        self.requests = RequestLog()
        self.rates = Rates(self)
        self.faults = Faults(self)
        self.tokens = Tokens(self)
        self.repos = Repos(self)
        self.issues = Issues(self)
        self.links = Links(self)
        self.pulls = Pulls(self)
        self.reviews = Reviews(self)
        self.actions = Actions(self)
        self.app_registry = Apps(self)
        self.webhooks = Webhooks(self)

    # ------------------------------------------------------------------------------------------ ids

    @property
    def api_url(self) -> str:
        """REST's root."""
        return f"{self.url}/api/v3"

    @property
    def graphql_url(self) -> str:
        """GraphQL's only address."""
        return f"{self.url}/api/graphql"

    def new_id(self) -> int:
        """A database id that nothing else has."""
        with self.lock:
            self._last_id += 1
            return self._last_id

    def new_node(self, prefix: str) -> tuple[int, str]:
        """A database id and the node id that goes with it, e.g. `I_kwSB00001042`."""
        number = self.new_id()
        return number, f"{prefix}_kwSB{number:08d}"

    def register(self, record: _T) -> _T:
        """Make `record` findable by its `node_id`."""
        with self.lock:
            self._nodes[record.node_id] = record  # type: ignore[attr-defined]
        return record

    def forget(self, node_id: str) -> None:
        """It was deleted."""
        with self.lock:
            self._nodes.pop(node_id, None)

    def node(self, node_id: str) -> Any:
        """The record with this node id, or None."""
        return self._nodes.get(node_id)

    # --------------------------------------------------------------------------------------- people

    def create_user(
        self,
        login: str,
        *,
        bot: bool = False,
        organization: bool = False,
        id: int | None = None,  # noqa: A002
    ) -> User:
        """A new account; `bot` logins end in `[bot]`."""
        kind: Literal["User", "Bot", "Organization"] = "Bot" if bot else "Organization" if organization else "User"
        with self.lock:
            if any(user.login.lower() == login.lower() for user in self.users.values()):
                raise Refused.validation("User", "login", "already_exists")
            number = id if id is not None else self.new_id()
            prefix = {"User": "U", "Bot": "BOT", "Organization": "O"}[kind]
            email = f"{number}+{login}@users.noreply.github.example"
            user = User(number, f"{prefix}_kwSB{number:08d}", login, kind, login.title(), email, self.now())
            self.users[number] = user
            return self.register(user)

    def user(self, login: str) -> User:
        """The account with this login (any case). Raises `Refused` 404."""
        for user in self.users.values():
            if user.login.lower() == login.lower():
                return user
        raise not_found()

    def rename_user(self, user: User, login: str) -> None:
        """A new login for the same id (the old one becomes free)."""
        with self.lock:
            user.login = login

    def person(self, login: str) -> Token:
        """`login` acting by hand (pages, tests): everything their role allows."""
        return Token("person", self.user(login))

    # --------------------------------------------------------------------------------- repositories

    def create_repo(
        self, full_name: str, owner: str, *, files: Mapping[str, str] | None = None, private: bool = False
    ) -> Repo:
        """`full_name` is `acme/shop`; the account `acme` is made (an organization) where it does not exist.

        `owner` (a login) becomes admin. With `files` (path → text; `{}` for an empty commit) it has a first commit
        on main; None makes an empty repository.
        """
        return self.repos.create(full_name, self.user(owner), files=files, private=private)

    def repo(self, full_name: str) -> Repo:
        """The repository called `owner/name` (any case), or once called so. Raises `Refused` 404."""
        name = full_name.lower()
        found = next((repo for repo in self.repositories.values() if repo.full_name.lower() == name), None)
        found = found or self.repos.former.get(name)
        if found is None:
            raise not_found()
        return found

    def app(self, slug: str) -> App:
        """The App with this slug. Raises `Refused` 404."""
        for app in self.apps.values():
            if app.slug == slug:
                return app
        raise not_found()

    # --------------------------------------------------------------------------------------- events

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call `callback(event)` after every change, in order; returns what ends it.

        It is called in the thread that made the change *while the hub's lock is held*: put the event into a queue
        and return.
        """
        with self.lock:
            self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def emit(self, name: str, action: str, repo: Repo | None, by: Token, **parts: Any) -> Event:
        """Tell the subscribers what happened. `parts` are the records that the payload is made of."""
        ref, oid = str(parts.get("ref", "")), str(parts.get("oid", ""))
        payload = event_payload(Change(self, name, action, repo, by, parts))
        event = Event(name, action, repo, by.user, payload, by.kind, self.now(), ref, oid)
        for subscriber in tuple(self._subscribers):
            subscriber(event)
        return event
