"""Which environment variables hold an address that we may post messages to: Slack's incoming webhooks.

The repository's config only *names* a variable (`notify.slack_webhook_env`), so whoever may change the config could name
any other secret of the job and have it treated as an address. Therefore the variables are sorted out before the config is
read: what is not the address of a webhook, by the rules here, can't be named at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from bot.config_variables import VARIABLES
from bot.core.secret import Secret

SLACK_WEBHOOK_URL: Final = "SLACK_WEBHOOK_URL"
SLACK_HOSTS_VARIABLE: Final = "AI_READY_SLACK_HOSTS"

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
"""https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, https://docs.slack.dev/govslack"""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OURS: Final = frozenset(each.name for each in VARIABLES) - {SLACK_WEBHOOK_URL}


@dataclass(frozen=True, slots=True)
class SlackHooks:
    """The webhooks of this environment. False when there is none, and none was meant."""

    addresses: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """By the variable's name."""
    stray: Secret = Secret("")
    """What SLACK_WEBHOOK_URL holds where that is no such address."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "SlackHooks":
        """Sort them out; the operator's AI_READY_SLACK_HOSTS may add hosts to Slack's own."""
        given = (host.strip().lower() for host in environ.get(SLACK_HOSTS_VARIABLE, "").split(","))
        more = frozenset(host for host in given if host)
        texts = {name: value.strip() for name, value in environ.items() if name not in _OURS}
        found = {name: Secret(text) for name, text in texts.items() if is_webhook(text, more)}
        stray = "" if SLACK_WEBHOOK_URL in found else texts.get(SLACK_WEBHOOK_URL, "")
        return cls(MappingProxyType(found), Secret(stray))

    def __bool__(self) -> bool:
        return bool(self.addresses or self.stray)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What redaction must know."""
        return (*self.addresses.values(), *([self.stray] if self.stray else []))


def is_webhook(text: str, more_hosts: frozenset[str] = frozenset()) -> bool:
    """Whether messages may be posted there: https to Slack or to a host of the operator's, http to this machine alone."""
    if not text.startswith(("https://", "http://")) or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment:
        return False
    steps = [step for step in parts.path.split("/") if step]
    if parts.netloc.lower() in SLACK_HOSTS:
        return parts.scheme == "https" and len(steps) == 4 and steps[0] == "services"
    private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return parts.netloc.lower() in more_hosts and private and len(steps) > 1  # a host's front page is no webhook
