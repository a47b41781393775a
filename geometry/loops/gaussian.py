"""The recursive Gaussian refit: maximum likelihood (ddof 0) from N(0, I), many replicates at once.

Closed answers (Alemohammad et al. 2023; Kazdan et al. 2024), n rows a batch, t fits:
  replace     E Sigma_t = (1 - 1/n)^t I, E tr Sigma_t + E |mu_t|^2 = d, E log of the squared Cholesky diagonal i is
              t (psi((n - i) / 2) - ln(n / 2)): the eigenvalues fan out, straight on a log axis
  accumulate  E Sigma_t = prod_{j <= t} (1 - 1 / (n j^2)) I
  fresh       synthetic share q: E mu^2 -> 1 / (n (1 - q^2) + q), E Sigma -> 1 - that, per coordinate
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


@dataclass(frozen=True)
class Gaussian(Unencoded):
    """`replicates` independent lineages in d dimensions; rows are (replicates, n, d), or (n, d) where there is one."""

    d: int = 8
    replicates: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.d < 1:
            raise UsageError(f"gaussian needs d >= 1, not {self.d}")

    @property
    def batch(self) -> Batch:
        """The replicates on their device."""
        return Batch(self.replicates, self.device)

    def truth(self) -> Mapping[str, Array]:
        shape = (self.replicates, self.d)
        return {"mean": np.zeros(shape), "covariance": np.tile(np.eye(self.d), (self.replicates, 1, 1))}

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        return self.sample(self.truth(), n, 1.0, generator), None

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        with reproducible(0):
            points = self.batch.there(rows, self.d)
            mean = points.mean(dim=1)
            centred = points - mean[:, None]
            covariance = centred.mT @ centred / points.shape[1]
        return Fit({"mean": mean.cpu().numpy(), "covariance": covariance.cpu().numpy()})

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        with reproducible(0):
            law = self.batch.known(parameters)
            white = self.batch.normal(generator, n, self.d)
            return self.batch.back(law["mean"][:, None] + bias * white @ _square_root(law["covariance"]))


def _square_root(covariance: torch.Tensor) -> torch.Tensor:
    """(replicates, d, d) factors R with R^T R = covariance, at any rank: a Cholesky factor needs full rank."""
    values, vectors = torch.linalg.eigh(covariance)
    root: torch.Tensor = values.clamp(min=0.0).sqrt()[..., None] * vectors.mT
    return root
