"""A conversation with the model over the Messages API, by the official SDK and its tool runner: the second backend.

Owns what was said, and when the next request is made and when no more is: turns, money, time, the context window, a
cancel. The key and the counting of money are the key proxy's, as for the Claude CLI; tools are `anthropic_tools`'.
"""

import asyncio
import contextlib
import time
import uuid
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anthropic
import httpx2
from anthropic.lib.streaming import BetaAsyncMessageStream
from anthropic.types.beta import BetaMessageParam, BetaToolResultBlockParam
from anthropic.types.beta.parsed_beta_message import ParsedBetaMessage

from bot.agent.answer import Form
from bot.agent.anthropic_end import (
    MAX_TURNS,
    MAX_USD,
    MISFITS,
    End,
    Unreadable,
    cut_off,
    failed,
    in_an_answer,
    refused,
    status_of,
)
from bot.agent.anthropic_models import model_id
from bot.agent.anthropic_pace import Pace
from bot.agent.anthropic_tools import MOST_MISFITS, Toolbox, told
from bot.agent.context import window_of
from bot.agent.key_proxy import KeyProxy
from bot.agent.launching import Isolation
from bot.agent.process import TICK, Cancel
from bot.agent.stream import Begun, Retrying, Returned, Said, Spoke
from bot.core.run import AgentReport

VERSION = f"anthropic {anthropic.__version__}"

MOST_RETRIES = 7
"""How often a request is made again, as the CLI does: bridges about a minute without network."""

MOST_NUDGES = 2
"""How often a model that only talks is asked to go on."""

MOST_CUTS = 3
"""Answers in a row that may be cut off at the limit of their length."""

TIMEOUT = httpx2.Timeout(600, connect=60)
"""Of one request; the limit of the run is watched besides."""

SYSTEM = (
    "You are a software engineer who works alone: nobody watches, and nobody answers questions while you work. "
    "Your working directory is {folder}, a checkout of a git repository; relative paths begin there.\n\n"
    "- Look before you change something: read the files that matter, and follow the project's own manners.\n"
    "- Try what you wrote: run the tests and the linter where the project has them.\n"
    "- Commands have no terminal and no input, and are stopped after ten minutes. Start servers in the background. "
    "Of long output you see the beginning and the end only, so ask for what you need.\n"
    "- You have one answer's length for each step: write big files in parts.\n"
    "- A message without a call of a tool ends nothing. Go on until you are finished or can't go on, and then call "
    "StructuredOutput, once: that is the structured output that you are asked for."
)
READING = (
    "You read a checkout of a git repository in {folder} and change nothing: there are tools to read and to search, and "
    "no others. Nobody answers questions while you work. A message without a call of a tool ends nothing: when you are "
    "finished, call StructuredOutput, once. That is the structured output that you are asked for."
)
GO_ON = "Go on with your tools; when you are finished or can't go on, call StructuredOutput."
CUT = "Your answer was cut off at the limit of its length, and nothing of it was done. Go on in smaller steps."
NOT_DONE = "This was not done."


@dataclass(frozen=True, slots=True)
class SdkJob:
    """What one ask is about, and within which limits."""

    prompt: str
    workspace: Path
    max_turns: int
    usd: float
    """What the whole conversation may have cost by its end; the proxy's own limit holds besides."""
    seconds: float
    env: Mapping[str, str] = field(default_factory=dict)
    """`process.environment`: what the tools' processes get."""
    read_only: bool = False
    context: float = 1.0
    """Share of the model's context window at which it is stopped, once its tools have ended."""
    form: Form | None = None
    """How it has to answer; None: with a run's own verdict."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a conversation stands on."""

    model: str
    """An alias or an id."""
    proxy: KeyProxy
    isolation: Isolation
    cancel: Cancel
    hear: Callable[[Said], None]
    max_tokens: int
    """Of one answer."""


class Conversation:
    """Keeps its memory between asks."""

    def __init__(self, line: Line, pace: Pace) -> None:
        """Nothing is asked yet. Several conversations, one after the other, may share a pace."""
        self.id = str(uuid.uuid4())
        self._line, self._pace = line, pace
        self._said: list[BetaMessageParam] = []
        self._open: tuple[str, ...] = ()

    def ask(self, job: SdkJob) -> AgentReport:
        """Let it work to its end, its limits or a cancel, and say what happened. Nothing of it is alive afterwards."""
        asking = _Asking(self._line, job, self.id, self._pace, self._said, self._open)
        refused_before, begun = self._line.proxy.refused, time.monotonic()
        self._line.hear(Begun(self.id, asking.model, VERSION))
        try:
            end = asyncio.run(asking.run())
        finally:
            asking.box.end()
            self._open = asking.open
        over_budget = self._line.proxy.refused > refused_before and not end.stopped_for
        stopped = "over-budget" if over_budget else end.stopped_for
        metered = self._line.proxy.meter.settled_usd(seconds=2.0)
        return AgentReport(
            exit_code=-9 if stopped else int(end.is_error),
            stopped_for=stopped,
            results=0 if stopped else 1,
            is_error=end.is_error,
            subtype="" if stopped else end.subtype,
            terminal_reason="" if stopped else end.terminal_reason,
            api_error_status=end.status,
            errors=end.errors,
            structured=end.structured,
            turns=asking.turns,
            context=asking.context,
            usd=metered,
            metered_usd=metered,
            seconds=time.monotonic() - begun,
            session_id=self.id,
            model=asking.model,
            version=VERSION,
        )


class _Asking:
    """One ask, while it lasts."""

    def __init__(
        self, line: Line, job: SdkJob, session: str, pace: Pace, said: list[BetaMessageParam], open_: tuple[str, ...]
    ) -> None:
        self._line, self._job, self._session, self._pace, self._said = line, job, session, pace, said
        self._deadline = time.monotonic() + job.seconds
        env, cancel = job.env, line.cancel
        self.box = Toolbox(line.isolation, env, job.workspace, cancel, self._seconds_left, job.form)
        self._asked_for = self.model = model_id(line.model)  # a gateway may call it by another name than we
        self.turns, self.open = 0, open_
        self._tokens, self._nudges, self._cuts, self._status = 0, 0, 0, 0
        self._say(job.prompt)

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    @property
    def context(self) -> float:
        """How full the model's context window was in its last answer."""
        return self._tokens / window_of(self.model)

    async def run(self) -> End:
        """To the end, however it comes about."""
        talking = asyncio.create_task(self._until_end())
        while not talking.done():
            await asyncio.wait({talking}, timeout=TICK)
            if (why := self._over()) and not talking.done():
                talking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await talking
                return End(stopped_for=why)
        return talking.result()

    async def _until_end(self) -> End:
        broken, answered = 0, 0
        http = anthropic.DefaultAsyncHttpxClient(trust_env=False, timeout=TIMEOUT)  # to our own proxy, not the world's
        async with anthropic.AsyncAnthropic(
            api_key=self._line.proxy.key,
            base_url=self._line.proxy.url,
            max_retries=MOST_RETRIES,
            timeout=TIMEOUT,
            http_client=http,
            middleware=[self._between],
            open_telemetry=False,
        ) as client:
            while True:
                try:
                    if end := await self._talk(client):
                        return end
                except (anthropic.APIError, httpx2.HTTPError, Unreadable) as error:
                    broken = broken + 1 if self.turns == answered else 1
                    answered = self.turns
                    if not in_an_answer(error) or broken > MOST_RETRIES:
                        return failed(error)
                    self._line.hear(Retrying(status_of(error), broken, MOST_RETRIES))
                    await asyncio.sleep(min(0.5 * 2**broken, 8))

    async def _talk(self, client: anthropic.AsyncAnthropic) -> End | None:
        """Requests and tools in turn; None: there is more to say first."""
        system = (READING if self._job.read_only else SYSTEM).format(folder=self._job.workspace)
        runner = client.beta.messages.tool_runner(
            model=self._asked_for,
            max_tokens=self._line.max_tokens,
            messages=list(self._said),
            tools=self.box.tools(read_only=self._job.read_only),
            system=system,
            cache_control={"type": "ephemeral"},
            metadata={"user_id": self._session},
            stream=True,
            thread=False,
        )
        try:
            async for stream in runner:
                message = await _whole(stream)
                self._take(message)
                match message.stop_reason:
                    case "tool_use":
                        with warnings.catch_warnings(action="ignore"):  # it warns of tools that the model makes up
                            results = await runner.generate_tool_call_response()
                        if results is not None:
                            self._said.append(results)
                        self._line.hear(Returned(len(self.open)))
                        self.open = ()
                        end = self._after_tools()
                    case "pause_turn":
                        end = None
                    case _:
                        end = self._after_words(message)
                if end := end or self._limit():
                    return end
                if message.stop_reason not in {"tool_use", "pause_turn"}:
                    return None
        finally:
            await runner.close()
        return None

    def _say(self, words: str) -> None:
        """Our next message. What the model called and was not done, or is not known to be, is answered first."""
        results: list[BetaToolResultBlockParam] = [
            {"type": "tool_result", "tool_use_id": call, "content": NOT_DONE, "is_error": True} for call in self.open
        ]
        self._said.append({"role": "user", "content": [*results, {"type": "text", "text": words}]})
        self.open = ()

    def _take(self, message: ParsedBetaMessage[Any]) -> None:
        """Keep an answer, count it and tell of it."""
        self.turns += 1
        self.model = message.model or self.model
        usage = message.usage
        read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        self._tokens = usage.input_tokens + read + written
        calls = [block for block in message.content if block.type == "tool_use"]
        words = [block for block in message.content if block.type == "text" and block.text.strip()]
        if calls or words:  # the API takes no message back that says nothing
            self._said.append(message.to_param())
        self.open = tuple(call.id for call in calls)
        for text in words:
            self._line.hear(Spoke(message.id, text=text.text, tokens=self._tokens))
        for call in calls:
            name, asked = told(call.name, call.input)
            self._line.hear(Spoke(message.id, tool=name, input=asked, tokens=self._tokens))

    def _after_tools(self) -> End | None:
        self._cuts = 0
        if self.box.failures:
            raise self.box.failures[0]
        if self.box.answer is not None:
            return End(structured=self.box.answer)
        return MISFITS if self.box.misfits >= MOST_MISFITS else None

    def _after_words(self, message: ParsedBetaMessage[Any]) -> End | None:
        """The model called nothing, or was cut short."""
        match message.stop_reason:
            case "refusal":
                details = message.stop_details
                return refused((details.explanation if details else "") or "")
            case "model_context_window_exceeded":
                return End(stopped_for="context")
            case "max_tokens" if self._cuts < MOST_CUTS:
                self._cuts += 1
                self._say(CUT)
                return None
            case "max_tokens":
                return cut_off(self._line.max_tokens)
            case _ if self._nudges < MOST_NUDGES:
                self._nudges += 1
                self._say(GO_ON)
                return None
            case _:
                return End()

    def _limit(self) -> End | None:
        """Why no further request is made."""
        if why := self._over():
            return End(stopped_for=why)
        if self.context >= self._job.context:
            return End(stopped_for="context")
        if self.turns >= self._job.max_turns:
            return MAX_TURNS
        return MAX_USD if self._line.proxy.spent_usd >= self._job.usd else None

    def _over(self) -> Literal["", "timed-out", "cancelled"]:
        if self._line.cancel.is_set:
            return "cancelled"
        return "timed-out" if time.monotonic() >= self._deadline else ""

    async def _between(
        self, request: anthropic.APIRequest, go_on: anthropic.AsyncCallNext
    ) -> anthropic.AsyncAPIResponse[Any]:
        """Around each request, those that the SDK makes again included: not too many in a minute."""
        if request.retries_taken:
            self._line.hear(Retrying(self._status, request.retries_taken, MOST_RETRIES))
        if wait := self._pace.wait(time.monotonic()):
            await asyncio.sleep(wait)
        self._pace.note(time.monotonic())
        self._status = 0
        response = await go_on(request)
        self._status = response.status_code
        return response


async def _whole(stream: BetaAsyncMessageStream[Any]) -> ParsedBetaMessage[Any]:
    """The answer, once it is complete. Raises `Unreadable`."""
    try:
        message = await stream.get_final_message()
    except ValueError as error:  # the SDK's, for what the model wrote as a tool's input
        raise Unreadable(str(error)) from error
    except (AssertionError, LookupError, RuntimeError) as error:  # the SDK's, for events that are none, or out of order
        raise Unreadable("The answer is empty or out of order.") from error
    if message.stop_reason is None:
        raise Unreadable("The answer ended before its end.")
    return message
