"""Takes the pictures in docs/img: the real pages of the demo's sandbox in headless Chromium.

python -m bot.sandbox.demo.screenshots [FOLDER]

GitHub draws Mermaid's diagrams, the sandbox's pages don't: for the picture of the board Mermaid itself, from npm, does.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.sandbox.demo.project import CONFIG, FILES, ISSUES, MAINTAINER, REPO, VISITOR, script
from bot.sandbox.model import Scene, Script, bash, done, read, structured, write
from bot.sandbox.records import Issue
from bot.sandbox.stage import Setting, Stage, raise_curtain

FOLDER = Path(__file__).parents[3] / "docs" / "img"

MERMAID = "mermaid@11.12.0"

PLAN = """\
1. `shop/cart.py`: add `Cart.total() -> int`, the sum of the prices in cents.
2. `tests/test_cart.py`: an empty cart, one item, several items.
3. Run `python3 -m unittest -q`.

Decided: an empty cart costs 0, as `sum` has it.
It could go wrong where a price is no integer; nothing checks that today.
"""
"""What the model plans for the first issue."""

RECEIPT = '''\
"""What a customer takes home."""
from shop.cart import Cart


def receipt(c: Cart) -> str:
    """One line for each item."""
    return "\\n".join(f"{name} {cents / 100:.2f}" for name, cents in c.items)
'''
ANSWERED = {
    "verdict": "done",
    "summary": "Renamed the parameter.",
    "reason": "",
    "replies": [{"thread": "thread-1", "text": "Renamed it, where it is used, too."}],
}
"""What the model does in a review round."""

LATER = (
    ("[SHOP-2.2] Choose the receipt's language", True),
    ("[SHOP-3.1] Gift cards", True),
    ("[SHOP-3.2] Take things back", False),
)
"""Further issues, for a board that is worth a picture; and whether they are asked for."""

SERIES = ("[SHOP-2.1] Print a receipt", "[SHOP-2.2] Choose the receipt's language", "[SHOP-3.1] Gift cards")
PHONE = 500
"""Pixels; headless Chromium makes no window that is narrower."""
PATIENCE = 60.0
"""Seconds."""

DRAWN = """<base href="{url}"><script src="{script}"></script><script type="module">
for (const code of document.querySelectorAll("code.language-mermaid")) {{
  const {{svg}} = await mermaid.render("board", code.textContent);
  code.parentElement.outerHTML = svg;
}}
</script>"""
"""Put into a page, this draws its diagrams."""

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
    """Play the first act of the demo, then take the pictures; exit code 2 without Chromium or npm."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None or shutil.which("npm") is None:
        sys.stderr.write("screenshots need Chromium and npm (Debian: apt-get install chromium npm).\n")
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
        _play_on(stage)
        _take(browser, _drawn(f"{stage.hub.url}/{REPO}/issues/1", root), folder / "board.png", 1440)
    shutil.rmtree(root, ignore_errors=True)
    take_commands(browser, folder)
    take_plan(browser, folder)
    take_round(browser, folder)
    return 0


def take_commands(browser: str, folder: Path) -> None:
    """Pictures of commands and their answers, one of them as on a phone: a run is at work until it is stopped."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-shots-"))
    root.chmod(0o755)
    setting = Setting(REPO, MAINTAINER, VISITOR, files=FILES, config=CONFIG.format(isolation="auto"))
    at_work = Scene("", write("shop/receipt.py", RECEIPT), bash("sleep 600"))
    with raise_curtain(root, setting, Script(at_work)) as stage:
        first, between, last = (stage.issue(title) for title in SERIES)
        stage.label(first)
        _until(lambda: stage.model is not None and len(stage.model.requests) > 1)
        for issue, words in ((last, "/ai run and keep it short"), (last, "/ai why"), (between, "/ai stpo")):
            _ask(stage, issue, words)
        pages = f"{stage.hub.url}/{REPO}/issues"
        _take(browser, f"{pages}/{last.number}", folder / "why.png", 1230)
        _take(browser, f"{pages}/{last.number}", folder / "why-phone.png", 1440, width=PHONE)
        _take(browser, f"{pages}/{between.number}", folder / "typo.png", 560)
        stage.comment(first, "/ai stop")
        stage.actions.wait_idle(120)
        _take(browser, f"{pages}/{first.number}", folder / "stop.png", 985)
    shutil.rmtree(root, ignore_errors=True)


def _ask(stage: Stage, issue: Issue, words: str) -> None:
    """A command, and the bot's answer to it."""
    said = len(stage.bot_comments(issue))
    stage.comment(issue, words)
    _until(lambda: len(stage.bot_comments(issue)) > said)


def _until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the scene of a picture never came about")
        time.sleep(0.1)


def take_plan(browser: str, folder: Path) -> None:
    """The picture of a plan that waits for approval: another repository, which is supervised."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-shots-"))
    root.chmod(0o755)
    config = f"mode: supervised\n{CONFIG.format(isolation='auto')}"
    setting = Setting(REPO, MAINTAINER, VISITOR, files=FILES, config=config)
    item = next(item for item in ISSUES if item.labelled)
    with raise_curtain(root, setting, Script(Scene("", read("shop/cart.py"), done(PLAN)))) as stage:
        issue = stage.issue(item.title, item.body.partition("\n\n")[0])
        stage.label(issue)
        stage.actions.wait_idle(120)
        _take(browser, f"{stage.hub.url}/{REPO}/issues/{issue.number}", folder / "plan.png", 985)
    shutil.rmtree(root, ignore_errors=True)


def take_round(browser: str, folder: Path) -> None:
    """The picture of a conversation that a review round has answered: another repository with one issue."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-shots-"))
    root.chmod(0o755)
    setting = Setting(REPO, MAINTAINER, VISITOR, files=FILES, config=CONFIG.format(isolation="auto"))
    first = Scene("", write("shop/receipt.py", RECEIPT), done("Added `receipt()`."))
    renames = bash("sed -i 's/\\bc\\b/cart/g' shop/receipt.py")
    second = Scene("pull request #2", renames, structured(ANSWERED))
    with raise_curtain(root, setting, Script(second, first)) as stage:
        stage.label(stage.issue("[SHOP-2.1] Print a receipt", "One line for each item."))
        stage.actions.wait_idle(120)
        [pull] = stage.pulls()
        stage.review(pull, "changes_requested", "Nearly.", [("shop/receipt.py", 5, "Call it `cart`, please.")])
        stage.comment(pull, "/ai fix")
        stage.actions.wait_idle(120)
        _take(browser, f"{stage.hub.url}/{REPO}/pull/{pull.number}", folder / "round.png", 1390)
    shutil.rmtree(root, ignore_errors=True)


def _play_on(stage: Stage) -> None:
    """The second act: more is asked for, and the first pull request is merged."""
    for title, asked in LATER:
        issue = stage.issue(title)
        if asked:
            stage.label(issue)
    stage.merge(stage.pulls()[0])
    stage.actions.wait_idle(120)


def _drawn(url: str, root: Path) -> str:
    """The address of a copy of the page in which Mermaid draws its diagrams."""
    home = root / "mermaid"
    home.mkdir()
    (home / "package.json").write_text("{}")
    argv = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", MERMAID)
    subprocess.run(argv, cwd=home, check=True, capture_output=True, timeout=120)
    script = (home / "node_modules" / "mermaid" / "dist" / "mermaid.min.js").as_uri()
    page = httpx.get(url, trust_env=False).text
    copy = root / "board.html"
    copy.write_text(page.replace("<head>", f"<head>{DRAWN.format(url=url, script=script)}", 1))
    return copy.as_uri()


def _take(browser: str, url: str, path: Path, height: int, *, width: int = 1100) -> None:
    with tempfile.TemporaryDirectory() as profile:
        argv = (
            browser,
            *QUIET,
            f"--user-data-dir={profile}",
            "--allow-file-access-from-files",
            "--virtual-time-budget=10000",
            f"--window-size={width},{height}",
            f"--screenshot={path}",
            url,
        )
        subprocess.run(argv, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
