"""GitHub Actions on localhost: runs the repository's real workflow files with the real `act`, job by job.

`Actions(hub, …)` listens to the hub and drives everything; `workflow` reads the files, `expressions` evaluates what
act can't, `groups` holds concurrency groups, `act` runs one job, `processes` sends a cancelled run's signals.
"""

from bot.sandbox.actions.driver import Actions

__all__ = ["Actions"]
