"""Neighbourhoods reduced to a few numbers each: angles, areas, reflected pairs, eigenvalues, for all rows at once.

For row x with neighbours x_1 .. x_c (c = count, the row itself not among them): v_j = x_j - x in float64, differences
first and products after, so that an offset of the set costs nothing; r = max_j |v_j|; all is in units of r:
  G_ij = v_i.v_j / r^2            u_j = |v_j| / r = sqrt(G_jj)
  H_ij = G_ij - g_i - g_j + g     centred on the neighbours' mean; g_i = mean_j G_ij, g = mean_i g_i
`directed` neighbours are those with v_j != 0; a copy of x has no direction, but is a member of the centred set.
  cos2       sum over directed i, j, i = j among them, of G_ij^2 / (G_ii G_jj)              abid
  cos, sin   sum over directed i < j of cos t = G_ij / (u_i u_j), in [-1, 1], and of sin t = sqrt(1 - cos^2 t)  danco
  area       sum over i < j of sqrt(max(H_ii H_jj - H_ij^2, 0)), twice the triangle with the mean     ess
  edges      sum over i < j of sqrt(H_ii H_jj)                                              ess
  tight      sum over kept ordered pairs i != j of log s_ij + log t_ij, plus 2 sum of log u_j over u_j >= TIGHT   tle
  dropped    ordered pairs not kept and u_j < TIGHT
with, after Amsaleg et al. 2019, s_ij = 2 v^2 / (A + sqrt(A^2 + 4 v^2 (1 - u_i^2))), A = u_i^2 + v^2 - u_j^2, v^2 =
|v_i - v_j|^2 / r^2, and t_ij the same with z^2 = 2 u_i^2 + 2 u_j^2 - v^2 for v^2. A pair is kept if v^2 > SAME, both
denominators are positive and s_ij, t_ij >= TIGHT. (This is the published quotient times its conjugate: it holds at u_i
= 1 and loses no digits near it.)
  eigenvalues   of the covariance sum_j (v_j - mean)(v_j - mean)' / (c r^2), descending, min(k, d) of them, through
                H or, where d < k, the d x d product                                                  lpca, ca_pca
Where the neighbours lie close together far from x (trace of H below FAR per neighbour) H is made again from
differences to the nearest neighbour. Copies of x alone: r = 0, every sum 0. `local_reference` is the float64 truth.

An engine with a device makes all three kinds there at once (its `neighborhoods`); this module is the CPU's way. Blocks
of rows go to as many threads as torch has; only one block of (rows, k, d) differences per thread is in memory. Of a set
that stays in its files these are the sampled rows and their neighbours among all (`geometry.pairs.gathered`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from geometry.pairs.executor import Executor
from geometry.pairs.gathered import Gathered, gathered
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.types import Array, Floats, Ints

TIGHT = 1e-4  # of the radius: measurements of tle below it are dropped
SAME = 1e-12  # squared distance of two neighbours, of r^2, below which they are one
FAR = 1e-4  # mean squared distance to the neighbours' mean, of r^2, below which H has lost too many digits
SCRATCH = 4 << 20  # bytes of differences per thread: stays in a CPU cache


@dataclass(frozen=True)
class LocalSums:
    """Sums over each neighbourhood, all (m,); lengths in units of `radius`, the input's own unit. See the module."""

    count: Ints
    radius: Floats
    directed: Ints
    cos2: Floats
    cos: Floats
    sin: Floats
    area: Floats
    edges: Floats


@dataclass(frozen=True)
class LocalReflections:
    """Sums over reflected pairs, all (m,): count, tight, dropped; see the module."""

    count: Ints
    tight: Floats
    dropped: Ints


@dataclass(frozen=True)
class LocalSpectra:
    """count (m,), radius (m,), eigenvalues (m, min(k, d)) descending, in units of the squared radius; ddof 0."""

    count: Ints
    radius: Floats
    eigenvalues: Floats


@dataclass(frozen=True)
class Local:
    """All three kinds of the same neighbourhoods, as an engine with a device makes them."""

    sums: LocalSums
    reflections: LocalReflections
    spectra: LocalSpectra


@dataclass(frozen=True)
class Places:
    """Which neighbourhoods: rows (m,) of the points, index (m, k) their neighbours, the first count (m,) of them.

    What stands beyond count is the row's own number, so that its difference is zero.
    """

    rows: Ints
    index: Ints
    count: Ints


def local_sums(scan: Scan, k: int) -> LocalSums:
    """Of every row and its k nearest others, made once a scan; k falls to the neighbours there are."""
    made: LocalSums = _of_every_row(scan, k, "sums")
    return made


def local_reflections(scan: Scan, k: int) -> LocalReflections:
    """Of every row and its k nearest others, made once a scan; k falls to the neighbours there are."""
    made: LocalReflections = _of_every_row(scan, k, "reflections")
    return made


def local_spectra(scan: Scan, k: int) -> LocalSpectra:
    """Of every row and its k nearest others, made once a scan; k falls to the neighbours there are."""
    made: LocalSpectra = _of_every_row(scan, k, "spectra")
    return made


def made_once(scan: Scan, kind: str, which: tuple[str, int], make: Callable[[], dict[str, Any]]) -> Any:
    """`kind` (sums, reflections or spectra) of the neighbourhoods that `which` names, kept with all that is made."""
    if (kind, which) not in scan.memo:
        scan.memo |= {(name, which): found for name, found in make().items()}
    return scan.memo[kind, which]


def made(executor: Executor | None, points: Array, places: Places, kind: str) -> dict[str, Any]:
    """`kind` of given neighbourhoods; all three where an engine's device makes them at once."""
    found = on_device(executor, points, places)
    if found is None:
        return {kind: _MAKERS[kind](points, places)}
    return {name: getattr(found, name) for name in _MAKERS}


def on_device(executor: Executor | None, points: Array, places: Places) -> Local | None:
    """All three kinds from the engine's device; None where it has none."""
    reduce = getattr(executor, "neighborhoods", None)
    found: Local | None = None if reduce is None else reduce(points, places)
    return found


def sums_of(points: Array, places: Places, executor: Executor | None = None) -> LocalSums:
    """The sums of given neighbourhoods of points (n, d), on the device of `executor` if it has one; k at least 1."""
    made = on_device(executor, points, places)
    if made is not None:
        return made.sums
    found = np.concatenate(list(_by_block(points, places, _block_sums)), axis=1)
    radius, directed, cos2, cos, sin, area, edges = found
    return LocalSums(places.count, radius, directed.astype(np.int64), cos2, cos, sin, area, edges)


def reflections_of(points: Array, places: Places) -> LocalReflections:
    """The reflected pairs of given neighbourhoods of points (n, d), k^2 pairs of logarithms each; k at least 1."""
    tight, dropped = np.concatenate(list(_by_block(points, places, _block_reflections)), axis=1)
    return LocalReflections(places.count, tight, dropped.astype(np.int64))


def spectra_of(points: Array, places: Places) -> LocalSpectra:
    """The spectra of given neighbourhoods of points (n, d); k at least 1."""
    found = list(_by_block(points, places, _block_spectra))
    radius = np.concatenate([part[0] for part in found])
    return LocalSpectra(places.count, radius, np.concatenate([part[1] for part in found]))


_MAKERS: dict[str, Callable[[Array, Places], Any]] = {
    "sums": sums_of,
    "reflections": reflections_of,
    "spectra": spectra_of,
}


def _of_every_row(scan: Scan, k: int, kind: str) -> Any:
    k = min(k, scan.most_neighbors)

    def make() -> dict[str, Any]:
        parts = [made(scan.executor, part.points, places_of(part), kind) for part in gathered(scan, k)]
        return {name: joined([part[name] for part in parts]) for name in parts[0]}

    return made_once(scan, kind, ("every row", k), make)


def places_of(part: Gathered) -> Places:
    """Where the k nearest others of every row of a part are among its points."""
    table = part.table
    return Places(table.numbers, table.index, np.full(len(table.index), table.k))


def joined(parts: Sequence[Any]) -> Any:
    """Sums, reflections or spectra of parts of the rows as one."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _by_block(points: Array, places: Places, reduce: Callable[..., Any]) -> Iterator[Any]:
    """What `reduce` makes of each block of neighbourhoods, in order, on as many threads as torch uses."""
    from threadpoolctl import threadpool_limits
    from torch import get_num_threads

    k, d = places.index.shape[1], points.shape[1]
    cuts = list(blocks(len(places.rows), max(SCRATCH // (8 * k * max(d, k)), 1)))

    def work(cut: slice) -> Any:
        return reduce(*_differences(points, places, cut), places.count[cut])

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(get_num_threads()) as threads:
        yield from threads.map(work, cuts)


def _differences(points: Array, places: Places, cut: slice) -> tuple[Floats, Floats]:
    """(b, k, d) float64 differences to each row, the largest coordinate 1, and (b,) the unit they are in."""
    from geometry.pairs.local_kernels import subtract

    index = places.index[cut]
    taken = points[index.ravel()].reshape(*index.shape, -1)
    own = points[places.rows[cut]]
    if points.dtype not in (np.float32, np.float64):
        taken, own = taken.astype(np.float64), own.astype(np.float64)
    out = np.empty(taken.shape)
    return out, subtract(taken, own, out)


def _grams(difference: Floats, unit: Floats, count: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """radius (b,), G and H (b, k, k), and the size (b,) of the numbers that H was made from."""
    from geometry.pairs.local_kernels import centre, normalise

    gram = difference @ difference.transpose(0, 2, 1)
    sq_radius = normalise(gram)
    centred, spread = centre(gram, count)
    size = np.ones(len(gram))
    far = np.flatnonzero((spread < FAR) & (sq_radius > 0))
    if len(far):
        beside = _beside(difference[far], count[far])
        again = beside @ beside.transpose(0, 2, 1) / sq_radius[far, None, None]
        size[far] = np.einsum("ijj->ij", again).max(axis=1)
        centred[far] = centre(again, count[far])[0]
    return unit * np.sqrt(sq_radius), gram, centred, size


def _beside(difference: Floats, count: Ints) -> Floats:
    """Differences to the nearest neighbour, zero beyond count: copies of one row give exact zeros."""
    beside = difference - difference[:, :1]
    beside[np.arange(beside.shape[1]) >= count[:, None]] = 0
    return beside


def _block_sums(difference: Floats, unit: Floats, count: Ints) -> Floats:
    """(7, b) in the order of `LocalSums` after count."""
    from geometry.pairs.local_kernels import reduce_pairs

    radius, gram, centred, _ = _grams(difference, unit, count)
    return np.vstack([radius[None], reduce_pairs(gram, centred, count)])


def _block_reflections(difference: Floats, unit: Floats, count: Ints) -> Floats:
    """(2, b) tight and dropped."""
    from geometry.pairs.local_kernels import normalise, reduce_reflections

    gram = difference @ difference.transpose(0, 2, 1)
    normalise(gram)
    return reduce_reflections(gram, count, TIGHT, SAME)


def _block_spectra(difference: Floats, unit: Floats, count: Ints) -> tuple[Floats, Floats]:
    k, d = difference.shape[1:]
    if k <= d:
        radius, _, centred, size = _grams(difference, unit, count)
        return radius, _eigenvalues(centred / np.maximum(count, 1)[:, None, None], size)
    sq_norms = np.einsum("ijk,ijk->ij", difference, difference).max(axis=1)
    beside = _beside(difference, count)
    mean = beside.sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, None, None]
    beside -= mean
    beside[np.arange(k) >= count[:, None]] = 0
    scale = np.maximum(count, 1) * np.where(sq_norms > 0, sq_norms, 1.0)
    covariance = beside.transpose(0, 2, 1) @ beside / scale[:, None, None]
    return unit * np.sqrt(sq_norms), _eigenvalues(covariance, np.zeros(len(count)))


def _eigenvalues(matrices: Floats, size: Floats) -> Floats:
    """Descending, values at the level of rounding 0: eps times the order and the largest, or the entries' size."""
    from geometry.pairs.small_eigenvalues import eigenvalues

    values = eigenvalues(matrices)[:, ::-1]
    eps = np.finfo(np.float64).eps
    floor = np.maximum(values.shape[1] * values[:, 0], 8 * size) * eps
    return np.where(values > floor[:, None], values, 0.0)
