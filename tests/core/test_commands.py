"""`/ai …` in comments: what is a command, what is a bad one, and what is an ordinary comment."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.commands import (
    COMMANDS,
    MAX_GUIDANCE,
    Approve,
    BadCommand,
    Command,
    Fix,
    Help,
    Init,
    Retry,
    Run,
    Status,
    Stop,
    Why,
    parse_command,
)

COMMANDS_SEEN: dict[str, Command] = {
    "/ai run": Run(),
    "/ai run ": Run(),
    "/AI Run": Run(),
    "   /ai run": Run(),
    "\n \t\n/ai run\n": Run(),
    "\r\n/ai run\r\nmore": Run(guidance="more"),
    "/ai\trun": Run(),
    "/ai\u00a0run": Run(),
    "/ai run: use sqlite": Run(guidance="use sqlite"),
    "/ai run --model opus": Run(model="opus"),
    "/ai run --model=claude-opus-4-1-20250805": Run(model="claude-opus-4-1-20250805"),
    "/ai run --model sonnet[1m]": Run(model="sonnet[1m]"),
    "/ai run --model arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.x": Run(
        model="arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.x"
    ),
    "/ai run --usd 2.50 --minutes 15 --model haiku": Run(model="haiku", usd=2.5, minutes=15),
    "/ai run —usd 3": Run(usd=3.0),
    "/ai run --MINUTES 300": Run(minutes=300),
    "/ai run --usd 3 keep the API as it is": Run(usd=3.0, guidance="keep the API as it is"),
    "/ai run fix it\nand this\n\n```\ncode\n```": Run(guidance="fix it\nand this\n\n```\ncode\n```"),
    "/ai run\nuse sqlite": Run(guidance="use sqlite"),
    "/ai run #12 is merged, build on it": Run(guidance="#12 is merged, build on it"),
    "/ai run the tool's --verbose flag": Run(guidance="the tool's --verbose flag"),
    "/ai run -- --model is a word here": Run(guidance="--model is a word here"),
    "/ai run one\n/ai stop": Run(guidance="one"),
    "/ai retry": Retry(),
    "/ai retry the answer is 42\nreally": Retry("the answer is 42\nreally"),
    "/ai stop": Stop(),
    "/ai stop!": Stop(),
    "/ai stop, please": Stop(),
    "/ai why": Why(),
    "/ai why?": Why(),
    "/ai status": Status(),
    "/ai init": Init(),
    "/ai approve": Approve(),
    "/ai approve but skip step 3": Approve("but skip step 3"),
    "/ai fix the import": Fix("the import"),
    "/ai help": Help(),
    "/ai": Help(),
    "/ai \nrun": Help(),
}


@pytest.mark.parametrize(("body", "command"), COMMANDS_SEEN.items(), ids=repr)
def test_a_command_is_read(body: str, command: Command) -> None:
    """The first non-blank line commands; options stand first; guidance goes on over the following lines."""
    assert parse_command(body) == command


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            " ",
            "\n\n",
            "ai run",
            "/aix",
            "/ai-ready run",
            "/ai/run",
            "/ai: run",
            "//ai run",
            "/a i run",
            "please /ai run",
        ),
        *("> /ai run", ">/ai run", "`/ai run`", "```\n/ai run\n```", "~~~\n/ai run\n~~~", "    /ai run", "\t/ai run"),
        *("  \t/ai run", "<!-- /ai run -->", "<!--\n/ai run\n-->", "<b>/ai run</b>", "<details>\n/ai run\n</details>"),
        *(
            "[/ai run](x)",
            "**/ai run**",
            "- /ai run",
            "1. /ai run",
            "# /ai run",
            "Sure!\n/ai run",
            "| /ai run |",
            "\\/ai run",
        ),
        *("/ai\u200brun", "\u200b/ai run", "／ai run", "/аi run"),
    ],
)
def test_an_ordinary_comment_is_none(body: str) -> None:
    """Quotes, code, HTML, links, lists, sentences, other words and look-alikes command nothing."""
    assert parse_command(body) is None


@pytest.mark.parametrize(
    ("body", "problem", "suggestion"),
    [
        ("/ai frobnicate", "`frobnicate` is not a command.", ""),
        ("/ai rnu", "`rnu` is not a command.", "/ai run"),
        ("/ai please fix the login", "`please` is not a command.", ""),
        ("/ai `@org/team`", "`'@org/team'` is not a command.", ""),
        ("/ai run #12", "A command is for the issue it stands on; write `/ai run` on `#12` itself.", ""),
        ("/ai run #other", "A command is for the issue it stands on; write `/ai run` on `#other` itself.", ""),
        (
            "/ai stop o/r#3, GH-4",
            "A command is for the issue it stands on; write `/ai stop` on `o/r#3, GH-4` itself.",
            "",
        ),
        (
            "/ai run https://github.com/o/r/issues/3",
            "A command is for the issue it stands on; write `/ai run` on `https://github.com/o/r/issues/3` itself.",
            "",
        ),
        ("/ai run --model x; rm -rf", "`--model` takes a model's alias or id, such as `opus`, not `x;`.", ""),
        ("/ai run --model $(id)", "`--model` takes a model's alias or id, such as `opus`, not `$(id)`.", ""),
        ("/ai run --model --usd 3", "`--model` takes a model's alias or id, such as `opus`, not `--usd`.", ""),
        ("/ai run --model", "`--model` takes a model's alias or id, such as `opus`.", ""),
        ("/ai run --usd 0", "`--usd` takes an amount above 0, such as `2.50`, not `0`.", ""),
        ("/ai run --usd 0.00", "`--usd` takes an amount above 0, such as `2.50`, not `0.00`.", ""),
        ("/ai run --usd -5", "`--usd` takes an amount above 0, such as `2.50`, not `-5`.", ""),
        ("/ai run --usd nan", "`--usd` takes an amount above 0, such as `2.50`, not `nan`.", ""),
        ("/ai run --usd ٣", "`--usd` takes an amount above 0, such as `2.50`, not `٣`.", ""),
        ("/ai run --minutes 0", "`--minutes` takes a whole number from 1 to 300, not `0`.", ""),
        ("/ai run --minutes 301", "`--minutes` takes a whole number from 1 to 300, not `301`.", ""),
        ("/ai run --minutes 1.5", "`--minutes` takes a whole number from 1 to 300, not `1.5`.", ""),
        ("/ai run --usd 1 --usd 2", "`--usd` is given twice.", ""),
        ("/ai run --modle opus", "`--modle` is not an option of `/ai run`.", "/ai run --model"),
        ("/ai run --dangerously x", "`--dangerously` is not an option of `/ai run`.", ""),
        ("/ai run please --model opus", "`--model` has to stand before the guidance.", "/ai run"),
        ("/ai retry --model opus", "`/ai retry` takes no options; `/ai run` does.", "/ai run"),
    ],
)
def test_a_bad_command_says_what_is_wrong(body: str, problem: str, suggestion: str) -> None:
    """Nothing is guessed and nothing is done in part: one sentence and the nearest right command."""
    assert parse_command(body) == BadCommand(problem, suggestion)


def test_guidance_is_bounded_and_says_so() -> None:
    """A comment as long as GitHub allows is one run, whose guidance fits into an environment variable."""
    command = parse_command("/ai run\n" + "😀" * 65_000)
    assert isinstance(command, Run)
    assert len(command.guidance) == MAX_GUIDANCE
    assert command.guidance.endswith("\n[cut here: 65,000 characters, of which 8,000 are read]")
    assert parse_command("/ai run\n" + "x" * 8_000) == Run(guidance="x" * 8_000)


@pytest.mark.parametrize(
    "body",
    [
        *("/ai run " + "x" * 65_528, "/ai run\n" * 8_000, "\n" * 65_536, " " * 65_536, " \n" * 30_000 + "/ai"),
        *(
            "/ai run --" + "a-" * 32_000,
            "/ai run " + "#1 " * 21_000,
            "/ai " + "y" * 65_000,
            "/ai run\n" + "a\n" * 10_000,
        ),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_the_longest_comment_takes_no_time(body: str) -> None:
    """65,536 characters, ten thousand lines, a thousand commands: nothing that grows with the square, at most one action."""
    parse_command("/ai rnu")  # imports difflib
    start = time.perf_counter()
    parse_command(body)
    assert time.perf_counter() - start < 0.5


@given(st.one_of(st.text(), st.text().map("/ai ".__add__), st.text().map("/ai run --".__add__)))
def test_parsing_never_raises(body: str) -> None:
    """Any text is a command, a bad command or an ordinary comment."""
    command = parse_command(body)
    assert command is None or isinstance(command, Command | BadCommand)


def test_the_table_has_every_command_once() -> None:
    """What help and docs list is what the parser knows."""
    made = [type(parse_command(f"/ai {spec.name}")) for spec in COMMANDS]
    assert made == [Run, Retry, Stop, Why, Status, Init, Approve, Fix, Help]
    assert all(spec.usage.startswith(f"/ai {spec.name}") and spec.summary.endswith(".") for spec in COMMANDS)
