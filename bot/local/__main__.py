"""`python -m bot.local start` is `ai-ready start --exit-when-idle`, and so on: `python -m scripts.autonomous` of before.

Nobody was asked there, and a runner ended when no task was left.
"""

import sys
from typing import Final

from bot.cli import main

AS_BEFORE: Final = {"start": "--exit-when-idle", "init": "--yes"}

if __name__ == "__main__":
    command = "".join(sys.argv[1:2])
    if command in AS_BEFORE:
        sys.argv.insert(2, AS_BEFORE[command])
    main()
