"""Importing PyGithub, late and without what we don't use of it.

PyGithub imports PyJWT, and that cryptography, to sign what only Apps sign: a third of its import time, 60 ms and more in
each of our three jobs. So while PyGithub is imported, PyJWT is replaced by a module that loads itself on first use:
https://docs.python.org/3/library/importlib.html#importlib.util.LazyLoader
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_UNUSED = "jwt"


class _OnUse:
    """A finder for one module: found as always, executed when somebody looks inside."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The import system asks every finder for every module."""
        found = PathFinder.find_spec(name, path, target) if name == _UNUSED else None
        if found is not None and found.loader is not None:
            found.loader = importlib.util.LazyLoader(found.loader)
        return found


def import_pygithub() -> ModuleType:
    """The module `github`."""
    finder = _OnUse()
    sys.meta_path.insert(0, finder)
    try:
        import github  # noqa: PLC0415 - see the module's docstring
    finally:
        sys.meta_path.remove(finder)
    return github
