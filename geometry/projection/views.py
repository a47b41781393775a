"""The views by name, in one frame for all generations, with the quality of each.

The default is the radius-preserving map, the only one that is true about size and hollowness; `pca` and `umap` stand
beside it for what they show well: linear layout and neighbourhoods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.pairs import Executor, Scan, executor, in_its_files, scan
from geometry.pairs.streamed import SAMPLED, Asked, of_rows
from geometry.pairs.sums import sample_rows
from geometry.projection.alignment import Align, aligned
from geometry.projection.frame import Frame, pooled_frame
from geometry.projection.null import null_sets
from geometry.projection.pca import pca
from geometry.projection.quality import ROWS, quality
from geometry.projection.radial import radial
from geometry.projection.umap import umap
from geometry.types import Array, EmbeddingSet, Floats, Ints, Projection

View = Literal["radial", "pca", "umap"]
VIEWS: tuple[str, ...] = get_args(View)


def project(
    sets: Any,
    view: View = "radial",
    *,
    rows: Sequence[Any] | None = None,
    most: int | None = None,
    seed: int = 0,
    align: Align = "none",
) -> Projection:
    """All generations drawn in one frame.

    sets: one (n_g, d) array, EmbeddingSet or Scan per generation, with equal d. rows: the row numbers to draw, one
    array per generation; without them all, or at most `most` of each, sampled with `seed` (a UMAP of many rows takes
    minutes). align: for encoders that differ by a rotation, "ids" or "rows" turns every set onto the first by
    orthogonal Procrustes on rows matched by id or position. Returns coordinates (s_g, 3) for `radial` and `pca`, in
    units of the input with the generation's centroid at the origin, and (s_g, 2) without unit for `umap`; rows (s_g,)
    int64; quality with one value per generation, the `alignment_residual` among them where sets were turned. Raises
    UsageError for an unknown view or alignment, InputError for no sets, an empty set, unequal d, NaN, rows that are not
    there or cannot be matched. Of rows that stay in their files 10,000 sampled ones are drawn, or `rows`.
    """
    if view not in VIEWS:
        raise UsageError(f"view '{view}' is unknown; choose one of {', '.join(VIEWS)}")
    sets = _listed(sets)
    scans, residuals = aligned(_scans(sets, executor(), rows, seed), align)
    numbers = _numbers(sets, scans)
    if rows is not None and len(rows) == len(numbers):
        pairs = enumerate(zip(numbers, rows, strict=True))
        rows = [r if n is None else _among(n, np.asarray(r, np.int64).ravel(), g) for g, (n, r) in pairs]
    drawn = _rows(scans, rows, most, seed)
    made = _view(scans, view, pooled_frame(scans, seed), drawn, seed)
    named = [places if n is None else n[places] for n, places in zip(numbers, drawn, strict=True)]
    made = replace(made, rows=tuple(named))
    return replace(made, quality={**made.quality, "alignment_residual": residuals}) if residuals else made


def project_with_null(
    sets: Any, view: View = "radial", *, rows: Sequence[Any] | None = None, most: int | None = None, seed: int = 0
) -> tuple[Projection, Projection]:
    """The view of `project`, and the same view of the elliptical null of the very rows drawn.

    `radial` and `pca` place the null in the frame of the data; `umap` lays the nulls of all generations out together,
    with the same seed. Of a generation without spread there is no null, and none of it is drawn.
    """
    if view not in VIEWS:
        raise UsageError(f"view '{view}' is unknown; choose one of {', '.join(VIEWS)}")
    scans = _scans(_listed(sets), executor())
    drawn = _rows(scans, rows, most, seed)
    frame = pooled_frame(scans, seed)
    nulls = [Scan(points, scans[0].executor) for points in null_sets(scans, drawn, frame.means, seed)]
    whole = tuple(np.arange(null.n) for null in nulls)
    return _view(scans, view, frame, drawn, seed), _view(nulls, view, frame, whole, seed)


def _listed(sets: Any) -> list[Any]:
    """The sets, one by one; a set alone is one of them."""
    alone = isinstance(sets, EmbeddingSet | Scan) or getattr(sets, "ndim", 3) == 2
    return [sets] if alone else list(sets)


def _scans(sets: Sequence[Any], engine: Executor, rows: Sequence[Any] | None = None, seed: int = 0) -> list[Scan]:
    asked = [None] * len(sets) if rows is None or len(rows) != len(sets) else rows
    scans = [_scan(one, engine, wanted, seed) for one, wanted in zip(sets, asked, strict=True)]
    if not scans:
        raise InputError("there is no set to project; pass one (n, d) array per generation")
    for position, one in enumerate(scans):
        if len(one.points) == 0 or one.d == 0:
            raise InputError(f"set {position} has shape {one.points.shape}; a view needs at least one row and column")
        if one.d != scans[0].d:
            raise InputError(f"set {position} has {one.d} dimensions, set 0 has {scans[0].d}; one frame needs equal d")
    return scans


def _scan(one: Any, engine: Executor, wanted: Any, seed: int) -> Scan:
    """The scan of a set; of more rows in files than are sampled, a sample with the rows wanted in it."""
    stored = in_its_files(one)
    if stored is None or len(stored) <= SAMPLED:
        return scan(one, engine)
    numbers = sample_rows(len(stored), SAMPLED, seed)
    inside = np.asarray([] if wanted is None else wanted, np.int64).ravel()
    inside = inside[(inside >= 0) & (inside < len(stored))]  # what is not there is told where rows are drawn
    whole = one if isinstance(one, EmbeddingSet) else EmbeddingSet(one)
    return of_rows(whole, np.union1d(numbers, inside), engine, Asked(1, 1, seed=seed))


def _numbers(sets: Sequence[Any], scans: Sequence[Scan]) -> list[Ints | None]:
    """The row numbers in its files of each set that was sampled here; None of all others."""
    return [None if isinstance(one, Scan) else made.numbers for one, made in zip(sets, scans, strict=True)]


def _among(numbers: Ints, wanted: Ints, g: int) -> Ints:
    """Row numbers of a set in files as places among the rows that are in memory."""
    missing = np.setdiff1d(wanted, numbers)
    if len(missing):
        raise InputError(f"rows of set {g}: there is no row {missing[0]} in its files")
    return np.searchsorted(numbers, wanted)


def _rows(scans: Sequence[Scan], rows: Sequence[Any] | None, most: int | None, seed: int) -> tuple[Ints, ...]:
    if rows is None:
        return tuple(sample_rows(one.n, one.n if most is None else most, seed) for one in scans)
    if len(rows) != len(scans):
        raise InputError(f"rows has {len(rows)} entries for {len(scans)} sets; pass one array of row numbers per set")
    chosen = tuple(np.asarray(wanted, np.int64).ravel() for wanted in rows)
    for position, (one, wanted) in enumerate(zip(scans, chosen, strict=True)):
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < one.n:
            raise InputError(f"rows of set {position} run from {wanted.min()} to {wanted.max()}; it has {one.n} rows")
    return chosen


def _view(scans: Sequence[Scan], view: View, frame: Frame, drawn: tuple[Ints, ...], seed: int) -> Projection:
    coordinates = _coordinates(scans, view, frame, drawn, seed)
    return Projection(view, tuple(coordinates), drawn, _quality(scans, frame, drawn, coordinates, view))


def _coordinates(scans: Sequence[Scan], view: View, frame: Frame, drawn: Sequence[Ints], seed: int) -> list[Floats]:
    if view == "umap":
        parts: list[Array] = [one.points[rows] for one, rows in zip(scans, drawn, strict=True)]
        return umap(parts, scans[0].executor, seed)
    place = radial if view == "radial" else pca
    return [place(one.points, frame, g, rows) for g, (one, rows) in enumerate(zip(scans, drawn, strict=True))]


def _quality(
    scans: Sequence[Scan], frame: Frame, drawn: Sequence[Ints], coordinates: Sequence[Floats], view: View
) -> dict[str, list[float]]:
    """On the first rows of a fixed thinning of those drawn, so that the order of generations does not matter."""
    true, shown = [], []
    for g, (one, rows, places) in enumerate(zip(scans, drawn, coordinates, strict=True)):
        some = sample_rows(len(rows), ROWS, 0)
        true.append(one.points[rows[some]].astype(np.float64) - frame.means[g])
        shown.append(places[some] - (places.mean(axis=0) if view == "umap" and len(places) else 0.0))
    return quality(true, shown)
