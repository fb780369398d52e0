"""Prerequisites named in an issue's text (design.md §4 Prerequisites): `Depends on #12, owner/repo#5 and GH-3`.

A list right behind a paragraph that ends with the keyword is one, too: each item that begins with references.

Only what a reader sees as plain prose counts: paragraphs and list items, as a CommonMark parser (with GitHub's tables
and strike-through) finds them. Code, quotes, headings, tables, comments, link text, struck-out text and the inside of
`<details>` and its like never count. Text inside other HTML elements (`<div>`, `<b>`) is prose: where we may be
wrong, an issue waits.

Cost: bodies without a keyword are not parsed at all; of the others only the paragraphs that hold one are read for
inline markup, so that 100 kB of brackets cost nothing unless a keyword stands right among them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.core.model import Issue, Ref

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

GITHUB = ("github.com", "www.github.com")
"""Hosts whose issue URLs count unless the caller names others."""

_HINT = re.compile(r"depends|blocked|requires", re.IGNORECASE)
_NEGATION = (
    r"(?:\b(?:not|never|nor|neither|nothing|nobody|none|without|cannot|no\s++[\w-]++)|n['’]t"
    r"|\b(?:is|are|was|were|does|do|did|wo|has|have|ca)nt)"
    r"(?:\s++(?:yet|currently|actually|really|longer|anymore|any\s++more|now|directly|strictly|necessarily|technically"
    r"|truly|even|ever|still|explicitly|formally|at\s++all|be|been|being|is|are|was|it|to)\b)*+\s++"
)
_KEYWORD = re.compile(
    rf"(?P<negation>{_NEGATION})?(?<![\w-])(?:depends\s++on|blocked\s++by|requires)(?:\s*+:\s*+|\s++)", re.IGNORECASE
)

_OWNER, _REPO = r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}", r"[A-Za-z0-9._-]{1,100}"
_LEAD = re.compile(
    rf"(?P<negation>{_NEGATION})?(?<![\w-])(?P<keyword>depends\s++on|blocked\s++by|requires)\s*+:?\s*+\Z", re.IGNORECASE
)
"""A paragraph that ends so names what the list right behind it begins its items with."""
_BOX = re.compile(r"\A\[[ xX]\]\s++")
_NUMBER = r"([1-9][0-9]{0,9})(?!\w)"
_REF = (
    rf"(?:\#{_NUMBER}|[Gg][Hh]-{_NUMBER}|({_OWNER}/{_REPO})\#{_NUMBER}"
    rf"|https?://([A-Za-z0-9.:-]{{1,255}})/({_OWNER}/{_REPO})/(?:issues|pulls?)/{_NUMBER}(?:[/?\#][^\s,()<>\ufffc]*+)?)"
)
_FIRST = re.compile(_REF)
_AND = "[Aa][Nn][Dd]"
_NEXT = re.compile(rf"(?:\s*+,\s*+(?:{_AND}\s++|&\s*+)?|\s*+&\s*+|\s++{_AND}\s++|\s++){_REF}")

_BARRIER = "\ufffc"
"""Stands for what is no prose (code, a link, an image): a list of references ends there."""
_STRUCK = re.compile(r"(?<![~\w])~(?![~\s])[^~]*+(?<!\s)~(?![~\w])")
"""GitHub strikes out with one tilde, too; the parser only knows two."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NO_PROSE = re.compile(
    r"<(/?)(a|blockquote|code|del|details|h[1-6]|kbd|pre|q|s|samp|script|strike|style|summary|table|template|textarea"
    r"|title|tt|var)(?![\w-])",
    re.IGNORECASE,
)
"""Tags of HTML elements whose text is a link, a quote, code, a heading, struck out, a table or hidden."""


def parse(body: str, *, repo: str, hosts: Sequence[str] = GITHUB) -> tuple[Ref, ...]:
    """The issues and pull requests that `body` names as prerequisites, each once, in order of mention.

    `repo` is the issue's own `owner/repo`; `hosts` are those of GitHub's web pages (`host` or `host:port`).
    """
    found: dict[Ref, None] = {}
    for prose in _paragraphs(body):
        found.update(dict.fromkeys(_named(prose, repo.lower(), frozenset(host.lower() for host in hosts))))
    return tuple(found)


@lru_cache(maxsize=20_000)
def _parsed(body: str, repo: str, host: str) -> tuple[Ref, ...]:
    return parse(body, repo=repo, hosts=(*GITHUB, host) if host else GITHUB)


def of_issue(issue: Issue, *, repo: str) -> tuple[Ref, ...]:
    """`parse` of an issue's body, remembered; pages on the issue's own server count."""
    return _parsed(issue.body, repo, urlsplit(issue.url).netloc)


# ------------------------------------------------------------------------------------------- grammar


def _named(prose: str, repo: str, hosts: frozenset[str]) -> Iterator[Ref]:
    """The references behind each keyword that is not negated."""
    for keyword in _KEYWORD.finditer(prose):
        match = None if keyword["negation"] else _FIRST.match(prose, keyword.end())
        while match and (ref := _ref(match, repo, hosts)):
            yield ref
            match = _NEXT.match(prose, match.end())


def _ref(match: re.Match[str], repo: str, hosts: frozenset[str]) -> Ref | None:
    """The issue a reference means; None for a page of another server."""
    here, short, path, there, host, page, number = match.groups()
    if host is not None:
        return Ref(page.lower(), int(number)) if host.lower() in hosts else None
    return Ref((path or repo).lower(), int(here or short or there))


# ------------------------------------------------------------------------------------------ markdown


def _paragraphs(body: str) -> Iterator[str]:
    """The prose of every paragraph and list item that may hold a keyword, without its markup."""
    if _HINT.search(body) is None:
        return
    environment: dict[str, object] = {}
    tokens = _parser().parse(body, environment)
    steps = _element_steps(tokens, "html_block")
    quoted = hidden = 0
    for index, token in enumerate(tokens):
        quoted += token.nesting if token.type.startswith("blockquote") else 0
        hidden += steps.get(index, 0)
        is_prose = token.type == "inline" and tokens[index - 1].type == "paragraph_open" and not quoted and not hidden
        if is_prose and _HINT.search(token.content):
            prose = _prose(token.content, environment)
            yield prose
            lead = _LEAD.search(prose)
            if lead is not None and not lead["negation"]:
                yield from (f"{lead['keyword']} {item}" for item in _items(tokens, index + 2, environment))


def _prose(content: str, environment: dict[str, object]) -> str:
    """One paragraph as a reader sees it."""
    parser, inline = _parser(), list["Token"]()
    parser.inline.parse(content, parser, environment, inline)
    return _STRUCK.sub(" ", "".join(_visible(inline)))


def _items(tokens: Sequence["Token"], start: int, environment: dict[str, object]) -> Iterator[str]:
    """The first paragraph of each item, where a list stands right at `start`; items in items are not looked at."""
    if start >= len(tokens) or tokens[start].type not in ("bullet_list_open", "ordered_list_open"):
        return
    level = tokens[start].level
    for index in range(start + 1, len(tokens)):
        token = tokens[index]
        if token.level == level:
            return  # the list's end
        first = token.type == "inline" and token.level == level + 3 and tokens[index - 2].type == "list_item_open"
        if first:
            yield _BOX.sub("", _prose(token.content, environment))


@cache
def _parser() -> "MarkdownIt":
    """CommonMark with GitHub's tables and strike-through, stopping at blocks. Imported late: it costs 0.1 s."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 (see above)

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.core.ruler.disable(["inline", "text_join"])
    return parser


def _visible(tokens: Sequence["Token"]) -> Iterator[str]:
    """The text a reader sees, with barriers where something is that does not count."""
    steps = _element_steps(tokens, "html_inline")
    depth = 0
    for index, token in enumerate(tokens):
        step = steps.get(index, 0)
        if token.type in ("s_open", "s_close") or (token.type in ("link_open", "link_close") and not _is_bare(token)):
            step = token.nesting
        depth += step
        if step:
            yield " " if token.type.startswith("s_") else _BARRIER
        elif not depth:
            yield _shown(token)


def _is_bare(token: "Token") -> bool:
    """`<https://…>`: the URL is its own text."""
    return token.markup == "autolink"


def _shown(token: "Token") -> str:
    match token.type:
        case "text" | "text_special":
            return token.content
        case "softbreak" | "hardbreak":
            return " "
        case "code_inline" | "image":
            return _BARRIER
        case "html_inline":
            return " " if token.content.startswith("<!--") or token.content[:3].lower() == "<br" else ""
        case _:
            return ""


def _element_steps(tokens: Sequence["Token"], kind: str) -> Counter[int]:
    """By token index: +1 where an element that holds no prose opens, -1 where it closes.

    An unclosed `<details>` block hides the rest, as in a browser; other unclosed elements hide nothing.
    """
    opened: dict[str, list[int]] = {}
    steps: Counter[int] = Counter()
    for index, token in enumerate(tokens):
        if token.type != kind:
            continue
        for closing, name in _tags(token.content):
            if not closing:
                opened.setdefault(name, []).append(index)
            elif opened.get(name):
                steps[opened[name].pop()] += 1
                steps[index] -= 1
    if kind == "html_block":
        steps.update(opened.get("details", ()))
    return steps


def _tags(html: str) -> Iterator[tuple[bool, str]]:
    for match in _NO_PROSE.finditer(_COMMENT.sub("", html)):
        yield bool(match[1]), match[2].lower()
