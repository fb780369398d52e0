"""Finds secrets in text and takes them out: in logs, errors, comments, and in the diffs of an agent.

Two nets. Values we know (our token, the model's key) are found whole or in part, plain, reversed, rot13, and in disguise
or encoded (`bot.job.disguise`). Values we don't know are found by the formats in `FORMATS` and by the rules of a
maintained scanner (`bot.job.scanner`). Both run in linear time. What no net can hold (a cipher, a picture) is why the
agent never has a secret in the first place.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.core.outbound import clean, traced
from bot.core.secret import SHORTEST, Secret
from bot.job.disguise import Disguises
from bot.job.scanner import END as _END
from bot.job.scanner import START as _START
from bot.job.scanner import spans_of_rules

MARK: Final = "[redacted]"

PIECE: Final = 8
"""Characters of a known value that already count: a value is found by its first or last eight."""

MOST_PASSES: Final = 4
"""What is taken out uncovers what began right behind it; nobody writes more than two secrets without a gap."""

# ------------------------------------------------------------------------------------ unknown values


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of secret looks."""

    kind: str
    hints: tuple[str, ...]
    """One of these is in every match: a quick look saves the pattern."""
    pattern: re.Pattern[str]
    in_files: bool = True
    """False: fine in a repository's files (a test's database URL), but never in a log of ours."""


_NAMED = r"(?!(?:\$[A-Z_][A-Z0-9_]*+|\$\{\w++\}|\*++|<[^<>\s]*+>)(?:[\s\"',;@`)]|$))"
"""Not what documentation writes in place of a value: `$TOKEN`, `${TOKEN}`, `***`, `<your-token>`."""

_KEY_BEGINS = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
_KEY_WHOLE = r"(?=(?:[^-]|-(?!----)){0,400}?[A-Za-z0-9+/]{24})(?:[^-]|-(?!----)){24,40000}+-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
"""At least one run of 24 base64 characters: a placeholder between the lines is no key."""
_KEY_BREAK = r"(?:[\s\"'`+>|,]|\\[nrt]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z)"
_KEY_CUT = (
    rf"(?:{_KEY_BREAK}|[A-Za-z-]{{1,40}}: [^\n\\]{{0,200}}(?=\n|\\n)){{0,400}}?"
    rf"[A-Za-z0-9+/=]{{24,}}+(?:{_KEY_BREAK}{{1,40}}+[A-Za-z0-9+/=]{{8,}}+)*+"
)
"""Without its end: only what looks like lines of a key, so that a sentence about keys does not take the rest with it."""

FORMATS: Final = (
    # https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
    Format("github-token", ("ghp_", "gho_", "ghu_", "ghr_"), re.compile(r"gh[pour]_[A-Za-z0-9_]{36,255}")),
    # ghs_ + 36 characters, or since 2026 ghs_<app id>_<JWT>
    Format("github-token", ("ghs_",), re.compile(r"ghs_[A-Za-z0-9._-]{35,2000}[A-Za-z0-9_-]")),
    Format("github-token", ("github_pat_",), re.compile(r"github_pat_[A-Za-z0-9_]{36,255}")),
    Format(
        "anthropic-key",
        ("sk-ant-",),
        re.compile(r"sk-ant-(?=[A-Za-z0-9_-]{0,40}[0-9A-Z])(?:[a-z]{2,10}[0-9]{2}-)?[A-Za-z0-9_-]{20,400}"),
    ),
    Format(
        "aws-key",
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        re.compile(rf"{_START}(?:AKIA|ASIA|ABIA|ACCA)(?![0-9A-Z]{{0,16}}EXAMPLE)[0-9A-Z]{{16}}{_END}"),
    ),
    Format(
        "aws-key",
        ("ecret",),
        re.compile(
            r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s{0,5}[=:]\s{0,5}[\"']?"
            r"(?![A-Za-z0-9/+=]{0,40}EXAMPLE)(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    Format(
        "slack-token",
        ("xox", "xapp-"),
        re.compile(rf"{_START}(?:xox[abeoprs](?:\.xox[bp])?|xapp)-(?=[A-Za-z-]{{0,60}}[0-9])[A-Za-z0-9-]{{18,300}}"),
    ),
    Format(
        "slack-webhook",
        ("hooks.slack.com",),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200}"),
    ),
    Format(
        "jwt",
        ("eyJ",),
        re.compile(rf"{_START}eyJ[A-Za-z0-9_-]{{5,4000}}\.eyJ[A-Za-z0-9_-]{{5,8000}}\.[A-Za-z0-9_-]{{16,2000}}"),
    ),
    Format("private-key", ("PRIVATE KEY",), re.compile(f"{_KEY_BEGINS}(?:{_KEY_WHOLE}|{_KEY_CUT})")),
    Format("npm-token", ("npm_",), re.compile(rf"{_START}npm_[A-Za-z0-9]{{36}}{_END}")),
    Format("pypi-token", ("pypi-AgE",), re.compile(r"pypi-AgE[A-Za-z0-9_-]{50,1000}")),
    Format("gitlab-token", ("glpat-",), re.compile(rf"{_START}glpat-[A-Za-z0-9_-]{{20,300}}")),
    Format("google-key", ("AIza",), re.compile(rf"{_START}AIza[A-Za-z0-9_-]{{35}}{_END}")),
    Format("stripe-key", ("k_live_",), re.compile(rf"{_START}[rs]k_live_[A-Za-z0-9]{{24,200}}")),
    Format(
        "openai-key", ("sk-proj-", "sk-svcacct-"), re.compile(rf"{_START}sk-(?:proj|svcacct)-[A-Za-z0-9_-]{{40,300}}")
    ),
    Format(
        "url-password",
        ("://",),
        # `docker://image:tag@sha256:…` has none.
        re.compile(rf"://[^\s/:@\"'<>]{{0,200}}:{_NAMED}(?P<secret>[^\s/@\"'<>]{{3,500}})@(?!sha256:)"),
        in_files=False,
    ),
    Format(
        "authorization",
        ("uthorization",),
        re.compile(
            r"(?i:authorization)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:(?i:basic|bearer|token)\s{1,3})"
            rf"{_NAMED}(?P<secret>[^\s\"',;]{{8,4000}})"
        ),
        in_files=False,
    ),
)
"""What we and our users hold, and what has to be known more closely than a scanner does."""

# -------------------------------------------------------------------------------------- known values

KNOWN: Final = "known-secret"

_PUBLIC = re.compile(
    r"(?:gh[pousr]_(?:[0-9]+_)?|github_pat_|sk-ant-(?:[a-z]+[0-9]{2}-)?|sk-(?:proj-)?|xox[a-z]-|[a-z][a-z0-9+.-]*://[^/]*/"
    r"(?:services/)?)?(?:eyJ[A-Za-z0-9_-]*\.)?"
)
"""What every value of a kind begins with: no piece of a secret."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One way a known value may be written."""

    text: str
    secret: range
    """Where in `text` the part is that is not public."""
    whole: bool
    """Only all of it counts: the value is too plain for its pieces to mean anything."""

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where this form, or a piece of it that holds the secret part's beginning or end, stands in `text`."""
        if self.whole:
            yield from ((at, at + len(self.text)) for at in _every(self.text, text))
            return
        for offset in {self.secret.start, self.secret.stop - PIECE}:
            for at in _every(self.text[offset : offset + PIECE], text):
                yield self._grown(text, at, offset)

    def _grown(self, text: str, at: int, offset: int) -> tuple[int, int]:
        """The longest stretch around `text[at : at + PIECE]` that reads as this form does around `offset`."""
        before, after = 0, PIECE
        while before < min(at, offset) and text[at - before - 1] == self.text[offset - before - 1]:
            before += 1
        most = min(len(text) - at, len(self.text) - offset)
        while after < most and text[at + after] == self.text[offset + after]:
            after += 1
        return at - before, at + after


def _every(needle: str, text: str) -> Iterator[int]:
    at = text.find(needle)
    while at != -1:
        yield at
        at = text.find(needle, at + len(needle))


def _values(known: Iterable[Secret | str]) -> Iterator[str]:
    """The values to look for: of a key in several lines, each line but its first and last."""
    for each in known:
        value = each.reveal() if isinstance(each, Secret) else each
        lines = [line.strip() for line in value.splitlines()]
        yield from (line for line in lines if len(line) >= SHORTEST and not line.startswith("-----"))


def _public(value: str) -> int:
    """How many of its characters say only what kind of secret it is."""
    public = _PUBLIC.match(value)
    return public.end() if public else 0


def _forms(value: str) -> Iterator[_Form]:
    skip = _public(value)
    secret = value[skip:]
    whole = len(secret) < 2 * PIECE or not (any(map(str.isdigit, secret)) and any(map(str.isalpha, secret)))
    yield _Form(value, range(skip, len(value)), whole)
    yield _Form(codecs.encode(value, "rot13"), range(skip, len(value)), whole)
    yield _Form(value[::-1], range(len(secret)), whole)


# ------------------------------------------------------------------------------------- the redactor


class Redactor:
    """Takes secrets out of text: the values it is told of, and what looks like one."""

    def __init__(self, known: Iterable[Secret | str]) -> None:
        values = tuple(dict.fromkeys(_values(known)))
        self._forms = tuple(form for value in values for form in _forms(value))
        self._disguises = Disguises((value, _public(value)) for value in values)

    def __repr__(self) -> str:
        return "Redactor(…)"

    def text(self, text: str) -> str:
        """`text` with every secret replaced by `MARK`.

        A secret that something invisible cuts in two is taken out too; the invisible then goes with it.
        """
        for _ in range(MOST_PASSES):
            before, text = text, self._pass(text)
            if text == before:
                break
        return text

    def _pass(self, text: str) -> str:
        spans = list(self._spans(text, files=False))
        bare = clean(text)
        if bare != text and (joined := list(self._spans(bare, files=False))):
            _, places = traced(text)
            spans += [(kind, places[start], places[end - 1] + 1) for kind, start, end in joined]
        return _without(text, _merged(spans))

    def found(self, data: str | bytes) -> list[str]:
        """The kinds of secrets in a file, a diff or a text that is to be published; UTF-16 and invisibles included."""
        texts = [data] if isinstance(data, str) else [data.decode("utf-8", "replace")]
        if isinstance(data, bytes) and b"\0" in data:
            texts.append(data.replace(b"\0", b"").decode("utf-8", "replace"))
        texts += [bare for text in tuple(texts) if (bare := clean(text)) != text]
        return sorted({kind for text in texts for kind, _, _ in self._spans(text, files=True)})

    def _spans(self, text: str, *, files: bool) -> Iterator[tuple[str, int, int]]:
        for form in self._forms:
            yield from ((KNOWN, start, end) for start, end in form.spans(text))
        yield from ((KNOWN, start, end) for start, end in self._disguises.spans(text))
        for each in FORMATS:
            if (files and not each.in_files) or not any(hint in text for hint in each.hints):
                continue
            group = "secret" if "secret" in each.pattern.groupindex else 0
            yield from ((each.kind, *match.span(group)) for match in each.pattern.finditer(text))
        yield from spans_of_rules(text)


def _merged(spans: Iterable[tuple[str, int, int]]) -> list[tuple[int, int]]:
    """Where secrets stand, as stretches that don't touch each other, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((start, end) for _, start, end in spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    kept, end = [], 0
    for start, stop in spans:
        kept += [text[end:start], MARK]
        end = stop
    return "".join([*kept, text[end:]])
