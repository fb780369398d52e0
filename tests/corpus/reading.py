"""Ordinary documents of ordinary people and programs, and what of each a reader on GitHub does not see.

Own words all of them, made for these tests; names and ids are invented. What is not named here is seen whole.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "documents"
IMAGE = "[image not read]"


@dataclass(frozen=True)
class Unseen:
    """What of a document its rendering does not show."""

    hidden: int
    gone: tuple[tuple[str, str], ...]
    """Each piece of it that the agent does not read, and what stands there instead."""
    images: int = 0


_BADGE = "![CI](https://github.com/octo/frobnicate/actions/workflows/ci.yml/badge.svg)"

UNSEEN = {
    # GitHub keeps escape characters, and shows the rest of a colour's code.
    "actions.log": Unseen(12, (("\x1b", ""),)),
    # Tags of no element, and attributes that are no attribute's name.
    "angle-brackets.md": Unseen(2, (("a <b and c> d", "a <b> d"),)),
    "traceback.txt": Unseen(1, (("<frozen importlib._bootstrap>", "<frozen>"),)),
    "base64-images.html": Unseen(
        1, ((' integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"', ""),)
    ),
    "bug-template.md": Unseen(
        4,
        (
            ("<!-- Thanks for reporting! Please search first. -->", ""),
            ("<!-- A clear and concise description\nof what the bug is. -->", ""),
            ("<!-- What did you expect? -->", ""),
            ("<!-- e.g. 2.0 -->", ""),
        ),
    ),
    "regexes.md": Unseen(1, ((r"<!--[\s\S]*?-->", ""),)),
    # Between words of a script that has no spaces: for breaking lines only.
    "khmer.md": Unseen(5, (("\u200b", ""),)),
    "links-with-titles.md": Unseen(
        5,
        (
            (' "The documentation"', ""),
            (" 'Frequently asked'", ""),
            (" (In parentheses)", ""),
            ('[ref]: https://example.com/ref "A title of a definition"', "[ref]: <https://example.com/ref>"),
            (
                "[another]:\n  <https://example.com/another>\n  'A title in its own line'",
                "[another]: <https://example.com/another>",
            ),
        ),
    ),
    "shell-session.txt": Unseen(1, (('[link](x "y")', "[link](x)"),)),
    "readme.md": Unseen(
        0,
        (
            (_BADGE, IMAGE),
            ("![Licence](https://img.shields.io/badge/licence-MIT-blue.svg)", IMAGE),
            ('<img src="docs/demo.gif" width="600">', IMAGE),
        ),
        images=3,
    ),
}

DOCUMENTS = {path.name: path.read_bytes().decode() for path in sorted(FOLDER.iterdir())}


def as_seen(name: str) -> str:
    """The document without what a reader does not see."""
    text = DOCUMENTS[name]
    for old, new in UNSEEN[name].gone if name in UNSEEN else ():
        text = text.replace(old, new)
    return text
