"""The trap in the server's process: it ends it, by SIGKILL, when it comes by a moment for the k-th time."""

import os
import signal
import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from bot.github.ports import Place
from bot.server.ports import Received
from bot.server.process import Serving
from bot.server.receive import Receive, Scope, Send

if TYPE_CHECKING:
    from concurrent.futures import Future


class Trap:
    """Tell it each moment that is passed."""

    def __init__(self, moment: str, times: int) -> None:
        """`moment`: a name of `moments.MOMENTS`; empty: never."""
        self._moment = moment
        self._left = times
        self._lock = threading.Lock()

    def __call__(self, moment: str) -> None:
        """We are there."""
        if moment and moment == self._moment:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """Any object; of some of its methods the trap is told before they are called, of some when they come back."""

    def __init__(self, target: object, trap: Trap, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        self._target, self._trap = target, trap
        self._before, self._after = before, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name not in self._before and name not in self._after:
            return found

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._trap(self._before.get(name, ""))
            answer = found(*args, **kwargs)
            self._trap(self._after.get(name, ""))
            return answer

        return watched


class WatchedStore(Watched):
    """The store, from the inbox to the end of a run."""

    def __init__(self, target: object, trap: Trap) -> None:
        before = {
            "take": "before s4",
            "intend": "before s6",
            "dispatched": "before s8",
            "release": "before release",
            "finish": "before s10",
        }
        super().__init__(target, trap, before, {"release": "after release"})

    def receive(self, delivery: Received) -> "Future[bool]":
        """Committed is when the future is done: who waits for it hears of it after us."""
        self._trap("before s2")
        future: Future[bool] = self._target.receive(delivery)  # type: ignore[attr-defined]
        future.add_done_callback(lambda _: self._trap("after s2"))
        return future


class WatchedGitHub(Watched):
    """GitHub as the App, and each repository of it."""

    def __init__(self, target: object, trap: Trap) -> None:
        super().__init__(target, trap, {}, {})

    def repository(self, place: Place) -> Any:
        """Its client, watched."""
        client = self._target.repository(place)  # type: ignore[attr-defined]
        return Watched(client, self._trap, {"snapshot": "before s5", "dispatch": "before s7", "apply": "before s9"}, {})


class WatchedServing(Serving):
    """The HTTP side: what comes in, and what goes out."""

    trap: Trap

    def application(self) -> Any:
        """The real one with the trap around it."""
        real, trap = super().application(), self.trap

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] != "/webhook":
                await real(scope, receive, send)
                return
            trap("before s0")

            async def received() -> Any:
                message = await receive()
                if not message.get("more_body"):
                    trap("after s0")
                return message

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    trap("before s3")
                await send(message)
                if message["type"] == "http.response.body":
                    trap("after s3")

            await real(scope, received, sending)

        return watched


class WatchedIds:
    """Who our own writes are by: what the endpoint asks as soon as a delivery is verified."""

    def __init__(self, real: Any, trap: Trap) -> None:
        self._real, self._trap = real, trap

    def __call__(self) -> Collection[int]:
        """See `Parts.own_ids`."""
        self._trap("after s1")
        found: Collection[int] = self._real()
        return found
