"""`python -m bot.local.headless_runner`: one task of a Backlog.md project, by the words of the headless runner before."""
