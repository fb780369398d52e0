"""`python -m bot.local.runner_sdk` is `ai-ready start --runner sdk --exit-when-idle`."""

import sys

from bot.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["start", "--runner", "sdk", "--exit-when-idle"]
    main()
