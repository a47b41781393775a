"""Files that are damaged while they are streamed: the rest of the rows is right, or an error names the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile import whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import geometry
from geometry.errors import InputError
from geometry.sources.formats import contents, stored

KINDS: dict[str, Callable[[], bytes]] = {
    "a.npy": whole.npy,
    "b.npy": lambda: whole.npy(np.asfortranarray(whole.POINTS)),
    "a.npz": whole.npz_stored,
    "a.safetensors": whole.safetensors,
    "a.parquet": whole.parquet,
    "a.arrow": whole.arrow,
    "a.h5": whole.hdf5,
    "a.csv": lambda: "\n".join(",".join(map(str, row)) for row in whole.POINTS.tolist()).encode(),
}
DAMAGES: dict[str, Callable[[Path, float], object]] = {
    "cut": lambda path, at: os.truncate(path, int(at * path.stat().st_size)),
    "flipped": lambda path, at: _flip(path, at),
    "grown": lambda path, at: path.write_bytes(path.read_bytes() + bytes(int(at * 1000) + 1)),
    "gone": lambda path, at: path.unlink(),
    "replaced": lambda path, at: path.write_bytes(whole.csv()),
}


def _flip(path: Path, at: float) -> None:
    """One bit, in place, as a disk or a writer may do it; the time of the change moves on."""
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1
    before = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(before + 1, before + 1))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True))
def test_what_changes_under_way_is_told(name: str, damage: str, tmp_path: Path, at: float) -> None:
    path = tmp_path / name
    path.unlink(missing_ok=True)
    path.write_bytes(KINDS[name]())
    key = next(info.key for info in contents(path) if info.role == "embedding")
    rows = stored(path, key, 1 << 24)
    assert rows is not None
    assert np.array_equal(rows[0:2], whole.POINTS[:2])
    DAMAGES[damage](path, at)
    with pytest.raises(InputError, match=name):
        rows[2:6]


@pytest.mark.parametrize("name", KINDS)
def test_a_set_that_changes_between_two_passes_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(KINDS[name]())
    points = geometry.load(path, stream=96)[0].points
    assert np.array_equal(np.asarray(points), whole.POINTS)
    os.truncate(path, path.stat().st_size - 5)
    if not isinstance(points, np.ndarray):
        with pytest.raises(InputError, match=name):
            np.asarray(points)


@pytest.mark.parametrize("damage", ["flipped", "gone", "grown"])
def test_a_store_that_changes_under_way_is_told(damage: str, tmp_path: Path) -> None:
    """A folder of chunks: whichever of its files is written, the next rows are not read on."""
    path = tmp_path / "a.zarr"
    pytest.importorskip("zarr").create_array(path, data=whole.POINTS, chunks=(3, whole.POINTS.shape[1]))
    rows = stored(path, "", 1 << 24)
    assert rows is not None
    assert np.array_equal(rows[0:2], whole.POINTS[:2])
    chunk = max(one for one in path.rglob("*") if one.is_file() and one.name != "zarr.json")
    DAMAGES[damage](chunk, 0.5)
    with pytest.raises(InputError, match=r"a\.zarr"):
        rows[0:2]
