"""What a proof asks of kernels on a device: adversarial sets, and every answer against float64.

Sets where coarse products err most: copies, all rows equal, one far row, a far origin, clusters below the coarse
resolution, norms over orders of magnitude, and sums that show how many guard bits the matrix unit keeps; and two sizes
that take a scan round its stages, with row tiles that stay in shared memory and with some that do not fit. Asked are
every reduction of the engine, the means of kernels/column_sums.cu and the neighbourhoods of kernels/local_spectra.cu. A
comparison is `not (err <= tol)`, so that NaN fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geometry.pairs import kernel_reference, reference
from geometry.pairs.cuda.column_mean import column_mean
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.local import local_summaries
from geometry.pairs.executor import Executor
from geometry.pairs.local import Local, Places, reflections_of, spectra_of, sums_of
from geometry.types import Array, Floats

N, D, K = 300, 70, 12
WIDE, LONG = (700, 320), (300, 450)
SUM_ERROR = 1e-12  # relative, of a float64 sum of some hundred terms in another order
# Of sums over K neighbours: a sine beside 0 and the area of a needle are off by the root of rounding.
LOCAL_ERRORS = {
    "directed": 0.0, "cos2": 1e-10, "cos": 1e-10, "sin": 1e-5, "area": 1e-5, "edges": 1e-10, "tight": 1e-7,
    "dropped": 0.0,
}  # fmt: skip


def adversarial_sets() -> dict[str, Array]:
    """float32 sets by name, (N, D) but for two, the same in every process."""
    rng = np.random.default_rng(20)
    rows = rng.standard_normal((N, D))
    far = rows.copy()
    far[7] = 1e6
    clusters = rng.standard_normal((8, D))[rng.integers(0, 8, N)] + 1e-6 * rows
    made = {
        "gaussian": rows,
        "duplicates": rows[rng.integers(0, N // 3, N)],
        "all equal": np.repeat(rows[:1], N, axis=0),
        "one outlier": far,
        "offset 1e4": rows + 1e4,
        "tight clusters": clusters,
        "lognormal norms": rows * rng.lognormal(0, 3, (N, 1)),
        "truncation": _truncation(rng),
        "many tiles": rng.standard_normal(WIDE),
        "long rows": rng.standard_normal(LONG),
    }
    return {name: points.astype(np.float32) for name, points in made.items()}


def _truncation(rng: np.random.Generator) -> Floats:
    """+-16, then 2^-8 (1 - 2^-11) or 0: products of 256 to which terms just below one step of a short sum are added."""
    points = np.where(rng.random((N, D)) < 0.5, 2.0**-8 * (1 - 2.0**-11), 0.0)
    points[:, 0] = np.where(np.arange(N) < N // 2, 16.0, -16.0)
    return points


def wrong(device: Device, engine: Executor, points: Array) -> Iterator[str]:
    """What is wrong with an engine of `device` on points (n, d), a line each; nothing where all is right."""
    yield from wrong_of(engine, points)
    yield from _wrong_means(device, points)
    yield from _wrong_neighborhoods(device, points)


def wrong_of(engine: Executor, points: Array) -> Iterator[str]:
    """The same of any engine: what is wrong with its neighbours, counts, sums and moments."""
    base, queries = points[: 2 * len(points) // 3], points[2 * len(points) // 3 :]
    yield from _wrong_neighbors(engine, points, points, exclude_self=True)
    yield from _wrong_neighbors(engine, queries, base, exclude_self=False)
    yield from _wrong_counts(engine, queries, base)
    yield from _wrong_sums(engine, points)
    yield from _wrong_moments(engine, points)


def _wrong_neighbors(engine: Executor, queries: Array, base: Array, *, exclude_self: bool) -> Iterator[str]:
    """Distances rank by rank, and the distance of every index named: equal distances may stand in either order."""
    what = "neighbors" if exclude_self else "neighbors of another set"
    found = engine.neighbors(queries, base, K, exclude_self=exclude_self)
    every = reference.sq_dists(queries, base)
    if exclude_self:
        np.fill_diagonal(every, np.inf)
    expected = np.sort(every, axis=1)[:, :K]
    allowed = SUM_ERROR * expected
    yield from _beyond(what, found.sq_dist - expected, allowed)
    if not ((found.index >= 0) & (found.index < len(base))).all():
        yield f"{what}: an index out of range"
        return
    yield from _beyond(f"{what}, by index", np.take_along_axis(every, found.index, axis=1) - expected, allowed)
    if not np.diff(np.sort(found.index, axis=1), axis=1).all():
        yield f"{what}: an index twice in a row"
    if not found.certified.all():
        yield f"{what}: {int((~found.certified).sum())} rows without certificate"


def _wrong_counts(engine: Executor, queries: Array, base: Array) -> Iterator[str]:
    """Radii a little beyond the K-th distance, so that no rounding decides."""
    sq_radii = reference.neighbors(base, base, K, exclude_self=True)[0][:, -1] * (1 + 1e-9)
    found, expected = engine.radius_counts(queries, base, sq_radii), reference.radius_counts(queries, base, sq_radii)
    for what, ours, true in zip(("query", "base row"), (found.per_query, found.per_base), expected, strict=True):
        if not np.array_equal(ours, true):
            yield f"radius counts per {what}: {int((ours != true).sum())} differ"


def _wrong_sums(engine: Executor, points: Array) -> Iterator[str]:
    """Against the CPU engine, whose sums its own tests hold to float64; sums of exp by what they are short of 1."""
    from geometry.pairs.torch_engine import TorchExecutor

    rows = np.arange(0, len(points), 3)
    found, expected = engine.pair_sums(points, rows, 2.0), TorchExecutor().pair_sums(points, rows, 2.0)
    for name in ("cos2", "cos4", "exp", "exp_centred"):
        ours, true = getattr(found, name), getattr(expected, name)
        size = 1 - true if name == "exp" else np.ones(true.shape)
        yield from _beyond(f"pair sums, {name}", ours - true, 1e-5 * size + 1e-12)


def _wrong_moments(engine: Executor, points: Array) -> Iterator[str]:
    found, expected = engine.moments(points), reference.moments(points)
    size = np.sqrt(np.diag(expected.covariance))
    spread = np.outer(size, size) + 1e-13 * np.abs(expected.mean).max() ** 2
    yield from _beyond("mean", found.mean - expected.mean, 1e-12 * (np.abs(points).max(axis=0) + size))
    yield from _beyond("covariance", found.covariance - expected.covariance, 1e-10 * spread + 1e-300)


def _wrong_means(device: Device, points: Array) -> Iterator[str]:
    expected = kernel_reference.column_sums(points)
    while len(expected) > 1:
        expected = kernel_reference.column_sums(expected)
    n, d = points.shape
    if not np.array_equal(column_mean(device, device.put(points), n, d, points.dtype), expected[0] / n):
        yield "column means: digits differ"


def _wrong_neighborhoods(device: Device, points: Array) -> Iterator[str]:
    """Of all sizes from 0 to K, against the CPU's."""
    rows = np.arange(0, len(points), 25)
    index = reference.neighbors(points[rows], points, K, exclude_self=False)[1]
    count = K - np.arange(len(rows)) % (K + 1)
    places = Places(rows, np.where(np.arange(K) < count[:, None], index, rows[:, None]), count)
    found = local_summaries(device, points, places)
    expected = Local(sums_of(points, places), reflections_of(points, places), spectra_of(points, places))
    size = expected.sums.radius
    yield from _beyond("neighbourhoods, radius", found.sums.radius - size, SUM_ERROR * size)
    for name, most in LOCAL_ERRORS.items():
        kind = "reflections" if name in ("tight", "dropped") else "sums"
        ours, true = getattr(getattr(found, kind), name), getattr(getattr(expected, kind), name)
        yield from _beyond(f"neighbourhoods, {name}", ours - true, np.full(true.shape, most))
    true = expected.spectra.eigenvalues
    yield from _beyond("neighbourhoods, eigenvalues", found.spectra.eigenvalues - true, np.full(true.shape, 1e-12))


def _beyond(what: str, error: Floats, allowed: Floats) -> Iterator[str]:
    """What to say where an error is not within its bound."""
    good = np.abs(error) <= allowed
    if not good.all():
        at = np.unravel_index(int(np.argmin(good)), good.shape)
        yield f"{what}: {int((~good).sum())} of {good.size} values wrong, the first by {error[at]:.3g}"
