"""The format of results: JSON schema of run.json, and reading and writing records.

The names below are loaded when first used: the command line imports `geometry.schema.places` before it knows whether
anything will be computed, and NumPy takes longer than its help.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geometry.schema.files import (
        array_index,
        cell,
        dumps,
        read_arrays,
        read_record,
        read_run,
        readable,
        schema_text,
        write_array,
        write_arrays,
        write_named_arrays,
        write_record,
        write_text,
        write_whole,
    )

__all__ = [
    "array_index",
    "cell",
    "dumps",
    "read_arrays",
    "read_record",
    "read_run",
    "readable",
    "schema_text",
    "write_array",
    "write_arrays",
    "write_named_arrays",
    "write_record",
    "write_text",
    "write_whole",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("geometry.schema.files"), name)
    raise AttributeError(f"module 'geometry.schema' has no attribute '{name}'")
