"""How many directions the spectrum fills: entropy ranks, participation ratio, isotropy score, stable rank.

With lambda the eigenvalues of the centred covariance and s the singular values of the centred matrix, s^2 = n lambda:
  effective_rank        exp(entropy of s / sum s), or of lambda / sum lambda        Roy, Vetterli 2007
  participation_ratio   (sum lambda)^2 / sum lambda^2
  iso_score             (participation_ratio - 1) / (d - 1)                         Rudman et al. 2022
  stable_rank           sum lambda / lambda_1                                       Rudelson, Vershynin 2007
Null: the value for n isotropic rows in d dimensions, from the Marchenko-Pastur law; d / (1 + d/n) for the participation
ratio. Standard errors by the influence function; that of stable_rank takes lambda_1 as simple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import ValueAndWeights, influence_stderr, participation, row_scores, spectral_influence
from geometry.pairs.marchenko_pastur import law
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, Invariance, statistic
from geometry.types import Estimate, Floats

METHOD = "influence function"
UNPADDED: tuple[Invariance, ...] = ("translation", "rotation", "row order", "scale")
Of = Callable[[Floats], ValueAndWeights]
Null = Callable[[int, int], float]  # of n and d


@statistic(
    "effective_rank",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Roy and Vetterli 2007",
    null="isotropic rows: count exp(-aspect / 2), and its counterpart for singular values, by Marchenko and Pastur",
    fails="n near or below d, where isotropic rows read low too; undefined without spread",
    whole="moments",
)
def effective_rank(scan: Scan, *, of: str | None = None) -> Estimate | dict[str, Estimate]:
    """exp of the Shannon entropy of the normalised spectrum: of="singular" values, or of="covariance" eigenvalues.

    The two differ a lot, so both are returned by their names unless one is asked for. Undefined for fewer than two rows
    or without spread.
    """
    if of is not None and of not in RANKS:
        raise UsageError(f"effective_rank has no spectrum '{of}'; choose one of {', '.join(RANKS)}")
    made = {name: _spectral(scan, "effective_rank", *RANKS[name], name) for name in (RANKS if of is None else [of])}
    return made if of is None else made[of]


@statistic(
    "participation_ratio",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="participation ratio of the covariance spectrum",
    null="isotropic rows: d / (1 + d / n)",
    fails="a few large directions hide all others; undefined without spread",
    whole="moments",
)
def participation_ratio(scan: Scan) -> Estimate:
    """(sum lambda)^2 / sum lambda^2: k for k equal eigenvalues. Undefined for fewer than two rows or without spread."""
    return _spectral(scan, "participation_ratio", participation, _isotropic_participation)


@statistic(
    "iso_score",
    needs=("moments",),
    range=(0.0, 1.0),
    invariances=UNPADDED,
    direction="down",
    source="Rudman et al. 2022",
    null="isotropic rows: (d / (1 + d / n) - 1) / (d - 1)",
    fails="added zero columns lower it; undefined at d = 1 or without spread",
    whole="moments",
)
def iso_score(scan: Scan) -> Estimate:
    """(participation_ratio - 1) / (d - 1): 1 for equal eigenvalues, 0 for a line. Undefined where d = 1 too."""
    if scan.d == 1:
        return undefined("iso_score", "one-dimension", n=scan.n, d=1)
    others = scan.d - 1

    def of(values: Floats) -> ValueAndWeights:
        ratio, weights = participation(values)
        return (ratio - 1) / others, weights / others

    return _spectral(scan, "iso_score", of, lambda n, d: (_isotropic_participation(n, d) - 1) / others)


@statistic(
    "stable_rank",
    needs=("moments",),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Rudelson and Vershynin 2007",
    null="isotropic rows: the Marchenko-Pastur mean over its edge",
    fails="one large direction hides all others; undefined without spread",
    whole="moments",
)
def stable_rank(scan: Scan) -> Estimate:
    """norm_F^2 / norm_2^2 of the centred matrix. Undefined for fewer than two rows or without spread."""
    return _spectral(scan, "stable_rank", _stable, lambda n, d: law(n, d).count / law(n, d).edge)


def _spectral(scan: Scan, name: str, of: Of, null: Null, variant: str = "") -> Estimate:
    fields: dict[str, Any] = {"variant": variant, "n": scan.n, "d": scan.d}
    if scan.n < 2:
        return undefined(name, "few-rows", **fields)
    if not has_spread(scan):
        return undefined(name, "no-spread", **fields)
    values = scan.spectrum.eigenvalues
    value, weights = of(values)
    stderr = influence_stderr(spectral_influence(row_scores(scan), values, weights), scan.n)
    return measured(name, value, stderr=stderr, method=METHOD, null=null(scan.n, scan.d), **fields)


def _stable(values: Floats) -> ValueAndWeights:
    total, first = values.sum(), values[0]
    weights = np.full(len(values), 1 / first)
    weights[0] -= total / first**2
    return float(total / first), weights


def _of_covariance(values: Floats) -> ValueAndWeights:
    return entropy_rank(values)


def _of_singular(values: Floats) -> ValueAndWeights:
    singular = np.sqrt(values)
    value, weights = entropy_rank(singular)
    return value, np.divide(weights, 2 * singular, out=np.zeros_like(values), where=values > 0)


def _isotropic_participation(n: int, d: int) -> float:
    """d / (1 + d/n), and never below the 1 that any set has."""
    return max(d / (1 + d / n), 1.0)


def isotropic_rank(n: int, d: int) -> float:
    """count exp(-aspect / 2): the mean of x log x under the law is half its aspect (Page 1993)."""
    made = law(n, d)
    return max(float(made.count * np.exp(-made.aspect / 2)), 1.0)


def _isotropic_singular(n: int, d: int) -> float:
    made = law(n, d)
    roots = np.sqrt(made.nodes)
    mean = made.weights @ roots
    return max(float(made.count * mean * np.exp(-(made.weights @ (roots * np.log(roots))) / mean)), 1.0)


RANKS: dict[str, tuple[Of, Null]] = {
    "singular": (_of_singular, _isotropic_singular),
    "covariance": (_of_covariance, isotropic_rank),
}


def entropy_rank(values: Floats, eps: float = 0.0) -> ValueAndWeights:
    """exp(-sum p log p) with p = values / sum + eps, made to sum to 1, and its derivatives; 0 log 0 = 0."""
    total = float(values.sum())
    share = (values / total + eps) / (1 + eps * len(values))
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy = -float((share * logs).sum())
    by_share = np.where(share > 0, -logs - entropy, 0.0)
    inner = by_share / (1 + eps * len(values)) / total
    return float(np.exp(entropy)), np.exp(entropy) * (inner - (inner * values).sum() / total)
