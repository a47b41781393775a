"""How clean a set is: what would mislead the statistics, counted and reported, never silently dropped.

One pass in blocks of rows; exact copies by sorting the rows, never by pairs. Near copies need the neighbour table and
are the business of the statistic `duplicates`. A norm counts as an outlier beyond OUTLIER times the median norm of the
finite rows: a share of the scale of the set, so that it holds in any unit and finds single wild rows at any dimension.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geometry.sources.checks import row_blocks
from geometry.types import Array, Floats

OUTLIER = 6.0  # median norms: a Gaussian in d >= 2 passes it with probability under 1e-10


@dataclass(frozen=True)
class Hygiene:
    """Counts over a set of n rows and d columns; `None` where no finite row gives a norm.

    non_finite_rows hold NaN or infinity; zero_rows are all zero; exact_copies repeat an earlier row bit by bit (minus
    zero is zero); constant_columns have one value over the finite rows, and need two rows to say so; norm_outliers have
    a norm beyond six times the median.
    """

    n: int
    d: int
    non_finite_rows: int
    zero_rows: int
    exact_copies: int
    constant_columns: int
    norm_outliers: int
    norm_min: float | None
    norm_median: float | None
    norm_max: float | None

    @property
    def clean(self) -> bool:
        """Whether there is nothing to report."""
        found = (self.non_finite_rows, self.zero_rows, self.exact_copies, self.constant_columns, self.norm_outliers)
        return not any(found)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)


def hygiene(points: Any) -> Hygiene:
    """Counts of what is wrong with the points (n, d), any float type; a set without rows or columns gives zeros."""
    from geometry.pairs.arrays import as_points
    from geometry.pairs.copies import find_copies

    rows = as_points(points)
    n, d = rows.shape
    if n == 0 or d == 0:
        return Hygiene(n, d, 0, 0, 0, 0, 0, None, None, None)
    norms, constant = _pass(rows)
    finite = norms[~np.isnan(norms)]
    spread = (finite.min(), np.median(finite), finite.max()) if len(finite) else None
    return Hygiene(
        n,
        d,
        non_finite_rows=n - len(finite),
        zero_rows=int(np.sum(finite == 0)),
        exact_copies=n - len(find_copies(rows).first),
        constant_columns=constant if len(finite) > 1 else 0,
        norm_outliers=int(np.sum(finite > OUTLIER * spread[1])) if spread and spread[1] > 0 else 0,
        **{
            f"norm_{name}": None if spread is None else float(spread[i])
            for i, name in enumerate(("min", "median", "max"))
        },
    )


def _pass(rows: Array) -> tuple[Floats, int]:
    """(n,) norms, NaN for rows that are not finite, and the number of constant columns over the others."""
    norms = np.empty(len(rows))
    low = np.full(rows.shape[1], np.inf)
    high = np.full(rows.shape[1], -np.inf)
    for block in row_blocks(rows):
        values = np.asarray(rows[block], np.float64)
        good = np.isfinite(values).all(axis=1)
        scale = np.abs(values[good]).max(axis=1, keepdims=True, initial=0)
        unit = values[good] / np.where(scale > 0, scale, 1)  # no square overflows
        norms[block] = np.nan
        norms[block][good] = np.linalg.norm(unit, axis=1) * scale[:, 0]
        low = np.minimum(low, values[good].min(axis=0, initial=np.inf))
        high = np.maximum(high, values[good].max(axis=0, initial=-np.inf))
    return norms, int(np.sum(low == high))
