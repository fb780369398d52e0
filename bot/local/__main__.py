"""`python -m bot.local start` is `ai-ready start --exit-when-idle`, and so on: `python -m scripts.autonomous` of before.

A runner ended there when no task was left.
"""

import sys

from bot.cli import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        sys.argv.insert(2, "--exit-when-idle")
    main()
