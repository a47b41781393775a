"""kernels/local_spectra.cu executed on the CPU through `pairs.cuda.local`, against the float64 truth, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, mutated
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import (
    gaussian,
    huge,
    lattice,
    lognormal_norms,
    offset_1e4,
    one_outlier,
    subnormals,
    tight_clusters,
    tiny,
)

from geometry.errors import UsageError
from geometry.pairs import local_reference, reference
from geometry.pairs.cuda.local import MOST_NEIGHBORS, Local, local_summaries, shared_bytes
from geometry.pairs.local import SAME, Places, reflections_of, spectra_of, sums_of

SOURCE = "local_spectra.cu"
NAMES = ("count", "radius", "directed", "cos2", "cos", "sin", "area", "edges", "tight", "dropped")
EPS = float(np.finfo(np.float64).eps)
ROUNDING = {"cos2": 1e-14, "cos": 1e-14, "edges": 1e-14, "tight": 1e-12, "sin": EPS**0.5 * 2, "area": EPS**0.5 * 2}


def nearest(points: np.ndarray[Any, Any], rows: int, k: int) -> Places:
    """The k nearest others of the first rows."""
    _, index = reference.neighbors(points[:rows], points, len(points), exclude_self=False)
    index = np.stack([row[row != own][:k] for own, row in enumerate(index)])
    return Places(np.arange(rows), index, np.full(rows, k))


def inverse_gaps(point: np.ndarray[Any, Any], near: np.ndarray[Any, Any]) -> float:
    """Sum over ordered pairs of neighbours of r^2 over their squared distance, those taken for one left out."""
    gaps = reference.sq_dists(near, near) / max(reference.sq_dists(point[None], near).max(), 1e-300)
    return float((1 / gaps[gaps > SAME / 2]).sum())


def check(found: Local, points: np.ndarray[Any, Any], places: Places) -> None:
    """Every sum within rounding of the truth, every eigenvalue within 1e-13 of the squared radius.

    A cosine is off by a few eps, the sine beside 0 and the area of a needle by its root; a log of tle by eps over the
    squared gap of its pair, which G knows as a difference.
    """
    for at, (row, count) in enumerate(zip(places.rows, places.count, strict=True)):
        near = points[places.index[at, :count]]
        expected = local_reference.sums(points[row], near)
        for name in NAMES:
            ours, true = float(values_of(found)[name][at]), expected[name]
            allowed = ROUNDING[name] * count**2 if name in ROUNDING else 1e-12 * abs(true)
            if name == "tight":
                allowed += 8 * EPS * inverse_gaps(points[row], near)
            assert abs(ours - true) <= allowed, f"{name} of row {row}: {ours} for {true}"
        values, true_values = found.spectra.eigenvalues[at], local_reference.eigenvalues(points[row], near)
        assert np.all(np.diff(values) <= 0) and np.all(values >= 0)
        assert np.abs(values[: len(true_values)] - true_values).max() <= 1e-13 * max(true_values[0], 1e-3)
        assert not values[len(true_values) :].any()


def values_of(found: Local) -> dict[str, np.ndarray[Any, Any]]:
    """Every sum by its name."""
    return {name: value for part in (found.sums, found.reflections) for name, value in vars(part).items()}


def on_every_schedule(points: np.ndarray[Any, Any], places: Places) -> Local:
    runs = [local_summaries(HarnessDevice(schedule), points, places) for schedule in SCHEDULES]
    for run in runs[1:]:
        assert all(values_of(run)[name].tobytes() == values_of(runs[0])[name].tobytes() for name in NAMES)
        assert run.spectra.eigenvalues.tobytes() == runs[0].spectra.eigenvalues.tobytes()
    return runs[0]


@pytest.mark.parametrize(
    ("n", "d", "k"), [(2, 1, 1), (5, 1, 3), (9, 3, 8), (40, 40, 5), (40, 17, 20), (70, 100, 33), (140, 65, 128)]
)
def test_sizes(n: int, d: int, k: int) -> None:
    points = gaussian(np.random.default_rng([n, d]), n, d).astype(np.float32)
    places = nearest(points, 2, k)
    check(on_every_schedule(points, places), points, places)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_storage_types(dtype: type) -> None:
    points = gaussian(np.random.default_rng(1), 30, 6).astype(dtype)
    places = nearest(points, 4, 10)
    check(on_every_schedule(points, places), points, places)


@pytest.mark.parametrize(
    "cloud", [lattice, one_outlier, lognormal_norms, offset_1e4, huge, tiny, subnormals, tight_clusters]
)
def test_clouds(cloud: Callable[..., Any]) -> None:
    points = cloud(np.random.default_rng(2), 60, 7)
    places = nearest(points, 6, 12)
    check(on_every_schedule(points, places), points, places)


def test_copies_alone_give_zeros_and_copies_among_others_no_direction() -> None:
    points = np.vstack([np.ones((6, 3)), gaussian(np.random.default_rng(3), 6, 3)])
    alone = nearest(points, 3, 5)
    found = on_every_schedule(points, alone)
    assert not any(values_of(found)[name].any() for name in NAMES if name not in ("count", "dropped"))
    assert found.reflections.dropped.tolist() == [25, 25, 25]
    assert not found.spectra.eigenvalues.any()
    mixed = nearest(points, 3, 9)
    found = on_every_schedule(points, mixed)
    assert found.sums.directed.tolist() == [4, 4, 4]
    check(found, points, mixed)


@pytest.mark.parametrize("d", [4, 25])
def test_only_the_first_count_neighbors_count(d: int) -> None:
    """In 25 dimensions 20 eigenvalues are asked of neighbourhoods of 7, 2 and 1: more than a vector has places for."""
    points = gaussian(np.random.default_rng(4), 50, d)
    places = nearest(points, 5, 20)
    places = Places(places.rows, places.index, np.array([20, 7, 2, 1, 0]))
    for row in range(5):
        places.index[row, places.count[row] :] = row
    found = on_every_schedule(points, places)
    assert not any(values[4] for values in values_of(found).values()) and not found.spectra.eigenvalues[4].any()
    some = Places(places.rows[:4], places.index[:4], places.count[:4])
    check(found, points, some)


def test_neighbors_close_together_far_from_the_row() -> None:
    """H from G alone would have lost nine digits of sixteen: differences to the nearest neighbour keep them."""
    rng = np.random.default_rng(5)
    points = np.vstack([np.zeros((1, 4)), 100.0 + 1e-3 * gaussian(rng, 12, 4)])
    places = Places(np.array([0]), np.arange(1, 13)[None], np.array([12]))
    found = on_every_schedule(points, places)
    sums, spectra = found.sums, found.spectra
    truth = local_reference.sums(points[0], points[1:])
    assert sums.area[0] == pytest.approx(truth["area"], rel=1e-9)
    assert sums.edges[0] == pytest.approx(truth["edges"], rel=1e-9)
    assert spectra.eigenvalues[0] == pytest.approx(local_reference.eigenvalues(points[0], points[1:]), rel=1e-9)


def test_known_answers_on_a_cross() -> None:
    """Neighbours +-e_i of the origin: covariance 1/d each way, cosines 0 and -1, no spread of lengths."""
    d = 5
    points = np.vstack([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    places = Places(np.array([0]), np.arange(1, 2 * d + 1)[None], np.array([2 * d]))
    found = on_every_schedule(points, places)
    sums, spectra = found.sums, found.spectra
    assert spectra.eigenvalues[0] == pytest.approx(np.full(d, 1 / d), rel=1e-14)
    assert (sums.radius[0], sums.directed[0]) == (1.0, 2 * d)
    assert sums.cos2[0] == pytest.approx(4 * d)
    assert sums.cos[0] == pytest.approx(-d)
    assert sums.sin[0] == pytest.approx(d * (2 * d - 1) - d)
    assert sums.area[0] == pytest.approx(d * (2 * d - 1) - d)
    assert sums.edges[0] == pytest.approx(d * (2 * d - 1))


def test_the_cpu_says_the_same() -> None:
    points = gaussian(np.random.default_rng(6), 90, 20).astype(np.float32)
    places = nearest(points, 8, 30)
    found = local_summaries(HarnessDevice(), points, places)
    assert found.spectra.eigenvalues == pytest.approx(spectra_of(points, places).eigenvalues, abs=1e-13)
    for ours, theirs in ((found.sums, sums_of(points, places)), (found.reflections, reflections_of(points, places))):
        for name, value in vars(theirs).items():
            assert getattr(ours, name) == pytest.approx(value, rel=1e-10, abs=1e-10)


def test_batches_change_nothing_and_are_as_small_as_the_budget_says() -> None:
    points = gaussian(np.random.default_rng(7), 40, 3)
    places, whole, one = nearest(points, 7, 6), HarnessDevice(), HarnessDevice()
    expected, found = local_summaries(whole, points, places), local_summaries(one, points, places, budget=450)
    assert found.spectra.eigenvalues.tobytes() == expected.spectra.eigenvalues.tobytes()
    assert [grid for _, grid, _, _ in whole.launches] == [7]
    assert [grid for _, grid, _, _ in one.launches] == [2, 2, 2, 1]


def test_more_neighbors_than_fit_are_refused_and_the_most_fits_every_device() -> None:
    points = np.zeros((200, 2))
    places = Places(np.array([0]), np.arange(1, 130)[None], np.array([129]))
    with pytest.raises(UsageError, match="128 neighbours, not 129"):
        local_summaries(HarnessDevice(), points, places)
    assert shared_bytes(MOST_NEIGHBORS) <= 99 << 10


MUTATIONS = {
    "no barrier before the products": ("__syncthreads();  // the slab is complete", ""),
    "no barrier after the update": ("__syncthreads();  // the matrix is that of the next step", ""),
    "no barrier in the block's sum": ("__syncthreads();  // all warps have written", ""),
    "neighbours close together taken as they are": ("partial) >= FAR)", "partial) >= -1.0)"),
    "the last columns left out": ("start < of.d; start += SLAB", "start + SLAB <= of.d; start += SLAB"),
    "too few bisections": ("BISECTIONS = 60", "BISECTIONS = 30"),
    "distance in place of its reflection": ("2.0 * a + 2.0 * b - v2", "v2"),
    "padding taken as a member": ("static_cast<int>(count[at])", "k"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_kernel_is_caught(mutation: str) -> None:
    texts = mutated(MUTATIONS[mutation], SOURCE)
    rng = np.random.default_rng(8)
    points = np.vstack([np.zeros((1, 21)), 1.0 + 1e-6 * gaussian(rng, 12, 21), gaussian(rng, 40, 21)])
    places = Places(np.array([0, 13]), np.stack([np.arange(1, 13), np.arange(14, 26)]), np.array([12, 11]))
    places.index[1, 11:] = 13
    with pytest.raises((AssertionError, RuntimeWarning)):  # a wrong value, or the NaN of memory that nobody wrote
        for schedule in SCHEDULES:
            broken = HarnessDevice(schedule, texts=texts)
            found = local_summaries(broken, points, places)
            check(found, points, places)
            assert found.spectra.eigenvalues[0] == pytest.approx(
                local_reference.eigenvalues(points[0], points[1:13]), rel=1e-6, abs=1e-18
            )
