"""`ai-ready serve`: the parts out of the environment, put together, run until a signal."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Final

from bot.config import PageEnv, ServerEnv, known_secrets
from bot.errors import ConfigError, GitHubError
from bot.github.app_auth import app_key
from bot.github.app_client import AppAccess, AppClient
from bot.github.courier import Timing
from bot.github.steady import SteadyClock
from bot.job.redact import Redactor
from bot.notify.herald import Herald
from bot.notify.notice import Tell, nobody
from bot.notify.teller import Teller
from bot.page.access import Access
from bot.page.sockets import listen
from bot.server.desk import nobody_looks
from bot.server.health import Watched
from bot.server.logs import Logging, event
from bot.server.metrics import Metrics
from bot.server.ports import Store
from bot.server.process import Parts, Serving, bind
from bot.server.rules import Rules
from bot.server.run_records import RunRecords
from bot.server.scenes import Scenes
from bot.server.scheduler import Clockwork, Scheduler
from bot.server.store import open_store
from bot.server.vital_signs import VitalSigns

ASK_AGAIN: Final = 60.0
"""Seconds until GitHub is asked again who we are."""


def serve(env: ServerEnv, host: str, port: int, said: Callable[[str], None], said_page: Callable[[str], None]) -> bool:
    """Serve until SIGTERM or SIGINT; whether everything that was under way ended. `said` gets the address once, `said_page`
    the page's.

    Raises `ConfigError` for what the environment has wrong, `StoreUnavailable` when the database can't be written now.
    """
    key = app_key(env.private_key, env.private_key_path)
    bound = bind(host, port)
    try:
        clock = SteadyClock()
        store = _store(env, clock)
    except BaseException:
        bound.close()
        raise
    with Logging((*known_secrets(), *env.webhook_secrets, key)):
        metrics = Metrics()
        access = AppAccess(str(env.app_id), key, env.api_url)
        github = AppClient(access, store, metrics, timing=Timing(now=clock, heard=clock.heard))
        kept = RunRecords(github.archive)
        try:
            with _telling(env) as tell:
                scenes = Scenes(store, env.server_url, kept)
                parts = _parts(env, (store, github, metrics, tell), Clockwork(now=clock), scenes)
                with _page(env, parts, scenes) as page:

                    def up(address: str) -> None:
                        said(address)
                        if page:
                            event("page", address=page)
                            said_page(page)

                    return Serving(parts, bound).run(up, signals=True)
        finally:
            kept.close()
            github.close()


@contextmanager
def _telling(env: ServerEnv) -> Iterator[Tell]:
    """Tells Slack, where there is a webhook for the server's own verdicts."""
    if not env.slack:
        yield nobody
        return
    log = logging.getLogger("ai_ready.slack")
    with Herald(Teller(env.slack, Redactor(known_secrets()).text, log.warning)) as herald:
        yield herald.tell


def _store(env: ServerEnv, clock: SteadyClock) -> Store:
    if env.state_folder is not None:
        try:
            env.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{env.state_folder} can't be made ({error.strerror}): set XDG_STATE_HOME or AI_READY_DATABASE_URL."
            ) from error
    return open_store(env.database_url.reveal(), clock=clock)


@contextmanager
def _page(env: ServerEnv, parts: Parts, scenes: Scenes) -> Iterator[str]:
    """The page, on a listener of its own, where it is wanted: its address, or nothing."""
    bound = _page_socket(env.page)
    if bound is None:
        yield ""
        return
    from bot.page.listener import Listener  # noqa: PLC0415 (brings templates and a framework)

    page, watched = env.page, Watched(parts.store, parts.scheduler, parts.metrics)
    scenes.attend(VitalSigns(watched, bool(parts.secrets), parts.reconcile_seconds, parts.clock, parts.clock()))
    networks = tuple(map(ip_network, page.proxies))
    listener = Listener(scenes, Access(page.password, page.header, networks, page.hosts), bound)
    listener.start()
    try:
        yield listener.url
    finally:
        listener.stop()


def _page_socket(page: PageEnv) -> socket.socket | None:
    """None: no page is wanted, or nobody named a port and the usual one is taken."""
    if page.port is None:
        return None
    try:
        return listen(page.host, page.port)
    except OSError as error:
        why = error.strerror or str(error)
        if page.chosen:
            raise ConfigError(
                f"The page can't listen on {page.host} port {page.port} ({why}): set AI_READY_PAGE_PORT to another one, "
                "or to `off`."
            ) from error
        event("page_not_served", level=logging.WARNING, port=page.port, error=why)
        return None


def _parts(env: ServerEnv, made: tuple[Store, AppClient, Metrics, Tell], clockwork: Clockwork, scenes: Scenes) -> Parts:
    store, github, metrics, tell = made
    show = nobody_looks if env.page.port is None else scenes.show
    rules = Rules(
        reconcile=float(env.reconcile_seconds),
        webhooks=bool(env.webhook_secrets),
        concurrent=env.concurrent,
        paused=env.paused,
    )
    return Parts(
        store=store,
        scheduler=Scheduler(store, github, rules, metrics, clockwork, tell, show),
        metrics=metrics,
        secrets=env.webhook_secrets,
        reconcile_seconds=rules.reconcile,
        own_ids=OwnIds(github.own_id),
        clock=clockwork.now,
    )


class OwnIds:
    """The user id of our App's bot, as soon as GitHub has said it; found out beside the work, never waited for.

    Until then our own writes wake us too, which costs a look and nothing else.
    """

    def __init__(self, ask: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._ids: frozenset[int] = frozenset()
        self._next = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> frozenset[int]:
        """What is known now."""
        if not self._ids and self._clock() >= self._next and self._lock.acquire(blocking=False):
            self._next = self._clock() + ASK_AGAIN
            threading.Thread(target=self._find_out, name="own-id", daemon=True).start()
        return self._ids

    def _find_out(self) -> None:
        try:
            self._ids = frozenset({self._ask()} - {0})
        except GitHubError as error:
            event("own_id_unknown", error=str(error))
        finally:
            self._lock.release()
