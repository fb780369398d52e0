"""Where the page is served: what is refused, and with which words."""

import pytest

from bot.config import PageEnv
from bot.config_reader import Reader
from bot.core.secret import Secret
from bot.errors import ConfigError

PASSWORD = "twelve chars"


def page(**environ: str) -> PageEnv:
    return PageEnv.read(Reader({f"AI_READY_PAGE_{name}": value for name, value in environ.items()}))


def test_by_itself_it_is_for_this_machine() -> None:
    assert page() == PageEnv(port=8081, chosen=False, host="127.0.0.1")


def test_it_can_be_left_out() -> None:
    assert page(PORT="OFF", HOST="0.0.0.0").port is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_needs_no_password(host: str) -> None:
    assert page(HOST=host, PORT="0").host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "bot.example.com", "127.0.0.1.example.com"])
def test_the_network_does(host: str) -> None:
    with pytest.raises(ConfigError, match="AI_READY_PAGE_PASSWORD"):
        page(HOST=host)
    assert page(HOST=host, PASSWORD=PASSWORD).password == Secret(PASSWORD)
    assert page(HOST=host, TRUSTED_HEADER="X-Forwarded-Email", HOSTS="bot.example.com").header == "x-forwarded-email"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PASSWORD": "eleven char"}, "at least 12"),
        ({"PORT": "65536"}, "a port, or `off`"),
        ({"PORT": "http"}, "a port, or `off`"),
        ({"TRUSTED_HEADER": "X-Email"}, "AI_READY_PAGE_HOSTS"),
        ({"TRUSTED_HEADER": "Host", "HOSTS": "a"}, "everybody sends"),
        ({"TRUSTED_HEADER": "X Email", "HOSTS": "a"}, "a header's name"),
        ({"PROXIES": "10.0.0.0/99"}, "networks"),
        ({"HOSTS": "https://bot.example.com"}, "without a scheme"),
    ],
)
def test_what_is_wrong_is_said(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        page(**environ)


def test_the_proxys_networks_and_names() -> None:
    found = page(TRUSTED_HEADER="X-Email", HOSTS="Bot.example.com, bot", PROXIES="10.1.2.3, fd00::/8")

    assert found.proxies == ("10.1.2.3/32", "fd00::/8")
    assert found.hosts == {"bot.example.com", "bot"}
    assert page().proxies == ("127.0.0.0/8", "::1/128")
