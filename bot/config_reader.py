"""Reading single environment variables: what each may look like, and what is said where it doesn't."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.config_variables import VARIABLES, Step
from bot.core.model import Actor
from bot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Reader:
    """One environment; every method raises `ConfigError`, which names the variable."""

    environ: Mapping[str, str]

    def demand(self, step: Step, *, spared: Collection[str] = ()) -> None:
        """What this step needs has to be set, but for what is `spared`."""
        needed = [each for each in VARIABLES if step in each.needed and each.name not in spared]
        missing = [each for each in needed if not self.text(each.name)]
        if missing:
            words = "; ".join(f"{each.name} is not set: {each.fix}" for each in missing)
            raise ConfigError(f"`ai-ready {step}` can't start. {words}.")

    def text(self, name: str) -> str:
        """Without white space around it; empty: not set."""
        return self.environ.get(name, "").strip()

    def shaped(self, name: str, pattern: re.Pattern[str], right: str) -> str:
        """A text that matches; `right` says what it has to be."""
        text = self.text(name)
        if text and not pattern.fullmatch(text):
            raise ConfigError(f"{name} has to be {right}.")
        return text

    def number(self, name: str) -> int:
        """A whole number above 0; 0: not set."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) > 0):
            raise ConfigError(f"{name} has to be a whole number above 0.")
        return int(text or 0)

    def within(self, name: str, low: int, high: int, *, default: int) -> int:
        """A whole number in these bounds."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdigit() and len(text) <= 15 and low <= int(text) <= high):
            raise ConfigError(f"{name} has to be a whole number from {low:,} to {high:,}.")
        return int(text or default)

    def path(self, name: str) -> Path | None:
        """None: not set."""
        text = self.text(name)
        return Path(text) if text else None

    def address(self, name: str, default: str, *, files: bool = False) -> str:
        """An address without a slash at the end; `files`: it may be a `file://` one."""
        text = self.text(name).rstrip("/") or default
        try:
            parts = urlsplit(text)
            usable = bool(parts.hostname) or (files and parts.scheme == "file")
        except ValueError:
            raise ConfigError(f"{name} is not an address such as https://github.example.com.") from None
        schemes = ("https", "http", "file") if files else ("https", "http")
        if text and (parts.scheme not in schemes or not usable):
            raise ConfigError(f"{name} is not an address such as https://github.example.com.")
        if parts.username or parts.password:
            raise ConfigError(f"{name} carries a user name or a password; leave that out and give a token.")
        return text


def actor_of(number: int, login: str) -> Actor:
    """Who that is; no person's login has brackets."""
    return Actor(number, login, is_bot=login.endswith("[bot]"))


def graphql_url(api_url: str, given: str) -> str:
    """Where GraphQL belongs to this REST API; a `given` one only when it is on the same server (it gets the token).

    https://docs.github.com/en/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
    """
    if given and urlsplit(given).netloc == urlsplit(api_url).netloc:
        return given
    root, ghes, _ = api_url.partition("/api/v3")
    return f"{root}/api/graphql" if ghes else f"{api_url}/graphql"


def server_url(api_url: str) -> str:
    """The server of this REST API: github.com, `NAME.ghe.com`, or a GitHub Enterprise Server."""
    root, ghes, _ = api_url.partition("/api/v3")
    return root if ghes else api_url.replace("://api.", "://", 1)
