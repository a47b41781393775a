"""Files that strangers might send: code in pickles, bombs, headers that lie, damage. Each function writes one file.

`MARK` names a file that appears in the folder if any code of a pickle has run.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MARK = "code-has-run"
GIB = 1 << 30


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder / MARK),)


def pickle_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.array([Evil(folder)], object), allow_pickle=True)
    return folder / "a.npy"


def bare_pickle_npy(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(pickle.dumps(Evil(folder)))
    return folder / "a.npy"


def pickle_npz(folder: Path) -> Path:
    np.savez(folder / "a.npz", x=np.array([Evil(folder)], object))
    return folder / "a.npz"


def pickle_pt(folder: Path) -> Path:
    import torch

    torch.save({"embeddings": Evil(folder)}, folder / "a.pt")
    return folder / "a.pt"


def old_pickle_pt(folder: Path) -> Path:
    import torch

    torch.save(Evil(folder), folder / "a.pt", _use_new_zipfile_serialization=False)
    return folder / "a.pt"


def protocol_4_pt(folder: Path) -> Path:
    (folder / "a.pt").write_bytes(pickle.dumps({"x": Evil(folder)}, protocol=4))
    return folder / "a.pt"


def npy_header(shape: tuple[int, ...], length: int | None = None) -> bytes:
    """A header of version 2 that claims `shape` of float32, padded or claimed to be `length` long."""
    text = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + (len(text) if length is None else length).to_bytes(4, "little") + text


def huge_npy(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(npy_header((10**9, 10**6)) + bytes(4096))
    return folder / "a.npy"


def overflowing_npy(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(npy_header((2**62, 2**62)) + bytes(4096))
    return folder / "a.npy"


def negative_npy(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(npy_header((-5, -4)) + bytes(4096))
    return folder / "a.npy"


def long_header_npy(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(npy_header((2, 2), length=4 * GIB - 1) + bytes(4096))
    return folder / "a.npy"


def header_that_computes_npy(folder: Path) -> Path:
    text = f"__import__('os').mkdir({str(folder / MARK)!r})\n".encode()
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return folder / "a.npy"


def deep_header_npy(folder: Path) -> Path:
    text = b"(" * 9000 + b"\n"
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return folder / "a.npy"


def _zeros(archive: zipfile.ZipFile, name: str, start: bytes, size: int) -> None:
    """A deflated member of `size` bytes that begins with `start`."""
    with archive.open(name, "w", force_zip64=True) as stream:
        stream.write(start)
        for begin in range(len(start), size, 1 << 24):
            stream.write(bytes(min(1 << 24, size - begin)))


def bomb_npz(folder: Path) -> Path:
    """400 MB of zeros in 400 kB."""
    header = npy_header((100_000, 1000))
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _zeros(archive, "x.npy", header, len(header) + 400_000_000)
    return folder / "a.npz"


def header_bomb_npz(folder: Path) -> Path:
    """A member whose header alone would take 400 MB."""
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _zeros(archive, "x.npy", npy_header((2, 2), length=400_000_000), 400_000_100)
    return folder / "a.npz"


def lying_size_npz(folder: Path) -> Path:
    """The directory says 60 bytes, the member is longer, its header says 4 GB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", npy_header((10**9, 1)) + bytes(100))
    (folder / "a.npz").write_bytes(buffer.getvalue())
    return folder / "a.npz"


def bomb_pt(folder: Path) -> Path:
    """A checkpoint whose pickle is 400 MB of zeros in 400 kB."""
    with zipfile.ZipFile(folder / "a.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _zeros(archive, "archive/data.pkl", b"\x80\x02", 400_000_000)
        archive.writestr("archive/version", "3\n")
    return folder / "a.pt"


def laughs_pt(folder: Path) -> Path:
    """Ten lists of ten references each to the next: 10^9 leaves in a kilobyte."""
    import torch

    inner: list[Any] = [torch.zeros(2, 2)]
    for _ in range(9):
        inner = [inner] * 10
    torch.save({"x": inner}, folder / "a.pt")
    return folder / "a.pt"


def circular_pt(folder: Path) -> Path:
    import torch

    inner: dict[str, Any] = {"t": torch.zeros(2, 2)}
    inner["again"] = inner
    torch.save(inner, folder / "a.pt")
    return folder / "a.pt"


def safetensors(folder: Path, header: Any, data: bytes = bytes(64), length: int | None = None) -> Path:
    """A file with this header (an object or bytes), whose length may be claimed otherwise."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    told = len(text) if length is None else length
    (folder / "a.safetensors").write_bytes(told.to_bytes(8, "little") + text + data)
    return folder / "a.safetensors"


def _tensor(begin: int, end: int, shape: Any = (2, 4), dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


SAFETENSORS: dict[str, Callable[[Path], Path]] = {
    "a header of 10 GB": lambda f: safetensors(f, {}, length=10 * GIB),
    "a header of 2^64 - 1": lambda f: safetensors(f, {}, length=2**64 - 1),
    "overlapping": lambda f: safetensors(f, {"x": _tensor(0, 32), "y": _tensor(16, 48)}),
    "out of range": lambda f: safetensors(f, {"x": _tensor(0, 32), "y": _tensor(1000, 1032)}),
    "negative": lambda f: safetensors(f, {"x": _tensor(-32, 0)}),
    "backwards": lambda f: safetensors(f, {"x": _tensor(32, 0)}),
    "a shape that overflows": lambda f: safetensors(f, {"x": _tensor(0, 32, (2**40, 2**40))}),
    "a negative shape": lambda f: safetensors(f, {"x": _tensor(0, 32, (-2, -4))}),
    "a shape of text": lambda f: safetensors(f, {"x": _tensor(0, 32, ("2", "4"))}),
    "offsets that are missing": lambda f: safetensors(f, {"x": {"dtype": "F32", "shape": [2, 4]}}),
    "a list for a header": lambda f: safetensors(f, [1, 2, 3]),
    "a number for a tensor": lambda f: safetensors(f, {"x": 5}),
    "deep nesting": lambda f: safetensors(f, b"[" * 100_000),
    "no JSON": lambda f: safetensors(f, b"\xff\xfe{"),
    "an unknown dtype": lambda f: safetensors(f, {"x": _tensor(0, 32, dtype="Q9")}),
}


def outside_index(folder: Path) -> Path:
    """An index that names a file above its folder."""
    (folder.parent / "secret.safetensors").write_bytes(b"")
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"x": "../secret.safetensors"}}))
    return path


def absolute_index(folder: Path) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"x": "/etc/passwd"}}))
    return path


def index_of_numbers(folder: Path) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"x": 3}}))
    return path


def text(name: str, content: bytes) -> Callable[[Path], Path]:
    """A writer of one file."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


CODE: dict[str, Callable[[Path], Path]] = {
    "pickle in .npy": pickle_npy,
    "bare pickle as .npy": bare_pickle_npy,
    "pickle in .npz": pickle_npz,
    "pickle in .pt": pickle_pt,
    "pickle in an old .pt": old_pickle_pt,
    "pickle of protocol 4 as .pt": protocol_4_pt,
    "code in the header of an .npy": header_that_computes_npy,
}
LIES: dict[str, Callable[[Path], Path]] = {
    ".npy of a petabyte": huge_npy,
    ".npy whose size overflows": overflowing_npy,
    ".npy of negative shape": negative_npy,
    ".npy with a header of 4 GB": long_header_npy,
    ".npy with a header nested 9,000 deep": deep_header_npy,
    ".npz bomb": bomb_npz,
    ".npz bomb in a header": header_bomb_npz,
    ".npz member that lies about its size": lying_size_npz,
    ".pt bomb": bomb_pt,
    ".pt of a billion leaves": laughs_pt,
    ".pt that holds itself": circular_pt,
    "index to a file above": outside_index,
    "index to an absolute path": absolute_index,
    "index of numbers": index_of_numbers,
    "empty .npy": text("a.npy", b""),
    "empty .npz": text("a.npz", b""),
    "empty .pt": text("a.pt", b""),
    "empty .safetensors": text("a.safetensors", b""),
    "empty .csv": text("a.csv", b""),
    "empty .parquet": text("a.parquet", b""),
    "empty .h5": text("a.h5", b""),
    "bytes as .csv": text("a.csv", bytes(range(256)) * 40),
    "a .csv of words": text("a.csv", b"a,b\n1,2\n3,four\n"),
    "a .csv with ragged rows": text("a.csv", b"1,2\n3,4,5\n"),
    "a .csv of one line without an end": text("a.csv", b"1," * 2_000_000),
    "a .csv field without an end": text("a.csv", b'1,2\n"' + b"9" * 3_000_000),
    **{f".safetensors, {name}": write for name, write in SAFETENSORS.items()},
}
