"""Neighbourhood sums and spectra against their definitions, one neighbourhood at a time; closed answers; threads."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry.pairs import Scan, executor, local
from geometry.pairs import local_reference as reference
from geometry.pairs.local import LocalSums, Places

K = 12


def far_cluster() -> clouds.Cloud:
    """A tight cluster and one row a million spreads away, whose neighbours all lie in it."""
    return np.vstack([clouds.gaussian(40, 6), np.full((1, 6), 1e6)])


SETS = clouds.neighbourhoods() | {
    "one far row": far_cluster(),
    "one dimension": clouds.gaussian(60, 1),
}


def made(points: np.ndarray, k: int = K) -> tuple[Scan, LocalSums]:
    scan = Scan(points, executor())
    return scan, local.local_sums(scan, k)


@pytest.mark.parametrize("name", SETS)
def test_sums_follow_their_definitions(name: str) -> None:
    scan, sums = made(SETS[name])
    reflections = local.local_reflections(scan, K)
    index = scan.neighbors(K).index
    for row, point in enumerate(scan.points):
        for field, want in reference.sums(point, scan.points[index[row]]).items():
            got = getattr(reflections if field in ("tight", "dropped") else sums, field)[row]
            rounding = {"radius": 0, "tight": 1e-4}.get(field, 2e-6)
            assert got == pytest.approx(want, rel=1e-7, abs=rounding), (row, field)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("k", [4, K])
def test_spectra_are_those_of_the_centred_neighbours(name: str, k: int) -> None:
    scan = Scan(SETS[name], executor())
    spectra = local.local_spectra(scan, k)
    index = scan.neighbors(k).index
    for row, point in enumerate(scan.points):
        want = reference.eigenvalues(point, scan.points[index[row]])
        np.testing.assert_allclose(spectra.eigenvalues[row], want, rtol=1e-6, atol=1e-9 * want[0] + 1e-300)
    assert spectra.eigenvalues.shape == (scan.n, min(k, scan.d))


def test_orthonormal_directions_have_no_cosines() -> None:
    """Neighbours e_1 .. e_8 of the origin: cos2 8, sin 28; centred, a simplex: |H_ii| 7/8, |H_ij| 1/8."""
    points = np.vstack([np.zeros((1, 8)), np.eye(8)])
    sums = local.sums_of(points, Places(np.array([0]), np.arange(1, 9)[None], np.array([8])))
    assert (sums.radius, sums.cos2, sums.cos) == (1, 8, 0)
    assert sums.sin[0] == pytest.approx(28)
    assert sums.area[0] == pytest.approx(28 * np.sqrt(48) / 8)
    assert sums.edges[0] == pytest.approx(28 * 7 / 8)


def test_neighbours_beyond_the_count_take_no_part() -> None:
    points = clouds.gaussian(50, 7)
    index = np.tile(np.arange(1, 21), (1, 1))
    padded = index.copy()
    padded[0, 9:] = 0
    short = Places(np.array([0]), index[:, :9], np.array([9]))
    long = Places(np.array([0]), padded, np.array([9]))
    one, other = local.sums_of(points, short), local.sums_of(points, long)
    for field in fields(LocalSums):
        np.testing.assert_allclose(getattr(other, field.name), getattr(one, field.name), rtol=1e-12)
    both = [local.spectra_of(points, places).eigenvalues[0, :7] for places in (short, long)]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-10)


@pytest.mark.parametrize("d", [3, 40])
def test_copies_of_the_row_leave_nothing(d: int) -> None:
    scan, sums = made(np.ones((20, d)) / 3)
    for field in fields(LocalSums):
        assert field.name == "count" or not getattr(sums, field.name).any()
    assert (local.local_reflections(scan, K).dropped == K * K).all()
    assert not local.local_spectra(scan, K).eigenvalues.any()


@pytest.mark.parametrize("d", [3, 40])
def test_copies_far_from_the_row_have_directions_and_no_spread(d: int) -> None:
    scan, sums = made(np.vstack([np.ones((20, d)) / 3, np.full((1, d), 0.7)]))
    assert sums.directed[-1] == K
    assert sums.cos2[-1] == pytest.approx(K * K)
    assert sums.area[-1] == sums.edges[-1] == 0
    assert not local.local_spectra(scan, K).eigenvalues[-1].any()


def test_blocks_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clouds.gaussian(300, 9)
    _, whole = made(points)
    monkeypatch.setattr(local, "SCRATCH", 8 * K * K * 7)
    _, blocked = made(points)
    for field in fields(LocalSums):
        assert np.array_equal(getattr(whole, field.name), getattr(blocked, field.name))


def test_statistics_share_what_is_made_once() -> None:
    scan, sums = made(clouds.gaussian(50, 3))
    assert local.local_sums(scan, K) is sums
    assert local.local_spectra(scan, K) is local.local_spectra(scan, K)
    assert len(local.local_sums(scan, 100).count) == 50 and local.local_sums(scan, 100).count[0] == 49


@pytest.mark.long
def test_code_compiled_in_this_run_and_code_from_the_cache_give_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import hashlib, numpy as np; from geometry.pairs.local_kernels import centre, reduce_pairs\n"
        "rows = np.random.default_rng(0).normal(size=(50, 100, 12)); gram = rows @ rows.transpose(0, 2, 1)\n"
        "found = reduce_pairs(gram, centre(gram, np.full(50, 100))[0], np.full(50, 100))\n"
        "print(hashlib.sha256(found.tobytes()).hexdigest())"
    )
    where = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = {
        subprocess.run([sys.executable, "-c", program], env=where, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(said) == 1 and len(list(tmp_path.rglob("*reduce_pairs*.nbc"))) == 1
