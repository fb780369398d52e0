"""The two ways in which a workflow does not start: GitHub would refuse it, or this sandbox can't do it."""


class StartupFailure(Exception):
    """GitHub refuses the workflow: the run ends as `startup_failure`, no job runs."""


class Unsupported(Exception):
    """GitHub could, this sandbox can't: a test or demo must fail on it, never go on without."""
