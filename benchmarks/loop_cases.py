"""What the loops are expected to show, measured: one function per finding, each yielding points of its figure.

  closed     the closed answers of recursive fits: Gaussian, regression, categories
  slope      the decay of the variance under replace at n rows, and at twice as many
  regimes    generation 10 of a Gaussian under every regime, and under replace with lambda < 1
  narrow     a Gaussian mixture sampled with lambda < 1: precision and recall
  digits     a VAE of a set of images under replace and accumulate: coverage, tails, modes
  text       a language model under replace and accumulate: rare characters, loss on real text, loss per character
Sampling errors are those over replicates, over rows for `digits` and `text`, which run once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import psi

from geometry import loops
from geometry.catalog import compute
from geometry.loops import Generation, Lineage
from geometry.loops.lineage import first_replicate
from geometry.loops.regimes import LOOKING
from geometry.loops.replicates import replicated
from geometry.loops.settings import Settings
from geometry.types import Array, Estimate, Floats

REPLICATES = 1000
LAMBDA = 0.9
GENERATIONS = 10


@dataclass(frozen=True)
class Point:
    """One point of a figure: which panel and series, where, the value with its error, and the closed answer."""

    panel: str
    series: str
    x: float
    value: float
    stderr: float | None = None
    expected: float | None = None
    setting: dict[str, Any] = field(default_factory=dict)

    @property
    def z(self) -> float | None:
        """Standard errors from the closed answer."""
        if self.expected is None or not self.stderr:
            return None
        return (self.value - self.expected) / self.stderr


def averaged(panel: str, series: str, x: float, values: Floats, expected: float | None = None, **setting: Any) -> Point:
    """The mean over replicates (r,) with its standard error."""
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return Point(panel, series, x, float(values.mean()), error, expected, setting)


def closed() -> Iterator[Point]:
    """Laws of STATISTICS 5: variance, its fan of directions, excess error of a regression, heterozygosity."""
    yield from _gaussian_laws()
    yield from _regression_laws()
    yield from _category_laws()


def _gaussian_laws(n: int = 20, d: int = 4, share: float = 0.5) -> Iterator[Point]:
    setting: dict[str, Any] = {"n": n, "d": d, "replicates": REPLICATES}
    for regime in ("replace", "accumulate", "fresh"):
        more: dict[str, Any] = {"real_share": share} if regime == "fresh" else {}
        run = loops.run("gaussian", regime=regime, generations=30, seed=1, **setting, **more)
        for t in range(1, 31):
            variance = np.trace(run[t].parameters["covariance"], axis1=1, axis2=2) / d
            yield averaged("variance", regime, t, variance, _variance_law(regime, n, t, share), **setting, **more)
        if regime == "replace":
            rate = psi((n - np.arange(1, d + 1)) / 2) - np.log(n / 2)
            for t in range(1, 31, 3):
                factor = np.linalg.cholesky(run[t].parameters["covariance"])
                logs = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2))
                for i in range(d):
                    yield averaged("log variance", f"direction {i + 1}", t, logs[:, i], t * float(rate[i]), **setting)


def _variance_law(regime: str, n: int, t: int, share: float) -> float | None:
    if regime == "replace":
        return float((1 - 1 / n) ** t)
    if regime == "accumulate":
        return float(np.prod(1 - 1 / (n * np.arange(1, t + 1.0) ** 2)))
    return 1 - 1 / (n * (1 - share**2) + share) if t >= 15 else None  # the fixed point


def _regression_laws(n: int = 40, d: int = 5) -> Iterator[Point]:
    setting: dict[str, Any] = {"n": n, "d": d, "noise": 1.0}
    for regime in ("replace", "accumulate"):
        run = loops.run("linear", regime=regime, generations=20, seed=2, replicates=REPLICATES, **setting)
        true = run[0].parameters["weights"]
        for t in range(1, 21):
            error = ((run[t].parameters["weights"] - true) ** 2).sum(1)
            times = t if regime == "replace" else float((1 / np.arange(1.0, t + 1) ** 2).sum())
            yield averaged("regression error", regime, t, error, times * d / (n - d - 1), **setting)


def _category_laws(n: int = 50, categories: int = 20) -> Iterator[Point]:
    setting: dict[str, Any] = {"n": n, "categories": categories}
    run = loops.run("categorical", regime="replace", generations=30, seed=3, replicates=REPLICATES, **setting)
    true = run[0].parameters["shares"][0]
    start = float((true * (1 - true)).sum())
    for t in range(1, 31):
        shares = run[t].parameters["shares"]
        mixed = (shares * (1 - shares)).sum(1)
        yield averaged("heterozygosity", "replace", t, mixed, start * (1 - 1 / n) ** t, **setting)
    for i in range(categories):
        lost = (run[1].parameters["shares"][:, i] == 0).astype(np.float64)
        expected = float((1 - true[i]) ** n)
        error = float(np.sqrt(expected * (1 - expected) / len(lost)))
        yield Point("lost in one fit", "replace", float(true[i]), float(lost.mean()), error, expected, setting)


def slope() -> Iterator[Point]:
    """Slope of the log mean variance on the generation, by n: log(1 - 1/n), half of it where n doubles."""
    for n in (25, 50, 100, 200, 400):
        run = loops.run("gaussian", regime="replace", generations=20, n=n, d=4, replicates=REPLICATES, seed=n)
        logs = np.array([np.trace(one.parameters["covariance"], axis1=1, axis2=2) / 4 for one in run])
        parts = np.array_split(logs, 20, axis=1)  # of the replicates, for the error
        slopes = np.array([np.polyfit(np.arange(21), np.log(part.mean(1)), 1)[0] for part in parts])
        yield averaged("slope", "replace", n, -slopes, -float(np.log(1 - 1 / n)), n=n, d=4, replicates=REPLICATES)


ARMS: dict[str, dict[str, Any]] = {
    "fresh": {"regime": "fresh", "real_share": 0.5},
    "accumulate": {"regime": "accumulate"},
    "accumulate-subsample": {"regime": "accumulate-subsample"},
    "provenance-filtered": {"regime": "provenance-filtered"},
    "tail-reweighted": {"regime": "tail-reweighted"},
    "exchange": {"regime": "exchange", "peers": 2},
    "replace": {"regime": "replace"},
    f"replace, lambda {LAMBDA}": {"regime": "replace", "bias": LAMBDA},
}
ORDER = ("fresh", "accumulate", "accumulate-subsample", "replace", f"replace, lambda {LAMBDA}")  # as expected, falling
WIDE = {"total variance": "scale", "effective rank": "effective_rank", "vendi": "vendi"}


def regimes(n: int = 100, d: int = 16, seeds: int = 48) -> Iterator[Point]:
    """Five measures of spread at generation 10, the mean over seeds; a quarter of them where a regime looks at rows."""
    for place, (arm, settings) in enumerate(ARMS.items()):
        looking = settings["regime"] in LOOKING
        count = seeds // 4 if looking else seeds
        asked = Settings("gaussian", n=n, seed=7, replicates=count, options={"d": d}, **settings)
        runs = replicated(asked, GENERATIONS)
        drawn = [one[GENERATIONS].samples for one in runs] if looking else list(runs[0][GENERATIONS].samples)
        found = [_spread(rows, np.random.default_rng([8, i]).standard_normal((n, d))) for i, rows in enumerate(drawn)]
        for panel in found[0]:
            values = np.array([one[panel] for one in found])
            yield averaged(panel, arm, place, values, n=n, d=d, replicates=count, **settings)


def _spread(rows: Array, real: Array) -> dict[str, float]:
    """Of generated rows (n, d), some against as many newly drawn real ones."""
    overlap = compute("prdc", rows, real)
    assert isinstance(overlap, dict)
    rank = compute("effective_rank", rows, of="covariance")
    score = compute("vendi", rows, kernel="rbf", bandwidth=float(np.sqrt(rows.shape[1])), interval=False)
    found = {"total variance": float(rows.var(axis=0).sum()), "effective rank": value_of(rank)}
    return found | {
        "recall": float(overlap["recall"]),
        "coverage": float(overlap["coverage"]),
        "vendi": value_of(score),
    }


def value_of(found: Estimate | dict[str, Estimate], variant: str = "") -> float:
    """The value of one estimate, or of one among several."""
    return float(found[variant] if isinstance(found, dict) else found)


def narrow(n: int = 1000, seeds: int = 5) -> Iterator[Point]:
    """Precision and recall against newly drawn rows of the true law, along the generations."""
    for bias in (1.0, 0.8):
        settings = Settings("gmm", "replace", n, seed=11, replicates=seeds, bias=bias)
        runs = replicated(settings, GENERATIONS)
        for t in range(1, GENERATIONS + 1):
            found = [_overlap(one[t], i) for i, one in enumerate(runs)]
            for panel in ("precision", "recall"):
                values = np.array([value_of(one, panel) for one in found])
                yield averaged(panel, f"lambda {bias}", t, values, n=n, replicates=seeds, bias=bias)


def _overlap(generation: Generation, i: int) -> dict[str, Estimate]:
    from geometry.loops.gmm import Gmm

    real, _ = Gmm().real(len(generation.samples), np.random.default_rng([12, i]))
    found = compute("prdc", generation.samples, real)
    assert isinstance(found, dict)
    return found


def spread_of(lineage: Lineage) -> Floats:
    """(generations + 1,) total variance of the first replicate, in units of the real one."""
    each = np.array([first_replicate(one.embeddings).var(axis=0, dtype=np.float64).sum() for one in lineage])
    shares: Floats = each / each[0]
    return shares
