"""What values the repository's config may hold: the ranges of its numbers and the shapes of its texts."""

import re
from collections.abc import Mapping
from typing import Final

from bot.core.commands import MODEL_NAME

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "agent.max_turns": (1, 500),
    "agent.max_tokens": (256, 128_000),
    "agent.requests_per_minute": (1, 10_000),
    "limits.minutes": (1, 300),
    "limits.usd": (0.01, 1_000),
    "limits.usd_per_day": (0.01, 100_000),
    "limits.runs_per_day": (1, 1_000),
    "limits.concurrent": (1, 50),
    "limits.attempts": (1, 10),
    "limits.review_rounds": (0, 20),
    "limits.files": (1, 10_000),
    "limits.patch_kb": (1, 102_400),
    "checks.attempts": (1, 10),
    "checks.minutes": (1, 300),
    "checkpoints.turn_interval": (1, 500),
    "checkpoints.context": (0.1, 1),
    "notify.interval": (10, 86_400),
    "local.tasks": (1, 1_000),
    "local.usd": (0.01, 10_000),
    "local.turns": (1, 100_000),
    "local.idle_seconds": (1, 3_600),
    "local.ask_minutes": (1, 1_440),
    "local.hook_seconds": (1, 3_600),
    "local.health_seconds": (5, 86_400),
}
"""Smallest and largest value of every number. Zero turns or minutes would mean no limit to the CLI: refused."""

ELSEWHERE: Final = frozenset({"tracker"})
"""Sections of the file that `bot.trackers.config` reads: its keys depend on the source."""

LEVELS: Final = ("junior", "senior", "principal")

BRANCH_NAME = re.compile(
    r"(?!-|refs/|ai/)(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)|/\.|[./]$))[^\s\x00-\x20~^:?*\[\\.][^\s\x00-\x20~^:?*\[\\]{0,200}|"
)
PATH_GLOB = re.compile(r"(?!!)(?!(?:.*/)?\.\.(?:/|$))(?=.*[^/\s])\S(?:[^\n\x00]{0,500}\S)?")
"""Like a line of .gitignore, but nothing is negated: `allow` takes out what `protect` does not add."""
ENV_NAME = re.compile(r"(?!(?:GITHUB|RUNNER|ACTIONS|ANTHROPIC|CLAUDE|AI_READY|LD)_)[A-Za-z_][A-Za-z0-9_]{0,100}")

AGENT_ID = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._@-]{0,63})?")
"""It goes into labels, comments, YAML and names of files."""

SHAPES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "agent.model": (MODEL_NAME, "a model's alias or id, such as `opus`"),
    "agent.models.*": (MODEL_NAME, "a model's alias or id, such as `sonnet`"),
    "pull_request.base": (BRANCH_NAME, "a branch's name, such as `main`"),
    "protect": (PATH_GLOB, "paths relative to the repository's root, such as `docs/**`"),
    "allow": (PATH_GLOB, "paths relative to the repository's root, such as `CLAUDE.md`"),
    "notify.slack_webhook_env": (
        ENV_NAME,
        "the name of an environment variable of yours; the address itself belongs into a secret",
    ),
    "local.agent_id": (AGENT_ID, "letters, digits and . _ @ - only, at most 64 of them"),
}
"""What a text has to look like, by key, and how that is said."""
