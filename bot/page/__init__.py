"""A page to watch it: phases, queue, runs and cost, live. Read-only."""
