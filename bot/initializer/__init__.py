"""Spec → phased tasks in a task source: once, again, and after a kill."""

from bot.initializer.api import InitializerConfig, ProjectInitializer
from bot.initializer.initialize import InitializationResult

__all__ = ["InitializationResult", "InitializerConfig", "ProjectInitializer"]
