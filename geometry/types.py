"""The nouns of the package: frozen records passed between the floors, and nothing that computes.

Arrays are NumPy. Squared distances are float64 in units of the input squared; `dist` is their float32 root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Array = NDArray[Any]
Status = Literal["ok", "undefined", "failed"]


@dataclass(frozen=True)
class EmbeddingSet:
    """One generation of embeddings, in the dtype it was stored in.

    points (n, d), real-valued; an array, or `geometry.pairs.stored.Stored` where rows stay in files. labels, ids and
    origin are (n,) where given; origin is the generation a row was trained from or sampled by. `dropped` counts rows
    removed on request (`nan="drop"`), `notes` what reading it had to decide.
    """

    points: Array
    generation: int = 0
    name: str = ""
    layer: str = ""
    labels: Array | None = None
    ids: Array | None = None
    origin: Array | None = None
    source: str = ""
    digest: str = ""
    dropped: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Neighbors:
    """The k nearest others of every row, ranked by (squared distance, index); self is excluded by index.

    dist (n, k) float32 ascending, index (n, k) int64, certified (n,) bool: no closer row exists. sq_dist (n, k) float64
    holds the re-measured values that dist was rounded from; built from dist where a table comes from elsewhere.
    recall, with its 95 % interval, is the share of these neighbours that are true ones, as measured on sampled rows of
    the whole table; None where the table is exact. A table of some rows alone, looked up among all of their set: own
    (n,) are their numbers there, among the rows of the set; None where row i of the table is row i of the set.
    """

    dist: Array
    index: Ints = field(default_factory=lambda: np.empty((0, 0), np.int64))
    certified: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    sq_dist: Floats = field(default_factory=lambda: np.empty((0, 0)))
    recall: float | None = None
    recall_low: float | None = None
    recall_high: float | None = None
    own: Ints | None = None
    among: int | None = None

    def __post_init__(self) -> None:
        if self.sq_dist.size == 0 and np.size(self.dist):
            object.__setattr__(self, "sq_dist", np.asarray(self.dist, np.float64) ** 2)

    @property
    def k(self) -> int:
        return int(self.sq_dist.shape[1])

    @property
    def numbers(self) -> Ints:
        """(n,) what number each row of the table has in the set that it was looked up in."""
        return np.arange(len(self.sq_dist)) if self.own is None else self.own

    @property
    def base_rows(self) -> int:
        """How many rows the set has that neighbours were looked up in."""
        return len(self.sq_dist) if self.among is None else self.among

    def first(self, k: int) -> Neighbors:
        """The table cut to its first k columns."""
        cut = {name: getattr(self, name)[:, :k] for name in ("dist", "index", "sq_dist")}
        return replace(self, **cut)

    def exact_dist(self, k: int) -> Floats:
        """(n, k) float64 distances, not rounded to float32."""
        root: Floats = np.sqrt(self.sq_dist[:, :k])
        return root


@dataclass(frozen=True)
class RadiusCounts:
    """Closed balls around base rows, and who is inside: distance <= radius, ties inside.

    per_query (n,): in how many balls a query row lies; per_base (m,): how many query rows lie in a base row's ball.
    """

    per_query: Ints
    per_base: Ints


@dataclass(frozen=True)
class PairSums:
    """Sums over the pairs (sampled row, every other row), as means per sampled row.

    rows (s,) int64 sampled row numbers, exact where s == n. cos2, cos4 (s,): mean squared and fourth-power cosine of
    the centred directions. exp (s,): mean of exp(-t |v_i - v_j|^2) over raw unit rows, at `t`; exp_centred
    the same over centred unit rows. cosine_edges (b+1,), cosine_counts (b,): histogram of centred cosines.
    log2_edges (b+1,), log2_counts (b,): histogram of log2 squared distance, zero distances left out.
    """

    n: int
    rows: Ints
    cos2: Floats
    cos4: Floats
    t: float
    exp: Floats
    exp_centred: Floats
    cosine_edges: Floats
    cosine_counts: Ints
    log2_edges: Floats
    log2_counts: Ints

    @property
    def exact(self) -> bool:
        return len(self.rows) == self.n


@dataclass(frozen=True)
class Moments:
    """First and second moments of a set: n, mean (d,), covariance (d, d) with ddof 0, all float64."""

    n: int
    mean: Floats
    covariance: Floats


@dataclass(frozen=True)
class Estimate:
    """The value of a statistic and how far to trust it. `value` is None unless status is `ok`.

    low and high bound a 95 % interval found by `method`; null is the value expected where there is nothing (null_of:
    where a run took it from), z the distance from it in standard errors. per_point (n,) and profile (name -> array) are
    kept where they exist.
    """

    name: str
    value: float | None
    variant: str = ""
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    null: float | None = None
    z: float | None = None
    n: int = 0
    d: int = 0
    k: int | None = None
    exact: bool = True
    status: Status = "ok"
    reason: str = ""
    per_point: Array | None = None
    profile: Mapping[str, Array] | None = None
    null_of: str = ""

    def __float__(self) -> float:
        return float("nan") if self.value is None else float(self.value)


@dataclass(frozen=True)
class Projection:
    """Views of all generations in one frame: coordinates[g] is (n_g, 2) or (n_g, 3); rows[g] the row numbers drawn.

    quality holds, per measure, one value per generation.
    """

    view: str
    coordinates: tuple[Floats, ...]
    rows: tuple[Ints, ...]
    quality: Mapping[str, list[float]]


@dataclass(frozen=True)
class Record:
    """A finished run as it stands on disk: run.json, the rows of results.jsonl, and the named arrays."""

    run: dict[str, Any]
    results: list[dict[str, Any]]
    arrays: dict[str, Array]
