"""TELL: what a run does while it does it, as one stream of events, for the log, the artifact and whoever else listens."""
