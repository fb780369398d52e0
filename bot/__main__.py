"""`python -m bot` is `ai-ready`."""

from bot.cli import main

main()
