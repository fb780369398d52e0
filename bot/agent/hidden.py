"""Text that GitHub's rendering hides, within one block of Markdown: comments, titles, attributes, alternative texts.

Pure and linear in the length of the block. Owns one pass over one block; `sanitize` finds the blocks and repeats.
Code spans are seen by everybody, so they stay as they are. Grammar: https://github.github.com/gfm/.
"""

import re
import string
from bisect import bisect_left
from dataclasses import dataclass, field

from bot.agent.invisible import ENTITY, is_invisible_entity

IMAGE = "[image not read]"
"""What stands where an image stood."""

MOST_IMAGES = 50
"""Images that get the words; more are only counted, so that the text can't grow by them."""

LONG_ALT = 3
"""Words without digits; an alternative text of more is taken as text that was hidden from people."""

LONG_NAME = 40
"""Characters of what has only to be a name: a value of an attribute, a label, a language."""

_INTERESTING = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<[!?/A-Za-z]|!\[|\][(\[]|&")

_LT = r"(?:<|&(?:amp;)*(?:lt|LT|#0*60|#[xX]0*3[cC]);)"
_GT = r"(?:>|&(?:amp;)*(?:gt|GT|#0*62|#[xX]0*3[eE]);)"
_BANG = r"(?:!|&(?:amp;)*(?:excl|#0*33|#[xX]0*21);)"
_DASH = r"(?:-|&(?:amp;)*(?:hyphen|dash|#0*45|#[xX]0*2[dD]);)"
_ENCODED_START = re.compile(f"{_LT}{_BANG}{_DASH}{_DASH}")
_ENCODED_END = re.compile(f"{_DASH}{_DASH}{_BANG}?{_GT}")

_TAG = re.compile(
    r"""</?(?P<name>[A-Za-z][A-Za-z0-9-]*+)(?P<attributes>(?:\s++[^\s"'=<>`/]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?+)*+)\s*+/?+>"""
)
_ATTRIBUTE = re.compile(r"""\s++([^\s"'=<>`/]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?+""")

ADDRESSES = frozenset({"href", "src"})
PLAIN_ATTRIBUTES = ADDRESSES | {
    *("align", "border", "checked", "class", "cols", "colspan", "dir", "disabled", "height", "id", "lang", "name"),
    *("open", "rel", "reversed", "rows", "rowspan", "scope", "span", "start", "target", "type", "valign", "width"),
}
"""Attributes that say how or where, not what; kept as long as their value is one word, and a name or an address."""

_FALLBACKS = frozenset({"audio", "video"})
"""Elements whose text a browser shows only where it does not know them."""

NOTE_ENDS = re.compile(r"</rp\s*>|<r[pt](?=[\s/>])|</ruby\s*>", re.IGNORECASE)
"""The same of `<rp>`, which needs no end of its own, and in HTML goes on over paragraphs."""

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_WORDS = re.compile(r"[a-z0-9]++(?:-[a-z0-9]++){4,}|[a-z0-9-]{33,}")
"""Names of elements that are no element's name: GitHub drops the tag, and the words in it with it."""

_DESTINATION = r"(?:<[^<>\n]*+>|(?:[^\s()\\<]|\\.|\((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*+\))*+\))*+)"
_TITLE = r"""(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"""
_TARGET = re.compile(rf"\(\s*+(?P<url>{_DESTINATION})(?P<title>\s++{_TITLE})?+\s*+\)", re.DOTALL)


@dataclass(slots=True)
class Found:
    """What was taken out so far, over all blocks and passes."""

    hidden: int = 0
    images: int = 0
    in_note: bool = False
    """What follows is inside the `<rp>` of an HTML block."""


@dataclass(slots=True)
class Block:
    """One pass over one block."""

    text: str
    found: Found
    labels: frozenset[str]
    """Normalised labels that the document defines."""
    html: bool
    """An HTML block: no code spans, no escapes, no Markdown links."""
    _out: list[str] = field(default_factory=list)
    _code: dict[int, int] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)
    _brackets: dict[int, int] = field(default_factory=dict)
    _closing: dict[int, int] = field(default_factory=dict)
    _lower: str = ""

    def cleaned(self) -> str:
        """The block without what it hides."""
        if _INTERESTING.search(self.text) is None:
            return self.text
        self._code = {} if self.html else code_spans(self.text)
        self._brackets = matching_brackets(self.text, self._code)
        self._closing = {close: opening for opening, close in self._brackets.items()}
        at = 0
        while (found := _INTERESTING.search(self.text, at)) is not None:
            self._out.append(self.text[at : found.start()])
            at = self._take(found)
        self._out.append(self.text[at:])
        return "".join(self._out)

    def _take(self, found: re.Match[str]) -> int:
        """Handle what stands at `found`; where to go on."""
        at, mark = found.start(), found[0]
        if mark[0] == "\\" or mark[0] == "`":
            end = self._code.get(at, found.end())
            return self._keep(at, at + 1 if self.html and mark[0] == "\\" else end)
        if mark == "&":
            return self._entity(at)
        if mark == "![":
            return self._image(at)
        if mark == "](":
            return self._link(at)
        if mark == "][":
            return self._labelled(at)
        if mark in {"<!", "<?"}:
            return self._declaration(at, mark)
        return self._tag(at)

    def _keep(self, start: int, end: int) -> int:
        self._out.append(self.text[start:end])
        return end

    def _drop(self, end: int) -> int:
        self.found.hidden += 1
        return end

    def _after(self, closing: str, start: int, text: str | None = None) -> int:
        """Where `closing` ends, at or after `start`; -1: nowhere. Each stretch is searched once, as `start` only grows."""
        known = self._next.get(closing)
        if known is None or 0 <= known < start:
            known = self._next[closing] = (text or self.text).find(closing, start)
        return known + len(closing) if known >= 0 else -1

    def _declaration(self, at: int, mark: str) -> int:
        """`<!-- … -->`, `<!DOCTYPE …>`, `<![CDATA[ … ]]>`, `<? … ?>`."""
        text = self.text
        if text.startswith("<!--", at):
            # `<!-->` and `<!--->` are whole comments; `--!>` ends one for browsers, though not for CommonMark.
            ends = [end for end in (self._after("-->", at + 2), self._after("--!>", at + 4)) if end >= 0]
            return self._drop(min(ends, default=len(text)))
        if _ENCODED_START.match(text, at):
            return self._encoded(at)
        closing = "]]>" if text.startswith("<![CDATA[", at) else "?>" if mark == "<?" else ">"
        named = mark == "<?" or text[at + 2 : at + 3].isalpha() or closing == "]]>"
        end = self._after(closing, at + 2) if named or self.html else -1
        return self._drop(end) if end >= 0 else self._keep(at, at + 1)  # `<![` may be an image behind a `<`

    def _encoded(self, at: int) -> int:
        end = _ENCODED_END.search(self.text, at)  # the dashes of `<!-->` are those of its start
        return self._drop(end.end() if end else len(self.text))

    def _entity(self, at: int) -> int:
        if _ENCODED_START.match(self.text, at):
            return self._encoded(at)
        entity = ENTITY.match(self.text, at)
        if entity is not None and is_invisible_entity(entity[0]):
            return self._drop(entity.end())
        return self._keep(at, entity.end() if entity else at + 1)

    def _tag(self, at: int) -> int:
        tag = _TAG.match(self.text, at)
        if tag is None:
            if self.html and self.text.startswith("</", at) and (end := self._after(">", at)) >= 0:
                return self._drop(end)  # `</ … >` is a comment for browsers
            return self._keep(at, at + 1)
        if tag["name"].lower() in {"img", "image"}:
            alt = " ".join(
                value or "" for name, value in _ATTRIBUTE.findall(tag["attributes"]) if name.lower() != "src"
            )
            return self._unread(alt, tag.end())
        if (unseen_to := self._unseen(tag)) is not None:
            return self._drop(unseen_to)
        attributes = self._attributes(tag["attributes"])
        start, end = tag.start("attributes"), tag.end("attributes")
        self._out.append(self.text[at:start] + attributes)
        return self._keep(end, tag.end())

    def _unseen(self, tag: re.Match[str]) -> int | None:
        """Where what nobody sees ends that begins with this tag; None: it is seen, or harmless."""
        name = tag["name"].lower()
        if name == "rp" and not tag[0].startswith("</"):
            return self._note(tag.end())
        if name in _FALLBACKS and not tag[0].startswith("</"):
            self._lower = self._lower or self.text.translate(_ASCII_LOWER)
            closing = self._after(f"</{name}>", tag.end(), self._lower)
            return closing if self.text[tag.end() : closing - len(f"</{name}>")].strip() and closing >= 0 else None
        return tag.end() if _WORDS.fullmatch(name) else None

    def _note(self, start: int) -> int | None:
        """Where a `<rp>` ends that says anything; brackets around a reading are what it is for."""
        end = NOTE_ENDS.search(self.text, start)
        if end is not None and re.search(r"\w", self.text[start : end.start()]) is None:
            return None
        self.found.in_note = self.html and end is None
        if end is None:
            return len(self.text)
        return end.end() if end[0].lower().startswith("</rp") else end.start()

    def _attributes(self, attributes: str) -> str:
        kept = []
        for attribute in _ATTRIBUTE.finditer(attributes):
            value = (attribute[2] or "").strip("\"'")
            name = attribute[1].lower()
            short = not re.search(r"\s", value) and (name in ADDRESSES or is_name(value))
            if name in PLAIN_ATTRIBUTES and short:
                kept.append(attribute[0])
            else:
                self.found.hidden += 1
        return "".join(kept)

    def _image(self, at: int) -> int:
        close = self._brackets.get(at + 1)
        if close is None:
            return self._keep(at, at + 2)
        alt = self.text[at + 2 : close]
        target = _TARGET.match(self.text, close + 1)
        if target is not None:
            self.found.hidden += target["title"] is not None
            return self._unread(alt, target.end())
        label_end = self._brackets.get(close + 1)
        label = self.text[close + 2 : label_end] if label_end else ""
        if normalised(label or alt) in self.labels:
            return self._unread(alt, (label_end or close) + 1)
        return self._keep(at, at + 2)

    def _unread(self, alt: str, end: int) -> int:
        """An image: only its place is told, because its alternative text is shown to nobody."""
        self.found.images += 1
        words = [word for word in alt.split() if not re.search(r"\d", word)]
        if "[" in alt or len(words) > LONG_ALT:
            self.found.hidden += 1
        if self.found.images <= MOST_IMAGES:
            # What follows must not turn the words into a link or a definition.
            self._out.append(f"{IMAGE} " if self.text[end : end + 1] in {"(", "[", ":"} else IMAGE)
        return end

    def _link(self, at: int) -> int:
        """`[text](url "title")`: the title shows only under a pointer that rests."""
        opening = self._closing.get(at)
        target = _TARGET.match(self.text, at + 1) if opening is not None else None
        if target is None:
            return self._keep(at, at + 2)
        if target["url"] and not self.text[opening:at].strip("[ \t\n\u00a0"):
            # Nothing to see and to point at: an address of words would be read by the agent alone.
            self._out.append("]()")
            return self._drop(target.end())
        url = short_address(target["url"])
        if target["title"] is None and url == target["url"]:
            return self._keep(at, at + 2)
        self._out.append(f"]({url})")
        return self._drop(target.end())

    def _labelled(self, at: int) -> int:
        """`[text][label]`: the label is shown to nobody."""
        end = self._brackets.get(at + 1)
        label = "" if end is None or at not in self._closing else self.text[at + 2 : end]
        if end is None or normalised(label) not in self.labels or is_name(label):
            return self._keep(at, at + 1)
        self._out.append("]")
        return self._drop(end + 1)


def is_name(text: str) -> bool:
    """Whether what nobody is shown is too short to say much."""
    words = [word for word in re.split(r"[\W_]+", text) if word and not any(map(str.isdigit, word))]
    return len(text) <= LONG_NAME and len(words) <= LONG_ALT


def short_address(url: str) -> str:
    """An address of a link; of one with a sentence in it (`<https://example.com/x and so on>`), the first word."""
    words = url.replace("%20", " ").strip("<>").split()
    return url if len(words) <= 1 + LONG_ALT else f"<{words[0]}>"


def code_spans(text: str) -> dict[int, int]:
    """Start and end of each run of backticks that is not escaped: of its code span, or of itself where it is text."""
    starts: dict[int, list[int]] = {}
    for run in re.finditer("`+", text):
        starts.setdefault(len(run[0]), []).append(run.start())
    spans: dict[int, int] = {}
    skip_to = 0
    for found in re.finditer(r"\\.|`+", text, re.DOTALL):
        if found.start() < skip_to or found[0][0] == "\\":
            continue
        # Inside a span a backslash escapes nothing, so any later run of the same length closes it.
        closers = starts.get(len(found[0]), [])
        closer = bisect_left(closers, found.end())
        skip_to = closers[closer] + len(found[0]) if closer < len(closers) else found.end()
        spans[found.start()] = skip_to
    return spans


def without_code(text: str) -> str:
    """A paragraph without its code spans."""
    shown: list[str] = []
    at = 0
    for start, end in code_spans(text).items():
        shown.append(text[at:start])
        at = end
    return " ".join([*shown, text[at:]])


def matching_brackets(text: str, code: dict[int, int]) -> dict[int, int]:
    """For each `[`, outside of code and not escaped, where its `]` is."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    skip_to = 0
    for found in re.finditer(r"\\.|`+|[\[\]]", text, re.DOTALL):
        at = found.start()
        if at < skip_to:
            continue
        if found[0] == "[":
            opened.append(at)
        elif found[0] == "]" and opened:
            pairs[opened.pop()] = at
        elif found[0][0] == "`":
            skip_to = code.get(at, found.end())
    return pairs


def normalised(label: str) -> str:
    """A link label as CommonMark compares it."""
    return re.sub(r"\s+", " ", label).strip().casefold()
