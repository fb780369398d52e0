"""RUN CLAUDE. Spawns the CLI, keeps the key, reads its events."""
