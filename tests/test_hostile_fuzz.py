"""Damaged files of every format: a set of embeddings or one of our errors comes out, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geometry
from geometry.errors import GeometryError

POINTS = np.arange(24, dtype=np.float32).reshape(6, 4)
DAMAGE = st.tuples(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.one_of(st.none(), st.floats(0, 1, exclude_max=True)),
    st.binary(max_size=8),
)


def _npz(buffer: io.BytesIO) -> None:
    np.savez_compressed(buffer, x=POINTS, labels=np.arange(6))


def _torch(buffer: io.BytesIO) -> None:
    import torch

    torch.save({"embeddings": torch.from_numpy(POINTS), "labels": ["a"] * 6}, buffer)


def _old_torch(buffer: io.BytesIO) -> None:
    import torch

    torch.save({"embeddings": torch.from_numpy(POINTS)}, buffer, _use_new_zipfile_serialization=False)


def _safetensors(buffer: io.BytesIO) -> None:
    header = json.dumps({"x": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 96]}}).encode()
    buffer.write(len(header).to_bytes(8, "little") + header + POINTS.tobytes())


def _parquet(buffer: io.BytesIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pa.parquet.write_table(pa.table({"x": POINTS.tolist(), "label": list("abcdef")}), buffer)


def _arrow(new: str) -> Callable[[io.BytesIO], None]:
    def write(buffer: io.BytesIO) -> None:
        import pyarrow as pa
        import pyarrow.ipc

        made = pa.table({"x": POINTS.tolist(), "label": list("abcdef")})
        with getattr(pa.ipc, new)(buffer, made.schema) as out:
            out.write_table(made)

    return write


def _csv(buffer: io.BytesIO) -> None:
    buffer.write(b"label,a,b\n" + b"".join(b'"q%d",%d,%d.5\n' % (i, i, i) for i in range(6)))


FORMATS: dict[str, tuple[str, Callable[[io.BytesIO], None]]] = {
    "npy": (".npy", lambda buffer: np.save(buffer, POINTS)),
    "npz": (".npz", _npz),
    "npz as it is": (".npz", lambda buffer: np.savez(buffer, x=POINTS, labels=np.arange(6))),
    "torch": (".pt", _torch),
    "torch before zip": (".pt", _old_torch),
    "safetensors": (".safetensors", _safetensors),
    "parquet": (".parquet", _parquet),
    "arrow stream": (".arrow", _arrow("new_stream")),
    "arrow file": (".arrow", _arrow("new_file")),
    "csv": (".csv", _csv),
}
WHOLE: dict[str, bytes] = {}


def whole(name: str) -> bytes:
    """The file as it should be, written once."""
    if name not in WHOLE:
        buffer = io.BytesIO()
        FORMATS[name][1](buffer)
        WHOLE[name] = buffer.getvalue()
    return WHOLE[name]


def damaged(data: bytes, damage: tuple[list[tuple[float, int]], float | None, bytes]) -> bytes:
    """Bytes changed, the end cut off, others put there."""
    flips, cut, tail = damage
    changed = bytearray(data)
    for at, value in flips:
        changed[int(at * len(changed))] = value
    return bytes(changed if cut is None else changed[: int(cut * len(changed))]) + tail


@pytest.mark.parametrize("name", FORMATS)
def test_the_undamaged_file_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"whole{FORMATS[name][0]}"
    path.write_bytes(whole(name))
    assert geometry.load(path)[0].points.shape[0] == 6


def fuzz(name: str, path: Path, examples: int) -> None:
    """Look at so many damaged files; the same ones in every run."""

    @settings(max_examples=examples, derandomize=True, deadline=None, database=None)
    @given(DAMAGE)
    def look(damage: tuple[list[tuple[float, int]], float | None, bytes]) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(damaged(whole(name), damage))
        try:
            sets = geometry.load(path)
        except GeometryError as error:
            assert path.name in str(error)
        else:
            assert all(np.isfinite(found.points).all() for found in sets)
        try:
            there = geometry.load(path, stream=1)
        except GeometryError as error:
            assert path.name in str(error)
        else:
            assert [found.digest for found in there] == [found.digest for found in sets]

    look()


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path / f"damaged{FORMATS[name][0]}", 60)


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_thousands_of_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path / f"damaged{FORMATS[name][0]}", 4000)
