"""Tells Slack: what is said, how, and that it never holds anything up."""
