"""`.npy` and `.npz`: headers read first and checked against the file, objects refused, `.npy` mapped and not read.

The mapping is copy-on-write, so that a consumer may treat the points as its own while the file stays as it is. Rows of
a .npy file, and of a member that an archive holds uncompressed, can also be read at an offset, with nothing mapped.
"""

from __future__ import annotations

import math
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.archives import refuse_bombs
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extents import Extent, Extents, in_columns
from geometry.sources.unpacked import unpacked
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

LONGEST_HEADER = 10_000  # bytes, as NumPy has it
LOCAL = 30  # bytes of the header before a member of a zip archive, then its name and what the writer added
BLOCK = 1 << 20


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    end: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def npy_contents(path: Path) -> list[ArrayInfo]:
    """The one array of a .npy file."""
    with path.open("rb") as stream:
        header = _header(stream, str(path))
    return [_info("", header)]


def npy_read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The array, mapped; InputError where the file is shorter than its header says."""
    with path.open("rb") as stream:
        header = _header(stream, str(path))
    _refuse_objects(header, str(path))
    _require_size(str(path), header, path.stat().st_size)
    if header.bytes == 0:
        return {"": np.empty(header.shape, header.dtype)}
    order = "F" if header.fortran else "C"
    mapped = np.memmap(path, header.dtype, mode="c", offset=header.end, shape=header.shape, order=order)  # type: ignore[call-overload]
    return {"": np.asarray(mapped)}


def npy_extents(path: Path) -> Extents:
    """Where the rows of the array lie."""
    with path.open("rb") as stream:
        header = _header(stream, str(path))
    _require_size(str(path), header, path.stat().st_size)
    return _extents(path, header, header.end)


def npz_contents(path: Path) -> list[ArrayInfo]:
    """Every member of the archive, from its own header."""
    refuse_bombs(path)
    with zipfile.ZipFile(path) as archive:
        return [_info(_key(member), _member_header(archive, member, path)) for member in _members(archive)]


def npz_read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The members named by `keys`; their checksums are verified on the way."""
    refuse_bombs(path)
    with zipfile.ZipFile(path) as archive:
        return {_key(m): _member(archive, m, path) for m in _members(archive) if _key(m) in keys}


def npz_extents(path: Path, key: str) -> Extents | None:
    """Where the rows of a member lie, once its checksum has been verified; None for a compressed one."""
    refuse_bombs(path)
    with zipfile.ZipFile(path) as archive:
        member = next(member for member in _members(archive) if _key(member) == key)
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            return None
        header = _member_header(archive, member, path)
    where = f"{path}, array '{key}'"
    _require_size(where, header, member.file_size)
    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        local = stream.read(LOCAL)
        start = member.header_offset + LOCAL + sum(int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
        stream.seek(start)
        _require_checksum(stream, member, where)
    return _extents(path, header, start + header.end)


def npz_unpacked(path: Path, key: str) -> Stored:
    """The rows of a compressed member, in a temporary file; its checksum is verified on the way."""
    refuse_bombs(path)
    where = f"{path}, array '{key}'"
    with zipfile.ZipFile(path) as archive:
        member = next(member for member in _members(archive) if _key(member) == key)
        header = _member_header(archive, member, path)
        _refuse_objects(header, where)
        _require_size(where, header, member.file_size)

        def write(out: BinaryIO) -> None:
            with archive.open(member) as stream:
                stream.read(header.end)
                shutil.copyfileobj(stream, out, BLOCK)

        shape = header.shape[0], header.shape[1]
        return unpacked(f"{path}:{key}", shape, header.dtype, write, by_column=header.fortran)


def _require_checksum(stream: IO[bytes], member: zipfile.ZipInfo, where: str) -> None:
    left, seen = member.file_size, 0
    while left and (block := stream.read(min(left, BLOCK))):
        left, seen = left - len(block), zlib.crc32(block, seen)
    if left or seen != member.CRC:
        raise InputError(f"{where} is damaged: its checksum is not that of its bytes; write or copy it again")


def _extents(path: Path, header: _Header, start: int) -> Extents:
    n, d = header.shape
    run = Extent(n, ((start, header.dtype),))
    return Extents(path, d, [in_columns(start, n, d, header.dtype) if header.fortran else run])


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    found = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    twins = [name for name, count in Counter(member.filename for member in found).items() if count > 1]
    if twins:
        raise UnsafeFileError(
            f"{archive.filename} holds '{twins[0]}' twice, and readers differ in which they take; save it anew"
        )
    return found


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _member_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> _Header:
    with archive.open(member) as stream:
        return _header(stream, f"{path}, array '{_key(member)}'")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Array:
    where = f"{path}, array '{_key(member)}'"
    header = _member_header(archive, member, path)
    _refuse_objects(header, where)
    _require_size(where, header, member.file_size)
    with archive.open(member) as stream:
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _header(stream: IO[bytes], where: str) -> _Header:
    start = stream.read(8)
    if start[:6] != np.lib.format.MAGIC_PREFIX:
        _refuse_stranger(start, where)
    length = int.from_bytes(stream.read(2 if start[6] == 1 else 4), "little")
    if length > LONGEST_HEADER:
        raise UnsafeFileError(f"{where}: a header of {length} bytes; one of an array takes some hundred, save it anew")
    end = (10 if start[6] == 1 else 12) + length
    stream.seek(8)
    reader = np.lib.format.read_array_header_1_0 if start[6] == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    if min(shape, default=0) < 0:
        raise UnsafeFileError(f"{where}: a shape of {shape}; do not trust this file, save the array with numpy.save")
    return _Header(shape, fortran, dtype, end)


def _refuse_stranger(start: bytes, where: str) -> None:
    if start[:1] == b"\x80":
        raise UnsafeFileError(f"{where} is a pickle, and reading it would run code; save the array with numpy.save")
    if start[:2] == b"PK":
        raise InputError(f"{where} is a zip archive; rename it to .npz")
    raise InputError(f"{where} has no NumPy header; save the array with numpy.save")


def _refuse_objects(header: _Header, where: str) -> None:
    if header.dtype.hasobject:
        raise UnsafeFileError(
            f"{where} holds Python objects, and reading them would run code; save numbers or strings (astype) instead"
        )


def _require_size(where: str, header: _Header, size: int) -> None:
    if size < header.end + header.bytes:
        raise InputError(
            f"{where} is truncated: shape {header.shape} {header.dtype} needs {header.end + header.bytes} bytes, "
            f"there are {size}; write or copy it again"
        )


def _info(key: str, header: _Header) -> ArrayInfo:
    return describe(
        key, header.shape, header.dtype.name if not header.dtype.hasobject else "object", header.dtype.itemsize
    )
