"""Writing a file so that it is there whole or not at all: also when the process is killed, the machine dies, the disk is full."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int = 0o600, prefix: str = "") -> None:
    """Put `data` in the place of whatever is at `path`, with these permissions.

    `prefix`: how the name of the half-written file begins, which a kill leaves beside `path`; default: `.NAME.`.

    Raises `OSError`; what was at `path` is then still there, as it was.
    """
    handle, name = tempfile.mkstemp(prefix=prefix or f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)  # the new name is safe only when its folder is
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
