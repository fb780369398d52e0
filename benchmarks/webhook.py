"""Deliveries acknowledged per second, and how long one waits: ours (durable), a bare ASGI floor, probot (stores neither).

The same signed delivery of 13 kB from the same load generator, which is a process of its own and, where there are two
cores, has one of them: whoever uses threads competes with it. Servers take turns, one is up at a time.
"""

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import milliseconds, show, times
from benchmarks.webhook_load import SECRET
from benchmarks.webhook_servers import INSTALLATION, REPOSITORY
from tests.fuzz.corpus import seeds

CONNECTIONS = (1, 8, 32, 64)
SECONDS = 2.0
MOST_ROUNDS = 3
SIZE = 13_000
GOAL_AT, GOAL_PER_SECOND, GOAL_P99 = 32, 1_000, 0.05
ROOT = Path(__file__).parents[1]
PROBOT, PROBOT_VERSION = "probot", "14.3.2"
OURS, FLOOR = "ai-ready, durable", "bare ASGI + HMAC"


def main(runs: int) -> None:
    """Measure and print."""
    rounds = min(runs, MOST_ROUNDS)
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as name:
        body = delivery(Path(name) / "hub")
        servers = {OURS: _python("ours"), FLOOR: _python("floor"), **_probot()}
        found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for turn in range(rounds):
            for title, argv in servers.items():
                folder = Path(name) / f"{turn}-{title.split()[0]}"
                folder.mkdir()
                with _up((*argv, str(folder)) if argv[0] == sys.executable else argv) as port:
                    for connections in CONNECTIONS:
                        found[title, connections].append(load(port, connections, body))
    _show(found, list(servers), rounds, len(body))


def delivery(folder: Path) -> bytes:
    """`issues.labeled` in GitHub's shape, filled up by its text to 13 kB."""
    payload = next(dict(seed.payload) for seed in seeds(folder) if seed.payload.get("action") == "labeled")
    payload["installation"] = {"id": INSTALLATION}
    payload["repository"] = {**payload["repository"], "id": REPOSITORY}
    missing = SIZE - len(json.dumps(payload | {"issue": payload["issue"] | {"body": ""}}))
    payload["issue"] = payload["issue"] | {"body": "a " * (missing // 2)}
    return json.dumps(payload).encode()


def _python(name: str) -> tuple[str, ...]:
    return sys.executable, "-m", "benchmarks.webhook_servers", name


def _probot() -> Mapping[str, tuple[str, ...]]:
    """Installed once into .ai-ready/; empty, and said, where npm is missing."""
    home = ROOT / ".ai-ready" / "npm" / f"{PROBOT}-{PROBOT_VERSION}"
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not here, so probot is not measured.")
        return {}
    if not (home / "node_modules" / PROBOT).exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text("{}")
        argv = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{PROBOT}@{PROBOT_VERSION}")
        subprocess.run(argv, cwd=home, check=True, capture_output=True, timeout=300)
    script = shutil.copy(Path(__file__).with_name("probot.mjs"), home / "server.mjs")
    return {f"probot {PROBOT_VERSION}, no-op": ("node", str(script), SECRET)}


@contextlib.contextmanager
def _up(argv: Sequence[str]) -> Iterator[int]:
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def load(port: int, connections: int, body: bytes, seconds: float = SECONDS) -> dict[str, Any]:
    """What a load of its own process saw of the server at `port`."""
    argv = (sys.executable, "-m", "benchmarks.webhook_load", str(port), str(connections), str(seconds))
    done = subprocess.run(argv, cwd=ROOT, input=body, capture_output=True, timeout=120, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    if set(seen["statuses"]) - {"200", "202"}:
        raise SystemExit(f"Not every delivery was accepted: {seen['statuses']}")
    return seen


def _show(found: Mapping[tuple[str, int], list[dict[str, Any]]], titles: Sequence[str], rounds: int, size: int) -> None:
    def median(title: str, connections: int, key: str) -> float:  # of all rounds
        return statistics.median(float(seen[key]) for seen in found[title, connections])

    probot = next((title for title in titles if title.startswith(PROBOT)), None)
    for connections in CONNECTIONS:
        floor = median(FLOOR, connections, "per_second")
        rival = median(probot, connections, "per_second") if probot else 0.0
        rows = [
            (
                title,
                f"{median(title, connections, 'per_second'):,.0f}",
                times(median(title, connections, "per_second"), floor),
                times(median(title, connections, "per_second"), rival),
                milliseconds(median(title, connections, "p50")),
                milliseconds(median(title, connections, "p99")),
            )
            for title in titles
        ]
        plural = "connections" if connections > 1 else "connection"
        show(
            f"Deliveries of {size:,} bytes, {connections} {plural}",
            ("", "per second", "to floor", "to probot", "p50", "p99"),
            rows,
        )
    speed, wait = median(OURS, GOAL_AT, "per_second"), median(OURS, GOAL_AT, "p99")
    kept = "held" if speed >= GOAL_PER_SECOND and wait < GOAL_P99 else "NOT held"
    print(
        f"  medians of {rounds} rounds of {SECONDS:g} s; must at {GOAL_AT} connections: >= {GOAL_PER_SECOND:,} durable per"
    )
    print(f"  second with p99 < {GOAL_P99 * 1000:.0f} ms: {kept}\n", flush=True)
