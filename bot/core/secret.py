"""A secret value that does not show itself: not in a repr, a log line, an f-string or a traceback's locals."""

from typing import Final, final

SHORTEST: Final = 8
"""Shorter values are not looked for in what others say: they would be everywhere."""


@final
class Secret:
    """A token or a key. Only `reveal()` gives its value; comparing and truth work as with the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    @property
    def is_sendable(self) -> bool:
        """Whether a header can hold it. Libraries quote one that can't be sent in the error that they raise."""
        return self._value.isascii() and self._value.isprintable()

    def out_of(self, text: str) -> str:
        """`text` without this value: servers and what stands before them may repeat what they were sent."""
        return text.replace(self._value, "***") if len(self._value) >= SHORTEST else text

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    def __str__(self) -> str:
        return "***" if self._value else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: the copy would be a secret nobody knows of")
