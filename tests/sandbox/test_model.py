"""The scripted model, asked over HTTP as the CLI asks it."""

import http.client
import json
import time
from typing import Any

import pytest

from bot.sandbox.model import (
    Scene,
    Script,
    ScriptedModel,
    Turn,
    bash,
    blocked,
    done,
    error,
    read,
    refusal,
    say,
    serve_model,
)


def ask(
    model: ScriptedModel, prompt: str = "hello", *, session: str = "s", stream: bool = False, key: str = ""
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", int(model.url.rpartition(":")[2]), timeout=20)
    user = json.dumps({"device_id": "d", "session_id": session})
    body = {
        "model": "claude-opus-5-5",
        "stream": stream,
        "metadata": {"user_id": user},
        "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}],
    }
    try:
        connection.request("POST", "/v1/messages?beta=true", json.dumps(body), {"x-api-key": key})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, data.decode() if stream and answer.status == 200 else json.loads(data)
    finally:
        connection.close()


def words(answer: tuple[int, Any]) -> str:
    return str(answer[1]["content"][0]["text"])


def test_each_session_plays_its_scene_from_the_start() -> None:
    """The prompt picks the scene; sessions do not disturb each other; the last turn stays."""
    script = Script(Scene("cats", say("one"), say("two")), Scene("", say("other")))
    with serve_model(script) as model:
        told = [words(ask(model, "about cats", session=session)) for session in ("a", "a", "b", "a")]
        other = words(ask(model, "about dogs"))

    assert told == ["one", "two", "one", "two"]
    assert other == "other"
    assert [request.body["messages"][0]["content"][0]["text"] for request in model.requests][-1] == "about dogs"


def test_a_prompt_without_a_scene_fails_loudly() -> None:
    """A script that forgot something says so."""
    with serve_model(Script(Scene("cats", say("one")))) as model:
        status, body = ask(model, "about dogs")

    assert status == 400
    assert "no scene" in body["error"]["message"]


def test_the_stream_is_the_message_in_pieces() -> None:
    """Events in the API's order; put together they are what a plain request answers."""
    turn = say("Hi!") + bash("ls") + read("a.py")
    with serve_model(Script(Scene("", turn))) as model:
        _, stream = ask(model, stream=True, session="a")
        _, whole = ask(model, session="b")

    events = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]
    kinds = [event["type"] for event in events]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert kinds == ["message_start", *block * 3, "message_delta", "message_stop"]
    inputs = [
        json.loads(event["delta"]["partial_json"]) for event in events if "partial_json" in event.get("delta", {})
    ]
    assert inputs == [content["input"] for content in whole["content"][1:]]
    assert [content["type"] for content in whole["content"]] == ["text", "tool_use", "tool_use"]
    assert whole["stop_reason"] == events[-2]["delta"]["stop_reason"] == "tool_use"
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"] == 50


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_errors_have_the_apis_shape(status: int) -> None:
    """Status and type as documented."""
    with serve_model(Script(Scene("", error(status, "why")))) as model:
        got, body = ask(model, stream=True)

    assert got == status
    assert body["type"] == "error"
    assert body["error"]["message"] == "why"
    assert body["error"]["type"].endswith("_error")


def test_a_key_can_be_required() -> None:
    """As the real API does."""
    with serve_model(Script(Scene("", say("hi"))), key="right") as model:
        assert ask(model, key="wrong")[0] == 401
        assert ask(model, key="right")[0] == 200


def test_verdicts_and_refusals() -> None:
    """How a run can end, in the words of our schema."""
    with serve_model(Script(Scene("", done("made"), blocked("no way"), refusal()))) as model:
        first, second, third = (ask(model)[1] for _ in range(3))

    assert first["content"][0]["input"] == {"verdict": "done", "summary": "made", "reason": ""}
    assert second["content"][0]["input"] == {"verdict": "blocked", "summary": "", "reason": "no way"}
    assert (third["stop_reason"], third["content"]) == ("refusal", [])


def test_closing_does_not_wait_for_a_stalled_answer() -> None:
    """A test that ends while the model is silent ends."""
    started = time.monotonic()

    with serve_model(Script(Scene("", Turn(text="word", stall=60)))) as model:
        connection = http.client.HTTPConnection("127.0.0.1", int(model.url.rpartition(":")[2]), timeout=20)
        connection.request(
            "POST", "/v1/messages", json.dumps({"stream": True, "messages": [{"role": "user", "content": "x"}]})
        )
        connection.getresponse().read(10)
        connection.close()

    assert time.monotonic() - started < 3


def test_other_paths_do_not_exist() -> None:
    """Nothing is answered that was not asked for."""
    with serve_model(Script()) as model:
        connection = http.client.HTTPConnection("127.0.0.1", int(model.url.rpartition(":")[2]), timeout=20)
        connection.request("GET", "/v1/models")
        status = connection.getresponse().status
        connection.close()

    assert status == 404
