"""Every sentence the bot says on GitHub: pure functions from facts to Markdown.

Foreign words (titles, logins, the agent's text) pass `inert`, `one_line` or `fence` of `bot.core.outbound` here, so
nothing that is not ours can mention, close, link, command or format.
"""
