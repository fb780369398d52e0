"""Takes the pictures in docs/img: the real pages of the demo's sandbox in headless Chromium.

python -m bot.sandbox.demo.screenshots [FOLDER]
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo.project import CONFIG, FILES, ISSUES, MAINTAINER, REPO, VISITOR, script
from bot.sandbox.stage import Setting, raise_curtain

FOLDER = Path(__file__).parents[3] / "docs" / "img"

QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-device-scale-factor=1",
    ),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    path: str
    height: int


def main(folder: Path) -> int:
    """Play the first act of the demo, then take the pictures; exit code 2 without Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("screenshots need Chromium (Debian: apt-get install chromium).\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="ai-ready-shots-"))
    root.chmod(0o755)
    setting = Setting(REPO, MAINTAINER, VISITOR, files=FILES, config=CONFIG.format(isolation="auto"))
    with raise_curtain(root, setting, script()) as stage:
        issues = [stage.issue(item.title, item.body) for item in ISSUES]
        for issue, item in zip(issues, ISSUES, strict=True):
            if item.labelled:
                stage.label(issue)
        stage.actions.wait_idle(120)
        pull = stage.pulls()[0].number
        for shot in (
            Shot("waiting", "issues/3", 730),
            Shot("issue", "issues/2", 1150),
            Shot("blocked", "issues/5", 830),
            Shot("pull", f"pull/{pull}", 960),
        ):
            _take(browser, f"{stage.hub.url}/{REPO}/{shot.path}", folder / f"{shot.name}.png", shot.height)
    shutil.rmtree(root, ignore_errors=True)
    return 0


def _take(browser: str, url: str, path: Path, height: int) -> None:
    with tempfile.TemporaryDirectory() as profile:
        argv = (
            browser,
            *QUIET,
            f"--user-data-dir={profile}",
            f"--window-size=1100,{height}",
            f"--screenshot={path}",
            url,
        )
        subprocess.run(argv, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
