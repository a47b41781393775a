"""How clean a set is: what would mislead the statistics, counted and reported, never silently dropped.

One pass in blocks of rows (`geometry.sources.sweep`), then a second look at the few rows that may be copies: exact ones
share a digest, near ones a cell of a grid (`geometry.sources.near_copies`), and both are compared themselves. A norm
counts as an outlier beyond OUTLIER times the median norm of the finite rows: a share of the scale of the set, so that
it holds in any unit and finds single wild rows at any dimension. A column dominates that holds more than half of the
total variance or of the mean squared length (Timkey and van Schijndel 2021 call such dimensions rogue); with fewer than
DOMINATED columns that says nothing. Values at the end of the dtype's range have been cut off; values below its normal
numbers have lost digits, and count where they are more than SUBNORMAL of all that are not zero.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from geometry.sources.checks import as_rows
from geometry.sources.near_copies import near_copies, near_radius, pairs_together
from geometry.sources.sweep import Sweep, sweep
from geometry.types import Array, Ints

OUTLIER = 6.0  # median norms: a Gaussian in d >= 2 passes it with probability under 1e-10
DOMINATED = 8  # columns from which one that holds half is one too many
HALF = 0.5
REPEATED = 0.01  # share of the rows that are one row over again
SUBNORMAL = 0.01
SHOWN = 5  # rows or columns named of each fault


@dataclass(frozen=True)
class Hygiene:
    """Counts over a set of n rows and d columns; `None` where no finite row gives a norm.

    non_finite_rows hold NaN (nan_rows) or infinity (infinite_rows); zero_rows are all zero; exact_copies repeat an
    earlier row bit by bit (minus zero is zero), near_copies all but repeat one; repeated_row counts the copies of one
    row that makes up more than a hundredth of the set; constant_columns have one value over the finite rows, and need
    two rows to say so; dominant_columns hold more than half of the variance or length; norm_outliers have a norm beyond
    six times the median; saturated_values stand at the end of the dtype's range, subnormal_values below its normal
    numbers. value_dtype, value_max: of the stored values. where: the first rows or columns of each fault.
    """

    n: int
    d: int
    non_finite_rows: int = 0
    zero_rows: int = 0
    exact_copies: int = 0
    constant_columns: int = 0
    norm_outliers: int = 0
    norm_min: float | None = None
    norm_median: float | None = None
    norm_max: float | None = None
    nan_rows: int = 0
    infinite_rows: int = 0
    near_copies: int = 0
    repeated_row: int = 0
    dominant_columns: int = 0
    saturated_values: int = 0
    subnormal_values: int = 0
    value_dtype: str = ""
    value_max: float | None = None
    where: dict[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    @property
    def faults(self) -> dict[str, int]:
        """What there is to report, with its count; NaN and infinity by their own names."""
        return {name: count for name in FAULTS if (count := getattr(self, name))}

    @property
    def clean(self) -> bool:
        """Whether there is nothing to report."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """The fields by name but for `where`, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "where"}


FAULTS = {
    "nan_rows": "repair them, or leave them out with --nan drop",
    "infinite_rows": "an overflow made them: store a wider dtype, or leave them out with --nan drop",
    "zero_rows": "empty inputs or padding: leave them out, their direction is undefined",
    "exact_copies": "keep each row once, or expect neighbour statistics to see copies",
    "near_copies": "the same item embedded twice: keep one of each",
    "repeated_row": "one row over again: a default value or a constant answer",
    "constant_columns": "dead units: they add nothing; leave them out before cosines are taken",
    "dominant_columns": "they decide distances and cosines alone: centre or standardise the columns",
    "norm_outliers": "look at these rows: units, tokens such as BOS, or failed inputs",
    "saturated_values": "cut off at the end of the range: store a wider dtype",
    "subnormal_values": "below the normal numbers of the dtype: digits are lost; scale, or store a wider dtype",
}  # fault -> what to do about it


def hygiene(points: Any) -> Hygiene:
    """Counts of what is wrong with the points (n, d), any float type; a set without rows or columns gives zeros.

    Rows in files (`geometry.pairs.stored.Stored`) are read in blocks: once, and again where rows may be copies.
    """
    rows = as_rows(points)
    n, d = rows.shape
    if n == 0 or d == 0:
        return Hygiene(n, d)
    seen = sweep(rows)
    finite = np.flatnonzero(~np.isnan(seen.norms))
    norms = seen.norms[finite]
    spread = (norms.min(), np.median(norms), norms.max()) if len(norms) else (None, None, None)
    found = _rows(rows, seen, finite) | _columns(seen, len(finite))
    values = _values(rows, seen)
    counts = {name: len(numbers) for name, numbers in found.items()}
    repeated, row = _repeated(seen, finite)
    where = {name: tuple(int(i) for i in numbers[:SHOWN]) for name, numbers in found.items() if len(numbers)}
    return Hygiene(
        n, d,
        non_finite_rows=n - len(finite),
        repeated_row=repeated,
        norm_min=None if spread[0] is None else float(spread[0]),
        norm_median=None if spread[1] is None else float(spread[1]),
        norm_max=None if spread[2] is None else float(spread[2]),
        value_dtype=str(rows.dtype),
        value_max=seen.largest,
        where=where | ({"repeated_row": (row,)} if repeated else {}),
        **counts, **values,
    )  # fmt: skip


def _rows(rows: Array, seen: Sweep, finite: Ints) -> dict[str, Ints]:
    """Row numbers of every fault of rows."""
    norms = seen.norms[finite]
    middle = np.median(norms) if len(norms) else 0.0
    distinct, copies = _apart(rows, seen, finite)
    return {
        "nan_rows": np.flatnonzero(seen.nan),
        "infinite_rows": np.flatnonzero(seen.infinite & ~seen.nan),
        "zero_rows": finite[norms == 0],
        "exact_copies": copies,
        "near_copies": near_copies(rows, seen.shadows, distinct, near_radius(rows, distinct)),
        "norm_outliers": finite[norms > OUTLIER * middle] if middle > 0 else finite[:0],
    }


def _apart(rows: Array, seen: Sweep, finite: Ints) -> tuple[Ints, Ints]:
    """Finite rows that equal none before them, and those that do; a shared digest alone is no proof."""
    _, first, group = np.unique(seen.digests[finite], return_index=True, return_inverse=True)
    leader = finite[first[group]]
    suspects = np.flatnonzero(leader != finite)
    parts = np.array_split(suspects, len(suspects) // pairs_together(rows) + 1)
    equal = [part[np.all(rows[finite[part]] == rows[leader[part]], axis=1)] for part in parts]
    copies = finite[np.concatenate(equal)]
    return np.setdiff1d(finite, copies, assume_unique=True), copies


def _repeated(seen: Sweep, finite: Ints) -> tuple[int, int]:
    """Copies of the commonest row beside itself, and its first number; 0 where it is no hundredth of the set."""
    if len(finite) == 0:
        return 0, 0
    _, first, counts = np.unique(seen.digests[finite], return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    often = int(counts[most])
    few = often < 3 or often <= REPEATED * len(seen.norms)
    return (0, 0) if few else (often - 1, int(finite[first[most]]))


def _columns(seen: Sweep, finite: int) -> dict[str, Ints]:
    d = len(seen.low)
    constant = np.flatnonzero(seen.low == seen.high) if finite > 1 else np.empty(0, np.int64)
    dominant = np.zeros(d, np.bool_)
    for share in (seen.variance, seen.square):
        total = share.sum()
        if d >= DOMINATED and np.isfinite(total) and total > 0:
            dominant |= share > HALF * total
    return {"constant_columns": constant, "dominant_columns": np.flatnonzero(dominant)}


def _values(rows: Array, seen: Sweep) -> dict[str, int]:
    many = seen.subnormal > SUBNORMAL * len(rows) * rows.shape[1]
    return {"saturated_values": seen.saturated, "subnormal_values": seen.subnormal if many else 0}
