"""The real Claude CLI reads in Linear through the proxy: it has no key of Linear's, and can change nothing there."""

import http.client
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.agent.claude_code import AgentJob, Cli, claude_version, find_cli, run_claude
from bot.agent.key_proxy import Credential, serve_key_proxy
from bot.agent.launching import Isolation
from bot.agent.mcp_proxy import McpDoor, refused_calls, serve_mcp_proxy
from bot.agent.process import Cancel, environment
from bot.sandbox.model import Scene, Script, Tool, Turn, bash, done, serve_model

LINEAR_KEY = "lin_api_0123456789"


@dataclass
class Linear:
    """A small MCP server: streamable HTTP, two tools, one bearer key."""

    url: str = ""
    calls: list[str] = field(default_factory=list)


@contextmanager
def linear_server() -> Iterator[Linear]:
    linear = Linear()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

        def do_GET(self) -> None:
            self._answer(405, None)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.headers.get("authorization") != f"Bearer {LINEAR_KEY}":
                self._answer(401, None)
            elif "id" not in asked:
                self._answer(202, None)
            else:
                self._answer(200, {"jsonrpc": "2.0", "id": asked["id"], "result": self._result(asked)})

        def _result(self, asked: dict[str, Any]) -> dict[str, Any]:
            match asked["method"]:
                case "initialize":
                    version = asked["params"]["protocolVersion"]
                    info = {"name": "linear", "version": "1"}
                    return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
                case "tools/list":
                    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
                    names = ("get_issue", "save_issue")
                    return {"tools": [{"name": name, "description": name, "inputSchema": schema} for name in names]}
                case "tools/call":
                    linear.calls.append(asked["params"]["name"])
                    return {"content": [{"type": "text", "text": "ENG-1: paint it blue"}]}
                case _:
                    return {}

        def _answer(self, status: int, body: object) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    linear.url = f"http://127.0.0.1:{server.server_address[1]}/mcp"
    try:
        yield linear
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_RU11_the_agent_reads_in_linear_and_changes_nothing(shared: tuple[Path, Isolation]) -> None:
    """What it reads reaches the model; what would change something is refused; Linear's key is nowhere with it."""
    root, isolation = shared
    workspace = root / "work"
    workspace.mkdir()
    isolation.own(workspace)
    path = find_cli()
    script = Script(
        Scene(
            "",
            Turn(tools=(Tool("mcp__linear__get_issue", {"id": "ENG-1"}),)),
            Turn(tools=(Tool("mcp__linear__save_issue", {"id": "ENG-1"}),)),
            bash("env; tr '\\0' ' ' < /proc/$PPID/cmdline"),
            done("Read."),
        )
    )
    with (
        linear_server() as linear,
        serve_mcp_proxy(LINEAR_KEY, upstream=linear.url, uid=isolation.uid) as door,
        serve_model(script, key="k") as model,
        serve_key_proxy(Credential("api-key", "k"), budget_usd=5, upstream=model.url, uid=isolation.uid) as proxy,
    ):
        env = environment(isolation, {"PATH": "/usr/bin:/bin"}, {})
        job = AgentJob("Do it.", workspace, "opus", 9, 5, 60, str(uuid.uuid4()), env=env, linear=door)
        report = run_claude(job, Cli(path, claude_version(path)), isolation, proxy, cancel=Cancel(), hear=print)
        said = json.dumps(model.requests[-1].body["messages"])

    assert report.structured == {"verdict": "done", "summary": "Read.", "reason": ""}, report
    assert linear.calls == ["get_issue"]
    assert "paint it blue" in said
    assert "Only tools that read" in said
    assert LINEAR_KEY not in said
    assert door.key in said  # of this run: it opens nothing else, and stands in no command line
    assert f"Bearer {door.key}" not in said


@pytest.mark.parametrize(
    ("method", "params", "passes"),
    [
        ("tools/call", {"name": "get_issue"}, True),
        ("tools/call", {"name": "list_issues"}, True),
        ("tools/call", {"name": "save_issue"}, False),
        ("tools/call", {"name": "get_issue\n"}, False),
        ("tools/call", {"name": "GET_issue"}, False),
        ("tools/call", {"name": ["get_issue"]}, False),
        ("tools/call", None, False),
        ("tools/list", {}, True),
        ("initialize", {}, True),
    ],
)
def test_what_passes(method: str, params: object, *, passes: bool) -> None:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}

    assert refused_calls(json.dumps(message).encode()) == ([] if passes else [7])
    assert refused_calls(json.dumps([{"method": "ping"}, message]).encode()) == ([] if passes else [7])


@pytest.mark.parametrize("body", [b"", b"x", b"7", b"[7]", b'"tools/call"', b"[" * 100_000])
def test_what_is_no_message_does_not_pass(body: bytes) -> None:
    assert refused_calls(body) is None


def test_nobody_else_gets_in() -> None:
    with linear_server() as linear, serve_mcp_proxy(LINEAR_KEY, upstream=linear.url) as door:
        assert status(door, {}) == 403
        assert status(door, {"authorization": f"Bearer {LINEAR_KEY}"}) == 403
        assert status(door, {"authorization": f"Bearer {door.key}"}) == 200


def status(door: McpDoor, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(door.url.split("/")[2], timeout=20)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    connection.request("POST", "/mcp", body, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
