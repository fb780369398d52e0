"""Published artefacts from npm, installed once into .ai-ready/npm/. Only where AI_READY_TEST_NPM is set."""

import json
import os
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
    manifest = home / "node_modules" / package / "package.json"
    if not manifest.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text("{}")
        argv = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{package}@{version}"]
        subprocess.run(argv, cwd=home, check=True, capture_output=True, timeout=100)
    assert json.loads(manifest.read_text())["version"] == version
    return manifest.parent
