"""Where programs keep credentials in a home, and which of them others may read: these are hidden from the agent.

A home that others can't pass, as GitHub's hosted runners have it, needs none of this; many a machine's home is at 0755.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.agent.places import passable

PLACES: Final = (
    *(".git-credentials", ".config/git/credentials", ".netrc", ".config/gh", ".config/glab-cli", ".ssh", ".gnupg"),
    *(".npmrc", ".yarnrc.yml", ".pypirc", ".config/pip/pip.conf", ".cargo/credentials", ".cargo/credentials.toml"),
    *(".gem/credentials", ".m2/settings.xml", ".gradle/gradle.properties", ".composer/auth.json", ".terraformrc"),
    *(".docker/config.json", ".kube", ".aws", ".azure", ".config/gcloud", ".terraform.d/credentials.tfrc.json"),
    *(".claude/.credentials.json", ".claude.json", ".config/anthropic"),
)
"""Files and folders."""


def open_credentials(home: Path) -> Iterator[Path]:
    """Those that others may read; folders are given whole."""
    if home.is_dir() and passable(home):
        for name in PLACES:
            path = home / name
            try:
                mode = path.stat().st_mode
            except OSError:
                continue
            wanted = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
            if mode & wanted and passable(path):
                yield path


def own_home() -> Path:
    """Ours."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)
