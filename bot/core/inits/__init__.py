"""`/ai init` on GitHub: from a plan that was approved to the issues it is of. Pure."""
