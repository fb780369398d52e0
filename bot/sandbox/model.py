"""A scripted Messages API on loopback: the *real* Claude CLI and SDK run against it, offline and the same every time.

Owns what a model would say. A `Script` is a list of scenes; the first scene whose `match` stands in the prompt
plays its turns, one per request and session, the last one for ever:

    script = Script(
        Scene("[DEMO-1.1]", write("greet.py", "def greet(): ..."), bash("python -m pytest -q"), done("Added greet.")),
        Scene("flaky", error(529), error(529), done("It worked in the end.")),
    )
    with serve_model(script) as model:
        ...  # ANTHROPIC_BASE_URL=model.url

Shapes: https://docs.claude.com/en/api/messages-streaming and /errors.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """The model calls a tool of the agent."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model."""

    text: str = ""
    tools: tuple[Tool, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    """Over `input_tokens` 100, `output_tokens` 50."""
    stop_reason: str = ""
    """Empty: `tool_use` when a tool is called, else `end_turn`."""
    status: int = 200
    """Anything else is an error of that status, with `text` as its message."""
    delay: float = 0.0
    """Seconds of silence before the answer."""
    stall: float = 0.0
    """Seconds of silence in the middle of the answer."""
    cut: bool = False
    """The connection breaks in the middle of the answer."""
    fails: int = 0
    """An error event, of that status, in the middle of the answer."""

    def __add__(self, other: "Turn") -> "Turn":
        """Both in one answer: `say("I'll look.") + read("a.py") + read("b.py")`."""
        return replace(self, text=(self.text + "\n" + other.text).strip("\n"), tools=(*self.tools, *other.tools))


def say(text: str) -> Turn:
    """Only words; the agent takes that as the end of its work."""
    return Turn(text=text)


def bash(command: str, **more: Any) -> Turn:
    """Run a shell command."""
    return Turn(tools=(Tool("Bash", {"command": command, "description": "Run a command", **more}),))


def read(path: str) -> Turn:
    """Read a file; the CLI wants absolute paths and takes relative ones as from its folder."""
    return Turn(tools=(Tool("Read", {"file_path": path}),))


def write(path: str, content: str) -> Turn:
    """Write a file. Over an existing one the CLI wants a `read` of it first."""
    return Turn(tools=(Tool("Write", {"file_path": path, "content": content}),))


def edit(path: str, old: str, new: str) -> Turn:
    """Change a file that was read before."""
    return Turn(tools=(Tool("Edit", {"file_path": path, "old_string": old, "new_string": new}),))


def structured(answer: Mapping[str, Any]) -> Turn:
    """Give the structured output that `--json-schema` asks for; the CLI ends there without another request."""
    return Turn(tools=(Tool("StructuredOutput", dict(answer)),))


def done(summary: str) -> Turn:
    """The agent says it is done."""
    return structured({"verdict": "done", "summary": summary, "reason": ""})


def blocked(reason: str) -> Turn:
    """The agent says it can't."""
    return structured({"verdict": "blocked", "summary": "", "reason": reason})


def needs_input(question: str) -> Turn:
    """The agent has a question."""
    return structured({"verdict": "needs-input", "summary": "", "reason": question})


def error(status: int, message: str = "scripted error") -> Turn:
    """The API answers with an error."""
    return Turn(status=status, text=message)


def refusal() -> Turn:
    """The model's safety classifier stops the answer."""
    return Turn(stop_reason="refusal")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the model says where `match`, and `also`, stand in the first messages; an empty match is every conversation."""

    match: str
    turns: tuple[Turn, ...]
    also: str

    def __init__(self, match: str, *turns: Turn, also: str = "") -> None:
        object.__setattr__(self, "match", match)
        object.__setattr__(self, "also", also)
        object.__setattr__(self, "turns", turns)


class Script:
    """Scenes, and how far each session is in its own."""

    def __init__(self, *scenes: Scene) -> None:
        self.scenes = list(scenes)
        self._at: dict[tuple[int, str], int] = {}
        self._lock = threading.Lock()

    def next_turn(self, body: Mapping[str, Any]) -> Turn:
        """The turn that answers this request; a 400 that says so when no scene fits."""
        prompt = _prompt(body)
        for number, scene in enumerate(self.scenes):
            if scene.match in prompt and scene.also in prompt:
                with self._lock:
                    key = (number, _session(body))
                    at = self._at.get(key, 0)
                    self._at[key] = at + 1
                return scene.turns[min(at, len(scene.turns) - 1)]
        return error(400, f"The scripted model has no scene for this prompt: {prompt[:200]!r}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Mapping[str, Any]


@dataclass(slots=True)
class ScriptedModel:
    """The running server."""

    url: str
    requests: list[Request] = field(default_factory=list)
    """Everything asked so far, oldest first."""

    def __str__(self) -> str:
        return self.url


@contextlib.contextmanager
def serve_model(script: Script, *, key: str = "") -> Iterator[ScriptedModel]:
    """Serve `script` on an ephemeral port of 127.0.0.1. With `key`, requests that don't carry it get a 401."""
    closing = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False
    model = ScriptedModel(f"http://127.0.0.1:{server.server_address[1]}")
    handler = type("Handler", (_Handler,), {"script": script, "model": model, "key": key, "closing": closing})
    server.RequestHandlerClass = handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection. `script`, `model`, `key` and `closing` are set on a subclass by `serve_model`."""

    protocol_version = "HTTP/1.1"
    script: ClassVar[Script]
    model: ClassVar[ScriptedModel]
    key: ClassVar[str]
    closing: ClassVar[threading.Event]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Nothing: `ScriptedModel.requests` is the log."""

    def do_HEAD(self) -> None:
        self._note({})
        self._json(200, {})

    def do_GET(self) -> None:
        self._note({})
        self._error(404, f"The scripted model has no {self.path}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        self._note(body)
        if self.key and self.key not in {self.headers.get("x-api-key"), self._bearer()}:
            self._error(401, "invalid x-api-key")
        elif self.path.startswith("/v1/messages/count_tokens"):
            self._json(200, {"input_tokens": len(json.dumps(body)) // 4})
        elif self.path.startswith("/v1/messages"):
            self._play(body, self.script.next_turn(body))
        else:
            self._error(404, f"The scripted model has no {self.path}")

    def _note(self, body: Mapping[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.model.requests.append(Request(self.command, self.path, headers, body))

    def _bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def _play(self, body: Mapping[str, Any], turn: Turn) -> None:
        self.closing.wait(turn.delay)
        if turn.status != 200:
            self._error(turn.status, turn.text)
            return
        message = _message(body, spelled(turn, body), f"msg_{len(self.model.requests):06d}")
        if not body.get("stream"):
            self._json(200, message)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", "req_scripted")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events = list(_events(message))
        middle = len(events) // 2
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the CLI was killed: its right
            self._chunk("".join(events[:middle]))
            self.closing.wait(turn.stall)
            if turn.cut:
                self.close_connection = True
                return
            if turn.fails:
                kind = ERROR_TYPES.get(turn.fails, "api_error")
                events[middle:] = [_event("error", error={"type": kind, "message": "scripted error"})]
            self._chunk("".join(events[middle:]))
            self._chunk("")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _error(self, status: int, message: str) -> None:
        self._json(
            status, {"type": "error", "error": {"type": ERROR_TYPES.get(status, "api_error"), "message": message}}
        )

    def _json(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)


EDITOR = "str_replace_based_edit_tool"


def spelled(turn: Turn, body: Mapping[str, Any]) -> Turn:
    """The turn with its tools as this agent has them: a script is written with the names of the Claude CLI's."""
    names = {tool.get("name") for tool in body.get("tools", ())}
    return replace(turn, tools=tuple(_spelled(tool, names) for tool in turn.tools))


def _spelled(tool: Tool, names: set[str]) -> Tool:
    if "bash" not in names:
        return tool
    given = tool.input
    match tool.name:
        case "Bash":
            return Tool("bash", {"command": given["command"]})
        case "Read":
            return Tool(EDITOR, {"command": "view", "path": given["file_path"]})
        case "Write":
            return Tool(EDITOR, {"command": "create", "path": given["file_path"], "file_text": given["content"]})
        case "Edit":
            old, new = given["old_string"], given["new_string"]
            return Tool(EDITOR, {"command": "str_replace", "path": given["file_path"], "old_str": old, "new_str": new})
        case _:
            return tool


def _prompt(body: Mapping[str, Any]) -> str:
    """The text of all messages up to the model's first answer."""
    words: list[str] = []
    for message in body.get("messages", []):
        if message.get("role") != "user":
            break
        content = message.get("content", "")
        blocks = content if isinstance(content, list) else [{"text": content}]
        words += [block.get("text", "") for block in blocks if isinstance(block, dict)]
    return "\n".join(words)


def _session(body: Mapping[str, Any]) -> str:
    """The CLI's session id, which it sends inside `metadata.user_id`; a resumed session keeps it."""
    user = str(body.get("metadata", {}).get("user_id", ""))
    try:
        return str(json.loads(user)["session_id"])
    except (ValueError, KeyError, TypeError):
        return user.rpartition("_session_")[2]


def _message(body: Mapping[str, Any], turn: Turn, ident: str) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
    blocks += [
        {"type": "tool_use", "id": f"toolu_{ident}_{number}", "name": tool.name, "input": dict(tool.input)}
        for number, tool in enumerate(turn.tools)
    ]
    return {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "model": body.get("model", ""),
        "content": blocks,
        "stop_reason": turn.stop_reason or ("tool_use" if turn.tools else "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 50, **turn.usage},
    }


def _events(message: Mapping[str, Any]) -> Iterator[str]:
    """The answer as server-sent events: the usage of the input comes first, that of the output last."""
    usage = {**message["usage"], "output_tokens": 1}
    start = {**message, "content": [], "stop_reason": None, "usage": usage}
    yield _event("message_start", message=start)
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield _event("content_block_start", index=index, content_block=empty)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage={"output_tokens": message["usage"]["output_tokens"]})
    yield _event("message_stop")


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"
