"""What the page shows, for machines: `/status.json`, and `ai-ready server-status --json`, which asks for that."""

from datetime import datetime
from typing import Any

from bot.page.figures import as_json, days
from bot.page.shown import Budget, Source
from bot.page.words import iso


def status(source: Source, now: datetime) -> dict[str, Any]:
    """All of it. Names that stay: others read them."""
    health = source.health()
    return {
        "v": 1,
        "at": iso(now),
        "health": {
            "word": health.word,
            "vitals": [
                {"name": each.name, "value": each.value, "good": each.good, "words": each.words}
                for each in health.vitals
            ],
        },
        "projects": [
            {
                "id": each.id,
                "name": each.name.text,
                "looked_at": iso(each.at) if each.at else None,
                "issues": {state.value: count for state, count in each.states.items()},
                "today": _today(each.budget),
                "problems": list(each.problems),
                "days": as_json(days(source.runs(each.id), now)),
            }
            for each in source.overview()
        ],
    }


def _today(budget: Budget | None) -> dict[str, Any] | None:
    if budget is None:
        return None
    return {
        "usd": round(budget.usd, 4),
        "usd_limit": budget.usd_limit,
        "runs": budget.runs,
        "runs_limit": budget.runs_limit,
        "active": budget.active,
        "active_limit": budget.active_limit,
        "complete": budget.complete,
    }
