"""A Gaussian mixture fitted by expectation and maximisation (Dempster, Laird and Rubin 1977; scikit-learn's).

The true law, unless `data` names embeddings: `components` Gaussians of spread 1 in d dimensions, their means normal
with standard deviation `spread`, their weights falling as 1 / rank. A row is labelled by the true component most likely
to have drawn it. A row is drawn from component i with its weight, at bias times its standard deviations. Rows are
centred and brought to a root mean square spread of 1 for the fit: the 1e-6 that scikit-learn adds to every variance is
a share of theirs then, whatever their units.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.loops.model import Fit, Unencoded
from geometry.pairs.cpu.threads import tell_cores
from geometry.types import Array

LAW_SEED = 11  # of the means of the true law


@dataclass(frozen=True)
class Gmm(Unencoded):
    """components: of the law and of every fit. iterations: of EM at most. data: an embedding file, or none."""

    components: int = 8
    d: int = 2
    spread: float = 6.0
    iterations: int = 100
    data: str = ""

    def __post_init__(self) -> None:
        if min(self.components, self.d, self.iterations) < 1 or self.spread < 0:
            raise UsageError("gmm: components, d and iterations must be positive, spread at least 0")

    def truth(self) -> Mapping[str, Array]:
        if self.data:
            return {}
        generator = np.random.default_rng(LAW_SEED)
        weights = 1 / np.arange(1.0, self.components + 1)
        return {
            "weights": weights / weights.sum(),
            "means": self.spread * generator.standard_normal((self.components, self.d)),
            "covariances": np.tile(np.eye(self.d), (self.components, 1, 1)),
        }

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        if not self.data:
            rows = self.sample(self.truth(), n, 1.0, generator)
            return rows, self.label(rows)
        points = _rows_of(self.data)
        if n > len(points):
            raise UsageError(f"n = {n}; there are {len(points)} rows in {self.data}")
        return points[generator.permutation(len(points))[:n]], None

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        tell_cores()
        if len(rows) < self.components:
            raise UsageError(f"gmm: {len(rows)} rows cannot be fitted by {self.components} components")
        seed = int(generator.integers(2**32))
        mixture: Any = GaussianMixture(self.components, max_iter=self.iterations, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # copies among the rows leave k-means fewer centres
            centre = rows.mean(axis=0, dtype=np.float64)
            spread = float(np.sqrt(np.mean((rows - centre) ** 2))) or 1.0
            mixture.fit((rows - centre) / spread)
        means, covariances = centre + spread * mixture.means_, spread**2 * mixture.covariances_
        loss = rows.shape[1] * np.log(spread) - float(mixture.lower_bound_)
        return Fit({"weights": mixture.weights_, "means": means, "covariances": covariances}, (float(loss),))

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        weights, means = parameters["weights"], parameters["means"]
        component = generator.choice(len(weights), n, p=weights / weights.sum())
        white = generator.standard_normal((n, means.shape[1]))
        factors = np.linalg.cholesky(parameters["covariances"])  # of full rank by what the fit adds
        rows: Array = means[component] + bias * np.einsum("nij,nj->ni", factors[component], white)
        return rows

    def label(self, rows: Array) -> Array | None:
        if self.data:
            return None
        law = self.truth()
        gaps = rows[:, None] - law["means"]
        likely: Array = np.argmax(np.log(law["weights"]) - (gaps**2).sum(-1) / 2, axis=1)
        return likely


@cache
def _rows_of(path: str) -> Array:
    """The one embedding set at a path, in float64."""
    from geometry.sources import load

    found = load([path])
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} sets; name one of them as PATH:KEY")
    rows: Array = np.asarray(found[0].points, np.float64)
    return rows
