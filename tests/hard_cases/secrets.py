"""Secrets (S): which test holds which case."""

CASES: dict[str, tuple[str, ...]] = {}
