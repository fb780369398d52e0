"""Whom the doctor asks as: the App by its key, the person by their token, the App's installation where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.config import PersonEnv
from bot.core.pause import VARIABLE, is_pause
from bot.core.secret import Secret
from bot.errors import ConfigError, UsageError
from bot.github.app_auth import WELCOME, AppJwt, Clock, Grant, InstallationToken, app_key
from bot.github.app_wire import AppWire, Connection
from bot.github.courier import Courier, Timing
from bot.github.exchange import get
from bot.server.doctor.examine import Doors
from bot.server.setup.person import NobodysWire, persons_courier, persons_token

_READS: Final = {"actions": "read", "contents": "read", "issues": "read", "metadata": "read"}


@dataclass(frozen=True, slots=True)
class _Unheard:
    """Counts nothing: the doctor asks a few dozen questions."""

    def request(self, kind: str, status: int) -> None:
        """See `app_wire.Observer`, as the next two."""

    def remaining(self, installation_id: int, left: int, reset: float) -> None:
        """Not looked at."""

    def waited(self, seconds: float) -> None:
        """Not looked at."""


def doors(env: PersonEnv, repo: str, connection: Connection) -> Doors:
    """Every way there is. Raises `GitHubError` where GitHub can't be reached at all."""
    server = env.server
    found = Doors(
        nobody=Courier(NobodysWire(env.api_url), Timing()),
        app_id=server.get("AI_READY_APP_ID", ""),
        polls=server.get("AI_READY_WEBHOOKS", "").lower() == "off",
        paused=is_pause(server.get(VARIABLE, "")),
    )
    try:
        token = persons_token(env) if repo else Secret("")
    except UsageError:
        token = Secret("")
    if token:
        found = replace(found, repository=persons_courier(env, token))
    return _as_app(found, server, repo, connection) if found.app_id else found


def connect(env: PersonEnv) -> Connection:
    """The App's way to GitHub; `close` it."""
    return Connection(env.api_url, _Unheard())


def _as_app(found: Doors, server: Mapping[str, str], repo: str, connection: Connection) -> Doors:
    path = server.get("AI_READY_PRIVATE_KEY_PATH", "")
    try:
        key = app_key(Secret(server.get("AI_READY_PRIVATE_KEY", "")), Path(path) if path else None)
    except ConfigError as error:
        return replace(found, unusable=str(error))
    clock = Clock(lambda: datetime.now(UTC))
    wire = AppWire(connection, AppJwt(found.app_id, key, clock))
    app = Courier(wire, Timing())
    if not repo or found.repository is not None:
        return replace(found, app=app)
    answer = app.send(get(f"/repos/{repo}/installation"))
    number = answer.body.get("id") if answer.ok and isinstance(answer.body, dict) else None
    if not isinstance(number, int):
        return replace(found, app=app)
    credentials = InstallationToken(Grant(number, permissions=_READS, welcome=WELCOME), wire, clock)
    return replace(found, app=app, repository=Courier(AppWire(connection, credentials), Timing()))
