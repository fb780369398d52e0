"""The continuous runner for a laptop: tasks of any source, one after the other, by the same work and verdict as the Action."""
