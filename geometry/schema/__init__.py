"""The format of results: JSON schema of run.json, and reading and writing records."""

from geometry.schema.files import (
    array_index,
    dumps,
    read_arrays,
    read_record,
    read_run,
    schema_text,
    write_array,
    write_arrays,
    write_record,
    write_text,
    write_whole,
)

__all__ = [
    "array_index",
    "dumps",
    "read_arrays",
    "read_record",
    "read_run",
    "schema_text",
    "write_array",
    "write_arrays",
    "write_record",
    "write_text",
    "write_whole",
]
