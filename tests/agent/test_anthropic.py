"""The real SDK against a scripted model: every way an ask can end, as facts."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from bot.agent.answer import Form
from bot.agent.anthropic_agent import CUT, GO_ON
from bot.agent.anthropic_models import ALIASES, model_id
from bot.agent.anthropic_pace import Pace
from bot.agent.prices import DEAREST, rates_of
from bot.agent.stream import Retrying, Spoke
from bot.agent.uids import alive
from bot.errors import Blocked
from bot.sandbox import model
from bot.sandbox.model import (
    Turn,
    bash,
    done,
    edit,
    error,
    needs_input,
    read,
    refusal,
    say,
    structured,
    write,
)
from tests.agent.anthropic_desk import Desk, tool, verdict

# ------------------------------------------------------------------------------------------------ it works


def test_MO2_work_is_done_and_reported(desk: Desk) -> None:
    """The tools really work, as the isolation's user, and the report holds what the proxy counted."""
    report = desk.run(
        say("First a look.") + bash("pwd && id -u && echo hello > made-by-bash.txt"),
        write("deep/made-by-editor.txt", "one\ntwo\n"),
        edit("deep/made-by-editor.txt", "two", "2"),
        tool(
            "str_replace_based_edit_tool",
            command="insert",
            path="deep/made-by-editor.txt",
            insert_line=1,
            insert_text="1½",
        ),
        read("deep/made-by-editor.txt"),
        tool("TodoWrite", todos=[{"content": "Look", "status": "completed"}]),
        done("All made."),
    )

    assert verdict(report) == ""
    assert report.structured == {"verdict": "done", "summary": "All made.", "reason": ""}
    assert (desk.workspace / "made-by-bash.txt").read_text() == "hello\n"
    assert (desk.workspace / "deep/made-by-editor.txt").read_text() == "one\n1½\n2\n"
    assert (desk.workspace / "deep/made-by-editor.txt").stat().st_uid == (
        desk.workspace / "made-by-bash.txt"
    ).stat().st_uid
    assert desk.results[0].splitlines()[0] == str(desk.workspace)
    assert desk.results[4] == "1\tone\n2\t1½\n3\t2\n4\t"
    assert (report.turns, report.model, report.version.split()[0]) == (7, "claude-opus-5-5", "anthropic")
    assert report.usd == report.metered_usd == pytest.approx(desk.proxy.spent_usd)
    assert report.usd > 0


def test_the_shell_keeps_what_it_was_told(desk: Desk) -> None:
    """Variables, its folder, and what it left running, also over the editor's calls."""
    desk.run(
        bash("mkdir sub && cd sub && x=5; sleep 1000 & "),
        write("b", "1\n"),
        bash("echo $x; basename $PWD; jobs -r | wc -l"),
        done("Done."),
    )

    assert desk.results[2].split() == ["5", "sub", "1"]
    assert_dead(desk)


def test_a_pattern_that_is_none_is_said_so(desk: Desk) -> None:
    desk.run(tool("Grep", pattern="(", path="."), done("Done."), read_only=True)

    assert "nmatched" in desk.results[0]


def test_RU10_each_tool_is_told_as_it_is_used(desk: Desk) -> None:
    """By the names of the CLI's tools, so that the log reads the same."""
    desk.run(bash("true"), write("a", "1\n"), read("a"), edit("a", "1", "2"), done("Done."))

    told = [(said.tool, said.input.get("path", "")) for said in desk.heard if isinstance(said, Spoke) and said.tool]
    assert told == [("Bash", ""), ("Write", "a"), ("Read", "a"), ("Edit", "a"), ("StructuredOutput", "")]


def test_RU7_a_follow_up_goes_on_in_the_conversation(desk: Desk) -> None:
    """The model has everything before it that was said, and the costs are those of the whole session."""
    first = desk.run(bash("echo from-before"), done("First."), done("Second."))
    second = desk.run(prompt="The tests fail.")

    said = desk.model.requests[-1].body["messages"]
    assert [each["role"] for each in said] == ["user", "assistant", "user", "assistant", "user", "user"]
    assert "from-before" in str(said[2])
    assert said[-1]["content"] == [{"type": "text", "text": "The tests fail."}]
    assert second.structured == {"verdict": "done", "summary": "Second.", "reason": ""}
    assert second.usd > first.usd
    assert second.session_id == first.session_id


def test_RU12_the_tools_are_a_list_of_ours(desk: Desk) -> None:
    """And where nothing may be changed, none that could; the API caches what is said again."""
    desk.run(done("Done."))
    desk.run(write("a", "x"), tool("bash", command="touch b"), read("a"), done("Done."), read_only=True)

    tools = [[each["name"] for each in request.body["tools"]] for request in desk.model.requests]
    assert tools[0] == ["bash", "str_replace_based_edit_tool", "TodoWrite", "StructuredOutput"]
    assert tools[1] == ["Read", "Grep", "TodoWrite", "StructuredOutput"]
    assert not list(desk.workspace.iterdir())
    assert "not found" in desk.results[-2]
    assert desk.model.requests[0].body["cache_control"] == {"type": "ephemeral"}


def test_reading_without_writing(desk: Desk) -> None:
    desk.run(write("src/a.py", "x = 1\ny = 2\n"), done("Made."))
    desk.run(
        tool("Read", path="."),
        tool("Read", path="src/a.py", view_range=[2, -1]),
        tool("Grep", pattern="^y", path="src"),
        tool("Read", path="src/a.py", view_range=[7, 9]),
        done("Read."),
        read_only=True,
    )

    assert desk.results[-4:] == [
        "./src\n./src/a.py",
        "2\ty = 2\n3\t",
        f"{desk.workspace}/src/a.py:2:y = 2\n",
        "There are no lines 7 to 9: there are 3.",
    ]


def test_aliases_are_ids_that_have_a_price() -> None:
    """The API knows no aliases; what somebody gives as an id passes."""
    assert all(rates_of(model_id(alias)) != DEAREST for alias in ALIASES)
    assert model_id("claude-opus-4-8") == "claude-opus-4-8"
    assert model_id("opus[1m]") == model_id("opus")


# ------------------------------------------------------------------------------------------------- limits


def test_LI5_the_limit_of_turns_is_the_limit(desk: Desk) -> None:
    report = desk.run(bash("true"), max_turns=3)

    assert (report.turns, len(desk.model.requests), verdict(report)) == (3, 3, "max-turns")


def test_an_answer_in_the_last_turn_counts(desk: Desk) -> None:
    assert verdict(desk.run(bash("true"), done("Just in time."), max_turns=2)) == ""


def test_LI6_max_tokens_and_requests_a_minute(desk: Desk) -> None:
    """The third request has to wait; it is not made in the time that we look."""
    desk.requests_per_minute = 2
    thread = threading.Thread(target=cancel_after, args=(desk, lambda: len(desk.model.requests) == 2, 1.0))
    thread.start()

    report = desk.run(bash("true"))
    thread.join()

    assert [request.body["max_tokens"] for request in desk.model.requests] == [8192, 8192]
    assert (report.stopped_for, report.turns) == ("cancelled", 2)


def test_LI6_the_pace() -> None:
    """Any minute, not each minute of the clock."""
    pace = Pace(3)
    for now in (0.0, 1.0, 50.0):
        assert pace.wait(now) == 0
        pace.note(now)

    assert pace.wait(51.0) == 9.0
    assert pace.wait(60.0) == 0
    pace.note(60.0)
    assert pace.wait(60.5) == pytest.approx(0.5)


def test_the_money_ends_it_before_the_next_request(desk: Desk) -> None:
    """One answer may overshoot, no second one is asked for."""
    report = desk.run(replace(bash("true"), usage={"output_tokens": 300_000}))

    assert (report.stopped_for, verdict(report), len(desk.model.requests)) == ("", "over-budget", 1)
    assert report.usd > 5


def test_the_proxy_refuses_what_the_money_does_not_allow(desk: Desk) -> None:
    report = desk.run(replace(bash("true"), usage={"output_tokens": 300_000}), usd=100)

    assert (report.stopped_for, verdict(report), len(desk.model.requests)) == ("over-budget", "over-budget", 1)


def test_a_full_context_window_stops_it_once_its_tools_have_ended(desk: Desk) -> None:
    report = desk.run(replace(bash("echo 1 > done"), usage={"input_tokens": 900_000}), context=0.85)

    assert (report.stopped_for, report.context, verdict(report)) == ("context", 0.9, "needs-input")
    assert (desk.workspace / "done").exists()


@pytest.mark.parametrize("turn", [replace(say("…"), stall=30), replace(say("…"), delay=30), bash("sleep 1000")])
def test_the_time_is_up(desk: Desk, turn: Turn) -> None:
    """In the middle of an answer, before it, and in a tool."""
    begun = time.monotonic()

    report = desk.run(turn, seconds=1.5)

    assert (report.stopped_for, report.results, verdict(report)) == ("timed-out", 0, "timed-out")
    assert time.monotonic() - begun < 15
    assert_dead(desk)


@pytest.mark.parametrize("turn", [replace(say("…"), stall=30), bash("sleep 1000"), error(529)])
def test_a_cancel_ends_it_within_a_second(desk: Desk, turn: Turn) -> None:
    ended: list[float] = []

    def busy() -> bool:
        return bool(desk.model.requests) and (not turn.tools or any(isinstance(said, Spoke) for said in desk.heard))

    thread = threading.Thread(target=cancel_after, args=(desk, busy, 0.2, ended))
    thread.start()
    report = desk.run(turn)
    took = time.monotonic() - ended[0]
    thread.join()

    assert report.stopped_for == "cancelled"
    assert took < 5  # a second where nothing else runs
    assert_dead(desk)


def cancel_after(desk: Desk, ready: Callable[[], bool], seconds: float, times: list[float] | None = None) -> None:
    """Somebody cancels, so long after it is `ready`."""
    while not ready():
        time.sleep(0.01)
    time.sleep(seconds)
    if times is not None:
        times.append(time.monotonic())
    desk.cancel.set()


def assert_dead(desk: Desk) -> None:
    uid = getattr(desk.isolation, "uid", None)
    assert uid is None or not alive(uid)


# --------------------------------------------------------------------------------------- how it can end


@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 1), (404, 1), (413, 1)])
def test_what_the_api_refuses_for_good(desk: Desk, status: int, requests: int) -> None:
    report = desk.run(error(status, "no, sorry"))

    assert (report.api_error_status, report.terminal_reason, len(desk.model.requests)) == (
        status,
        "api_error",
        requests,
    )
    assert report.errors == ("no, sorry",)
    assert verdict(report) == "api-error"


def test_overload_is_asked_again_and_told(desk: Desk) -> None:
    report = desk.run(error(529), error(529), done("In the end."))

    assert verdict(report) == ""
    assert [said for said in desk.heard if isinstance(said, Retrying)] == [Retrying(529, 1, 7), Retrying(529, 2, 7)]


def test_a_broken_answer_is_asked_for_again(desk: Desk) -> None:
    """Nothing of it is done."""
    report = desk.run(replace(bash("touch half"), cut=True), done("In the end."))

    assert (verdict(report), report.turns) == ("", 1)
    assert not (desk.workspace / "half").exists()
    assert desk.proxy.spent_usd > 0


def test_an_error_in_the_middle_of_an_answer_is_asked_again(desk: Desk) -> None:
    """Its status says 200, the event what it is."""
    report = desk.run(replace(bash("touch half"), fails=529), done("In the end."))

    assert verdict(report) == ""
    assert [said for said in desk.heard if isinstance(said, Retrying)] == [Retrying(529, 1, 7)]

    assert desk.run(replace(bash("touch half"), fails=400)).api_error_status == 400
    assert not list(desk.workspace.iterdir())


def test_our_own_failure_in_a_tool_ends_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no tool's result, and the model is not asked to mend it."""
    monkeypatch.setattr("bot.agent.uids.SYSTEM_PATH", "/nowhere")

    with pytest.raises(Blocked, match="There is no"):
        desk.run(bash("true"))
    assert len(desk.model.requests) == 1


def test_an_answer_that_is_no_json_is_asked_for_again(desk: Desk) -> None:
    """Half of a surrogate pair, which the SDK can't read."""
    assert verdict(desk.run(read("half\ud800"), done("In the end."))) == ""


def test_a_refusal(desk: Desk) -> None:
    report = desk.run(refusal())

    assert (report.is_error, report.terminal_reason, verdict(report)) == (True, "api_error", "api-error")


def test_a_model_that_only_talks_is_asked_to_go_on_twice(desk: Desk) -> None:
    report = desk.run(say("I think…"))

    assert (report.turns, report.structured, verdict(report)) == (3, None, "agent-error")
    assert str(desk.model.requests[-1].body["messages"]).count(GO_ON) == 2


def test_an_answer_that_does_not_fit_is_asked_for_again(desk: Desk) -> None:
    bad = structured({"verdict": "perhaps"})

    assert verdict(desk.run(bad, done("Well."))) == ""
    assert verdict(desk.run(bad)) == "agent-error"


def test_what_was_cut_off_is_not_done(desk: Desk) -> None:
    """Half a command is not run; the model is told, and goes on."""
    cut = replace(bash("touch half"), stop_reason="max_tokens")

    report = desk.run(cut, bash("touch whole"), done("Done."))

    assert (verdict(report), report.turns) == ("", 3)
    assert [path.name for path in desk.workspace.iterdir()] == ["whole"]
    assert desk.model.requests[1].body["messages"][-1]["content"][-1]["text"] == CUT


def test_what_never_fits_into_an_answer_ends_it(desk: Desk) -> None:
    report = desk.run(replace(done("x"), stop_reason="max_tokens"))

    assert (report.turns, verdict(report)) == (4, "agent-error")
    assert "agent.max_tokens" in report.errors[0]


def test_another_form_of_the_answer(desk: Desk) -> None:
    """As the initializer asks for; what `strict` does not take of the schema is said in words."""
    schema = '{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"]}'
    form = Form(schema, lambda answer: answer if answer.get("n") == 1 else None)

    report = desk.run(structured({"n": 2}), structured({"n": 1}), form=form)

    assert report.structured == {"n": 1}
    asked = desk.model.requests[0].body["tools"][-1]["input_schema"]
    assert (asked["additionalProperties"], "minimum" in asked["properties"]["n"]) == (False, False)


def test_the_models_own_end_of_its_context_window(desk: Desk) -> None:
    report = desk.run(replace(say("So"), stop_reason="model_context_window_exceeded"))

    assert (report.stopped_for, verdict(report)) == ("context", "needs-input")


def test_a_question(desk: Desk) -> None:
    report = desk.run(needs_input("Which one?"))

    assert report.structured == {"verdict": "needs-input", "summary": "", "reason": "Which one?"}


def test_after_a_stop_the_conversation_can_go_on(desk: Desk) -> None:
    """What was called and not done is said so: the API wants a result for every call."""
    desk.run(bash("sleep 1000") + write("never", "x"), seconds=1)
    report = desk.run(done("I had begun."), prompt="You are stopped here.")

    assert report.structured == {"verdict": "done", "summary": "I had begun.", "reason": ""}
    calls = [
        block["id"] for said in desk.model.requests[-1].body["messages"] for block in said["content"] if "id" in block
    ]
    answers = [block for said in desk.model.requests[-1].body["messages"] for block in said["content"]]
    assert calls == [block["tool_use_id"] for block in answers if block["type"] == "tool_result"]
    assert not (desk.workspace / "never").exists()


@pytest.mark.parametrize("events", [0, 1, 3], ids=["none", "only the first", "none that ends it"])
def test_an_answer_of_which_not_all_came_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    """A gateway closed it in good order: nothing of it is taken for the model's word."""
    whole, answers = model._events, iter((events,))
    monkeypatch.setattr(model, "_events", lambda message: islice(whole(message), next(answers, None)))

    report = desk.run(bash("echo once >> made"), bash("echo twice >> made"), done("Done."))

    assert verdict(report) == ""
    assert report.turns == 2
    assert (desk.workspace / "made").read_text() == "twice\n"
    assert len([said for said in desk.heard if isinstance(said, Retrying)]) == 1


def test_a_long_list_of_files_is_cut(desk: Desk) -> None:
    desk.run(
        bash("mkdir $(printf 'a%.0s' $(seq 1 250)) && cd a* && touch $(seq -f %0250.0f 1 400)"), read("."), done("D")
    )

    assert len(desk.results[1]) < 61_000
    assert desk.results[1].endswith("[cut here: look into a folder of it]")
