"""The deployment files: schemas, what they promise, and that what `ai-ready setup` leaves behind starts the server."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from configparser import RawConfigParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.main import get_command

from bot.cli.commands import app
from bot.config import VARIABLES, PageEnv
from bot.config_reader import Reader
from bot.core.secret import Secret
from bot.sandbox.server import serve
from bot.server.setup.credentials import ENV_FILE, KEY_FILE, Cabinet
from bot.server.setup.manifest import EVENTS, PERMISSIONS, NewApp
from tests.sandbox.world import small_world

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
UNIT = (DEPLOY / "ai-ready.service").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
NAMES = {variable.name for variable in VARIABLES}


def serves(words: list[str]) -> bool:
    """Whether these are words that `ai-ready serve` takes."""
    command = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return words[0] == "serve" and bool(command.make_context("serve", words[1:]))


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


# -------------------------------------------------------------------------------------------- Dockerfile


def test_what_the_image_copies_is_there_and_reaches_the_build() -> None:
    """And nothing else does: no keys, no .git."""
    copied = {source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()

    assert all((ROOT / source).exists() for source in copied)
    assert copied == {line.removeprefix("!") for line in let_through if line.startswith("!")}
    assert "*" in let_through


def test_the_image_is_the_locked_server_and_not_root() -> None:
    syncs = [line for line in instructions("RUN") if "uv sync" in line]

    assert all("--frozen" in line and "--no-default-groups" in line and "--extra server" in line for line in syncs)
    assert any("--require-hashes" in line for line in instructions("RUN"))
    assert instructions("USER") == ["10001:10001"]
    assert DOCKERFILE.index("USER") > DOCKERFILE.rindex("FROM")


def test_base_images_are_pinned_by_version() -> None:
    """The Python that CI uses; no `latest` anywhere."""
    assert instructions("ARG") == ["PYTHON=3.11-slim-bookworm"]
    assert instructions("FROM") == ["python:${PYTHON} AS build", "python:${PYTHON}"]
    tags = [service["image"].rpartition(":")[2] for service in COMPOSE["services"].values()]
    assert all(re.match(r"\d", tag) for tag in tags)


def test_the_image_starts_the_server_and_asks_it_how_it_is() -> None:
    [entry], [command] = instructions("ENTRYPOINT"), instructions("CMD")
    port = instructions("EXPOSE")[0]

    assert json.loads(entry) == ["ai-ready"]
    assert serves(json.loads(command))
    assert port in json.loads(command)
    assert f"http://127.0.0.1:{port}/healthz" in DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]


# --------------------------------------------------------------------------------------------- compose


@pytest.mark.parametrize("file", ["compose.yaml", "page.compose.yaml"])
def test_compose_by_its_schema(file: str) -> None:
    done = subprocess.run(
        (
            str(Path(sys.executable).parent / "check-jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(DEPLOY / file)),
        ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_compose_hands_secrets_over_as_files() -> None:
    """No value of a secret stands in it, and each that is used is declared."""
    server, database = COMPOSE["services"]["server"], COMPOSE["services"]["database"]

    assert {*server["secrets"], *database["secrets"]} == set(COMPOSE["secrets"])
    assert all(set(each) == {"file"} for each in COMPOSE["secrets"].values())
    assert server["environment"]["AI_READY_PRIVATE_KEY_PATH"] == "/run/secrets/private-key"
    assert [name for name in database["environment"] if "PASSWORD" in name] == ["POSTGRES_PASSWORD_FILE"]
    assert server["environment"]["AI_READY_DATABASE_URL"] == "postgresql://ai_ready@database/ai_ready"
    assert {name for name in server["environment"] if name.startswith("AI_READY_")} <= NAMES
    assert server["env_file"] == ENV_FILE


def test_compose_waits_for_the_database_and_shows_it_to_nobody() -> None:
    server, database = COMPOSE["services"]["server"], COMPOSE["services"]["database"]

    assert server["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in database["healthcheck"]["test"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert "ports" not in database
    assert server["ports"] == ["127.0.0.1:8080:8080"]
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]


# --------------------------------------------------------------------------------------------- systemd


def unit() -> dict[str, str]:
    class Lines(dict[str, Any]):
        """systemd allows a key twice; here the values are joined."""

        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, [*self[key], *value] if isinstance(value, list) and key in self else value)

    parser = RawConfigParser(strict=False, dict_type=Lines, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT)
    return dict(parser["Service"])


def test_the_unit_starts_the_server_with_the_credential() -> None:
    """The variable that says where the key is stands behind the env file, which says another place."""
    words = shlex.split(unit()["ExecStart"])

    assert words[:2] == ["/usr/bin/env", "AI_READY_PRIVATE_KEY_PATH=%t/ai-ready/private-key.pem"]
    assert words[2].endswith("/ai-ready")
    assert serves(words[3:])
    assert "%d/private-key.pem %t/ai-ready/private-key.pem" in unit()["ExecStartPre"]
    assert unit()["LoadCredential"].startswith(f"{KEY_FILE}:")
    assert unit()["EnvironmentFile"].endswith(ENV_FILE)
    assert int(unit()["TimeoutStopSec"]) > 25, "the server's own grace"
    assert unit()["RestartPreventExitStatus"] == "2"


def test_the_unit_is_held_tight() -> None:
    held = unit()

    assert (held["DynamicUser"], held["NoNewPrivileges"], held["ProtectSystem"]) == ("yes", "yes", "strict")
    assert (held["CapabilityBoundingSet"], held["StateDirectory"]) == ("", "ai-ready")
    assert held["Environment"] == "XDG_STATE_HOME=/var/lib"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    """`verify` says nothing; `security` at most 1.5 of 10."""
    copy = tmp_path / "ai-ready.service"
    copy.write_text(UNIT.replace("/opt/ai-ready/.venv/bin/ai-ready", "/usr/bin/true"))
    verified = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", str(copy)), capture_output=True, text=True, check=False
    )
    exposed = subprocess.run(
        ("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", str(copy)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stderr) == (0, "")
    assert exposed.returncode == 0, exposed.stdout[-300:]


# --------------------------------------------------------------------------------- what setup leaves behind


@pytest.mark.parametrize("polls", [False, True])
def test_the_env_file_of_setup_starts_the_server(tmp_path: Path, polls: bool) -> None:
    """As the last lines of `ai-ready setup` say it: read by a shell, served, and ended by SIGTERM."""
    world = small_world(tmp_path / "hub")
    with serve(world.hub) as hub:
        world.clock.moment = datetime.now(UTC)  # the App's JWT is made by the real clock
        registered = hub.app_registry.create(
            "bot", world.shop.owner, permissions=PERMISSIONS, events=EVENTS, secret="a-secret-of-some-length"
        )
        secret = Secret(registered.hook.secret)
        made = NewApp(registered.id, "bot", f"{hub.url}/apps/bot", "", Secret(registered.private_pem), secret)
        cabinet = Cabinet(tmp_path / "state")
        cabinet.prepare()
        cabinet.keep(made, api_url=hub.api_url, polls=polls)
        line = f"set -a; . {cabinet.env_file}; set +a; exec {sys.executable} -m bot serve --port 0"
        environ = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path / "xdg")}
        with subprocess.Popen(("sh", "-c", line), stdout=subprocess.PIPE, env=environ, cwd=ROOT, text=True) as server:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found
            address = found[0].rstrip("/")
            codes = [httpx.get(f"{address}/healthz").status_code, httpx.post(f"{address}/webhook").status_code]
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=20) == 0

    assert codes == [200, 404 if polls else 415]


# -------------------------------------------------------------------------------------------- the page

SIGN_IN: dict[str, Any] = yaml.safe_load((DEPLOY / "page.compose.yaml").read_text())


def test_the_page_believes_the_sign_in_proxy_alone() -> None:
    """Both have a fixed address in a network that leads nowhere else, and the page takes the proxy's header from there."""
    server, proxy = SIGN_IN["services"]["server"], SIGN_IN["services"]["sign-in"]
    told = {**server["environment"], "AI_READY_PAGE_HOSTS": "watch.example.com"}
    page = PageEnv.read(Reader(told))

    assert told.keys() <= NAMES
    assert page.proxies == (f"{proxy['networks']['page']['ipv4_address']}/32",)
    assert page.header == "x-forwarded-user"
    assert SIGN_IN["networks"]["page"]["internal"] is True
    assert proxy["environment"]["OAUTH2_PROXY_UPSTREAMS"] == (
        f"http://{server['networks']['page']['ipv4_address']}:{page.port}/"
    )
    assert server["networks"].keys() - {"page"} == set(COMPOSE["services"]["server"]["networks"])
    assert all(port.startswith("127.0.0.1:") for port in proxy["ports"])
    assert "8081" not in str(COMPOSE["services"]["server"]["ports"])
