"""Sets that stay in their files: every format that can be read in parts gives what it gives in memory, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geometry.pairs.stored import Stored
from geometry.sources import load
from geometry.types import Array, EmbeddingSet

N, D = 50, 6
POINTS = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
LABELS = np.arange(N) % 5
CUTS = [(0, N), (0, 1), (7, 23), (N - 1, N), (13, 13), (3, 48), (20, 21), (0, 10)]
Writer = Callable[[Path], Path]


def npy(array: Array, name: str = "x.npy") -> Writer:
    def write(folder: Path) -> Path:
        np.save(folder / name, array)
        return folder / name

    return write


def npz(folder: Path) -> Path:
    np.savez(folder / "x.npz", other=np.arange(9.0), emb=POINTS, labels=LABELS)
    return folder / "x.npz"


def fortran_npz(folder: Path) -> Path:
    np.savez(folder / "x.npz", emb=np.asfortranarray(POINTS))
    return folder / "x.npz"


def safetensors(dtype: torch.dtype) -> Writer:
    def write(folder: Path) -> Path:
        from safetensors.torch import save_file

        tensors = {
            "emb": torch.from_numpy(POINTS).to(dtype),
            "bias": torch.zeros(3),
            "labels": torch.from_numpy(LABELS),
        }
        save_file(tensors, folder / "x.safetensors")
        return folder / "x.safetensors"

    return write


def sharded(folder: Path) -> Path:
    import json

    from safetensors.numpy import save_file

    save_file({"bias": np.zeros(3, np.float32)}, folder / "m-1.safetensors")
    save_file({"emb": POINTS}, folder / "m-2.safetensors")
    where = {"weight_map": {"bias": "m-1.safetensors", "emb": "m-2.safetensors"}}
    (folder / "m.safetensors.index.json").write_text(json.dumps(where))
    return folder / "m.safetensors.index.json"


def table(kind: str) -> Any:
    pa = pytest.importorskip("pyarrow")
    if kind == "pooled":
        return pa.table({f"x{i}": POINTS[:, i] for i in range(D)} | {"label": LABELS})
    if kind == "mixed":
        whole = {"count": np.arange(N, dtype=np.int64), "x": POINTS[:, 0], "y": POINTS[:, 1].astype(np.float16)}
        return pa.table(whole)
    lists = pa.list_(pa.float32(), D) if kind == "fixed" else pa.list_(pa.float32())
    return pa.table({"word": ["w"] * N, "emb": pa.array(POINTS.tolist(), lists), "label": LABELS})


def parquet(kind: str) -> Writer:
    def write(folder: Path) -> Path:
        pytest.importorskip("pyarrow.parquet").write_table(table(kind), folder / "x.parquet", row_group_size=17)
        return folder / "x.parquet"

    return write


def arrow(kind: str, stream: bool) -> Writer:
    def write(folder: Path) -> Path:
        ipc = pytest.importorskip("pyarrow.ipc")
        made = table(kind)
        new = ipc.new_stream if stream else ipc.new_file
        with new(str(folder / "x.arrow"), made.schema) as out:
            out.write_table(made, max_chunksize=17)
        return folder / "x.arrow"

    return write


def hdf5(folder: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("gen/emb", data=POINTS, chunks=(8, D), compression="gzip")
        file["gen/labels"] = LABELS
    return folder / "x.h5"


def flat_hdf5(folder: Path) -> Path:
    with pytest.importorskip("h5py").File(folder / "x.h5", "w") as file:
        file["emb"] = POINTS
    return folder / "x.h5"


def zarr(folder: Path) -> Path:
    group = pytest.importorskip("zarr").open_group(folder / "x.zarr", mode="w")
    group.create_array("emb", data=POINTS, chunks=(8, 4))
    group.create_array("labels", data=LABELS)
    return folder / "x.zarr"


WRITERS: dict[str, Writer] = {
    "npy": npy(POINTS),
    "npy in columns": npy(np.asfortranarray(POINTS)),
    "npy of another byte order": npy(POINTS.astype(">f4")),
    "npy of float16": npy(POINTS.astype(np.float16)),
    "npy of integers": npy((POINTS * 9).astype(np.int16)),
    "npy of one column": npy(POINTS[:, :1].copy()),
    "npz": npz,
    "npz in columns": fortran_npz,
    "safetensors": safetensors(torch.float32),
    "safetensors of bfloat16": safetensors(torch.bfloat16),
    "sharded safetensors": sharded,
    "parquet, lists": parquet("lists"),
    "parquet, lists of fixed length": parquet("fixed"),
    "parquet, number columns": parquet("pooled"),
    "parquet, columns of several types": parquet("mixed"),
    "arrow stream, lists": arrow("lists", True),
    "arrow stream, lists of fixed length": arrow("fixed", True),
    "arrow file, number columns": arrow("pooled", False),
    "arrow file, columns of several types": arrow("mixed", False),
    "hdf5 in chunks": hdf5,
    "hdf5 in one piece": flat_hdf5,
    "zarr": zarr,
}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS.keys())
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: Path = request.param(tmp_path)
    return made


def one(path: Path | str, stream: int | None = None, **options: Any) -> EmbeddingSet:
    (found,) = load(path, stream=stream, **options)
    return found


def streamed(found: EmbeddingSet) -> Stored:
    points: Any = found.points
    assert isinstance(points, Stored)
    return points


def test_rows_in_the_file_are_those_in_memory(path: Path) -> None:
    whole = one(path)
    found = one(path, whole.points.nbytes - 1)
    points = streamed(found)
    assert isinstance(one(path, whole.points.nbytes).points, np.ndarray)
    assert (points.shape, points.dtype, found.digest) == (whole.points.shape, whole.points.dtype, whole.digest)
    assert (found.notes, found.source, found.name) == (whole.notes, whole.source, whole.name)
    for start, stop in CUTS:
        assert points[start:stop].tobytes() == np.asarray(whole.points[start:stop]).tobytes()
    np.testing.assert_array_equal(points[np.array([49, 3, 3, 17])], whole.points[[49, 3, 3, 17]])
    assert (found.labels is None) == (whole.labels is None)
    if whole.labels is not None:
        np.testing.assert_array_equal(found.labels, LABELS)
