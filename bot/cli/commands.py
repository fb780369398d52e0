"""Every command, each a few lines that call the room that does it."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import config_commands, init_commands, local_commands, run_gate, server_commands, serving
from bot.errors import UsageError

app = typer.Typer(
    name="ai-ready",
    help="Label an issue, review a draft PR: runs headless Claude on GitHub issues when their prerequisites have closed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Same as the command version.")
    ] = False,
) -> None:
    """What goes before the command."""


# ------------------------------------------------------------------------------------- steps of a run


@app.command()
def gate() -> None:
    """Step 1 of a run: read the repository, admit an issue.

    Looks at every issue, writes what is so to labels and status comments, and admits at most one.
    """
    run_gate()


@app.command()
def work(out: Annotated[Path, typer.Option("--out", help="Folder for outcome.json and work.bundle.")]) -> None:
    """Step 2 of a run: the agent, then our own checks.

    Needs what gate admitted; leaves what came of it as two files, outcome.json and work.bundle.
    """
    from bot.config import Step, action_env, action_report  # noqa: PLC0415
    from bot.job.steps import work_step  # noqa: PLC0415

    work_step(action_env(Step.WORK), out, action_report())


@app.command()
def publish(folder: Annotated[Path, typer.Option("--in", help="Folder that work wrote.")]) -> None:
    """Step 3 of a run: push, draft pull request, verdict."""
    from bot.config import Step, action_env, action_report  # noqa: PLC0415
    from bot.job.steps import publish_step  # noqa: PLC0415

    publish_step(action_env(Step.PUBLISH), folder, action_report())


@app.command()
def run(
    issue: Annotated[int, typer.Option("--issue", min=1, help="Number of the issue.")],
    repo: Annotated[str, typer.Option("--repo", help="owner/name; default: GITHUB_REPOSITORY.")] = "",
    request: Annotated[bool, typer.Option("--request", help="Ask for the run first, as the token's user.")] = False,
) -> None:
    """Gate, work and publish in a row on this machine.

    Exit 0 Done, 1 Blocked, 2 usage or config, 3 waiting, on hold or not asked for.
    """
    from bot.config import Step, action_env, action_report  # noqa: PLC0415
    from bot.job.steps import run_step  # noqa: PLC0415

    report = action_report()
    with tempfile.TemporaryDirectory(prefix="ai-ready-run-") as folder:
        ran = run_step(action_env(Step.RUN, repository=repo), issue, report, request=request, out=Path(folder))
    if ran.exit_code:
        report.error(ran.sentence)
    raise typer.Exit(ran.exit_code)


# ---------------------------------------------------------------------------------------------- plan


@app.command()
def plan(
    source: Annotated[str, typer.Option("--from", help="File with issues as JSON; `-` for stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Plan every open issue, requested or not.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="An ai-ready.yml whose `order` counts.")] = None,
) -> None:
    """Say offline what is ready and what waits for what.

    Also what can never start, and which titles are near misses. The issues are what GitHub's REST API or `gh issue list --json number,title,body,state,stateReason,labels` gives.
    """
    from bot.config import parse_repo_config  # noqa: PLC0415
    from bot.core.offline import plan_text  # noqa: PLC0415
    from bot.core.settings import ConfigProblem  # noqa: PLC0415

    rules = parse_repo_config(_read_text(config) if config else None, path=str(config or ""))
    if isinstance(rules, ConfigProblem):
        raise UsageError(rules.message)
    sys.stdout.write(plan_text(_read(source), as_json=as_json, every=every, config=rules))


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}.") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} can't be read: it is not UTF-8 text.") from error


# ---------------------------------------------------------------------------------------------- demo


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the sandbox up afterwards, until Ctrl-C.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Use the real model; needs ANTHROPIC_API_KEY.")] = False,
    server: Annotated[bool, typer.Option("--server", help="With `ai-ready serve` as the planner.")] = False,
) -> None:
    """The whole job on this machine: no account, no key.

    Nothing leaves it, but with --live the calls to the model.
    """
    from bot.config import demo_env  # noqa: PLC0415
    from bot.sandbox.demo.story import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(demo_env(), keep=keep, live=live, server=server))


@app.command()
def version() -> None:
    """Say which ai-ready this is, and what carries its CLI."""
    from bot.versions import versions_text  # noqa: PLC0415

    sys.stdout.write(versions_text())


serving.register(app)
server_commands.register(app)
config_commands.register(app)
init_commands.register(app)
local_commands.register(app)
