"""git over HTTP: authentication and permissions of GitHub in front of the real `git http-backend` (CGI).

https://git-scm.com/docs/git-http-backend. A push tells which refs moved through the repository's post-receive hook.
"""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from bot.sandbox.door import Message, Receive, Scope, Send
from bot.sandbox.errors import Refused
from bot.sandbox.records import Repo
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

_SERVICES = {"git-upload-pack": "read", "git-receive-pack": "write"}
"""What each service needs of `contents`."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to git, allowed."""

    repo: Repo
    token: Token
    rest: str
    """`/info/refs`, `/git-upload-pack` or `/git-receive-pack`."""
    service: str


class GitHttp:
    """An ASGI room."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Clone, fetch or push."""
        try:
            call = self._allowed(scope)
        except Refused as refusal:
            await _refuse(send, refusal)
            return
        with tempfile.NamedTemporaryFile(prefix="sandbox-push-") as pushed:
            head, body = await _run(_environment(scope, call, pushed.name), receive)
            await asyncio.to_thread(self._tell, call, Path(pushed.name))
        await send(_start(head))
        await send({"type": "http.response.body", "body": body})

    def _allowed(self, scope: Scope) -> Call:
        path: str = scope["path"]
        rest = next(end for end in ("/info/refs", *(f"/{name}" for name in _SERVICES)) if path.endswith(end))
        service = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if rest != "/info/refs":
            service = rest.removeprefix("/")
        if service not in _SERVICES:
            raise Refused(403, "Please upgrade your git client.")
        token: Token = scope["sandbox.token"]
        name = path.removeprefix("/").removesuffix(rest).removesuffix(".git")
        return Call(self._repo(name, token, service), token, rest, service)

    def _repo(self, name: str, token: Token, service: str) -> Repo:
        level = _SERVICES[service]
        try:
            repo = self._hub.repo(name)
            token.require(repo, "contents", level)
        except Refused as refusal:
            if token.kind == "anonymous":
                raise Refused(401, "Repository not found or authentication needed.") from None
            if refusal.status == 404:
                raise Refused(404, "Repository not found.") from None
            raise Refused(403, f"Permission to {name}.git denied to {token.user.login}.") from None
        return repo

    def _tell(self, call: Call, pushed: Path) -> None:
        for line in pushed.read_text(encoding="utf-8").splitlines():
            old, new, ref = line.split(" ", 2)
            self._hub.repos.moved(call.repo, ref, old, new, call.token)


def _environment(scope: Scope, call: Call, pushed: str) -> dict[str, str]:
    """The CGI's environment: nothing of ours, the repository's real path."""
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    env = {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROJECT_ROOT": str(call.repo.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": call.rest,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REQUEST_METHOD": scope["method"],
        "CONTENT_TYPE": headers.get("content-type", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": call.token.user.login,
        "SANDBOX_PUSHED": pushed,
    }
    optional = {
        "CONTENT_LENGTH": headers.get("content-length"),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding"),
        "HTTP_GIT_PROTOCOL": headers.get("git-protocol"),
        "GIT_PROTOCOL": headers.get("git-protocol"),
        "SANDBOX_KEEP_WORKFLOWS": None if call.token.may(call.repo, "workflows", "write") else "1",
    }
    return env | {key: value for key, value in optional.items() if value}


async def _run(env: dict[str, str], receive: Receive) -> tuple[bytes, bytes]:
    """Run the CGI with the request's body as it comes; its header block and its body."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec("git", "http-backend", stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    feeding = asyncio.create_task(_feed(child, receive))
    assert child.stdout is not None
    assert child.stderr is not None
    output, errors = await asyncio.gather(child.stdout.read(), child.stderr.read())
    await asyncio.gather(feeding, child.wait())
    head, blank, body = output.partition(b"\r\n\r\n")
    if not blank:
        raise AssertionError(f"git http-backend said nothing: {errors.decode(errors='replace')}")
    return head, body


async def _feed(child: asyncio.subprocess.Process, receive: Receive) -> None:
    assert child.stdin is not None
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            child.kill()
            return
        more = message.get("more_body", False)
        if child.stdin.is_closing():
            return  # git has ended already; uvloop refuses a write to it with a RuntimeError
        try:
            child.stdin.write(message.get("body", b""))
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return  # git has read what it needs
    child.stdin.close()


def _start(head: bytes) -> Message:
    status, headers = 200, []
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value))
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _refuse(send: Send, refusal: Refused) -> None:
    headers = [(b"content-type", b"text/plain")]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="GitHub"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.message.encode()})
