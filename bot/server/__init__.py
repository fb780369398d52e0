"""LISTEN: webhooks in, order kept, runs dispatched, for every repository that the App is installed in."""
