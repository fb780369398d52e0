"""The App's credentials on disk: an env file and the private key, 0600, in a folder of 0700. Never overwritten.

GitHub hands the private key out once. So the place is tried before GitHub is asked to make an App.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.errors import ConfigError, UsageError
from bot.github.action_client import PUBLIC_API
from bot.server.setup.manifest import NewApp

ENV_FILE: Final = "ai-ready.env"
KEY_FILE: Final = "private-key.pem"

_PLAIN = re.compile(r"[A-Za-z0-9_./@:+,=%-]*")
"""What systemd, compose and shells read alike without quotes."""
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The folder that holds them."""

    folder: Path

    @property
    def env_file(self) -> Path:
        """For systemd's EnvironmentFile, compose's env_file, or a shell."""
        return self.folder / ENV_FILE

    @property
    def key_file(self) -> Path:
        """The App's private key, PEM."""
        return self.folder / KEY_FILE

    def prepare(self) -> None:
        """Make the folder, and see that both files can be written and aren't there. Raises `UsageError`."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder} can't be made: {error.strerror}.") from error
        if not _PLAIN.fullmatch(str(self.key_file.resolve())):
            raise UsageError(f"{self.folder} has characters in it that env files trip over: give another --dir.")
        for path in (self.env_file, self.key_file):
            if path.exists() or path.is_symlink():
                raise UsageError(
                    f"{path} is there already: an App has been set up. Give another --dir, or move the file away."
                )
        trial = self.folder / f".{ENV_FILE}.trial"
        try:
            _write(trial, "")
            trial.unlink()
        except OSError as error:
            raise UsageError(f"Nothing can be written in {self.folder}: {error.strerror}.") from error

    def keep(self, app: NewApp, *, api_url: str, polls: bool = False) -> None:
        """Write both. Raises `ConfigError`, which says what to do about the App that exists now."""
        try:
            _write(self.key_file, app.private_key.reveal())
            _write(self.env_file, env_text(app, self.key_file.resolve(), api_url=api_url, polls=polls))
            _sync(self.folder)
        except OSError as error:
            raise ConfigError(
                f"The App {app.html_url} exists, but its key could not be written to {self.folder} ({error.strerror}): "
                "delete the App in its settings on GitHub (Advanced), and begin again."
            ) from error

    def read(self) -> Mapping[str, str]:
        """The variables of the env file; none where there is no file. Raises `UsageError`: unreadable, or not only for us."""
        try:
            mode = stat.S_IMODE(self.env_file.stat().st_mode)
            if mode & 0o077:
                raise UsageError(
                    f"Others can read {self.env_file} (mode {mode:04o}), and it holds secrets: run `chmod 600 {self.env_file}`."
                )
            lines = self.env_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.env_file} is not text in UTF-8.") from error
        except OSError as error:
            raise UsageError(f"{self.env_file} can't be read: {error.strerror}.") from error
        return {found[1]: found[2].strip().strip("\"'") for line in lines if (found := _LINE.fullmatch(line.strip()))}


def env_text(app: NewApp, key_file: Path, *, api_url: str, polls: bool) -> str:
    """The env file: lines of NAME=value. Raises `ConfigError`."""
    values = {"AI_READY_APP_ID": str(app.id), "AI_READY_PRIVATE_KEY_PATH": str(key_file)}
    if not polls:
        values["AI_READY_WEBHOOK_SECRET"] = app.webhook_secret.reveal()
    else:
        values["AI_READY_WEBHOOKS"] = "off"
    if api_url != PUBLIC_API:
        values["GITHUB_API_URL"] = api_url
    odd = [name for name, value in values.items() if not _PLAIN.fullmatch(value)]
    if odd:
        raise ConfigError(
            f"{', '.join(odd)} of the App {app.html_url} can't be put into an env file as it is: delete the App, and begin again."
        )
    head = f"# Made by `ai-ready setup`; holds secrets. The App {app.name}: {app.html_url}, client id {app.client_id}\n"
    return head + "".join(f"{name}={value}\n" for name, value in values.items())


def _write(path: Path, text: str) -> None:
    """A new file, 0600 from the beginning, on disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
