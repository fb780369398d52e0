"""The sandbox as a process: what it says of itself, what other processes make of it, and that it ends with them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt

from tests.sandbox.actions_stage import wait_until


@contextmanager
def alone(*words: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    argv = (sys.executable, "-m", "bot.sandbox", *words)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_a_process_of_its_own_is_set_by_others_and_ends_with_them() -> None:
    with alone("--repo", "acme/one", "--repo", "acme/two", "--config", "enabled: true") as (process, facts):
        token = {"Authorization": f"Bearer {facts['tokens']['rita']}"}
        with httpx.Client(base_url=facts["api_url"], headers=token, trust_env=False) as web:
            files = [
                web.get(f"/repos/acme/{name}/contents/.github/ai-ready.yml").status_code for name in ("one", "two")
            ]
            issue = web.post("/repos/acme/one/issues", json={"title": "Greet"}).json()["number"]
            door = facts["url"] + "/_sandbox"
            assert web.patch(f"{door}/runs", json={"end": "nonsense"}).status_code == 422
            assert web.patch(f"{door}/runs", json={"end": "timed_out"}).status_code == 204
            inputs = {"issue": str(issue), "run_key": "1-L1-1", "admission": "{}"}
            asked = {"ref": "main", "inputs": inputs, "return_run_details": True}
            run = web.post("/repos/acme/one/actions/workflows/ai-ready.yml/dispatches", json=asked).json()["run_url"]
            wait_until(lambda: web.get(run).json()["conclusion"] == "timed_out", "the run ends")
            [dispatched] = web.get(f"{door}/dispatches").json()

        assert files == [200, 200]
        assert (dispatched["repo"], dispatched["issue"], dispatched["run_key"]) == ("acme/one", 1, "1-L1-1")
        assert installations(facts) == 1
        key = Path(facts["private_key_path"])
        assert key.stat().st_mode & 0o777 == 0o600
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        assert not key.exists()


def installations(facts: dict[str, Any]) -> int:
    now = int(time.time())
    claims = {"iat": now - 30, "exp": now + 300, "iss": str(facts["app_id"])}
    signed = jwt.encode(claims, Path(facts["private_key_path"]).read_text(), algorithm="RS256")
    answer = httpx.get(
        f"{facts['api_url']}/app/installations", headers={"Authorization": f"Bearer {signed}"}, trust_env=False
    )
    return len(answer.json())
