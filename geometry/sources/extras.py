"""Libraries that only some file formats need: imported when such a file is read, named in the error when missing."""

from __future__ import annotations

import importlib
from typing import Any

from geometry.errors import InputError


def optional(module: str, extra: str, what: str) -> Any:
    """The module; InputError that names the extra to install where it is not here."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"reading {what} needs {module.split('.')[0]}: pip install 'embedding-geometry[{extra}]'"
        ) from error
