"""The initializer: a specification becomes phased tasks."""
