"""Categories drawn from their own counts, again and again: genetic drift, many replicates at once.

The true shares fall as rank^-power (power 0: all equal). With n rows a fit (Wright 1931):
  replace  heterozygosity E sum_i p_i (1 - p_i) falls as (1 - 1/n)^t; a category of share p is lost with (1 - p)^n in
           one fit, and never comes back
A bias other than 1 draws from p^(1 / bias), as a temperature does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from geometry.errors import UsageError
from geometry.loops.model import Fit, Unencoded
from geometry.types import Array


@dataclass(frozen=True)
class Categorical(Unencoded):
    """Rows are (replicates, n, 1) category numbers, or (n, 1); an embedding has one column for each category."""

    categories: int = 20
    power: float = 1.0
    replicates: int = 1

    def __post_init__(self) -> None:
        if self.categories < 2 or self.power < 0:
            raise UsageError(
                f"categorical needs 2 categories and a power of 0, not {self.categories} and {self.power}, at least"
            )

    def truth(self) -> Mapping[str, Array]:
        share = np.arange(1, self.categories + 1.0) ** -self.power
        return {"shares": np.tile(share / share.sum(), (self.replicates, 1))}

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        rows = self.sample(self.truth(), n, 1.0, generator)
        return rows, self.label(rows)

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        numbers = rows.reshape(self.replicates, -1).astype(np.int64)
        offset = self.categories * np.arange(self.replicates)[:, None]
        counts = np.bincount((numbers + offset).ravel(), minlength=self.replicates * self.categories)
        return Fit({"shares": counts.reshape(self.replicates, -1) / numbers.shape[1]})

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        shares = parameters["shares"] ** (1 / bias)
        edges = np.cumsum(shares, axis=1)
        drawn = generator.random((self.replicates, n)) * edges[:, -1:]
        numbers = np.stack([np.searchsorted(edge, row, side="right") for edge, row in zip(edges, drawn, strict=True)])
        rows = np.minimum(numbers, self.categories - 1).astype(np.int64)[..., None]
        drawn_rows: Array = rows[0] if self.replicates == 1 else rows
        return drawn_rows

    def embed(self, rows: Array) -> Array:
        found: Array = np.eye(self.categories, dtype=np.float32)[rows[..., 0]]
        return found

    def label(self, rows: Array) -> Array | None:
        return rows[..., 0] if self.replicates == 1 else None
