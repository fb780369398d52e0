"""WORK. One issue, one short story each: admit, work, publish."""
