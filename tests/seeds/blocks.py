"""The blocks of code in the documentation of the systems before, as they were (tests/seeds/blocks/)."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("blocks")


@dataclass(frozen=True)
class Block:
    """One of them."""

    seed: str
    number: int
    """Of all in its file, from 1."""
    heading: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.seed}-{self.number}-{self.language}"


def blocks(*languages: str) -> list[Block]:
    """All blocks in these languages, in order."""
    found = [each for path in sorted(FOLDER.glob("00[1-4].md")) for each in _read(path)]
    return [each for each in found if each.language in languages]


def _read(path: Path) -> list[Block]:
    parts = re.findall(r"^## ([^\n]*)\n\n```(\w+)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(path.stem, number, *part) for number, part in enumerate(parts, 1)]
