"""Published artefacts from npm, installed once into .ai-ready/npm/. Only where AI_READY_TEST_NPM is set."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".ai-ready" / "npm"

needs_npm = [
    pytest.mark.needs_npm,
    pytest.mark.skipif(not os.environ.get("AI_READY_TEST_NPM"), reason="AI_READY_TEST_NPM is not set"),
]
"""`pytestmark = needs_npm`, or `@pytest.mark.needs_npm` and the skip on one test."""


def installed(package: str, version: str) -> Path:
    """The folder of exactly this version of an npm package."""
    home = FOLDER / f"{package.replace('/', '+')}-{version}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Path(f"{home}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker installs, the others wait for it
        if not home.exists():
            # Whole or not there: npm writes the package long before the commands in .bin that the tests start.
            partial = Path(f"{home}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            (partial / "package.json").write_text("{}")
            argv = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{package}@{version}"]
            subprocess.run(argv, cwd=partial, check=True, capture_output=True, timeout=100)
            partial.rename(home)
    manifest = home / "node_modules" / package / "package.json"
    assert json.loads(manifest.read_text())["version"] == version
    return manifest.parent
