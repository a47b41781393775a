"""Stores, tables and things that are no files: bombs of what is all alike, bytes of other files, pipes and devices."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .corpus import npy_header, safetensors

Writer = Callable[[Path], Path]
ZARR = {
    "zarr_format": 3, "node_type": "array", "shape": [50, 4], "data_type": "float32", "fill_value": 1.0,
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [50, 4]}}, "attributes": {},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
}  # fmt: skip
GZIPPED = [*ZARR["codecs"], {"name": "gzip", "configuration": {"level": 1}}]  # type: ignore[misc]


def hdf5(fill: Callable[[Any], object]) -> Writer:
    """A file that `fill` writes into."""

    def write(folder: Path) -> Path:
        import h5py

        with h5py.File(folder / "a.h5", "w") as file:
            fill(file)
        return folder / "a.h5"

    return write


def chunk_bomb(file: Any) -> None:
    rows = np.broadcast_to(np.float32(0), (60_000, 1000))
    file.create_dataset("x", data=rows, chunks=(60_000, 1000), compression="gzip", compression_opts=1)


def virtual(source: str) -> Writer:
    """A dataset of the rows of another file."""

    def fill(file: Any) -> None:
        import h5py

        layout = h5py.VirtualLayout((50, 4), "f4")
        layout[:] = h5py.VirtualSource(source, "x", (50, 4))
        file.create_virtual_dataset("x", layout, fillvalue=1)

    return hdf5(fill)


def zarr(files: dict[str, bytes] | None = None, **changes: Any) -> Writer:
    """A store of one array, its metadata changed."""

    def write(folder: Path) -> Path:
        store = folder / "a.zarr"
        for name, content in {"zarr.json": json.dumps(ZARR | changes).encode(), **(files or {})}.items():
            (store / name).parent.mkdir(parents=True, exist_ok=True)
            (store / name).write_bytes(content)
        return store

    return write


def in_chunks(*shape: int) -> dict[str, Any]:
    return {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}}}


def piped_chunk(folder: Path) -> Path:
    store = zarr()(folder)
    (store / "c" / "0").mkdir(parents=True)
    os.mkfifo(store / "c" / "0" / "0")
    return store


def thin_parquet(folder: Path) -> Path:
    """20,000,000 rows of two columns in some kilobytes."""
    import pyarrow as pa
    from pyarrow import parquet

    zeros = pa.array(np.zeros(1_000_000, np.float32))
    table = pa.table({"a": zeros, "b": zeros})
    with parquet.ParquetWriter(folder / "a.parquet", table.schema) as writer:
        for _ in range(20):
            writer.write_table(table)
    return folder / "a.parquet"


def long_text_parquet(folder: Path) -> Path:
    """A label of 60 MB in some kilobytes."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"a": [1.0], "b": [2.0], "label": ["x" * 60_000_000]})
    parquet.write_table(table, folder / "a.parquet", compression="zstd")
    return folder / "a.parquet"


def expanded_pt(folder: Path) -> Path:
    """Ten billion rows that are one row."""
    import torch

    torch.save({"x": torch.zeros(1, 4).expand(10**10, 4)}, folder / "a.pt")
    return folder / "a.pt"


def many_small_bombs(folder: Path) -> Path:
    """Six members of 31 MB in some kilobytes each."""
    rows = npy_header((77_500, 100)) + bytes(31_000_000)
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(6):
            archive.writestr(f"gen_{number}.npy", rows)
    return folder / "a.npz"


def twins_npz(folder: Path) -> Path:
    """Two members of one name."""
    rows = npy_header((2, 4)) + bytes(32)
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr("x.npy", rows)
        archive.writestr("y.npy", rows)
    content = (folder / "a.npz").read_bytes()
    (folder / "a.npz").write_bytes(content.replace(b"y.npy", b"x.npy"))
    return folder / "a.npz"


def twins_safetensors(folder: Path) -> Path:
    """A name that stands twice in the header, for rows of two shapes."""
    tensor = '{"dtype": "F32", "shape": [%d, %d], "data_offsets": [0, 64]}'
    return safetensors(folder, f'{{"x": {tensor % (4, 4)}, "x": {tensor % (2, 8)}}}'.encode())


def many_tensors(folder: Path) -> Path:
    tensor = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    return safetensors(folder, {f"k{i}": tensor for i in range(100_001)})


def long_line_csv(folder: Path) -> Path:
    """A second line of 300 MB that take no room on the disk."""
    (folder / "a.csv").write_bytes(b"a,b\n1,2\n")
    os.truncate(folder / "a.csv", 300_000_000)
    return folder / "a.csv"


def pipe(name: str) -> Writer:
    """A pipe that nobody writes into."""

    def write(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return write


def device(name: str) -> Writer:
    """A link to a device that never ends."""

    def write(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return write


def shard_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.safetensors")
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"x": "model.safetensors"}}))
    return path


def links_in_a_ring(folder: Path) -> Path:
    """A folder that three links lead back into: the ways through it have no end."""
    (folder / "ring").mkdir()
    for name in "abc":
        (folder / "ring" / name).symlink_to(folder / "ring")
    return folder / "ring" / "**" / "x.npy"


SUFFIXES = ("npy", "npz", "pt", "csv", "safetensors", "parquet", "arrow", "h5", "zarr", "index.json")
STORES: dict[str, Writer] = {
    ".h5 of rows never written": hdf5(
        lambda file: file.create_dataset("x", (10**9, 10**3), "f4", chunks=(10**3, 10**3))
    ),
    ".h5 whose chunk is a bomb": hdf5(chunk_bomb),
    ".h5 of bytes of another file": hdf5(
        lambda file: file.create_dataset("x", (20, 4), "u1", external=[("/etc/passwd", 0, 80)])
    ),
    ".h5 of rows elsewhere": virtual("/etc/secret.h5"),
    ".h5 of rows above": virtual("../secret.h5"),
    ".h5 with groups 2,000 deep": hdf5(lambda file: file.create_dataset("/".join(["g"] * 2000), data=np.ones((5, 2)))),
    ".zarr of rows never written": zarr(shape=[10**12, 4]),
    ".zarr of one chunk never written": zarr(shape=[10**6, 500], **in_chunks(10**6, 500)),
    ".zarr in a million chunks": zarr(shape=[10**6, 4], **in_chunks(4, 1)),
    ".zarr chunk that unpacks to another size": zarr(
        {"c/0/0": gzip.compress(bytes(60_000_000), 1) + bytes(100_000)}, codecs=GZIPPED
    ),
    ".zarr whose chunk is a bomb": zarr(
        {"c/0/0": gzip.compress(bytes(60_000_000), 1)}, codecs=GZIPPED, shape=[15_000, 1000], **in_chunks(15_000, 1000)
    ),
    ".zarr chunk that is a pipe": piped_chunk,
    ".parquet bomb": thin_parquet,
    ".parquet bomb in a label": long_text_parquet,
    ".pt of one row ten billion times": expanded_pt,
    ".npz of small bombs": many_small_bombs,
    ".npz with a name twice": twins_npz,
    ".safetensors with a name twice": twins_safetensors,
    ".safetensors of 100,001 tensors": many_tensors,
    ".csv with a line of 300 MB": long_line_csv,
    "index to a pipe": shard_pipe,
    "links in a ring": links_in_a_ring,
    **{f"a pipe as .{suffix}": pipe(f"a.{suffix}") for suffix in SUFFIXES},
    **{f"a device as .{suffix}": device(f"a.{suffix}") for suffix in SUFFIXES},
}
