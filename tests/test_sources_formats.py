"""Readers: what each format gives back; a broken or hostile file ends in one sentence, never in a traceback."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from geometry.errors import InputError, UnsafeFileError
from geometry.sources import inspect, load

POINTS = np.arange(12, dtype=np.float32).reshape(4, 3) + 0.5


class Bomb:
    """Unpickling it makes a file; a reader that runs code is caught by that file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


def refused(path: Path, kind: type[Exception], *words: str) -> None:
    """Both loading and inspecting the file, or only loading it, end in our error that names the file."""
    with pytest.raises(kind) as caught:
        load(path)
    for word in (path.name, *words):
        assert word in str(caught.value)


def cut(path: Path, keep: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])


def test_a_pickled_npy_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[Bomb(tmp_path / "ran")]]), allow_pickle=True)
    refused(tmp_path / "x.npy", UnsafeFileError, "would run code")
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    refused(tmp_path / "p.npy", UnsafeFileError, "is a pickle")
    assert not (tmp_path / "ran").exists()


def test_a_pickled_member_is_refused_and_its_neighbours_are_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=POINTS, labels=np.array(["a", None, 2, 3], object))
    refused(tmp_path / "x.npz", UnsafeFileError, "'labels'", "Python objects")
    np.savez(tmp_path / "y.npz", emb=POINTS, config=np.array({"a": 1}, object))
    assert np.array_equal(load(tmp_path / "y.npz")[0].points, POINTS)


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.9])
def test_truncated_numpy_files(tmp_path: Path, keep: float) -> None:
    np.save(tmp_path / "x.npy", POINTS)
    np.savez(tmp_path / "x.npz", emb=POINTS)
    np.savez_compressed(tmp_path / "z.npz", emb=POINTS)
    for name in ("x.npy", "x.npz", "z.npz"):
        cut(tmp_path / name, keep)
        refused(tmp_path / name, InputError)


def test_a_truncated_npy_says_how_much_is_missing(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", POINTS)
    cut(tmp_path / "x.npy", 0.9)
    refused(tmp_path / "x.npy", InputError, "truncated", "needs 176 bytes, there are 158", "again")


def test_a_damaged_member_of_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=POINTS)
    whole = bytearray((tmp_path / "x.npz").read_bytes())
    at = bytes(whole).index(POINTS.tobytes())
    whole[at] ^= 0xFF
    (tmp_path / "x.npz").write_bytes(bytes(whole))
    refused(tmp_path / "x.npz", InputError, "cannot be read as npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (9, 9), "fortran_order": False, "descr": "<f4"})
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("emb.npy", header.getvalue() + POINTS.tobytes())
    refused(tmp_path / "y.npz", InputError, "'emb' is truncated")


def test_npz_and_npy_mixed_up(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=POINTS)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npz").read_bytes())
    refused(tmp_path / "x.npy", InputError, "rename it to .npz")
    (tmp_path / "t.npy").write_text("hello world, no array")
    refused(tmp_path / "t.npy", InputError, "no NumPy header")


def test_an_unknown_suffix_lists_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("1")
    refused(tmp_path / "x.dat", InputError, ".safetensors")


def test_safetensors_of_every_float_type(tmp_path: Path) -> None:
    for dtype in ("float16", "float32", "float64", "bfloat16", "int32"):
        tensor = torch.from_numpy(POINTS).to(getattr(torch, dtype))
        save_torch_file({"emb": tensor, "odd": torch.zeros(1, dtype=torch.uint8)}, tmp_path / f"{dtype}.safetensors")
        found = load(tmp_path / f"{dtype}.safetensors")[0]
        want = {"bfloat16": "float32", "int32": "float64"}.get(dtype, dtype)
        assert found.points.dtype == want
        assert np.array_equal(found.points, tensor.double().numpy())
        assert bool(found.notes) == (want != dtype)


def test_safetensors_headers_are_checked_against_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"emb": POINTS}, path)
    whole = path.read_bytes()
    for keep in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:keep])
        refused(path, InputError, "truncated")
    for entry, kind, word in (
        ({"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 44]}, UnsafeFileError, "do not fit"),
        ({"dtype": "F32", "shape": [-4, -3], "data_offsets": [0, 48]}, UnsafeFileError, "do not fit"),
        ({"dtype": "F32", "shape": [4, 3], "data_offsets": [8, 56]}, InputError, "truncated"),
        ({"dtype": "F32", "shape": [4, 3], "data_offsets": [-4, 44]}, UnsafeFileError, "do not fit"),
        ({"dtype": "F32", "shape": [4, 3]}, InputError, "cannot be read"),
        ({"dtype": "F8_E4M3", "shape": [4, 12], "data_offsets": [0, 48]}, InputError, "cannot be analysed"),
    ):
        header = json.dumps({"emb": entry}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + POINTS.tobytes())
        refused(path, kind, word)
    path.write_bytes(struct.pack("<Q", 20) + b"{not json at all....")
    refused(path, InputError, "cannot be read as safetensors")


def test_overlapping_tensors_are_refused(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}
    header = json.dumps({"a": entry, "b": entry}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + POINTS.tobytes())
    refused(tmp_path / "x.safetensors", UnsafeFileError, "do not fit")


def test_torch_tensors_are_addressed_by_dotted_keys(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.from_numpy(POINTS + 1))
    nested = {
        "model": {"enc": {"weight": parameter, "bias": torch.zeros(3)}, "dec": [torch.from_numpy(POINTS)]},
        "epoch": 3,
    }
    torch.save(nested, tmp_path / "x.pt")
    refused(tmp_path / "x.pt", InputError, "'model.enc.weight' (4, 3) float32, 'model.dec.0'")
    assert np.array_equal(load(f"{tmp_path}/x.pt:model.enc.weight")[0].points, POINTS + 1)
    assert np.array_equal(load(f"{tmp_path}/x.pt:model.dec.0")[0].points, POINTS)
    assert [info.key for info in inspect(tmp_path / "x.pt")] == ["model.enc.weight", "model.enc.bias", "model.dec.0"]


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_of_both_kinds(tmp_path: Path, zipped: bool) -> None:
    content = {"emb": torch.from_numpy(POINTS).bfloat16(), "labels": ["a", "b", "a", "c"], "loss": torch.zeros(9)}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    found = load(tmp_path / "x.pth")[0]
    assert np.array_equal(found.points, POINTS) and found.points.dtype == np.float32
    assert found.labels is not None and found.labels.tolist() == ["a", "b", "a", "c"]
    assert found.notes == ("bfloat16 read as float32",)
    for keep in (0.9, 0.5, 0.1, 0.0):
        cut(tmp_path / "x.pth", keep)
        refused(tmp_path / "x.pth", InputError, "truncated")


def test_a_lone_tensor_has_no_key(tmp_path: Path) -> None:
    torch.save(torch.from_numpy(POINTS), tmp_path / "x.pt")
    assert load(tmp_path / "x.pt")[0].source == str(tmp_path / "x.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_that_would_run_code_is_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": Bomb(tmp_path / "ran")}, path, _use_new_zipfile_serialization=zipped)
    refused(path, UnsafeFileError, "mkdir", "torch.save")
    torch.save(torch.nn.Linear(3, 4), path, _use_new_zipfile_serialization=zipped)
    refused(path, UnsafeFileError, "Linear")
    path.write_bytes(pickle.dumps({"a": Bomb(tmp_path / "ran")}, protocol=2))
    refused(path, UnsafeFileError, "mkdir")
    path.write_bytes(pickle.dumps({"a": Bomb(tmp_path / "ran")}, protocol=4))
    refused(path, UnsafeFileError, "more than tensors")
    with pytest.raises(UnsafeFileError):
        inspect(path)
    assert not (tmp_path / "ran").exists()


def test_a_text_and_a_sparse_tensor_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_text("hello world, this is text\n")
    refused(tmp_path / "x.bin", InputError, "no torch checkpoint")
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "s.pt")
    refused(tmp_path / "s.pt", InputError, "'a'", "dense")


def test_an_index_reads_its_shards_and_stays_in_its_folder(tmp_path: Path) -> None:
    save_file({"emb": POINTS}, tmp_path / "m-1.safetensors")
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"emb": "m-1.safetensors"}}))
    assert np.array_equal(load(index)[0].points, POINTS)
    for name, kind, word in (
        ("../m-1.safetensors", UnsafeFileError, "outside its own folder"),
        ("m-2.safetensors", InputError, "needs the shard"),
    ):
        index.write_text(json.dumps({"weight_map": {"emb": name}}))
        refused(index, kind, word)
    index.write_text(json.dumps({"weight_map": {"other": "m-1.safetensors"}}))
    refused(index, InputError, "does not hold it")
    index.write_text("{")
    refused(index, InputError, "cannot be read as sharded")
    index.write_text("[]")
    refused(index, InputError, "no 'weight_map'")


def test_headers_alone_tell_what_is_inside(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz", emb=POINTS, labels=np.array(list("abca")), cube=np.zeros((2, 2, 2)), ids_emb=np.arange(4)
    )
    found = {info.key: (info.shape, info.dtype, info.bytes, info.role) for info in inspect(tmp_path / "x.npz")}
    assert found == {
        "emb": ((4, 3), "float32", 48, "embedding"),
        "labels": ((4,), "str32", 16, "labels"),
        "cube": ((2, 2, 2), "float64", 64, "other"),
        "ids_emb": ((4,), "int64", 32, "ids"),
    }
    assert [info.key for info in inspect(f"{tmp_path}/x.npz:cube")] == ["cube"]


def test_inspecting_reads_no_data(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (10**9, 10**3), "fortran_order": False, "descr": "<f8"})
    (tmp_path / "x.npy").write_bytes(header.getvalue())
    assert inspect(tmp_path / "x.npy")[0].bytes == 8 * 10**12
    refused(tmp_path / "x.npy", InputError, "truncated")


def test_unaligned_tensors_are_read(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [4, 3], "data_offsets": [1, 49]}
    header = json.dumps({"flag": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "emb": entry}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"x" + POINTS.tobytes())
    points = load(tmp_path / "x.safetensors")[0].points
    assert np.array_equal(points, POINTS) and points.flags.aligned
