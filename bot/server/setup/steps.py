"""`ai-ready setup` as it is told: each step a short story that logs what it did and what comes next."""

import secrets
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.config import PersonEnv
from bot.core.names import CALLER_WORKFLOW, CONFIG_PATH
from bot.github.courier import Courier
from bot.report import Report
from bot.server.setup.bring import Brought, Luggage, bring
from bot.server.setup.credentials import Cabinet
from bot.server.setup.flow import Flow, Order, address, open_page, run_flow
from bot.server.setup.manifest import LONGEST_NAME, NewApp, checked_name, checked_organization, checked_url
from bot.server.setup.person import NobodysWire
from bot.server.setup.shipped import Mode, Release, caller, config_text

CALLER_PATH: Final = f".github/workflows/{CALLER_WORKFLOW}"


@dataclass(frozen=True, slots=True)
class AppWish:
    """What a person asked for on the command line."""

    organization: str = ""
    url: str = ""
    name: str = ""
    port: int = 0
    folder: Path | None = None
    browser: bool = True


def app_step(
    env: PersonEnv, wish: AppWish, report: Report, *, opens: Callable[[str], object] = webbrowser.open
) -> None:
    """Make the App. `opens` shows a person the page of an address. Raises `AiReadyError`."""
    cabinet = Cabinet(wish.folder or env.state)
    public_url = checked_url(wish.url, env.api_url) if wish.url else ""
    organization = checked_organization(wish.organization)
    name = checked_name(wish.name or f"ai-ready {organization or secrets.token_hex(3)}"[:LONGEST_NAME])
    cabinet.prepare()

    def keep(app: NewApp) -> str:
        cabinet.keep(app, api_url=env.api_url, polls=not public_url)
        return str(cabinet.env_file)

    homepage = public_url or f"{env.server_url}/{organization}".rstrip("/")
    order = Order(name, public_url, organization, env.server_url, homepage, keep)
    with open_page(wish.port) as listener:
        report.log(f"Open {address(listener)} and press the button. Ctrl-C ends this; nothing has been made yet.")
        app = run_flow(Flow(order, NobodysWire(env.api_url)), listener, opens if wish.browser else None)
    report.log(_made(app, cabinet, polls=not public_url))


def _made(app: NewApp, cabinet: Cabinet, *, polls: bool) -> str:
    told = "It has no webhook: the server polls." if polls else "Its webhook goes to your public address."
    return "\n".join(
        (
            f"The App {app.name} (id {app.id}) exists. {told}",
            f"Its key and settings are in {cabinet.env_file} and {cabinet.key_file}, readable by you only.",
            "Next:",
            f"  install it:           {app.install_url}",
            "  for each repository:  ai-ready setup --repo owner/name --mode server",
            f"  start the server:     set -a; . {cabinet.env_file}; set +a; ai-ready serve",
            "  look it over:         ai-ready doctor --repo owner/name",
        )
    )


# ----------------------------------------------------------------------------------------- repository


@dataclass(frozen=True, slots=True)
class RepositoryWish:
    """What a person asked for on the command line."""

    repo: str
    mode: Mode
    server_url: str
    """Of the GitHub that ai-ready is on, too."""
    replace: bool = False


def repository_step(
    courier: Courier, wish: RepositoryWish, release: Release, example_config: str, report: Report
) -> Brought:
    """Bring workflow, config and labels, as the person whose `courier` it is. Raises `AiReadyError`."""
    luggage = Luggage(
        files={CALLER_PATH: caller(wish.mode, release, wish.server_url)},
        seeds={CONFIG_PATH: config_text(example_config)},
        body=_body(wish.mode, f"{wish.server_url}/{release.repository}"),
        replace=wish.replace,
    )
    done = courier.tell(bring(wish.repo, luggage))
    report.log(told(wish.repo, done))
    return done


def _body(mode: Mode, home: str) -> str:
    decides = "the workflow itself" if mode is Mode.ACTION else "the ai-ready server"
    return f"""\
Adds the workflow of [ai-ready]({home}), in which {decides} decides what runs, and a config \
file in which everything is commented out. Nothing runs before somebody with write permission labels an issue `ai-ready`.

Besides:

- [ ] the secret `ANTHROPIC_API_KEY` (or `CLAUDE_CODE_OAUTH_TOKEN`) under Settings → Secrets and variables → Actions
- [ ] Settings → Actions → General → *Allow GitHub Actions to create and approve pull requests*
"""


def told(repo: str, done: Brought) -> str:
    """What was done for a repository, in lines for a person."""
    lines = []
    if done.pull_url:
        lines.append(f"Pull request with {' and '.join(done.added)}: {done.pull_url}")
    elif done.compare_url:
        lines.append(f"The branch is pushed, but GitHub refused the pull request ({done.refusal}). Open it yourself:")
        lines.append(f"  {done.compare_url}")
    lines += [f"{path} is on the default branch already." for path in done.unchanged]
    for each in done.differing:
        lines.append(f"{each.path} is there with other content, and was left as it is:")
        lines += [f"  {line}" for line in each.lines]
        lines.append("  (`--replace` puts ours into a pull request.)")
    lines.append(f"Labels made: {', '.join(done.labels)}." if done.labels else "All labels are there.")
    lines.append(f"Next: the model's key, if it isn't there: gh secret set ANTHROPIC_API_KEY --repo {repo}")
    lines.append(f"  (or {done.secrets_url}); then `ai-ready doctor --repo {repo}`.")
    return "\n".join(lines)
