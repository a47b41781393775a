"""Linear regression that is fitted again and again to the labels of its predecessor, many replicates at once.

y = x w + s e with x and e standard normal and |w| = 1; the fit is least squares (of least norm where rows are few).
With T rows, d inputs, noise variance s^2, and |w_t - w|^2 the excess error on a new x (Gerstgrasser et al. 2024):
  replace     E |w_t - w|^2 = t s^2 d / (T - d - 1)
  accumulate  E |w_t - w|^2 = s^2 d / (T - d - 1) sum_{j <= t} 1 / j^2, at most pi^2 / 6 of the first, on one design
The noise of a model is the true one: it is not fitted. design="same" labels the same x anew in every generation, as the
accumulate law asks; "fresh" draws them anew, for which the replace law holds too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from geometry.errors import UsageError
from geometry.loops.batched import Batch
from geometry.loops.model import Fit, Unencoded
from geometry.loops.reproducible import reproducible
from geometry.types import Array

DESIGNS = ("same", "fresh")
PURPOSE = 97  # of the generator of the design, apart from those of the loop


@dataclass(frozen=True)
class Linear(Unencoded):
    """Rows are (replicates, n, d + 1), inputs and then the label, or (n, d + 1) where there is one replicate."""

    d: int = 5
    noise: float = 1.0
    design: str = "same"
    replicates: int = 1
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.d < 1 or not 0 < self.noise < np.inf:
            raise UsageError(f"linear needs d >= 1 and noise > 0, not {self.d} and {self.noise}")
        if self.design not in DESIGNS:
            raise UsageError(f"linear has no design '{self.design}'; choose one of {', '.join(DESIGNS)}")

    @property
    def batch(self) -> Batch:
        """The replicates on their device."""
        return Batch(self.replicates, self.device)

    def truth(self) -> Mapping[str, Array]:
        return {"weights": np.full((self.replicates, self.d), self.d**-0.5)}

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        return self.sample(self.truth(), n, 1.0, generator), None

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        with reproducible(0):
            points = self.batch.there(rows, self.d + 1)
            inputs, labels = points[..., :-1], points[..., -1:]
            inverse = torch.linalg.pinv(inputs.mT @ inputs, hermitian=True)
            weights = (inverse @ (inputs.mT @ labels))[..., 0]
        return Fit({"weights": weights.cpu().numpy()})

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        same = np.random.default_rng([self.seed, PURPOSE])
        with reproducible(0):
            inputs = self.batch.normal(same if self.design == "same" else generator, n, self.d)
            told = inputs @ self.batch.known(parameters)["weights"][..., None]
            labels = told + bias * self.noise * self.batch.normal(generator, n, 1)
            return self.batch.back(torch.cat([inputs, labels], dim=-1))
