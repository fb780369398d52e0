"""The runner and the publisher (R): which test holds which case."""

CASES: dict[str, tuple[str, ...]] = {}
