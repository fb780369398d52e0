"""What arrives at the webhook (W): which test holds which case."""

CASES: dict[str, tuple[str, ...]] = {}
