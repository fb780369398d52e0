"""Foreign words on their way out: whatever an agent, an issue or a log says, it only ever is text.

Three ways to show them, from the narrowest place to the widest:

- `one_line` for places that render no Markdown: PR titles, commit subjects, log lines;
- `inert` for a title or a sentence inside our Markdown: harmless words stay as they are, what could mention, close,
  link, format, embed or command is quoted as code (GitHub looks for none of these in code);
- `fence` for longer text: a code block that its content can't close.

All are linear, bounded, and (but for `fence`, which nests) idempotent. `clean` is what they begin with.
"""

import re
from typing import Final

from bot.core.joining import KEPT

COMMENT_LIMIT: Final = 60_000
"""Characters of a comment; GitHub refuses more than 65,536."""

# ------------------------------------------------------------------------------------------- clean

_ESCAPES = (
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and other strings: titles, hyperlinks
    r"|\x1b[ -/]*[0-~]?"
)

_INVISIBLE = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\ufdd0-\ufdef\ufffe\uffff"  # not characters
)

_BREAK = r"\r\n?|[\x85\u2028\u2029]"
_SURROGATE = r"[\ud800-\udfff]"

_UNCLEAN = re.compile(rf"[{_INVISIBLE}]|\x1b|{_BREAK}|{_SURROGATE}")
_TOKENS = re.compile(
    rf"(?P<keep>{KEPT})|(?P<escape>{_ESCAPES})|(?P<drop>[{_INVISIBLE}])|(?P<line>{_BREAK})|(?P<half>{_SURROGATE})"
)


def _cleaned(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "keep":
            return match[0]
        case "line":
            return "\n"
        case "half":
            return "\ufffd"
        case _:
            return ""


def clean(text: str) -> str:
    r"""`text` with nothing in it that a reader can't see: controls, terminal codes, bidi and zero-width characters.

    Every line break becomes `\n`, a lone surrogate U+FFFD. Emoji sequences, tabs, and joiners where a script spells
    with them stay.
    """
    return _TOKENS.sub(_cleaned, text) if _UNCLEAN.search(text) else text


def traced(text: str) -> tuple[str, list[int]]:
    """`clean(text)`, and for each of its characters the place in `text` where it stands."""
    shown: list[str] = []
    places: list[int] = []
    at = 0
    for match in _TOKENS.finditer(text):
        new = _cleaned(match)
        if new != match[0]:
            shown += (text[at : match.start()], new)
            places += (*range(at, match.start()), *(match.start() for _ in new))
            at = match.end()
    return "".join((*shown, text[at:])), [*places, *range(at, len(text))]


# ----------------------------------------------------------------------------------- what acts by itself

_REFERENCE = (
    r"(?:[\w.-]{1,100}/[\w.-]{1,100})?#(?=\d)|GH-(?=\d)"
    r"|https?://(?=[\w.:-]{1,200}/[^\s/]{1,100}/[^\s/]{1,100}/(?:issues|pull)/\d)"
)
_CLOSING = re.compile(
    rf"(?<![^\W_])(?:close[sd]?|fix(?:es|ed)?|resolve[sd]?)(?::\s{{0,20}}|\s{{1,20}})(?:{_REFERENCE})", re.IGNORECASE
)
"""https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue"""
_SKIP_CI = re.compile(
    r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^(skip-checks):", re.IGNORECASE | re.MULTILINE
)
"""https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs"""
_SUMMONS = re.compile(
    r"(?<!\w)@(?=(?:claude|codex|coderabbitai|copilot|cursor|dependabot|gemini-cli|openhands-agent)\b)", re.IGNORECASE
)
"""Programs that look for their name anywhere in a comment's text, code blocks included."""
_MARKER = re.compile(r"<!--(?=\s{0,20}ai-ready)", re.IGNORECASE)


def _unskipped(match: re.Match[str]) -> str:
    return f"({match[1]})" if match[1] else f"{match[2]} :"


def defused(text: str) -> str:
    """`text` without the words that act even inside code or a commit message.

    Closing keywords lose their reference (`fixes #1` → `fixes # 1`): a PR body can become the message of a squash
    commit, where there is no code block. `[skip ci]` becomes `(skip ci)`, `@claude` becomes `@ claude`. The opening of our own hidden block is
    broken, so that a text can't forge one inside a comment of ours.
    """
    return _MARKER.sub("<! --", _SUMMONS.sub("@ ", _SKIP_CI.sub(_unskipped, _CLOSING.sub(r"\g<0> ", text))))


# ----------------------------------------------------------------------------------------- one line

_MENTION = re.compile(r"(?<!\w)([@\uff20\ufe6b])(?=\w)")
_LOG_COMMAND = re.compile(r"^:(?=:)|##(?=\[)")
"""The runner obeys `::cmd::` at the start of a log line and `##[cmd]` anywhere in one."""

_FACTOR = 4
"""Input beyond this many times the limit is not even looked at: what is shown comes from its beginning."""


def _flat(text: str, limit: int) -> str:
    line = re.sub(r"[ \t\n]+", " ", clean(text[: _FACTOR * limit]))
    return defused(line).strip()


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, never half an emoji sequence; says so with an ellipsis."""
    return text if len(text) <= limit else f"{clean(text[: limit - 1]).rstrip()}…"


def one_line(text: str, limit: int = 1_000) -> str:
    """`text` as one line of at most `limit` characters, for places that render no Markdown.

    No mention (`@name` → `@ name`), no closing keyword, no `[skip ci]`, no workflow command, nothing invisible. Inside
    Markdown use `inert`.
    """
    line = _MENTION.sub(r"\1 ", _flat(text, limit))
    return _cut(_LOG_COMMAND.sub(r"\g<0> ", line), limit)


# -------------------------------------------------------------------------------------------- inert

_CODE = re.compile(r"`[^`]+`")
_A_CODE = "\ufffe"
"""Stands for a code span; `clean` leaves none in a text."""
_CHUNK = re.compile(r"(?:`[^`]+`|[^\s`]+|`)+")
_ACTS = re.compile(
    r"[@\uff20\ufe6b\\]"  # mentions, e-mail addresses; escapes
    r"|[#\uff03](?=\d)|\bGH-\d"  # references
    r"|://|\bwww\.|\b(?:mailto|xmpp|javascript|vbscript|data):"  # links
    r"|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b"  # commit ids
    r"|<(?=[A-Za-z/!?])|&(?:\#|[A-Za-z][A-Za-z0-9]{0,40};)"  # HTML
    r"|!\[|\][(:\[]|\[\^"  # images, links, reference definitions, footnotes
    r"|[*~](?=\S)|(?<=\S)[*~]|(?<!\w)_|_(?!\w)"  # emphasis that could pair with ours
    rf"|\${_A_CODE}|{_A_CODE}\$",  # $`mathematics`$
    re.IGNORECASE,
)
_LEADS = re.compile(r"/[A-Za-z].*|[-+*>]|>.*|#{1,6}|[-=_*]{2,}|\d{1,9}[.)]")
"""First words that would make the line a command, a list item, a quote, a heading or a rule."""


def _quoted(chunk: str, room: int) -> str:
    return f"`{_cut(chunk.replace('`', chr(39)), room - 2)}`"


def _acts(chunk: str, *, first: bool) -> bool:
    around = _CODE.sub(_A_CODE, chunk)
    return "`" in around or bool(_ACTS.search(around)) or (first and bool(_LEADS.fullmatch(chunk)))


def inert(text: str, limit: int = 1_000) -> str:
    """`text` as one line of at most `limit` characters that does nothing inside Markdown of ours, tables included.

    Harmless words and well-formed `code` stay as they are; a word that could mention, reference, link, embed, format
    or command is shown as code. `|` becomes `¦`, as it ends a table cell even in code.
    """
    line = _flat(text, limit).replace("|", "\u00a6")
    shown, end = "", 0
    for match in _CHUNK.finditer(line):
        gap, chunk = line[end : match.start()], match[0]
        end = match.end()
        word = _quoted(chunk, limit) if _acts(chunk, first=not shown) else chunk
        if len(shown) + len(gap) + len(word) > limit - 2 * (end < len(line)):
            return _ended(shown, gap, chunk, limit)
        shown += gap + word
    return shown


def _ended(shown: str, gap: str, chunk: str, limit: int) -> str:
    """`shown` with as much of `chunk` as fits, as code: half a word may act where the whole one does not."""
    room = limit - len(shown) - len(gap)
    return f"{shown}{gap}{_quoted(chunk, room)}" if room >= 24 else f"{shown} …"


def code_span(text: str, limit: int = 100) -> str:
    """`text` as one line of code inside Markdown of ours, whatever it is; empty for nothing."""
    line = _flat(text, limit).replace("|", "\u00a6")
    return _quoted(line, limit) if line else ""


# -------------------------------------------------------------------------------------------- fence

_LONG_RUN = re.compile(r"`{65,}|~{65,}")


def fence(text: str, *, limit: int) -> str:
    """`text` as a code block of at most `limit` (≥ 300) characters, fences included; empty for nothing.

    Its content can't close it. A cut shows the beginning and says how much is missing.
    """
    body = defused(clean(text[: _FACTOR * limit])).rstrip().lstrip("\n")
    body = _LONG_RUN.sub(lambda run: run[0][:64], body)
    if not body.strip():
        return ""
    bar = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    room = limit - 2 * len(bar) - len("text\n\n")
    if len(body) > room or len(text) > _FACTOR * limit:
        note = f"\n… ({len(text):,} characters in all)"
        body = clean(body[: room - len(note)]).rstrip() + note
    return f"{bar}text\n{body}\n{bar}"


# ------------------------------------------------------------------------------------------ comments

_LEFT_OUT = "*(Left out here: more than a comment holds.)*"


def bounded(*parts: str, limit: int = COMMENT_LIMIT) -> str:
    """The parts that are not empty, with a blank line between them, in at most `limit` characters.

    What does not fit is left out as a whole (half a part may be an open code block) and that is said once. The first
    and the last part, a comment's verdict and its next command or marker, always stay.
    """
    there = [part for part in parts if part]
    if sum(map(len, there)) + 2 * len(there) <= limit:
        return "\n\n".join(there)
    ends = [_cut(there[0], limit // 2), *([_cut(there[-1], limit // 3)] if len(there) > 1 else [])]
    room = limit - sum(map(len, ends)) - len(_LEFT_OUT) - 6
    middle: list[str] = []
    for part in there[1:-1]:
        if len(part) + 2 <= room:
            middle.append(part)
            room -= len(part) + 2
    left_out = [_LEFT_OUT] if len(middle) < len(there[1:-1]) else []
    return "\n\n".join([ends[0], *middle, *left_out, *ends[1:]])
