"""The commands around the server: set it up, look it over, ask what it would decide."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command()(setup)
    app.command()(doctor)
    app.command()(replay)
    app.command()(server_status)


def setup(
    repo: Annotated[str, typer.Option("--repo", help="owner/name: bring workflow, config and labels there.")] = "",
    mode: Annotated[str, typer.Option("--mode", help="With --repo: `server` or `action` (no server).")] = "server",
    replace: Annotated[
        bool, typer.Option("--replace", help="With --repo: also replace a workflow that is there with other content.")
    ] = False,
    release: Annotated[
        str, typer.Option("--release", help="With --repo: owner/name@commit of ai-ready; default: this one's.")
    ] = "",
    org: Annotated[str, typer.Option("--org", help="Make the App for this organization; default: for you.")] = "",
    url: Annotated[str, typer.Option("--url", help="Public address of the server; without it, it polls.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the App; no other on GitHub may have it.")] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the local page; 0: any free one.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where the App's key is kept; default: the state directory.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say the page's address.")] = False,
) -> None:
    """Make the GitHub App, or set up a repository.

    Without --repo: a page on this machine makes the App in two clicks and keeps its key, 0600. With --repo: a pull request made with your own token (`gh auth token`, or GITHUB_TOKEN).
    """
    from bot.config import action_report, person_env  # noqa: PLC0415
    from bot.server.setup.person import persons_courier, persons_token, repository_name  # noqa: PLC0415
    from bot.server.setup.steps import AppWish, RepositoryWish, app_step, repository_step  # noqa: PLC0415

    if not repo:
        if replace or release or mode != "server":
            raise UsageError("--mode, --replace and --release go with --repo.")
        app_step(person_env(), AppWish(org, url, name, port, folder, not no_browser), action_report())
        return
    if org or url or name or port or folder or no_browser:
        raise UsageError("--org, --url, --name, --port, --dir and --no-browser make an App; leave --repo out for that.")
    from bot.reference import config_example  # noqa: PLC0415
    from bot.server.setup.shipped import mode_of, release_of  # noqa: PLC0415

    env = person_env()
    wish = RepositoryWish(repository_name(repo), mode_of(mode), env.server_url, replace)
    courier = persons_courier(env, persons_token(env))
    repository_step(courier, wish, release_of(release), config_example(), action_report())


def doctor(
    repo: Annotated[str, typer.Option("--repo", help="owner/name: look this repository over, too.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where `ai-ready setup` kept the App's key; default: the state directory."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Look over what is set up: pass, fail or skip, with the fix.

    Only reads. Asks as the App (from the environment, else from the env file of `ai-ready setup`) and with your own token (`gh auth token`, or GITHUB_TOKEN). Exit 0 when nothing failed, 1 when something did.
    """
    from bot.config import person_env  # noqa: PLC0415
    from bot.server.doctor.doors import connect, doors  # noqa: PLC0415
    from bot.server.doctor.examine import as_json as machine_readable  # noqa: PLC0415
    from bot.server.doctor.examine import examine, line, summary  # noqa: PLC0415
    from bot.server.doctor.finding import State  # noqa: PLC0415
    from bot.server.setup.credentials import Cabinet  # noqa: PLC0415
    from bot.server.setup.person import repository_name  # noqa: PLC0415

    name = repository_name(repo) if repo else ""
    env = person_env(Cabinet(folder or person_env().state).read())
    connection = connect(env)
    findings = []
    try:
        for finding in examine(doors(env, name, connection), name):
            findings.append(finding)
            if not as_json:
                typer.echo(line(finding))
    finally:
        connection.close()
    typer.echo(machine_readable(tuple(findings)) if as_json else f"\n{summary(tuple(findings))}", nl=not as_json)
    raise typer.Exit(1 if any(each.state is State.FAIL for each in findings) else 0)


def replay(
    file: Annotated[str, typer.Argument(help="A recorded delivery, or its body; `-` for stdin.")],
    event: Annotated[str, typer.Option("--event", help="What X-GitHub-Event said, such as `issues`.")] = "",
    repo_state: Annotated[
        Path | None,
        typer.Option("--repo-state", help="The repository's issues as JSON, as `ai-ready plan` takes them."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="An ai-ready.yml whose `order` counts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Say what the server would make of a webhook.

    Offline; writes nothing. Takes the payload (App settings → Advanced → Recent Deliveries), or what GitHub's API answers for a delivery.
    """
    from bot.config import parse_repo_config  # noqa: PLC0415
    from bot.core.settings import ConfigProblem  # noqa: PLC0415
    from bot.server import replay as replaying  # noqa: PLC0415

    rules = parse_repo_config(_read(str(config)).decode("utf-8", "replace") if config else None, path=str(config or ""))
    if isinstance(rules, ConfigProblem):
        raise UsageError(rules.message)
    recorded = replaying.Recorded.of(_read(file), event)
    done = replaying.replay(recorded, issues=_read(str(repo_state)) if repo_state else None, config=rules)
    sys.stdout.write(replaying.as_json(done) if as_json else replaying.as_text(done))


def server_status(
    url: Annotated[
        str, typer.Option("--url", help="Address of the page; default: where this environment has it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Say how a running server is, and what it does.

    Asks its page, with AI_READY_PAGE_PASSWORD where that is set; the figures are those of the page. Exit 1 when something fails.
    """
    from bot.config import laptop_environ, page_env  # noqa: PLC0415
    from bot.page.asking import as_text, ask, is_failing  # noqa: PLC0415

    page = page_env(laptop_environ())
    if url and not url.startswith(("http://", "https://")):
        raise UsageError("--url has to be an address such as http://127.0.0.1:8081.")
    if not (url or page.port):
        raise UsageError("AI_READY_PAGE_PORT says of no port where the page is: give its address with --url.")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(page.host, f"[{page.host}]" if ":" in page.host else page.host)  # noqa: S104
    found = ask(url.rstrip("/") or f"http://{host}:{page.port}", page.password)
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n" if as_json else as_text(found))
    raise typer.Exit(1 if is_failing(found) else 0)


def _read(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}.") from error
