"""The commands of the runner on a laptop: start, status, stop, resume, tasks, logs."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.local.loop import Wish
    from bot.local.settings import LocalSettings
    from bot.local.state import StateFolder
    from bot.trackers.tracker import Listing

Agent = Annotated[str, typer.Option("--agent-id", help="Of which runner; default: `local.agent_id`, else of you here.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Instead of .ai-agents/config.yml.")]


class OldRunner(StrEnum):
    """The two runners there were once."""

    CLI = "cli"
    SDK = "sdk"


STOP_SECONDS = 300
"""What a runner may take to end its agent and save the work."""


def register(app: typer.Typer) -> None:
    """Add them to the command line."""
    for command in (start, status, stop, resume, tasks, logs):
        app.command()(command)


def start(
    resumed: Annotated[bool, typer.Option("--resume", help="Go on with the last session: its counters hold.")] = False,
    single: Annotated[bool, typer.Option("--single-task", help="Do one task, then end.")] = False,
    task: Annotated[str, typer.Option("--task", help="Do this one, then end: its name or id.")] = "",
    exit_when_idle: Annotated[bool, typer.Option("--exit-when-idle", help="End when nothing is ready.")] = False,
    role: Annotated[str, typer.Option("--role", help="Whose instructions the agent gets: backend_dev, qa, …")] = "",
    agent: Annotated[str, typer.Option("--agent-id", help="The name that tasks are claimed with.")] = "",
    hooks: Annotated[str, typer.Option("--hooks-dir", help="Folder of pre_task, post_task and health_check.")] = "",
    config: Config = None,
    page: Annotated[bool, typer.Option("--page", help="With a web page to watch it.")] = False,
    runner: Annotated[OldRunner, typer.Option("--runner", help="`sdk`: end at the first failure.")] = OldRunner.CLI,
    source: Annotated[str, typer.Option("--source", hidden=True)] = "",
    task_seconds: Annotated[int, typer.Option("--task-seconds", min=0, hidden=True)] = 0,
    scripted: Annotated[
        bool, typer.Option("--scripted", help="Try it without an account: the model's answers come from a script.")
    ] = False,
) -> None:
    """Work through the tasks of a source, one after the other.

    Each in a work tree and on a branch of its own; what is under way is taken up again first. Exit 0 as asked, 1 when a task ended Blocked, 2 usage or config, 3 when nothing was ready.
    """
    from bot.config import laptop_environ  # noqa: PLC0415
    from bot.local.loop import Wish  # noqa: PLC0415
    from bot.local.settings import Flags, read_settings  # noqa: PLC0415
    from bot.local.source import checkout_of  # noqa: PLC0415

    old = Flags(source=source, task_seconds=task_seconds, runner=runner.value)  # what `python -m bot.local.…` says
    flags = replace(old, agent_id=agent, role=role, task=task, hooks=hooks, seed_config=config)
    environ, root = laptop_environ(), checkout_of(Path.cwd())
    if scripted:
        unused = {"--resume": resumed, "--single-task": single}
        if given := [name for name, there in unused.items() if there]:
            raise UsageError(f"--scripted is a trial of its own: leave {' and '.join(given)} out.")
        from bot.cli.scripted import run_scripted  # noqa: PLC0415

        raise typer.Exit(run_scripted(environ, root, flags, page=page))
    settings = read_settings(flags, environ, root)
    wish = Wish(single=single, exit_when_idle=exit_when_idle, task=settings.task)
    raise typer.Exit(work_watched(settings, environ, wish, resume=resumed, page=page))


def work_watched(
    settings: "LocalSettings", environ: Mapping[str, str], wish: "Wish", *, resume: bool, page: bool
) -> int:
    """`work`, and with `page` its page as long as that lasts."""
    if not page:
        return work(settings, environ, wish, resume=resume)
    from bot.cli.laptop_page import laptop_page  # noqa: PLC0415

    with laptop_page(settings, environ) as (url, show):
        sys.stdout.write(f"The page is at {url}\n")
        sys.stdout.flush()
        return work(settings, environ, wish, resume=resume, show=show)


def work(
    settings: "LocalSettings",
    environ: Mapping[str, str],
    wish: "Wish",
    *,
    resume: bool,
    show: "Callable[[Listing], None]" = lambda _: None,
) -> int:
    """Run a runner in this process until it ends, or a signal ends it; its exit code. `show`: see `Company`."""
    from bot.agent.process import Cancel  # noqa: PLC0415
    from bot.job.redact import Redactor  # noqa: PLC0415
    from bot.local.log import Log  # noqa: PLC0415
    from bot.local.prompts import Prompter, TerminalInput  # noqa: PLC0415
    from bot.local.runner import Company, Runner  # noqa: PLC0415
    from bot.local.source import secrets_of  # noqa: PLC0415
    from bot.local.terminal import Terminal  # noqa: PLC0415

    log = Log(settings.log_file, Redactor(secrets_of(settings, environ)).text)
    cancel = Cancel()
    terminal = Terminal(sys.stdout, colours=_colours(environ), keep=log.write)
    prompter = Prompter(terminal, TerminalInput(), cancel, 60 * settings.local.ask_minutes)
    company = Company(terminal, cancel, (terminal,), prompter.decide, show)
    with cancel.on_signals():
        return Runner(settings, environ, log, company).run(wish, resume=resume)


def status(agent: Agent = "", as_json: AsJson = False, config: Config = None) -> None:
    """Say what the runner does, did and spent."""
    from bot.local.overview import standing_of, status_text  # noqa: PLC0415

    settings = _settings(agent, config)
    folder = _folder(settings)
    agents = [settings.agent_id] if agent else sorted({settings.agent_id, *folder.agents()})
    standings = [standing_of(folder, each) for each in agents]
    told = [each for each in standings if each.session or each.alive] or standings[:1]
    if as_json:
        _write_json([each.as_json() for each in told])
    else:
        sys.stdout.write("\n".join(status_text(each, settings.local) for each in told))


def stop(agent: Agent = "", config: Config = None) -> None:
    """End the runner of this checkout.

    Its agent is ended, the work is saved, and the task can be taken up again.
    """
    from bot.local.control import Alive, runner_at, stop_runner  # noqa: PLC0415

    settings = _settings(agent, config)
    folder = _folder(settings)
    agents = [agent] if agent else folder.agents()
    living = [each for each in agents if runner_at(folder.runner(each)) is not None]
    if not living:
        sys.stdout.write("No runner is at work in this checkout.\n")

    def waiting(there: Alive) -> None:
        sys.stdout.write(f"Told process {there.pid} to stop; waiting until its work is saved ...\n")
        sys.stdout.flush()

    for each in living:
        if not stop_runner(folder.runner(each), seconds=STOP_SECONDS, waiting=waiting):
            words = f"The runner {each} has not ended after {STOP_SECONDS} s: `ai-ready status` says what it does"
            raise UsageError(f"{words}; what it has on disk is safe whatever you do to it.")
        sys.stdout.write(f"{each} has stopped.\n")


def resume(agent: Agent = "", config: Config = None) -> None:
    """Say what `ai-ready start --resume` would go on with. Changes nothing."""
    from bot.local.overview import resume_text, standing_of  # noqa: PLC0415

    settings = _settings(agent, config)
    listing, source = _listing(settings)
    standing = standing_of(_folder(settings), settings.agent_id)
    project = settings.root.name
    sys.stdout.write(resume_text(project, source, standing, listing, settings.repo.order, settings.local))


def tasks(as_json: AsJson = False, config: Config = None) -> None:
    """List the tasks: what is ready, what waits and for what."""
    from bot.local.overview import tasks_json, tasks_text  # noqa: PLC0415

    settings = _settings("", config)
    listing, _ = _listing(settings)
    if as_json:
        _write_json(tasks_json(listing, settings.repo.order))
    else:
        sys.stdout.write(tasks_text(listing, settings.repo.order))


def logs(
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, help="So many of the last lines.")] = 50,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added, until Ctrl-C.")] = False,
    config: Config = None,
) -> None:
    """Show the runner's log."""
    from bot.local import log  # noqa: PLC0415

    path = _settings("", config).log_file
    for line in log.tail(path, tail):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if following:
        for line in log.follow(path, lambda: True):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    elif not path.exists():
        sys.stderr.write(f"There is no log yet at {path}: `ai-ready start` writes it.\n")


def _settings(agent: str, config: Path | None) -> "LocalSettings":
    from bot.config import laptop_environ  # noqa: PLC0415
    from bot.local.settings import Flags, read_settings  # noqa: PLC0415
    from bot.local.source import checkout_of  # noqa: PLC0415

    return read_settings(Flags(agent_id=agent, seed_config=config), laptop_environ(), checkout_of(Path.cwd()))


def _folder(settings: "LocalSettings") -> "StateFolder":
    from bot.local.state import StateFolder  # noqa: PLC0415

    return StateFolder(settings.state_dir)


def _listing(settings: "LocalSettings") -> "tuple[Listing, str]":
    """All tasks, and the source's type."""
    from bot.config import laptop_environ  # noqa: PLC0415
    from bot.local.source import open_source  # noqa: PLC0415
    from bot.trackers.config import FileConfig  # noqa: PLC0415
    from bot.trackers.tracker import Listing  # noqa: PLC0415

    tracker = open_source(settings, laptop_environ())
    if isinstance(settings.tracker, FileConfig) and not (settings.root / settings.tracker.folder).is_dir():
        return Listing(()), tracker.source  # nobody wrote one yet, and nothing is made here
    return tracker.list(), tracker.source


def _write_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _colours(environ: Mapping[str, str]) -> bool:
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
