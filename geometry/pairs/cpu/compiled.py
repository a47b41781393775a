"""Compiled functions kept on disk: numba's cache, in a place that can be written and is never stale.

numba itself would ask only whether the one file of a function has changed; an intrinsic of another file, or a wheel
whose files all bear one date, would leave old machine code in use. So the folder is named by a digest of this
package's sources: in the user's cache, else in a temporary folder of the user's own.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` as machine code that does not hold the interpreter's lock, compiled at its first call ever."""
    dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    if cache_folder() is not None:
        dispatcher._cache = _Cache(function)
    return dispatcher  # type: ignore[no-any-return]


@cache
def cache_folder() -> Path | None:
    """The first folder of these that can be made and written; None where none can, which costs a compilation a run."""
    name = f"embedding-geometry/numba-{_digest()}"
    homes = [os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), Path.home() / ".cache"]
    private = Path(tempfile.gettempdir()) / f"embedding-geometry-{os.getuid()}"
    for home in (*(Path(home) for home in homes if home), private):
        try:
            (home / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=home / name):
                pass
        except OSError:
            continue
        if (home / name).stat().st_uid == os.getuid():  # a stranger's folder could hold a stranger's code
            return home / name
    return None


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


class _Locator(_CacheLocator):  # type: ignore[misc]  # the only way numba takes a folder for one function
    """Where the code of one function lies."""

    def __init__(self, py_func: Callable[..., Any], _py_file: str) -> None:
        self._name = py_func.__qualname__

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return _digest()

    def get_disambiguator(self) -> str:
        return self._name

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func, py_file)


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _Implementation
