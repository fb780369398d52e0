"""DECIDE. Pure: no I/O, no clock, no environment; imports nothing of ours outside `bot.core` and `bot.errors`."""
