"""S11: the agent has the network, but not the addresses at which a cloud hands its machine's credentials out."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.agent.isolation import isolation_for
from bot.agent.metadata import ADDRESSES

DOCS = Path(__file__).parents[2] / "docs"


def ip(*words: str) -> "subprocess.CompletedProcess[str]":
    """Asks the kernel; sends nothing."""
    return subprocess.run(("ip", *words), capture_output=True, text=True, check=False)


def way(address: str, uid: str, port: str) -> str:
    """How the kernel would send a user's packets there."""
    found = ip("route", "get", address, "uid", uid, "ipproto", "tcp", "dport", port)
    return found.stderr or re.sub(r"uid \d+", "", found.stdout)


@pytest.mark.needs_root
@pytest.mark.skipif(not shutil.which("ip"), reason="the machine has no ip(8)")
def test_the_clouds_credentials_are_out_of_reach_for_that_user_alone(root: Path) -> None:
    """For the time of the run: not DNS at the same address, not another user, and nothing is left of it."""
    said: list[str] = []
    open_way = way(ADDRESSES[0], "0", "80")
    with isolation_for("auto", root=root, log=said.append) as isolation:
        if any("cloud" in line for line in said):
            pytest.skip("routing may not be changed here")
        uid = isolation.name.removeprefix("uid ")
        rules = ip("rule").stdout
        assert [rules.count(f"{address} uidrange {uid}-{uid} ") for address in ADDRESSES] == [1] * len(ADDRESSES)
        assert "unreachable" in way(ADDRESSES[0], uid, "80")
        assert way(ADDRESSES[0], uid, "53") == way(ADDRESSES[0], "0", "53")
        assert way(ADDRESSES[0], "0", "80") == open_way
    assert f"{uid}-{uid}" not in ip("rule").stdout + ip("-6", "rule").stdout


def test_the_security_model_says_that_egress_is_open() -> None:
    held_not = (DOCS / "security.md").read_text().partition("## What it does not hold")[2]

    assert "**Egress.**" in held_not
    assert "169.254.169.254" in held_not
