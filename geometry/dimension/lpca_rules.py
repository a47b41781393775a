"""The rules of lpca: how many eigenvalues of a covariance count. Each takes many spectra at once.

lambda descends over the p = min(n - 1, d) directions that n rows can have.
  fo                 lambda_i > .05 lambda_1                           Fukunaga, Olsen 1971
  ratio              fewest directions that leave out at most .05 of the variance
  maxgap             where lambda_i / lambda_{i+1} is largest
  participation      (sum lambda)^2 / sum lambda^2, no whole number
  kaiser             lambda_i > mean lambda                            Kaiser 1960
  broken_stick       leading lambda_i / sum > (1/p) sum_{j>=i} 1/j     Jackson 1993
  marchenko_pastur   lambda_i above the largest of pure noise, whose level is read from the median eigenvalue: right
                     where fewer than half the directions carry signal; 0 for an isotropic set
  gavish_donoho      the same level, and the threshold under which a direction costs more than it brings: singular
                     values above sqrt(2(b+1) + 8b/(b+1+sqrt(b^2+14b+1))) of it, b = min(n-1, d)/max(n-1, d)
                                                                       Gavish, Donoho 2014, eq. 11
  minka              the q of the largest evidence of probabilistic PCA by Laplace's method; the rank without noise
                                                                       Minka 2000, eq. 77
  parallel           leading lambda_i / sum above 95 % of those of as many Gaussian rows without structure: 64 draws of
                     the bidiagonal form of such a matrix (Horn 1965; Dumitriu, Edelman 2002). Rotation-invariant,
                     unlike shuffled columns
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from geometry.pairs.marchenko_pastur import law
from geometry.types import Floats, Ints

SHARE = 0.05
NULLS = 64
LEVEL = 0.95


@dataclass(frozen=True)
class Spectra:
    """values (m, p) descending, never negative, the first of each above 0; n (m,) the rows behind each; d dimensions.

    Where n differs, columns from min(n - 1, d) on are zero and not counted.
    """

    values: Floats
    n: Ints
    d: int

    @property
    def sizes(self) -> Ints:
        """(m,) directions that the rows can have."""
        sizes: Ints = np.minimum(np.minimum(self.n - 1, self.d), self.values.shape[1])
        return sizes

    @property
    def shares(self) -> Floats:
        shares: Floats = self.values / self.values.sum(axis=1, keepdims=True)
        return shares


def by_rule(spectra: Spectra, rule: str) -> Floats:
    """(m,) the answer of one rule for every spectrum."""
    if rule in ONE_SHAPE:
        return _each_shape(spectra, ONE_SHAPE[rule])
    return RULES[rule](spectra)


def _each_shape(spectra: Spectra, rule: Callable[[Floats, int, int], Floats]) -> Floats:
    """A rule that depends on n, asked once for every n there is."""
    made = np.empty(len(spectra.n))
    for n in np.unique(spectra.n):
        same = spectra.n == n
        size = min(int(n) - 1, spectra.d, spectra.values.shape[1])
        made[same] = rule(spectra.values[same, :size], int(n), spectra.d)
    return made


def _fo(spectra: Spectra) -> Floats:
    made: Floats = (spectra.values > SHARE * spectra.values[:, :1]).sum(axis=1).astype(np.float64)
    return made


def _ratio(spectra: Spectra) -> Floats:
    left_out = 1 - np.cumsum(spectra.shares, axis=1)
    made: Floats = np.argmax(left_out <= SHARE, axis=1) + 1.0
    return made


def _maxgap(spectra: Spectra) -> Floats:
    """A gap to zero is the largest there can be."""
    values, sizes = spectra.values, spectra.sizes
    positive = (values > 0).sum(axis=1)
    gaps = np.divide(values[:, :-1], values[:, 1:], out=np.zeros_like(values[:, 1:]), where=values[:, 1:] > 0)
    largest = np.argmax(gaps, axis=1) + 1.0 if gaps.shape[1] else np.ones(len(values))
    return np.where((positive < sizes) | (positive == 1), positive, largest)


def _participation(spectra: Spectra) -> Floats:
    share = spectra.values / spectra.values[:, :1]
    made: Floats = share.sum(axis=1) ** 2 / (share**2).sum(axis=1)
    return made


def _kaiser(spectra: Spectra) -> Floats:
    made: Floats = (spectra.shares * spectra.sizes[:, None] > 1).sum(axis=1).astype(np.float64)
    return made


def _broken_stick(values: Floats, n: int, d: int) -> Floats:
    count = values.shape[1]
    stick = np.cumsum(1 / np.arange(count, 0, -1))[::-1] / count
    return _leading(values / values.sum(axis=1, keepdims=True) > stick)


def _marchenko_pastur(values: Floats, n: int, d: int) -> Floats:
    return _above_noise(values, n, d, law(n - 1, d).edge)


def _gavish_donoho(values: Floats, n: int, d: int) -> Floats:
    b = law(n - 1, d).aspect
    return _above_noise(values, n, d, 2 * (b + 1) + 8 * b / (b + 1 + np.sqrt(b * b + 14 * b + 1)))


def _above_noise(values: Floats, n: int, d: int, edge: float) -> Floats:
    """Eigenvalues above `edge` in units of a noise whose median is theirs."""
    level = np.median(values, axis=1, keepdims=True) / law(n - 1, d).median
    made: Floats = (values > level * edge).sum(axis=1).astype(np.float64)
    return made


def _parallel(values: Floats, n: int, d: int) -> Floats:
    return _leading(values / values.sum(axis=1, keepdims=True) > noise_shares(n, d)[: values.shape[1]])


def _leading(above: Floats) -> Floats:
    """How many columns hold before the first that does not."""
    ended = np.hstack([above, np.zeros((len(above), 1), np.bool_)])
    made: Floats = np.argmin(ended, axis=1).astype(np.float64)
    return made


@lru_cache(maxsize=256)
def noise_shares(n: int, d: int) -> Floats:
    """(min(n - 1, d),) 95 % points of the shares of variance of n Gaussian rows in d dimensions, from seeded draws."""
    from scipy.linalg import eigvalsh_tridiagonal

    rng = np.random.default_rng([n, d])
    count, most = min(n - 1, d), max(n - 1, d)
    draws = np.empty((NULLS, count))
    for draw in draws:
        diagonal = rng.chisquare(most - np.arange(count))
        beside = rng.chisquare(np.arange(count - 1, 0, -1)) if count > 1 else np.empty(0)
        whole = diagonal + np.append(0.0, beside)
        draw[:] = eigvalsh_tridiagonal(whole, np.sqrt(diagonal[:-1] * beside))[::-1]
    made: Floats = np.quantile(draws / draws.sum(axis=1, keepdims=True), LEVEL, axis=0)
    return made


def _minka(values: Floats, n: int, d: int) -> Floats:
    """The evidence of q = 1 .. rank - 1 at once for all spectra, its double products carried from q to q + 1."""
    from scipy.special import gammaln

    values = np.maximum(values / values[:, :1], 1e-300)
    rank = (values > n * np.finfo(np.float64).eps).sum(axis=1)
    logs = np.log(values)
    total = np.where(values > 1e-300, values, 0.0).sum(axis=1)
    best, chosen = np.full(len(values), -np.inf), np.ones(len(values))
    free, within, head = 0.0, np.zeros(len(values)), np.zeros(len(values))
    tail = total.copy()
    for q in range(1, min(values.shape[1], d - 1) + 1 if d > 1 else 1):
        last = values[:, q - 1]
        free += gammaln((d - q + 1) / 2) - (d - q + 1) / 2 * np.log(np.pi) - np.log(2)
        within += _log_gaps(last, values[:, q:]) + (d - values.shape[1]) * logs[:, q - 1]
        within += _log_gaps_above(values[:, : q - 1], last, logs[:, : q - 1], logs[:, q - 1])
        head += logs[:, q - 1]
        tail = np.maximum(tail - last, 0.0)
        noise = np.maximum(tail / (d - q), 1e-300)
        across = (d - q) * np.log(np.maximum(1 / noise[:, None] - 1 / values[:, :q], 1e-300)).sum(axis=1)
        size = d * q - q * (q + 1) / 2
        evidence = free - n / 2 * head - n * (d - q) / 2 * np.log(noise) + (size + q) / 2 * np.log(2 * np.pi)
        evidence += -(size * np.log(n) + within + across) / 2 - q / 2 * np.log(n)
        better = (evidence > best) & (q < rank)
        best[better], chosen[better] = evidence[better], q
    return np.where(rank < values.shape[1], rank, chosen)  # no noise at all: the evidence of the rank has no bound


def _log_gaps(last: Floats, after: Floats) -> Floats:
    """(m,) sum over the later eigenvalues of log(lambda_q - lambda_j)."""
    gaps: Floats = np.log(np.maximum(last[:, None] - after, 1e-300)).sum(axis=1)
    return gaps


def _log_gaps_above(before: Floats, last: Floats, log_before: Floats, log_last: Floats) -> Floats:
    """(m,) sum over the earlier ones of log(1/lambda_q - 1/lambda_i)."""
    gaps = np.log(np.maximum(before - last[:, None], 1e-300)) - log_before
    made: Floats = gaps.sum(axis=1) - before.shape[1] * log_last
    return made


ONE_SHAPE: dict[str, Callable[[Floats, int, int], Floats]] = {
    "broken_stick": _broken_stick,
    "marchenko_pastur": _marchenko_pastur,
    "gavish_donoho": _gavish_donoho,
    "minka": _minka,
    "parallel": _parallel,
}
RULES: dict[str, Callable[[Spectra], Floats]] = {
    "fo": _fo,
    "ratio": _ratio,
    "maxgap": _maxgap,
    "participation": _participation,
    "kaiser": _kaiser,
}
NAMES = (*RULES, *ONE_SHAPE)
