"""Who may look: the decision, and that every address of the page asks it."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from starlette.routing import Route

from bot.core.secret import Secret
from bot.page.access import HEADERS, Access, Answer, answer, host_name
from bot.page.app import Pages
from bot.page.live import Live
from tests.page.sample import NOW, Sample, asked
from tests.page.visitor import basic, opened

PASSWORD = "correct horse battery"
GUARDED = Access(Secret(PASSWORD))
PROXIED = Access(header="x-forwarded-email", hosts=frozenset({"bot.example.com"}))
SECRET_TITLE = "Codename Bluebird"


def asks(access: Access, peer: str = "127.0.0.1", **headers: str) -> Answer:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return answer(access, peer, given)


# ------------------------------------------------------------------------------------ the decision


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8081", "[::1]:8081", "LOCALHOST:80"])
def test_without_a_password_this_machines_names_are_answered(host: str) -> None:
    assert asks(Access(), host=host) is Answer.YES


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost:80:80", "[::1", "a b"])
def test_without_a_password_other_names_are_not(host: str) -> None:
    """A web site whose name leads to this machine (DNS rebinding) reads nothing."""
    assert asks(Access(), host=host) is Answer.NOT_HERE


def test_two_hosts_are_none() -> None:
    headers = [(b"host", b"localhost"), (b"Host", b"evil.example")]

    assert answer(Access(), "127.0.0.1", headers) is Answer.NOT_HERE


def test_the_password_opens_whatever_the_name_and_the_address() -> None:
    header = basic(PASSWORD, "anybody")["authorization"]

    assert asks(GUARDED, "203.0.113.5", host="bot.example.com", authorization=header) is Answer.YES


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        basic("")["authorization"],
        basic(PASSWORD[:-1])["authorization"],
        basic(PASSWORD + "x")["authorization"],
        basic(PASSWORD)["authorization"].replace("Basic", "Bearer"),
        f"Basic {PASSWORD}",
    ],
)
def test_anything_else_does_not(header: str) -> None:
    assert asks(GUARDED, host="localhost", authorization=header) is Answer.WHO


def test_a_password_of_any_script_is_compared_byte_by_byte() -> None:
    access = Access(Secret("pässwörd-日本語"))

    assert asks(access, authorization=basic("pässwörd-日本語")["authorization"]) is Answer.YES
    assert asks(access, authorization=basic("passwörd-日本語")["authorization"]) is Answer.WHO


def test_who_comes_from_the_proxy_with_its_header_may_look() -> None:
    assert asks(PROXIED, host="bot.example.com", x_forwarded_email="alice@example.com") is Answer.YES


@pytest.mark.parametrize(
    ("peer", "host", "email"),
    [
        ("203.0.113.5", "bot.example.com", "alice@example.com"),
        ("127.0.0.1", "evil.example", "alice@example.com"),
        ("127.0.0.1", "localhost", "alice@example.com"),
        ("127.0.0.1", "bot.example.com", ""),
        ("127.0.0.1", "bot.example.com", " "),
        ("", "bot.example.com", "alice@example.com"),
    ],
)
def test_the_header_alone_is_not_enough(peer: str, host: str, email: str) -> None:
    assert asks(PROXIED, peer, host=host, x_forwarded_email=email) is Answer.WHO


def test_a_header_that_is_there_twice_is_nobodys() -> None:
    """One of them may be the visitor's own, which the proxy did not take out."""
    headers = [
        (b"host", b"bot.example.com"),
        (b"x-forwarded-email", b"alice@a.org"),
        (b"X-Forwarded-Email", b"eve@e.org"),
    ]

    assert answer(PROXIED, "127.0.0.1", headers) is Answer.WHO


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        ("10.1.2.3", Answer.YES),
        ("::ffff:10.1.2.3", Answer.YES),
        ("fd00::7", Answer.YES),
        ("10.1.2.4", Answer.WHO),
        ("::ffff:10.1.2.4", Answer.WHO),
        ("::ffff:127.0.0.1", Answer.WHO),
        ("fe80::1%eth0", Answer.WHO),
        ("10.1.2.3, 10.1.2.4", Answer.WHO),
    ],
)
def test_the_proxy_is_who_is_named_by_either_kind_of_address(peer: str, seen: Answer) -> None:
    access = replace(PROXIED, proxies=(ip_network("10.1.2.3/32"), ip_network("fd00::/8")))

    assert asks(access, peer, host="bot.example.com", x_forwarded_email="alice@example.com") is seen


def test_who_comes_from_elsewhere_cannot_say_that_it_is_the_proxy() -> None:
    """Over a real connection: none of the headers with which proxies tell of each other is believed."""
    elsewhere = replace(PROXIED, proxies=(ip_network("10.1.2.3/32"),))
    with opened(Sample(), elsewhere) as client:
        for name in ("x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "cf-connecting-ip"):
            value = "for=10.1.2.3" if name == "forwarded" else "10.1.2.3"
            got = client.get("/", headers={"host": "bot.example.com", "x-forwarded-email": "a@b.org", name: value})
            assert got.status_code == 401, name
    with opened(Sample(), PROXIED) as client:
        for host in ("bot.example.com", "evil.example"):
            headers = {"host": host, "x-forwarded-email": "a@b.org", "x-forwarded-host": "bot.example.com"}
            assert client.get("/", headers=headers).status_code == (200 if host == "bot.example.com" else 401)


def test_a_name_and_its_port() -> None:
    assert host_name(b"Bot.Example.com:443") == "bot.example.com"
    assert host_name(b"[FE80::1]:80") == "fe80::1"


# ------------------------------------------------------------------------------------ every address


def routes() -> list[Route]:
    source = Sample()
    return Pages(source, Live(source.version), lambda: NOW).routes()


def test_every_address_is_401_without_the_password_and_names_nothing() -> None:
    """Out of the router itself, the event stream and what does not exist included."""
    source = Sample()
    source.put(asked(1, f"[SHOP-1.1] {SECRET_TITLE}"))
    paths = [route.path.format(project="7", key="1-L1700000001-1", name="page.js") for route in routes()]

    with opened(source, GUARDED) as client:
        for path in (*paths, "/nowhere", "//", "/p/7/../7", "/webhook", "/healthz"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                got = client.request(method, path)
                assert got.status_code == 401, (method, path)
                assert got.headers["www-authenticate"].startswith("Basic ")
                assert SECRET_TITLE not in got.text
                assert "acme" not in got.text
        assert SECRET_TITLE in client.get("/p/7", headers=basic(PASSWORD)).text


def test_nothing_can_be_written() -> None:
    with opened(Sample()) as client:
        for path in ("/", "/p/7", "/live", "/status.json"):
            assert client.post(path).status_code == 405


def test_every_answer_has_the_strict_headers() -> None:
    with opened(Sample()) as client:
        for path in ("/", "/static/page.js", "/nowhere", "/status.json"):
            got = client.get(path)
            for name, value in HEADERS:
                assert got.headers[name.decode()] == value.decode(), path
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
