"""Posting to a real HTTP server that is Slack, however it behaves: in time, never an error, never the address."""

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bot.config import SlackHooks
from bot.core.secret import Secret
from bot.core.settings import Notify
from bot.job.redact import Redactor
from bot.notify.herald import MOST_WAITING, Herald
from bot.notify.message import message
from bot.notify.notice import Link, Notice
from bot.notify.slack import Answer, load, post
from bot.notify.teller import Teller
from tests.notify.channel import KEY, PATIENCE, Behaviour, Channel, closed_port, slack_channel

NOTICE = Notice("done", Link("acme/shop#7", "https://github.com/acme/shop/issues/7"), "Greet", "Done: draft PR #8.")
MESSAGE = message(NOTICE)
IN_TIME = 10.0
"""Far from the 30 s that the SDK waits by itself, and from the minutes of a retry."""


@pytest.fixture
def channel() -> Iterator[Channel]:
    with slack_channel() as channel:
        yield channel


def test_a_post_arrives_as_json(channel: Channel) -> None:
    """One request to the webhook, with text and blocks."""
    assert post(Secret(channel.url), MESSAGE) == Answer()
    assert channel.posts == [MESSAGE.body()]
    assert channel.wrong == []


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (Behaviour(500, "<html>oops</html>"), "HTTP 500"),
        (Behaviour(404, "no_service"), "HTTP 404 no_service"),
        (Behaviour(403, "action_prohibited\n"), "HTTP 403 action_prohibited"),
        (Behaviour(400, f"http://x/services/{KEY}"), "HTTP 400"),
        (Behaviour(429, "rate_limited", {"Retry-After": "7"}), "HTTP 429 rate_limited"),
    ],
    ids=lambda each: str(getattr(each, "status", "")),
)
def test_a_refusal_is_an_answer(channel: Channel, behaviour: Behaviour, problem: str) -> None:
    """Its number, and Slack's own word where it is one; tried once, not again."""
    channel.behaviour = behaviour

    answer = post(Secret(channel.url), MESSAGE)

    assert answer == Answer(problem, 7.0 if behaviour.status == 429 else 0.0)
    assert len(channel.posts) == 1


@pytest.mark.parametrize(("header", "seconds"), [("99999999", 3600.0), ("soon", 0.0), ("-5", 0.0), ("٧", 0.0)])
def test_an_odd_retry_after_is_bounded(channel: Channel, header: str, seconds: float) -> None:
    """Nobody rests for years because a header said so."""
    channel.behaviour = Behaviour(429, "", {"Retry-After": header.encode().decode("latin-1")})

    assert post(Secret(channel.url), MESSAGE).retry_after == seconds


def test_a_slack_that_never_answers_costs_its_seconds(channel: Channel) -> None:
    """And nothing more."""
    channel.behaviour = Behaviour(silent=True)
    load()
    began = time.monotonic()

    answer = post(Secret(channel.url), MESSAGE, seconds=0.3)

    assert answer == Answer("no answer within 0.3 s")
    assert time.monotonic() - began < IN_TIME


def test_an_answer_byte_by_byte_costs_no_more() -> None:
    """A socket's own time-out begins anew with each byte; ours does not."""
    load()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not over.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            began = time.monotonic()
            answer = post(Secret(f"http://127.0.0.1:{listening.getsockname()[1]}/a/b"), MESSAGE, seconds=1.0)
            assert answer == Answer("no answer within 1 s")
            assert time.monotonic() - began < IN_TIME
        finally:
            over.set()
            thread.join()


def test_nobody_listens() -> None:
    """A closed port."""
    with closed_port() as hooks:
        [address] = hooks.addresses.values()
        assert post(address, MESSAGE) == Answer("no connection (ConnectionRefusedError)")


def test_a_connection_that_breaks_is_not_made_again() -> None:
    """The SDK by itself would try once more; a message that came through would be there twice."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            while True:
                connection, _ = listening.accept()
                connections.append(connection)
                if not connection.recv(65536):
                    return
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        address = listening.getsockname()
        answer = post(Secret(f"http://127.0.0.1:{address[1]}/a/b"), MESSAGE)
        socket.create_connection(address).close()
        thread.join()
    connections[-1].close()

    assert answer == Answer("no answer that can be read (RemoteDisconnected)")
    assert len(connections) == 2  # ours, and the one that ended the thread


def test_something_else_answers() -> None:
    """Not HTTP at all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        got = post(Secret(f"http://127.0.0.1:{listening.getsockname()[1]}/a/b"), MESSAGE)
        thread.join()
    assert got == Answer("no answer that can be read (BadStatusLine)")


# ------------------------------------------------------------------------------------------- the teller


def teller(hooks: SlackHooks, lines: list[str], seconds: float = PATIENCE) -> Teller:
    return Teller(hooks, Redactor(hooks.secrets).text, lines.append, seconds)


def test_what_fails_is_one_line_without_the_address(
    channel: Channel, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also with the loudest logging there is: the SDK would log the address."""
    lines: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for behaviour in (Behaviour(), Behaviour(500, ""), Behaviour(404, "no_service"), Behaviour(silent=True)):
            channel.behaviour = behaviour
            teller(channel.hooks, lines, 0.5 if behaviour.silent else PATIENCE).tell(Notify(), NOTICE)
        with closed_port() as hooks:
            teller(hooks, lines).tell(Notify(), NOTICE)

    assert lines == [
        f"Slack was not told ({why}); nothing else depends on it."
        for why in (
            "HTTP 500",
            "HTTP 404 no_service",
            "no answer within 0.5 s",
            "no connection (ConnectionRefusedError)",
        )
    ]
    printed = capfd.readouterr()
    assert KEY not in "".join([*lines, caplog.text, printed.out, printed.err])


def test_secrets_are_taken_out_of_the_words(channel: Channel) -> None:
    """A title that holds the webhook itself: nothing leaves without having passed the redactor."""
    lines: list[str] = []
    leaking = Notice("blocked", NOTICE.issue, f"See {channel.url}", f"Blocked (x): {KEY}.")

    teller(channel.hooks, lines).tell(Notify(), leaking)

    assert lines == []
    assert KEY not in str(channel.posts)
    assert "[redacted]" in channel.texts[0]


def test_the_config_chooses_the_variable(channel: Channel) -> None:
    """Another name is another webhook; what is switched off is not said."""
    lines: list[str] = []
    hooks = SlackHooks.from_environ({"TEAM_B": channel.url, "AI_READY_SLACK_HOSTS": channel.host})
    there = teller(hooks, lines)

    there.tell(Notify("TEAM_B", on_complete=False), NOTICE)
    there.tell(Notify(), NOTICE)
    assert channel.posts == []

    there.tell(Notify("TEAM_B"), NOTICE)
    assert len(channel.posts) == 1
    assert lines == []


@pytest.mark.parametrize(
    ("environ", "notify", "said"),
    [
        ({}, Notify(), False),
        ({}, Notify("TEAM_B"), True),
        ({"SLACK_WEBHOOK_URL": "sk-ant-api03-0123456789abcdef"}, Notify(), True),
        ({"TEAM_B": "https://example.com/hooks/n0t4llow3d"}, Notify("TEAM_B"), True),
    ],
)
def test_a_name_that_holds_no_address_is_said(environ: dict[str, str], notify: Notify, said: bool) -> None:
    """Only where somebody meant one: most repositories have no Slack."""
    lines: list[str] = []

    assert not teller(SlackHooks.from_environ(environ), lines).reaches(notify)

    assert bool(lines) is said
    assert all(notify.slack_webhook_env in line for line in lines)
    assert not any(value in line for line in lines for value in environ.values())


# ------------------------------------------------------------------------------------------- the herald


def test_the_herald_says_everything_in_order(channel: Channel) -> None:
    """Who tells is not kept; at the end what waits is said."""
    lines: list[str] = []
    with Herald(teller(channel.hooks, lines)) as herald:
        for number in range(5):
            herald.tell(Notify(), Notice("done", Link(f"acme/shop#{number}"), "", "Done."))

    assert channel.texts == [f"acme/shop#{number}: Done." for number in range(5)]
    assert lines == []


def test_the_herald_is_never_waited_for(channel: Channel) -> None:
    """Slack is silent, and more is told than can wait: telling takes no time, ending takes one post's."""
    channel.behaviour = Behaviour(silent=True)
    lines: list[str] = []
    load()
    began = time.monotonic()
    with Herald(teller(channel.hooks, lines, 1.0)) as herald:
        for _ in range(MOST_WAITING + 10):
            herald.tell(Notify(), NOTICE)
        told = time.monotonic() - began
    ended = time.monotonic() - began

    assert told < 0.9
    assert ended < IN_TIME
    assert "Slack was not told of acme/shop#7: too many notices wait for it." in lines
