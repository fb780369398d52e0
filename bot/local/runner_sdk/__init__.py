"""`python -m bot.local.runner_sdk`: the runner that stops at a failure, by the words of the runner before."""
