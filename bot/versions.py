"""Which ai-ready this is, and which Claude CLI its lock file pins."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "ai-ready-bot"


def versions_text() -> str:
    """One line each: ai-ready, and the package that carries the CLI."""
    return f"ai-ready {_of(DISTRIBUTION)}\nclaude-agent-sdk (carries the Claude CLI) {_of('claude-agent-sdk')}\n"


def _of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
