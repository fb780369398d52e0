"""What the agent is told of the role it works in: short texts of ours, or the project's own in `.ai-ready/roles/`."""

from importlib.resources import files
from pathlib import Path

from bot.core.names import Reason
from bot.errors import Blocked

FOLDER = ".ai-ready/roles"
MOST = 20_000
"""Characters of a role's text."""


def role_text(role: str, root: Path) -> str:
    """What `role` is about, in the checkout at `root`; empty where there is no role.

    Raises `Blocked(setup-failed)` for a file that can't be read.
    """
    if not role:
        return ""
    own = root / FOLDER / f"{role}.md"
    try:
        return own.read_text(encoding="utf-8")[:MOST]
    except FileNotFoundError:
        return files("bot.local").joinpath("role_texts", f"{role}.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Blocked(Reason.SETUP_FAILED, f"{own} can't be read: make it a text file in UTF-8.") from error
