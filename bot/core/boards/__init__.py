"""The live board of a series, kept in the body of its META issue."""
