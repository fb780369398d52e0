"""Where the page is served and who may look, out of the environment. What is on the network has a password or a sign-in proxy."""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from bot.config_reader import Reader
from bot.core.secret import Secret
from bot.errors import ConfigError

PORT: Final = 8081
THIS_MACHINE: Final = ("127.0.0.0/8", "::1/128")
SHORTEST_PASSWORD: Final = 12
"""Characters: nothing slows down who tries."""
_OFF_OR_PORT: Final = re.compile(r"off|[0-9]{1,5}", re.IGNORECASE)
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_NOT_OURS: Final = frozenset({"authorization", "host", "cookie", "user-agent", "accept", "connection"})
"""Headers that every browser sends, or that mean something else here."""


@dataclass(frozen=True, slots=True)
class PageEnv:
    """The page's listener. As it is: no page."""

    port: int | None = None
    """0: any free one; None: there is no page."""
    chosen: bool = False
    """Somebody named the port: where it is taken that is an error; else the server goes without its page."""
    host: str = "127.0.0.1"
    password: Secret = Secret("")
    header: str = ""
    """What the sign-in proxy sets, lower case; empty: there is no such proxy."""
    proxies: tuple[str, ...] = THIS_MACHINE
    """Networks in which that proxy is."""
    hosts: frozenset[str] = frozenset()
    """Names under which it serves the page."""

    @classmethod
    def read(cls, reader: Reader) -> "PageEnv":
        """Read and check everything. Raises `ConfigError`, which names the variable and what to do."""
        port = reader.shaped("AI_READY_PAGE_PORT", _OFF_OR_PORT, "a port, or `off`").lower()
        if port == "off":
            return cls()
        if int(port or PORT) > 65_535:
            raise ConfigError("AI_READY_PAGE_PORT has to be a port, or `off`.")
        header = reader.shaped("AI_READY_PAGE_TRUSTED_HEADER", _HEADER, "a header's name such as X-Forwarded-Email")
        env = cls(
            port=int(port or PORT),
            chosen=bool(port),
            host=reader.text("AI_READY_PAGE_HOST") or "127.0.0.1",
            password=Secret(reader.text("AI_READY_PAGE_PASSWORD")),
            header=header.lower(),
            proxies=_networks(reader.text("AI_READY_PAGE_PROXIES")) or THIS_MACHINE,
            hosts=_names(reader.text("AI_READY_PAGE_HOSTS")),
        )
        env._check()
        return env

    def _check(self) -> None:
        if self.password and len(self.password.reveal()) < SHORTEST_PASSWORD:
            raise ConfigError(
                f"AI_READY_PAGE_PASSWORD has to be at least {SHORTEST_PASSWORD} characters: make one with "
                "`openssl rand -hex 24`."
            )
        if self.header in _NOT_OURS:
            raise ConfigError("AI_READY_PAGE_TRUSTED_HEADER names a header that everybody sends: name the proxy's own.")
        if self.header and not self.hosts:
            raise ConfigError(
                "AI_READY_PAGE_TRUSTED_HEADER needs AI_READY_PAGE_HOSTS: the names under which the proxy serves the page."
            )
        if not self.password and not self.header and not _is_loopback(self.host):
            raise ConfigError(
                f"The page would be open to whoever reaches {self.host}: set AI_READY_PAGE_PASSWORD, or "
                "AI_READY_PAGE_TRUSTED_HEADER behind a sign-in proxy, or leave AI_READY_PAGE_HOST out."
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _elements(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each, strict=False)) for each in _elements(text))
    except ValueError:
        raise ConfigError("AI_READY_PAGE_PROXIES has to be addresses or networks such as 10.0.0.0/8.") from None


def _names(text: str) -> frozenset[str]:
    names = _elements(text)
    if not all(_NAME.fullmatch(each) for each in names):
        raise ConfigError("AI_READY_PAGE_HOSTS has to be host names, without a scheme or a port.")
    return frozenset(each.lower() for each in names)
