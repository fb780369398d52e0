"""What is measured: `python -m benchmarks.page_server FOLDER ISSUES RUNS` says the ports of webhooks and page.

The webhook's server of `benchmarks.webhook_servers`, with its page: a repository of so many issues and so many runs in
the ledger, which changes whenever a line comes in on stdin.
"""

import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.webhook_load import SECRET
from benchmarks.webhook_servers import INSTALLATION, REPOSITORY, NoScheduler
from bot.core.model import Actor, Issue, LabelEvent, Link, Permission, Ref, Snapshot, Source
from bot.core.secret import Secret
from bot.core.settings import RepoConfig
from bot.core.survey import survey
from bot.github.ports import Place
from bot.page.access import Access
from bot.page.listener import Listener
from bot.page.sockets import listen
from bot.server.logs import Logging
from bot.server.metrics import Metrics
from bot.server.ports import Lane, LaneKind, LedgerRun, RunStage
from bot.server.process import Parts, Serving, bind
from bot.server.scenes import Scenes
from bot.server.store import SqlStore, open_store

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PLACE = Place(REPOSITORY, "acme/shop", INSTALLATION)
ALICE = Actor(1, "alice")


def snapshot(issues: int) -> Snapshot:
    """Series of 500 issues in phases of 20, every fifth with a dependency besides; all asked for."""
    made = {
        number: Issue(
            number,
            f"[S{number // 500}-{number % 500 // 20 + 1}.{number % 20 + 1}] Task {number}",
            labels=frozenset({"ai-ready"}),
            label_events=(LabelEvent(str(number), ALICE, NOW),),
            links=(Link(Ref(PLACE.full_name, number - 7), Source.NATIVE),) if number % 5 == 0 and number > 7 else (),
            detailed=True,
        )
        for number in range(1, issues + 1)
    }
    return Snapshot(
        repo=PLACE.full_name,
        now=NOW,
        default_branch="main",
        issues=made,
        permissions={ALICE.id: Permission.WRITE},
        head_oid="a" * 40,
    )


def fill(store: SqlStore, runs: int) -> None:
    """Runs of the last 30 days, ended."""
    lane = Lane(LaneKind.REPOSITORY, REPOSITORY)
    store.make_due([lane], NOW)
    work = store.take(NOW, lease=3600)
    assert work is not None
    for number in range(1, runs + 1):
        at = NOW - timedelta(hours=number * 0.7)
        key = f"{number}-L{int(at.timestamp()) - 60}-1"
        run = LedgerRun(REPOSITORY, number, key, RunStage.INTENDED, at, at + timedelta(hours=1), 5.0)
        assert store.intend(work, run, most=runs + 1)
        store.release(work, key, verdict="done" if number % 4 else "tests-failed", usd=0.5)
    store.finish(work)


def main(folder: Path, issues: int, runs: int) -> None:
    """Serve until stdin ends."""
    store = open_store(f"sqlite:///{folder / 'bench.sqlite3'}")
    store.put_installation(INSTALLATION, "acme", [PLACE])
    fill(store, runs)
    scenes, seen, config = Scenes(store, "https://github.example"), snapshot(issues), RepoConfig()
    found = survey(seen, config)
    scenes.show(PLACE, seen, found, config)
    listener = Listener(scenes, Access(), listen("127.0.0.1", 0))
    parts = Parts(store, NoScheduler(), Metrics(), (Secret(SECRET),), 60.0)
    with (folder / "log").open("w") as log, Logging((Secret(SECRET),), log):
        serving = Serving(parts, bind("127.0.0.1", 0))
        listener.start()
        print(serving.url.rpartition(":")[2], listener.url.rpartition(":")[2], flush=True)

        def follow() -> None:
            for at, _ in enumerate(sys.stdin, 1):
                scenes.show(PLACE, replace(seen, now=NOW + timedelta(seconds=at)), found, config)
            listener.stop()
            serving.stop()

        threading.Thread(target=follow, daemon=True).start()
        serving.run()


main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
