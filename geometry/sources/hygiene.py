"""How clean a set is: what would mislead the statistics, counted and reported, never silently dropped.

One pass in blocks of rows (`geometry.sources.sweep`), then a second look at the few rows that may be copies: exact ones
share a digest, near ones a cell of a grid (`geometry.sources.near_copies`), and both are compared themselves. Which
norms are outliers is decided in `geometry.sources.wild_norms`, which columns are odd in `geometry.sources.odd_columns`.

Values at the end of the range of their dtype have been cut off, and so have whole numbers that end where those of 8 or
16 bits do and stand there more than once in a row: quantisation by the largest value of a row leaves one there.
Values below the normal numbers of the dtype have lost digits, and count where they are more than SUBNORMAL of all.
Floating points that use fewer bits than they have were rounded to a narrower dtype before; that is told, no fault.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from geometry.sources.checks import as_rows
from geometry.sources.near_copies import near_copies, pairs_together
from geometry.sources.odd_columns import odd_columns
from geometry.sources.sweep import Sweep, sweep
from geometry.sources.wild_norms import wild_norms
from geometry.types import Array, Ints

REPEATED = 0.01  # share of the rows that are one row over again
SUBNORMAL = 0.01
AGAIN = 0.1  # share of the rows: as many ends of a range again in a row are no chance of rounding
WHOLE = ((-128, 127), (0, 255), (-32768, 32767), (0, 65535))  # the ranges of 8 and 16 bits
NARROWER = (("bfloat16", 8, 3.4e38), ("float16", 11, 65504.0), ("float32", 24, 3.5e38))  # bits, largest
SHOWN = 5  # rows or columns named of each fault


@dataclass(frozen=True)
class Hygiene:
    """Counts over a set of n rows and d columns; `None` where no finite row gives a norm.

    non_finite_rows hold NaN (nan_rows) or infinity (infinite_rows); zero_rows are all zero; exact_copies repeat an
    earlier row bit by bit (minus zero is zero), near_copies all but repeat one; repeated_row counts the copies of one
    row that makes up more than a hundredth of the set; constant_columns have one value over the finite rows, and need
    two rows to say so; nearly_constant_columns deviate by less than a thousandth of the median column; dominant_columns
    hold, alone or up to three together, more than half of the variance or length; norm_outliers have a norm that others
    do not lead up to; saturated_values stand at the end of the range of their dtype, subnormal_values below its normal
    numbers; doubled_ids are rows whose id an earlier one has. value_dtype, value_max: of the stored values;
    value_precision: the narrower dtype that holds them all, where there is one. where: the first rows or columns of
    each fault.
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
    nearly_constant_columns: int = 0
    doubled_ids: int = 0
    value_dtype: str = ""
    value_precision: str = ""
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
    "doubled_ids": "two rows of one item: pairing by ids would take either; give every row its own",
    "constant_columns": "dead units: they add nothing; leave them out before cosines are taken",
    "nearly_constant_columns": "dead units with jitter: standardising would make noise of them; leave them out",
    "dominant_columns": "they decide distances and cosines alone: centre or standardise the columns",
    "norm_outliers": "look at these rows: units, tokens such as BOS, or failed inputs",
    "saturated_values": "cut off at the end of the range: store a wider dtype",
    "subnormal_values": "below the normal numbers of the dtype: digits are lost; scale, or store a wider dtype",
}  # fault -> what to do about it


def hygiene(points: Any, ids: Any = None) -> Hygiene:
    """Counts of what is wrong with the points (n, d), any float type; a set without rows or columns gives zeros.

    ids: (n,) one for each row. Rows in files (`geometry.pairs.stored.Stored`) are read in blocks: once, and again where
    rows may be copies.
    """
    rows = as_rows(points)
    n, d = rows.shape
    if n == 0 or d == 0:
        return Hygiene(n, d)
    seen = sweep(rows)
    finite = np.flatnonzero(~np.isnan(seen.norms))
    norms = seen.norms[finite]
    spread = (norms.min(), np.median(norms), norms.max()) if len(norms) else (None, None, None)
    found = _rows(rows, seen, finite) | odd_columns(seen, len(finite)) | {"doubled_ids": _doubled(ids)}
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
        saturated_values=_saturated(seen, rows),
        subnormal_values=seen.subnormal if seen.subnormal > SUBNORMAL * n * d else 0,
        value_dtype=str(rows.dtype),
        value_precision=_precision(seen, rows),
        value_max=seen.largest,
        where=where | ({"repeated_row": (row,)} if repeated else {}),
        **counts,
    )  # fmt: skip


def _doubled(ids: Any) -> Ints:
    """Rows whose id an earlier row has."""
    if ids is None:
        return np.empty(0, np.int64)
    _, first = np.unique(np.asarray(ids), return_index=True)
    return np.setdiff1d(np.arange(len(ids)), first, assume_unique=True)


def _rows(rows: Array, seen: Sweep, finite: Ints) -> dict[str, Ints]:
    """Row numbers of every fault of rows."""
    norms = seen.norms[finite]
    distinct, copies = _apart(rows, seen, finite)
    return {
        "nan_rows": np.flatnonzero(seen.nan),
        "infinite_rows": np.flatnonzero(seen.infinite & ~seen.nan),
        "zero_rows": finite[norms == 0],
        "exact_copies": copies,
        "near_copies": near_copies(rows, seen.shadows, distinct),
        "norm_outliers": finite[wild_norms(norms)],
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


def _saturated(seen: Sweep, rows: Array) -> int:
    """Values at the ends of the range of their dtype, or of whole numbers of 8 or 16 bits."""
    ends = (seen.bottom, seen.top)
    if not seen.whole:
        precision = _precision(seen, rows)
        limits = [float(np.finfo(rows.dtype).max), *(most for name, _, most in NARROWER[1:2] if name == precision)]
        return sum(end.count for end in ends if abs(end.value) in limits)
    for low, high in WHOLE:
        at = [end for end in ends if end.value in ({low, low + 1, high} if low else {high})]
        if seen.bottom.value >= low and seen.top.value == high and sum(end.again for end in at) > AGAIN * len(rows):
            return sum(end.count for end in at)
    return 0


def _precision(seen: Sweep, rows: Array) -> str:
    """The narrower floating dtype whose numbers all values are; empty where there is none, and for whole numbers."""
    own = int(np.finfo(rows.dtype).nmant) + 1
    fits = (name for name, bits, most in NARROWER if seen.bits <= bits < own and seen.largest <= most)
    return "" if seen.whole else next(fits, "")
