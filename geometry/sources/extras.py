"""Libraries that only some formats and models need: imported when they are met, named in the error when missing."""

from __future__ import annotations

import importlib
from typing import Any

from geometry.errors import InputError, reason_of


def optional(module: str, extra: str, what: str) -> Any:
    """The module; InputError that names the extra where it is not here, or says why it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"reading {what} needs {module.split('.')[0]}: pip install 'embedding-geometry[{extra}]'"
        ) from error
    except Exception as error:  # a build that does not fit its torch can raise anything
        reason = reason_of(error)
        raise InputError(
            f"reading {what} needs {module.split('.')[0]}, which is here but cannot be imported: "
            f"{type(error).__name__}: {reason}; install the build that fits the others (of torchvision that of torch)"
        ) from error
