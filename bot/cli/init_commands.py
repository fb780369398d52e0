"""`ai-ready init`."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import UsageError
from bot.whole_file import write_whole

if TYPE_CHECKING:
    from bot.config import LaptopEnv
    from bot.initializer.drafting import Drafter
    from bot.job.initializing import Commission, Draft
    from bot.local.settings import LocalSettings
    from bot.local.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command()(init)


def init(
    spec: Annotated[Path, typer.Option("--spec", help="File that says what is to be built; Markdown.")],
    project: Annotated[str, typer.Option("--project-name", help="Default: made of the file's name.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Again: make what is missing, update what changed, double nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and make nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Make the tasks without asking.")] = False,
    file: Annotated[Path | None, typer.Option("--config", "-c", help="Instead of .ai-agents/config.yml.")] = None,
    scripted: Annotated[
        bool, typer.Option("--scripted", help="No account, no key: the model's answer is made of the spec's own lines.")
    ] = False,
) -> None:
    """Turn a spec into phased tasks.

    An agent plans, you agree, the task source gets them. Exit 0 made, shown or there already; 1 no plan came of it, or there is no such file; 2 usage or config.
    """
    from bot.config import action_report, laptop_env, laptop_environ  # noqa: PLC0415
    from bot.initializer.drafting import Drafter  # noqa: PLC0415
    from bot.initializer.initialize import Desk, Wish, initialize  # noqa: PLC0415
    from bot.initializer.opening import open_for_new_tasks  # noqa: PLC0415
    from bot.local.settings import Flags, read_settings  # noqa: PLC0415
    from bot.local.source import checkout_of  # noqa: PLC0415
    from bot.local.terminal import Terminal  # noqa: PLC0415

    environ = laptop_environ()
    flags = Flags(seed_config=file, settings=_trial() if scripted else None)
    settings = read_settings(flags, environ, checkout_of(Path.cwd()))
    terminal = Terminal(sys.stdout, colours=action_report().colours)
    with _only_one(settings), _model(spec, laptop_env(), terminal, scripted=scripted) as env:
        drafter = Drafter(settings, env, listeners=(terminal,))
        desk = Desk(
            folder=settings.root,
            tracker=open_for_new_tasks(settings, environ),
            draft=_asking_first(drafter, terminal, may=yes or dry_run),
            show=terminal.plain,
            agree=lambda: yes or _agreed(desk.tracker.source),
            tell=terminal.info,
            keeps_plans=not scripted,
        )
        result = initialize(Wish(spec, project, force=force, dry_run=dry_run), desk)
    if result.usd:
        terminal.info(f"The plan cost ${result.usd:.2f}{' (scripted: nothing was spent)' if scripted else ''}.")
    if not result.success:
        kept = _kept(settings, result.raw_analysis)
        raise _Failed(f"{result.error}{kept}")
    if result.state == "created":
        made = f"{result.tasks_created} made, {result.tasks_updated} updated"
        terminal.success(f"{result.project_name}: {made}. `ai-ready start` works through them in order.")


class _Failed(UsageError):
    """There is no plan. Exit 1."""

    exit_code = 1


def _asking_first(drafter: "Drafter", terminal: "Terminal", *, may: bool) -> "Callable[[Commission], Draft]":
    """Before money is spent: is there somebody who could agree to what comes of it?"""

    def draft(commission: "Commission") -> "Draft":
        if not may:
            _demand_somebody()
        terminal.info("The agent reads the spec and plans")
        with drafter.cancel.on_signals():
            return drafter(commission)

    return draft


def _demand_somebody() -> None:
    """Raise unless a person sits there."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("Somebody has to agree to the plan: add --yes, or --dry-run to only see it.")


def _agreed(source: str) -> bool:
    _demand_somebody()
    return typer.confirm(f"Make these in the task source {source}?")


def _trial() -> dict[str, str]:
    """The settings that differ where nothing can come of it."""
    from bot.cli.scripted import can_isolate  # noqa: PLC0415

    return {} if can_isolate() else {"agent.isolation": "none"}


@contextlib.contextmanager
def _only_one(settings: "LocalSettings") -> Iterator[None]:
    """Two at a time would both make everything."""
    import fcntl  # noqa: PLC0415

    from bot.local.state import StateFolder  # noqa: PLC0415

    StateFolder(settings.state_dir).make()
    path = settings.state_dir / "init.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{path} can't be opened ({error.strerror}): remove it.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("Another `ai-ready init` is at work here: wait until it has ended.") from None
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _model(spec: Path, env: "LaptopEnv", terminal: "Terminal", *, scripted: bool) -> "Iterator[LaptopEnv]":
    """The environment; scripted: with a model on this machine that nobody pays."""
    if not scripted:
        yield env
        return
    from bot.core.secret import Secret  # noqa: PLC0415
    from bot.sandbox.model import Scene, Script, serve_model, structured  # noqa: PLC0415
    from bot.sandbox.spec_plan import SAMPLE, plan_by_lines  # noqa: PLC0415

    terminal.warning("Scripted: no model is asked. The plan is made of the spec's own lines, to show how it goes.")
    if not spec.exists():
        spec.write_text(SAMPLE, encoding="utf-8")
        terminal.info(f"{spec} was not there: a sample was written")
    text = spec.read_text(encoding="utf-8", errors="replace")
    with serve_model(Script(Scene("", structured(plan_by_lines(text))))) as model:
        yield replace(env, api_key=Secret("scripted"), oauth_token=Secret(""), model_url=model.url)


def _kept(settings: "LocalSettings", raw: str) -> str:
    """Where the agent's answer is, as the end of a message."""
    if not raw:
        return ""
    path = settings.state_dir / "init-answer.txt"
    write_whole(path, raw.encode("utf-8", "replace"))  # which follows no link that came with the checkout
    return f"\nThe agent's answer is in {path}."
