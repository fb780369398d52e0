"""Task sources other than GitHub, behind one Protocol: `tracker.Tracker`. One file (or a few) for each source."""
