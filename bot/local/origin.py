"""The remote `origin` of a checkout: where it is, and whether it is the GitHub that our token is for."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.core.secret import Secret
from bot.job.git import Remote
from bot.local.checkout import Checkout

_SCP = re.compile(r"(?:[^@/:]+@)?([^/:]+):(?!//)(.+)")
"""`git@github.com:acme/shop.git`."""

_REPO = re.compile(r"/?([A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}(?:\.git)?/?$)[A-Za-z0-9._-]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True)
class Origin:
    """The remote `origin`, as far as we can speak to it."""

    remote: Remote
    repo: str = ""
    """`owner/name` on the GitHub that our token is for; empty: it is elsewhere, or there is no token."""


def origin_of(checkout: Checkout, server_url: str, token: Secret) -> Origin | None:
    """Where `origin` is: GitHub with our token, whatever the way it is written, or a folder or server anybody may read.

    None: there is none, or only the user's own git can open it (ssh, credentials of theirs).
    """
    url = checkout.origin
    if not url:
        return None
    host, path, scheme = _parts(url)
    server = urlsplit(server_url)
    there = {server.hostname, server.netloc} if scheme == "ssh" else {server.netloc}
    if host and host.lower() in there and (found := _REPO.fullmatch(path)):
        if token:
            return Origin(Remote(f"{server_url}/{found[1]}.git", token), found[1])
        return Origin(Remote(f"{server_url}/{found[1]}.git"))
    if scheme == "file":
        place = checkout.root / path if not host else None
        return Origin(Remote(place.resolve().as_uri())) if place and place.exists() else None
    try:
        return Origin(Remote(url)) if scheme in {"http", "https"} else None
    except ValueError:  # it carries credentials
        return None


def _parts(url: str) -> tuple[str, str, str]:
    """Host, path and scheme of an address as git takes it."""
    if "://" in url:
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "") if parts.scheme == "ssh" else parts.netloc.rpartition("@")[2]
            return host, unquote(parts.path), parts.scheme
        except ValueError:
            return "", "", ""
    if found := _SCP.fullmatch(url):
        return found[1], found[2], "ssh"
    return "", url, "file"
