"""Other people's words inside a prompt: marked as data, bounded, or flat. Pure."""

import re


def fenced(fence: str, name: str, text: str) -> str:
    """`text` as data called `name`; `fence` is a random word, so that no text can end its own quotation."""
    # Where somebody had the word before, it goes; what stands in its place keeps its neighbours from making it anew.
    return f"<{fence} {name}>\n{re.sub(re.escape(fence), '…', text, flags=re.IGNORECASE)}\n</{fence}>"


def cut(text: str, most: int, *, keep_end: bool = False) -> str:
    """At most `most` characters of `text`, from its beginning or its end, and how much is left out."""
    text = text.strip("\n")
    if len(text) <= most:
        return text
    note = f"[{len(text) - most} characters are left out here]"
    return f"{note}\n{text[-most:]}" if keep_end else f"{text[:most]}\n{note}"


def flat(text: str) -> str:
    """`text` as one short line."""
    return re.sub(r"\s+", " ", text).strip()[:500]
