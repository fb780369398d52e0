"""The proxy between the agent and the Messages API, over real HTTP on loopback."""

import contextlib
import gzip
import http.client
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from bot.agent.key_proxy import Credential, KeyProxy, serve_key_proxy
from bot.agent.prices import cost
from bot.sandbox.model import Scene, Script, ScriptedModel, Turn, error, say, serve_model

KEY = "sk-ant-REAL-0123456789"
MODEL = "claude-opus-5-5"


@contextlib.contextmanager
def between(
    *turns: Turn, budget: float = 5.0, credential: Credential | None = None, models: frozenset[str] = frozenset()
) -> Iterator[tuple[KeyProxy, ScriptedModel]]:
    with (
        serve_model(Script(Scene("", *turns)), key=KEY) as model,
        serve_key_proxy(
            credential or Credential("api-key", KEY), budget_usd=budget, upstream=model.url, models=models
        ) as proxy,
    ):
        yield proxy, model


def ask(
    proxy: KeyProxy,
    body: object = None,
    *,
    method: str = "POST",
    path: str = "/v1/messages?beta=true",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], str]:
    """One request with the run's key; status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
    sent = {"x-api-key": proxy.key, "content-type": "application/json"} if headers is None else headers
    try:
        connection.request(method, path, json.dumps(message() if body is None else body), sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def message(**fields: Any) -> dict[str, Any]:
    words = {"role": "user", "content": "hello"}
    return {"model": MODEL, "max_tokens": 1000, "messages": [words], "stream": True, **fields}


def test_the_key_is_added_here() -> None:
    """The API gets the real key and the agent's own headers, but no credential the agent sent."""
    with between(say("hi")) as (proxy, model):
        headers = {
            "x-api-key": proxy.key,
            "authorization": "Bearer sneaky",
            "cookie": "a=b",
            "x-forwarded-for": "1.2.3.4",
            "anthropic-beta": "one,two",
            "anthropic-version": "2023-06-01",
            "x-stainless-lang": "js",
        }
        status, _, body = ask(proxy, headers=headers)

    assert (status, "hi" in body) == (200, True)
    got = model.requests[0].headers
    assert got["x-api-key"] == KEY
    assert {"authorization", "cookie", "x-forwarded-for"}.isdisjoint(got)
    assert (got["anthropic-beta"], got["anthropic-version"], got["x-stainless-lang"]) == ("one,two", "2023-06-01", "js")
    assert model.requests[0].path == "/v1/messages?beta=true"
    assert KEY not in body
    assert KEY not in repr(proxy)
    assert proxy.key not in str(got)


def test_an_oauth_token_goes_as_bearer_with_its_beta_flag() -> None:
    """The API takes such a token only with the flag; the agent's own flags stay."""
    with between(say("hi"), credential=Credential("oauth", KEY)) as (proxy, model):
        ask(proxy, headers={"x-api-key": proxy.key, "anthropic-beta": "one,oauth-2025-04-20"})
        ask(proxy, headers={"authorization": f"Bearer {proxy.key}"})

    first, second = (request.headers for request in model.requests)
    assert first["authorization"] == second["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in first
    assert (first["anthropic-beta"], second["anthropic-beta"]) == ("one,oauth-2025-04-20", "oauth-2025-04-20")


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "guess"}, {"x-api-key": KEY}, {"x-api-key": "é"}])
def test_strangers_are_refused(headers: dict[str, str]) -> None:
    """Without this run's key, another process of the machine gets nothing, not even with the real one."""
    with between(say("hi")) as (proxy, model):
        status, _, body = ask(proxy, headers=headers)

    assert status == 401
    assert json.loads(body)["error"]["type"] == "authentication_error"
    assert model.requests == []


@pytest.mark.parametrize(("uid", "status"), [(os.geteuid(), 200), (os.geteuid() + 1, 403)], ids=["its own", "another"])
def test_the_key_is_good_for_one_users_processes(uid: int, status: int) -> None:
    """sudo shows it in the list of processes; whoever else of the machine reads it there has nothing."""
    with (
        serve_model(Script(Scene("", say("hi"))), key=KEY) as model,
        serve_key_proxy(Credential("api-key", KEY), budget_usd=5, upstream=model.url, uid=uid) as proxy,
    ):
        answered, _, _ = ask(proxy)

    assert (answered, len(model.requests)) == (status, int(status == 200))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/messages"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/files"),
        ("POST", "/v1/messages/../files"),
        ("POST", "/v1/messages%2f..%2ffiles"),
        ("POST", "http://evil.example/v1/other"),
        ("DELETE", "/v1/messages"),
        ("CONNECT", "evil.example:443"),
    ],
)
def test_nothing_else_passes(method: str, path: str) -> None:
    """Two calls of one API; no other path, method or host."""
    with between(say("hi")) as (proxy, model):
        status, _, _ = ask(proxy, method=method, path=path)

    assert status in {400, 404, 405}
    assert model.requests == []


def test_tokens_can_be_counted() -> None:
    """Counting is free and passes."""
    with between(say("hi")) as (proxy, model):
        status, _, body = ask(proxy, path="/v1/messages/count_tokens")

    assert (status, model.requests[0].headers["x-api-key"]) == (200, KEY)
    assert json.loads(body)["input_tokens"] > 0
    assert (proxy.requests, proxy.spent_usd) == (0, 0)


@pytest.mark.parametrize("body", [[], "text", None, 7])
def test_what_is_no_request_is_refused(body: object) -> None:
    """Odd bodies cost nothing."""
    with between(say("hi")) as (proxy, model):
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
        connection.request("POST", "/v1/messages", json.dumps(body), {"x-api-key": proxy.key})
        status = connection.getresponse().status
        connection.close()

    assert (status, model.requests) == (400, [])


def test_a_request_beyond_the_apis_limit_is_refused() -> None:
    """34 MB are not held in memory."""
    with between(say("hi")) as (proxy, model), contextlib.suppress(BrokenPipeError, ConnectionResetError):
        status, _, _ = ask(proxy, message(system="x" * (34 << 20)))
        assert status == 413

    assert model.requests == []


USAGE = {
    "input_tokens": 1000,
    "output_tokens": 2000,
    "cache_read_input_tokens": 30_000,
    "cache_creation_input_tokens": 4000,
}


@pytest.mark.parametrize("stream", [True, False])
def test_usage_is_counted_at_list_price(stream: bool) -> None:
    """From the stream's first and last events, or from the one JSON answer."""
    with between(Turn(text="hi", usage=USAGE)) as (proxy, _):
        ask(proxy, message(stream=stream))
        ask(proxy, message(stream=stream))

    assert proxy.requests == 2
    assert proxy.spent_usd == pytest.approx(2 * (1000 * 4 + 2000 * 20 + 30_000 * 0.2 + 4000 * 5) / 1e6)
    assert proxy.spent_usd == pytest.approx(2 * cost(MODEL, USAGE))


def test_errors_cost_nothing_and_pass_unchanged() -> None:
    """The agent sees the API's own error."""
    with between(error(529, "busy")) as (proxy, _):
        status, _, body = ask(proxy)

    assert (status, json.loads(body)["error"]) == (529, {"type": "overloaded_error", "message": "busy"})
    assert proxy.spent_usd == 0


def test_max_tokens_is_what_the_budget_allows() -> None:
    """An answer can't cost more than what is left; thinking fits into it."""
    thinking = {"type": "enabled", "budget_tokens": 60_000}
    with between(say("hi"), budget=0.1) as (proxy, model):
        ask(proxy, message(max_tokens=128_000, thinking=thinking))
        ask(proxy, message(max_tokens=300))
        ask(proxy, message(max_tokens=128_000, model="unheard-of"))

    first, second, third = (request.body for request in model.requests)
    assert first["max_tokens"] == 5000
    assert first["thinking"] == {"type": "enabled", "budget_tokens": 4999}
    assert second["max_tokens"] == 300
    assert third["max_tokens"] < 1334  # at the dearest rate we know


def test_what_costs_extra_is_taken_out() -> None:
    """Fast mode and a fixed region cost more than the list price we count."""
    with between(say("hi")) as (proxy, model):
        ask(proxy, message(speed="fast", inference_geo="us", temperature=1))

    assert {"speed", "inference_geo"}.isdisjoint(model.requests[0].body)
    assert model.requests[0].body["temperature"] == 1


def test_what_the_api_would_do_itself_is_taken_out() -> None:
    """Its own searches, containers and connections cost by use and reach further than this machine; ours stay."""
    own = [{"name": "Bash", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}, {"type": "custom"}]
    its = [{"type": kind} for kind in ("web_search_20250305", "web_fetch_20250910", "code_execution_20250825", 1)]
    with between(say("hi")) as (proxy, model):
        ask(proxy, message(tools=[*its, *own, "odd"], mcp_servers=[{"url": "https://evil.example"}], container="c"))
        ask(proxy, message(tools={"type": "web_search_20250305"}))

    first, second = (request.body for request in model.requests)
    assert (first["tools"], second["tools"]) == (own, [])
    assert {"mcp_servers", "container"}.isdisjoint(first)


def test_many_slow_requests_are_not_all_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins many large ones and never ends them waits for themselves; strangers take nobody's place."""
    monkeypatch.setattr("bot.agent.key_proxy.AT_ONCE", 2)
    with between(say("hi")) as (proxy, model), contextlib.ExitStack() as stack:
        slow = [stack.enter_context(begun(proxy, key)) for key in ("guess", "guess", proxy.key, proxy.key)]
        waits = threading.Thread(target=ask, args=(proxy,))
        waits.start()
        waits.join(0.3)
        assert (waits.is_alive(), model.requests) == (True, [])
        slow[-1].close()
        waits.join(20)

    assert len(model.requests) == 1


@contextlib.contextmanager
def begun(proxy: KeyProxy, key: str) -> Iterator[socket.socket]:
    """A request of which only the beginning comes."""
    with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=20) as line:
        head = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Length: 30000000\r\n\r\n{{"
        line.sendall(head.encode())
        yield line


SMUGGLED = {
    "two lengths": "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}",
    "a length and chunks": "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "odd chunks": "Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no end of a header": "Content-Length: 2\n\n{}",
}


@pytest.mark.parametrize("how", SMUGGLED)
def test_a_request_inside_a_request_stays_here(how: str) -> None:
    """The API gets what we write, never the agent's bytes: what a second request hides in is refused or is a body."""
    inner = b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    with between(say("hi")) as (proxy, model):  # noqa: SIM117 (what follows needs the port)
        with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=20) as line:
            start = f"POST http://evil.example/v1/messages HTTP/1.1\r\nHost: evil.example\r\nx-api-key: {proxy.key}\r\n"
            line.sendall(start.encode() + SMUGGLED[how].encode() + inner)
            line.shutdown(socket.SHUT_WR)
            while line.recv(1 << 16):
                pass

    assert {request.path for request in model.requests} <= {"/v1/messages"}
    assert all(request.headers["host"] in model.url for request in model.requests)


def test_a_used_up_budget_refuses() -> None:
    """In the API's own shape, not to be tried again, and without asking the API."""
    with between(Turn(text="hi", usage={"output_tokens": 10_000}), budget=0.1) as (proxy, model):
        ask(proxy)
        status, headers, body = ask(proxy)

    assert (status, headers["x-should-retry"]) == (400, "false")
    assert json.loads(body)["error"]["message"] == "The budget is used up: $0.20 of $0.10."
    assert len(model.requests) == 1
    assert proxy.refused == 1


def test_many_requests_at_once_share_the_budget() -> None:
    """What is in flight is reserved: together they can't run the budget over."""
    with between(Turn(text="hi", delay=0.4, usage={"output_tokens": 5000}), budget=0.1) as (proxy, model):
        threads = [threading.Thread(target=ask, args=(proxy, message(max_tokens=128_000))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(model.requests) == 1
    assert proxy.refused == 9
    assert proxy.spent_usd < 0.11


@pytest.mark.parametrize("max_tokens", [0, -5, "many", None])
def test_a_request_for_no_answer_is_refused_as_well(max_tokens: object) -> None:
    """Its prompt costs: an API that takes 0 (to warm its cache) would be paid for prompts without end."""
    with between(Turn(text="hi", usage={"output_tokens": 10_000}), budget=0.1) as (proxy, model):
        ask(proxy)
        status, _, _ = ask(proxy, message(max_tokens=max_tokens))

    assert (status, len(model.requests)) == (400, 1)


DOCUMENT = {"type": "document", "source": {"type": "url", "url": "https://evil.example/thousands-of-pages.pdf"}}


@pytest.mark.parametrize(
    ("content", "packed"), [("page " * 20_000, True), ([DOCUMENT], False)], ids=["packed", "elsewhere"]
)
def test_prompts_that_look_small_do_not_run_the_budget_over(content: object, *, packed: bool) -> None:
    """Compressed, or only named: what is in flight is reserved as large as it may be when the API has it."""
    words = message(max_tokens=300, messages=[{"role": "user", "content": content}])
    body = json.dumps(words).encode()
    usage = {"input_tokens": 20_000, "output_tokens": 300}
    with between(Turn(text="hi", delay=0.4, usage=usage), budget=0.1) as (proxy, model):
        headers = {"x-api-key": proxy.key, "content-type": "application/json"}
        sent = gzip.compress(body) if packed else body
        headers |= {"content-encoding": "gzip"} if packed else {}
        threads = [threading.Thread(target=post, args=(proxy, sent, headers)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(model.requests) == 1
    assert proxy.refused == 9


def post(proxy: KeyProxy, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages", body, headers)
        return connection.getresponse().status


def test_hanging_up_does_not_save_money() -> None:
    """An answer that nobody waits for is charged for its prompt and what may have been written by then."""
    with between(Turn(text="word " * 50, stall=30, usage={"input_tokens": 50_000})) as (proxy, model):
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
        connection.request("POST", "/v1/messages", json.dumps(message()), {"x-api-key": proxy.key})
        connection.getresponse().read(100)
        connection.close()
        settled = proxy.meter.settled_usd(seconds=10)

    assert 0.2 < settled < 0.25
    assert settled == proxy.spent_usd
    assert len(model.requests) == 1


def test_hanging_up_before_the_answer_begins_does_not_save_money_either() -> None:
    """One that is not streamed begins at its end; by then the API has written it."""
    with between(Turn(text="word " * 50, delay=5, usage={"output_tokens": 900})) as (proxy, model):
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
        connection.request("POST", "/v1/messages", json.dumps(message(stream=False)), {"x-api-key": proxy.key})
        end = time.monotonic() + 20
        while not model.requests and time.monotonic() < end:
            time.sleep(0.01)
        connection.close()
        settled = proxy.meter.settled_usd(seconds=20)

    assert proxy.spent_usd == settled > 0
    assert len(model.requests) == 1


def test_a_broken_answer_breaks_for_the_agent_too() -> None:
    """Half an answer must not look like a whole one."""
    with between(Turn(text="word " * 50, cut=True)) as (proxy, _):
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(proxy)
        assert proxy.meter.settled_usd(seconds=10) > 0


def test_answers_stream_through() -> None:
    """The agent reads the beginning while the model still writes the end."""
    with between(Turn(text="word", stall=1.0)) as (proxy, _):
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
        started = time.monotonic()
        connection.request("POST", "/v1/messages", json.dumps(message()), {"x-api-key": proxy.key})
        answer = connection.getresponse()
        first = answer.read(20)
        soon = time.monotonic() - started
        rest = answer.read()
        connection.close()

    assert first.startswith(b"event: message_start"[:20])
    assert soon < 0.9
    assert rest.rstrip().endswith(b'{"type": "message_stop"}')


def test_only_listed_models_may_be_asked() -> None:
    """A run admitted for one model does not use a dearer one."""
    with between(say("hi"), models=frozenset({MODEL})) as (proxy, model):
        allowed, _, _ = ask(proxy)
        status, _, body = ask(proxy, message(model="claude-fable-5"))

    assert (allowed, status) == (200, 403)
    assert "claude-fable-5" in json.loads(body)["error"]["message"]
    assert len(model.requests) == 1


class _Redirect(BaseHTTPRequestHandler):
    """Sends everybody away, with the request's own headers as bait."""

    target = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(307)
        self.send_header("location", f"{self.target}/v1/messages")
        self.send_header("set-cookie", "a=b")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_no_redirect_is_followed() -> None:
    """The key goes to one host; an answer that points elsewhere is a bad gateway."""
    with serve_model(Script(Scene("", say("hi")))) as elsewhere:
        server = HTTPServer(("127.0.0.1", 0), type("Here", (_Redirect,), {"target": elsewhere.url}))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        upstream = f"http://127.0.0.1:{server.server_address[1]}"
        with serve_key_proxy(Credential("api-key", KEY), budget_usd=5, upstream=upstream) as proxy:
            status, headers, _ = ask(proxy)
        server.shutdown()
        server.server_close()
        thread.join()

    assert status == 502
    assert {"location", "set-cookie"}.isdisjoint(headers)
    assert elsewhere.requests == []


def test_no_network_is_a_502_and_costs_nothing() -> None:
    """The CLI tries again after that."""
    with serve_key_proxy(Credential("api-key", KEY), budget_usd=5, upstream="http://127.0.0.1:9") as proxy:
        status, headers, body = ask(proxy)

    assert status == 502
    assert headers.get("x-should-retry") != "false"
    assert KEY not in body
    assert proxy.spent_usd == 0


def test_a_wrong_key_is_not_tried_again() -> None:
    """The CLI would ask for minutes."""
    with between(say("hi"), credential=Credential("api-key", "wrong")) as (proxy, _):
        status, headers, _ = ask(proxy)

    assert (status, headers["x-should-retry"]) == (401, "false")


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Not the key, not the requests."""
    caplog.set_level(logging.DEBUG)

    with between(say("hi"), error(500)) as (proxy, _):
        ask(proxy)
        ask(proxy)
        ask(proxy, headers={})

    said = caplog.text + "".join(capfd.readouterr())
    assert KEY not in said
    assert proxy.key not in said


def test_it_starts_quickly() -> None:
    """Part of every run's overhead."""
    started = time.monotonic()

    with between(say("hi")):
        pass

    assert time.monotonic() - started < 1
