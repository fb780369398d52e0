"""`ai-ready config`: what counts on this laptop."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command()(config)


def config(
    file: Annotated[Path | None, typer.Option("--config", "-c", help="Instead of .ai-agents/config.yml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    import_tasks: Annotated[
        bool, typer.Option("--import-tasks", help="Make a file of each task in tasks.json of `state_dir`.")
    ] = False,
) -> None:
    """Say what the runner goes by, and all that is wrong.

    With where each setting came from. Exit 1 when something is wrong.
    """
    from bot.config import laptop_environ  # noqa: PLC0415
    from bot.local.checkup import look_over  # noqa: PLC0415
    from bot.local.settings import Flags  # noqa: PLC0415
    from bot.local.source import checkout_of  # noqa: PLC0415

    flags, root = Flags(seed_config=file), checkout_of(Path.cwd())
    if import_tasks:
        _import(file, root)
    checkup = look_over(flags, laptop_environ(), root)
    sys.stdout.write(checkup.json() if as_json else checkup.text())
    if checkup.problems:
        raise typer.Exit(1)


def _import(file: Path | None, root: Path) -> None:
    from bot.config import laptop_environ  # noqa: PLC0415
    from bot.local.seed_files import chosen, old_tasks  # noqa: PLC0415
    from bot.local.seed_tasks import import_tasks  # noqa: PLC0415

    where = old_tasks(chosen(file, laptop_environ(), root), root)
    if where is None:
        raise UsageError("There is no tasks.json in `state_provider.state_dir` of .ai-agents/config.yml.")
    names = import_tasks(*where)
    sys.stderr.write(f"{len(names)} made in {where[1]}: {', '.join(names) or 'all of them were there'}.\n")
