"""What a database's exception means to us: it can't be used now, or what we gave it can't be stored."""

from typing import Final

import sqlalchemy as sa

from bot.server.ports import StoreUnavailable

_ADVICE: Final = {
    "database is locked": "Another program holds the file's lock; end it.",
    "database or disk is full": "The disk is full; free some space.",
    "disk I/O error": "The disk can't be written to or read; look at its space and health.",
    "database disk image is malformed": "The file is damaged; stop the server and restore a backup.",
    "attempt to write a readonly database": "The file or its folder can't be written to; look at its owner and mode.",
    "unable to open database file": "The file or its folder is gone or can't be opened.",
}
_OUR_FAULT: Final = (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.NotSupportedError)


def translated(error: Exception) -> Exception:
    """StoreUnavailable for whatever the database can't do now; ValueError for data that it can't hold; else as it is."""
    if isinstance(error, sa.exc.TimeoutError):
        return StoreUnavailable("The database is busy: no connection became free in time.")
    if isinstance(error, sa.exc.DataError | OverflowError | UnicodeError):
        return ValueError(f"The database can't hold this: {said_by(error)}")
    if isinstance(error, sa.exc.DBAPIError) and not isinstance(error, _OUR_FAULT):
        words = said_by(error)
        return StoreUnavailable(f"The database can't be used now: {words}. {_ADVICE.get(words, '')}".strip())
    return error


def said_by(error: Exception) -> str:
    """The first line of what the database itself said; parameters and addresses with passwords are never in it."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(cause).__name__
