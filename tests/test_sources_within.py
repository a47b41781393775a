"""Sets that stay in their files: every format that can be read in parts gives what it gives in memory, to the byte."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geometry.errors import GeometryError, InputError
from geometry.pairs.stored import Stored
from geometry.sources import from_arrays, load, parquet_files
from geometry.sources.array_info import describe
from geometry.sources.extents import Extents
from geometry.sources.within import given_bytes, given_itemsize
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

        emb = torch.from_numpy(POINTS).to(dtype)
        save_file({"emb": emb, "bias": torch.zeros(3), "labels": torch.from_numpy(LABELS)}, folder / "x.safetensors")
        return folder / "x.safetensors"

    return write


def sharded(folder: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({"bias": np.zeros(3, np.float32)}, folder / "m-1.safetensors")
    save_file({"emb": POINTS}, folder / "m-2.safetensors")
    where = {"weight_map": {"bias": "m-1.safetensors", "emb": "m-2.safetensors"}}
    (folder / "m.safetensors.index.json").write_text(json.dumps(where))
    return folder / "m.safetensors.index.json"


def checkpoint(view: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype = torch.float32) -> Writer:
    def write(folder: Path) -> Path:
        whole = torch.from_numpy(np.vstack([POINTS[:3], POINTS])).to(dtype)
        torch.save({"n": [torch.zeros(3), {"emb": view(whole)}], "labels": LABELS.tolist()}, folder / "x.pt")
        return folder / "x.pt"

    return write


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
    "torch, rows of a tensor": checkpoint(lambda whole: whole[3:]),
    "torch, a tensor in columns": checkpoint(lambda whole: whole[3:].T.contiguous().T),
    "torch, bfloat16": checkpoint(lambda whole: whole[3:], torch.bfloat16),
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


def test_only_sets_larger_than_allowed_stay_in_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", gen_0=POINTS[:10], gen_1=POINTS)
    small, large = load(tmp_path / "x.npz", stream=POINTS.nbytes - 1)
    assert isinstance(small.points, np.ndarray) and streamed(large).shape == (N, D)
    assert all(isinstance(found.points, np.ndarray) for found in load(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    ("dtype", "size"), [("bfloat16", 4), ("float16", 2), ("float64", 8), ("float128", 8), ("int16", 8), ("bool", 8)]
)
def test_what_counts_are_the_bytes_of_the_rows_as_they_are_given(dtype: str, size: int) -> None:
    assert given_itemsize(dtype) == size
    assert given_bytes(describe("x", (10, 3), dtype, 1)) == 30 * size


def old_checkpoint(folder: Path) -> Path:
    torch.save({"emb": torch.from_numpy(POINTS)}, folder / "x.pt", _use_new_zipfile_serialization=False)
    return folder / "x.pt"


def columns_of_a_checkpoint(folder: Path) -> Path:
    torch.save({"emb": torch.from_numpy(np.hstack([POINTS, POINTS]))[:, 2:8]}, folder / "x.pt")
    return folder / "x.pt"


def zarr_in_one_chunk(folder: Path) -> Path:
    pytest.importorskip("zarr").create_array(folder / "x.zarr", data=POINTS)
    return folder / "x.zarr"


def hdf5_in_one_chunk(folder: Path) -> Path:
    with pytest.importorskip("h5py").File(folder / "x.h5", "w") as file:
        file.create_dataset("emb", data=POINTS, chunks=(N, D))
    return folder / "x.h5"


def compressed_arrow(folder: Path) -> Path:
    pa, ipc = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.ipc")
    made = table("fixed")
    with ipc.new_file(str(folder / "x.arrow"), made.schema, options=ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(made)
    assert pa.ipc.open_file(str(folder / "x.arrow")).read_all().equals(made)
    return folder / "x.arrow"


def wide_parquet(folder: Path) -> Path:
    pytest.importorskip("pyarrow.parquet").write_table(table("pooled"), folder / "x.parquet", compression="none")
    return folder / "x.parquet"


@pytest.mark.parametrize(
    "write",
    [
        old_checkpoint,
        columns_of_a_checkpoint,
        zarr_in_one_chunk,
        hdf5_in_one_chunk,
        compressed_arrow,
    ],
)
def test_what_has_to_be_read_whole_is_refused_where_it_is_too_large(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geometry.sources.formats.LEAST_ROOM", 1)
    path = write(tmp_path)
    whole = one(path)
    assert one(path, whole.points.nbytes).digest == whole.digest
    with pytest.raises(InputError, match=r"x\.\w+.*: 50 x 6 take 0\.0 MiB .* save it as \.npy, .* --memory-budget"):
        load(path, stream=20)


def test_a_large_column_of_lists_is_read_in_batches_that_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geometry.sources.parquet_files.BATCH", 3 * POINTS[0].nbytes)
    path = parquet("lists")(tmp_path)
    points = streamed(one(path, POINTS.nbytes - 1))
    opened: list[int] = []
    once = parquet_files._open
    monkeypatch.setattr(parquet_files, "_open", lambda *of: opened.append(1) or once(*of))
    for start in range(0, N, 7):
        assert points[start : start + 7].tobytes() == POINTS[start : start + 7].tobytes()
    assert len(opened) == 1  # the first part again; the rest goes on
    assert points[2:5].tobytes() == POINTS[2:5].tobytes() and points[4:9].tobytes() == POINTS[4:9].tobytes()


def test_few_of_many_parts_keep_their_files_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet_files, "MOST_OPEN", 3)
    for number, rows in enumerate(np.array_split(POINTS, 8)):
        parquet.write_table(pa.table({"emb": rows.tolist()}), tmp_path / f"part-{number}.parquet")
    points = streamed(one(tmp_path, 100))
    picked = np.arange(0, N, 7)
    for _ in range(2):
        np.testing.assert_array_equal(points[picked], POINTS[picked].astype(np.float64))
        still = [held() for held in parquet_files.OPEN]
        assert sum(cursor is not None and cursor.batches is not None for cursor in still) <= 3


def test_a_generation_that_fits_comes_into_memory(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=POINTS, generation=np.where(np.arange(N) % 10 == 3, 1, 0), ids=np.arange(N))
    most, few = load(tmp_path / "x.npz", stream=POINTS.nbytes // 2)
    assert isinstance(few.points, np.ndarray) and few.points.tobytes() == POINTS[3::10].tobytes()
    rest = np.flatnonzero(np.arange(N) % 10 != 3)
    assert most.ids is not None and most.ids.tolist() == rest.tolist()
    assert streamed(most)[:].tobytes() == POINTS[rest].tobytes()
    assert [f.digest for f in load(tmp_path / "x.npz")] == [most.digest, few.digest]


def test_rows_that_are_not_finite_are_named_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 100)
    points = POINTS.copy()
    points[[30, 41], 2] = np.nan, np.inf
    np.savez(tmp_path / "x.npz", emb=points, labels=LABELS)
    with pytest.raises(InputError, match=r"x\.npz:emb: 2 of 50 rows hold NaN or infinity, first row 30; .*--nan drop"):
        load(tmp_path / "x.npz", stream=100)
    found, whole = (one(tmp_path / "x.npz", stream, nan="drop") for stream in (100, None))
    assert (found.dropped, found.digest) == (2, whole.digest)
    assert streamed(found)[:].tobytes() == np.delete(POINTS, [30, 41], axis=0).tobytes()
    assert found.labels is not None and found.labels.tolist() == np.delete(LABELS, [30, 41]).tolist()


def test_labels_are_checked_against_rows_that_stay(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=POINTS, labels=np.arange(5))
    with pytest.raises(InputError, match=r"'labels': shape \(5,\) for 50 rows"):
        load(tmp_path / "x.npz", stream=100)


@pytest.mark.parametrize("write", [zarr_in_one_chunk, hdf5_in_one_chunk, wide_parquet])
def test_a_chunk_of_moderate_size_is_always_read(write: Writer, tmp_path: Path) -> None:
    assert streamed(one(write(tmp_path), 20))[7:9].tobytes() == POINTS[7:9].tobytes()


@pytest.mark.parametrize("stream", [POINTS.nbytes // 2, POINTS.nbytes - 1])
def test_widths_are_widened_as_blocks_are_read(tmp_path: Path, stream: int) -> None:
    half = POINTS.astype(np.float16)  # fits by itself in the second case, not once widened
    np.save(tmp_path / "g0.npy", half)
    np.save(tmp_path / "g1.npy", POINTS)
    first, second = load(tmp_path, stream=stream)
    in_memory = load(tmp_path)
    assert [f.digest for f in (first, second)] == [f.digest for f in in_memory]
    assert first.notes == in_memory[0].notes == ("float16 widened to float32, the widest among the generations",)
    assert streamed(first).dtype == np.float32 and streamed(first)[4:9].tobytes() == half[4:9].astype("f4").tobytes()


def test_rows_in_files_are_taken_as_ready_sets(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", POINTS)
    points: Any = one(tmp_path / "x.npy", 100).points
    bare, ready = from_arrays([points, EmbeddingSet(points, labels=LABELS, name="late")])
    assert bare.points is points and ready.points is points and ready.name == "late"
    assert bare.digest == one(tmp_path / "x.npy").digest
    with pytest.raises(InputError, match=r"shape \(3,\) for 50 rows"):
        from_arrays([EmbeddingSet(points, labels=LABELS[:3])])
    mixed = from_arrays([points, POINTS.astype(np.float64)])
    assert streamed(mixed[0]).dtype == np.float64


def test_weights_stay_in_their_file(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    kernel = np.arange(240, dtype=np.float32).reshape(10, 2, 3, 4)
    save_file({"model.a.weight": POINTS, "model.conv.weight": kernel}, tmp_path / "x.safetensors")
    for key in ("*.weight", "model.conv.weight"):
        whole, found = (load(tmp_path / "x.safetensors", key=key, stream=stream) for stream in (None, 500))
        assert [(f.digest, f.notes, f.layer) for f in whole] == [(f.digest, f.notes, f.layer) for f in found]
        assert all(isinstance(f.points, Stored) for f in found)


def test_a_file_that_changes_while_it_is_read_is_an_error(path: Path) -> None:
    points = streamed(one(path, one(path).points.nbytes - 1))
    held = path.with_name("m-2.safetensors") if "index" in path.name else path
    for file in [held] if held.is_file() else [file for file in held.rglob("c/*/*") if file.is_file()]:
        os.truncate(file, file.stat().st_size * 2 // 3)
    with pytest.raises(GeometryError, match=rf"{held.name}.*(write or copy it again|was changed while)"):
        points[0:N]


@pytest.mark.parametrize("name", ["npy", "npz", "safetensors", "arrow stream, lists"])
def test_a_file_that_is_rewritten_is_an_error_though_it_could_be_read(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path)
    points = streamed(one(path, POINTS.nbytes - 1))
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match=r"x\.\w+ was changed while it was read"):
        points[3:9]


def test_a_flipped_bit_in_an_archive_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, emb=np.tile(POINTS, (9, 1)))
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(POINTS[20].tobytes())] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"x\.npz, array 'emb' is damaged: its checksum"):
        load(path, stream=100)


def test_ragged_and_empty_rows_of_a_table_are_named(tmp_path: Path) -> None:
    pa, ipc = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.ipc")
    rows = [row.tolist() for row in POINTS]
    for bad, word in (([1.0], "row 33 has 1 numbers, row 0 has 6"), (None, "row 33 is empty")):
        made = pa.table({"emb": [*rows[:33], bad, *rows[34:]]})
        pytest.importorskip("pyarrow.parquet").write_table(made, tmp_path / "x.parquet", row_group_size=10)
        with ipc.new_stream(str(tmp_path / "x.arrow"), made.schema) as out:
            out.write_table(made, max_chunksize=10)
        for name in ("x.parquet", "x.arrow"):
            for stream in (None, POINTS.nbytes - 1):
                with pytest.raises(InputError, match=f"'emb': {word}"):
                    load(tmp_path / name, stream=stream)


def test_missing_values_of_a_table_are_nan(tmp_path: Path) -> None:
    pa, ipc = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.ipc")
    made = pa.table({"emb": [[1.0, 2.0], [3.0, None], [5.0, 6.0]]})
    with ipc.new_stream(str(tmp_path / "x.arrow"), made.schema) as out:
        out.write_table(made)
    with pytest.raises(InputError, match="first row 1"):
        load(tmp_path / "x.arrow")
    assert one(tmp_path / "x.arrow", nan="drop").dropped == 1
    with pytest.raises(InputError, match="cannot be read in parts"):
        load(tmp_path / "x.arrow", stream=10)


def test_more_rows_than_a_read_may_take_are_never_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 4 * POINTS[0].nbytes)
    np.save(tmp_path / "x.npy", POINTS)
    seen: list[int] = []
    read = Extents.read
    monkeypatch.setattr(Extents, "read", lambda self, start, stop: seen.append(stop - start) or read(self, start, stop))
    one(tmp_path / "x.npy", 100)
    assert max(seen) == 4 and sum(seen) == N  # one pass checks and digests
