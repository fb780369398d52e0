"""`python -m bot.local.advanced_agent_runner`: tasks of Headless PM, by the words of the advanced runner before."""
