"""The server's process: the parts of `bot/server/start.py`, in a hurry, with a trap set and perhaps a part broken.

Forked by a process that has everything imported (`multiprocessing`'s fork server), so that being back after a kill takes
milliseconds: also what a server imports when it needs it first (imports that nothing here uses). What runs is the real
store, scheduler, client and HTTP server.
"""

import os
import stringprep  # noqa: F401
import threading
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpcore  # noqa: F401
import markdown_it.presets  # noqa: F401
import psycopg  # noqa: F401
import uvloop  # noqa: F401
import yaml  # noqa: F401

import bot.server.store.migrate  # noqa: F401
from bot.core.secret import Secret
from bot.github.app_client import AppAccess, AppClient
from bot.server.logs import Logging
from bot.server.metrics import Metrics
from bot.server.process import Parts, bind
from bot.server.rules import Rules
from bot.server.scheduler import Clockwork, Scheduler
from bot.server.start import OwnIds
from bot.server.store import open_store
from bot.server.store.pace import Rate
from tests.chaos.mutations import MUTATIONS, Bench
from tests.chaos.trap import Trap, WatchedGitHub, WatchedIds, WatchedServing, WatchedStore

RULES = Rules(reconcile=0.5, settle=2.5, again=0.2, refresh=2.0, idle=0.02, permission=5.0, lease=2.0)
"""A server in a hurry: what takes minutes at GitHub takes seconds here."""
UNPACED = Rate(per_second=10_000.0, burst=10_000, per_hour=1_000_000)


@dataclass(frozen=True, slots=True)
class Order:
    """What one server process is to be."""

    app_id: int
    key: str
    secret: str
    api_url: str
    database_url: str
    log: Path
    moment: str = ""
    """Where it dies; empty: nowhere."""
    times: int = 1
    """When it comes by there so often."""
    mutation: str = ""


def serve(order: Order, told: Connection) -> None:
    """Be a server until SIGTERM or the trap; its address is sent to `told`."""
    log = os.open(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=_end_with_the_harness, name="harness", daemon=True).start()
    trap = Trap(order.moment, order.times)
    key = Secret(order.key)
    bound = bind("127.0.0.1", 0)
    store = open_store(order.database_url, rate=UNPACED)
    with Logging((key, Secret(order.secret))):
        metrics = Metrics()
        github = AppClient(AppAccess(str(order.app_id), key, order.api_url), store, metrics)
        bench = _bench(order, WatchedStore(store, trap), WatchedGitHub(github, trap))
        parts = Parts(
            store=bench.store,
            scheduler=Scheduler(
                bench.store,
                bench.github,
                bench.rules,
                metrics,
                Clockwork(trace=lambda step: trap(f"after {step}")),
            ),
            metrics=metrics,
            secrets=(Secret(order.secret),),
            reconcile_seconds=bench.rules.reconcile,
            own_ids=WatchedIds(OwnIds(github.own_id), trap),
        )
        serving = WatchedServing(parts, bound)
        serving.trap = trap
        try:
            serving.run(told.send, signals=True)
        finally:
            github.close()


def _end_with_the_harness() -> None:
    """However that ends: a server that is left alone would listen for ever."""
    harness = parent_process()
    if harness is not None:
        harness.join()
        os._exit(1)


def _bench(order: Order, store: Any, github: Any) -> Bench:
    whole = Bench(store, github, RULES)
    return MUTATIONS[order.mutation].breaks(whole) if order.mutation else whole
