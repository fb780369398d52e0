"""The `/ai …` commands: what a comment says, as data. Who may give them is decided elsewhere.

A command is the first non-blank line of a comment, indented by at most three spaces. Anything else there (a quote, a
code block, HTML, a list item, a sentence) makes the comment an ordinary one. `/ai` and the command's name are read in
any case. Options stand before the guidance. Guidance goes on over the following lines, up to a further line that
begins with `/ai`: only the first command of a comment counts.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.core.outbound import code_span

MAX_GUIDANCE: Final = 8_000
"""Characters of guidance. It travels in one environment variable, which Linux limits to 128 KiB."""

MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}(?:\[[0-9]{1,4}[mk]\])?")
"""Model aliases and ids, those of Bedrock (ARNs) and Vertex (`…@date`) included, with an optional `[1m]`."""

# ------------------------------------------------------------------------------------- what was said


@dataclass(frozen=True, slots=True)
class Run:
    """Ask for a run. Options that were not given are empty or None; they may only lower the repository's limits."""

    model: str = ""
    usd: float | None = None
    minutes: int | None = None
    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask for another run that goes on from the kept work."""

    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run, or withdraw the request."""


@dataclass(frozen=True, slots=True)
class Why:
    """Say what the issue waits for."""


@dataclass(frozen=True, slots=True)
class Status:
    """Say where the issue is."""


@dataclass(frozen=True, slots=True)
class Init:
    """Plan phased issues from the spec in this issue."""

    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Approve:
    """Accept the plan that waits."""

    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """Ask for a follow-up run on our pull request."""

    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """Say which commands there are."""


Command = Run | Retry | Stop | Why | Status | Init | Approve | Fix | Help


@dataclass(frozen=True, slots=True)
class BadCommand:
    """It was meant as a command, but can't be done as it stands."""

    problem: str
    """One sentence for the person, safe inside Markdown."""
    suggestion: str = ""
    """The nearest command that exists, such as `/ai run`; empty where none is near."""


# ---------------------------------------------------------------------------------------- the table


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command as documented; `/ai help` and docs/commands.md are made of these."""

    name: str
    arguments: str
    summary: str
    where: str = "issue"
    who: str = "write or admin"

    @property
    def usage(self) -> str:
        """How it is written: `/ai run [--model M] …`."""
        return f"/ai {self.name} {self.arguments}".rstrip()


COMMANDS: Final = (
    CommandSpec(
        "run",
        "[--model M] [--usd N] [--minutes N] [guidance…]",
        "Asks for a run of this issue; `N` can only lower the repository's limits.",
    ),
    CommandSpec(
        "retry",
        "[guidance…]",
        "Asks for another run, which goes on from the work that was kept and is told how the last one ended.",
    ),
    CommandSpec(
        "stop",
        "",
        "Ends the run and keeps its work; before it has started, withdraws the request.",
        where="issue, our pull request",
    ),
    CommandSpec("why", "", "Says what the issue waits for.", where="issue, our pull request"),
    CommandSpec("status", "", "Says where the issue is.", where="issue, our pull request"),
    CommandSpec(
        "init",
        "[guidance…]",
        "Plans phased issues from the specification in this issue and shows the plan; `/ai approve` makes them.",
    ),
    CommandSpec(
        "approve",
        "[guidance…]",
        "Approves the plan that waits here: the work starts (`mode: supervised`), or the issues are made (`/ai init`).",
    ),
    CommandSpec(
        "fix",
        "[guidance…]",
        "Asks for a review round: a follow-up run that mends our open pull request.",
        where="our pull request, its issue",
    ),
    CommandSpec("help", "", "Lists the commands.", where="issue, our pull request"),
)

# --------------------------------------------------------------------------------------- the grammar

_COMMAND = re.compile(r"(?:[ \t]*\n)*[ ]{0,3}/ai(?!\S)(?P<words>[^\n]*)", re.IGNORECASE)
_FURTHER = re.compile(r"^ {0,3}/ai(?!\S)", re.IGNORECASE | re.MULTILINE)
_OPTION = re.compile(r"(?:--|[\u2013\u2014])(?P<name>[A-Za-z][\w-]*)(?:=(?P<value>.*))?")
"""Phones and macOS turn two hyphens into a dash."""
_ELSEWHERE = re.compile(r"(?:[\w.-]+/[\w.-]+)?#[\w-]+|GH-[0-9]+|https?://\S+/(?:issues|pull)/[0-9]\S*", re.IGNORECASE)

_OPTIONS: Final = {
    "model": (MODEL_NAME, "`--model` takes a model's alias or id, such as `opus`"),
    "usd": (re.compile(r"(?=.*[1-9])[0-9]{1,4}(?:\.[0-9]{1,2})?"), "`--usd` takes an amount above 0, such as `2.50`"),
    "minutes": (re.compile(r"[1-9][0-9]?|[12][0-9]{2}|300"), "`--minutes` takes a whole number from 1 to 300"),
}


def parse_command(body: str) -> Command | BadCommand | None:
    """What a new comment asks for; None when it is an ordinary comment. Never raises; linear in `body`."""
    text = body.replace("\r\n", "\n").replace("\r", "\n")
    opening = _COMMAND.match(text)
    if opening is None:
        return None
    verb, words = _split(opening["words"])
    following = text[opening.end() :]
    further = _FURTHER.search(following)
    return _command(verb, words, following[: further.start()] if further else following)


def _split(words: str) -> tuple[str, str]:
    """The first word and the rest, both without white space around."""
    first, *rest = words.split(maxsplit=1) or [""]
    return first, rest[0].strip() if rest else ""


def _command(verb: str, words: str, following: str) -> Command | BadCommand:
    name = verb.lower().rstrip(".,:;!?") or "help"
    if name not in _BUILDERS:
        return _unknown(verb)
    if words and all(_ELSEWHERE.fullmatch(word.strip(",;")) for word in words.split()):
        return BadCommand(f"A command is for the issue it stands on; write `/ai {name}` on {code_span(words)} itself.")
    if name == "run":
        return _run(words, following)
    if _OPTION.fullmatch(_split(words)[0]):
        return BadCommand(f"`/ai {name}` takes no options; `/ai run` does.", suggestion="/ai run")
    return _BUILDERS[name](_guidance(words, following))


_BUILDERS: Final[dict[str, Callable[[str], Command]]] = {
    "run": lambda guidance: Run(guidance=guidance),
    "retry": Retry,
    "stop": lambda _: Stop(),
    "why": lambda _: Why(),
    "status": lambda _: Status(),
    "init": Init,
    "approve": Approve,
    "fix": Fix,
    "help": lambda _: Help(),
}
"""What is made of each name. Words after a command that takes none are not worth a refusal: `/ai stop, please`."""


def _run(words: str, following: str) -> Run | BadCommand:
    given: dict[str, str] = {}
    while (found := _option(words)) is not None:
        name, value, words = found
        if problem := _refusal(name, value, given):
            return problem
        given[name] = value
    if words.startswith("-- "):
        words = words[3:]
    elif late := next((word for word in words.split() if _is_known_option(word)), ""):
        return BadCommand(f"{code_span(late)} has to stand before the guidance.", suggestion="/ai run")
    return Run(
        model=given.get("model", ""),
        usd=float(given["usd"]) if "usd" in given else None,
        minutes=int(given["minutes"]) if "minutes" in given else None,
        guidance=_guidance(words, following),
    )


def _option(words: str) -> tuple[str, str, str] | None:
    """Name, value and what follows, when `words` begin with an option."""
    first, rest = _split(words)
    match = _OPTION.fullmatch(first)
    if match is None:
        return None
    name, value = match["name"].lower(), match["value"]
    if value is None and name in _OPTIONS:
        value, rest = _split(rest)
    return name, value or "", rest


def _is_known_option(word: str) -> bool:
    match = _OPTION.fullmatch(word)
    return match is not None and match["name"].lower() in _OPTIONS


def _refusal(name: str, value: str, given: Mapping[str, str]) -> BadCommand | None:
    if name not in _OPTIONS:
        return BadCommand(
            f"{code_span('--' + name)} is not an option of `/ai run`.", suggestion=_near(name, _OPTIONS, "/ai run --")
        )
    if name in given:
        return BadCommand(f"`--{name}` is given twice.")
    pattern, right = _OPTIONS[name]
    if pattern.fullmatch(value):
        return None
    return BadCommand(f"{right}, not {code_span(value)}." if value else f"{right}.")


def _unknown(verb: str) -> BadCommand:
    return BadCommand(f"{code_span(verb, 40)} is not a command.", suggestion=_near(verb, _BUILDERS, "/ai "))


def _near(word: str, names: Iterable[str], lead: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 (only for the rare typo: start-up time is measured)

    close = get_close_matches(word[:40].lower(), list(names), n=1)
    return f"{lead}{close[0]}" if close else ""


def _guidance(words: str, following: str) -> str:
    return guidance_of(f"{words}{following}")


def guidance_of(text: str) -> str:
    """A person's words for the agent, no more of them than a run is given."""
    text = text.strip()
    if len(text) <= MAX_GUIDANCE:
        return text
    note = f"\n[cut here: {len(text):,} characters, of which {MAX_GUIDANCE:,} are read]"
    return text[: MAX_GUIDANCE - len(note)] + note
