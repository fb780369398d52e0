"""Alembic's environment and one file per revision. A released revision is never edited."""
