"""vendi and rke: the effective number of different rows, from a kernel matrix K/n with unit diagonal.

  vendi   exp of the Renyi entropy of order q of the eigenvalues: q = 1 Shannon        Friedman, Dieng 2023, eq. 3
          q -> 0 counts them, q = 2 is rke, q = inf is 1 over the largest             Pasarkar, Dieng 2024
  rke     1 / |K/n|_F^2, order 2: no eigenproblem                                     Jalali, Li, Farnia 2023
K is the cosine kernel of the raw rows, through V'V/n (d, d) where that is smaller than (n, n), or
kernel="rbf": exp(-|x - y|^2 / (2 bandwidth^2)), the bandwidth by default the median distance. The error is that of the
spectrum by influence functions, at q = 1 without eigenvectors (`tridiagonal`); the bias of few rows, which the null of
isotropic rows shows, is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from geometry.collapse.spectrum import METHOD, entropy_rank, isotropic_rank
from geometry.collapse.tridiagonal import eigenvalues_and_logs
from geometry.collapse.unit_rows import Cosines, cosines
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import ValueAndWeights, influence_stderr, spectral_influence
from geometry.pairs.marchenko_pastur import law
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.registry import LINEAR, statistic
from geometry.types import Estimate, Floats

KERNELS = ("cosine", "rbf")
RBF_ROWS = 2000  # rows of an rbf kernel matrix: 32 MB; beyond, a seeded sample
MEDIAN_ROWS = 1000  # rows whose distances give the bandwidth


class _Kernel(NamedTuple):
    """K/n of an rbf kernel, (n, n), and whether all rows are in it."""

    matrix: Floats
    exact: bool


@statistic(
    "vendi",
    needs=("points",),
    range=(1.0, np.inf),
    invariances=LINEAR,
    direction="down",
    source="Friedman and Dieng 2023; order q: Pasarkar and Dieng 2024",
    null="cosine: directions uniform on the sphere, about d exp(-d / 2n) at q = 1; rbf: the reference in a run",
    fails="a far mean makes all rows alike (cosine); grows with n: compare at equal rows; no row has a direction",
)
def vendi(
    scan: Scan, *, q: float = 1.0, kernel: str = "cosine", bandwidth: float | None = None, interval: bool = True
) -> Estimate:
    """Effective number of different rows: exp of the order-q entropy of the spectrum of K/n; n if all are orthogonal.

    q from 0 to inf; q = 0 has no error. kernel "cosine" of raw rows, zero rows left out, or "rbf" on at most 2,000
    rows. interval=False leaves the error out and takes eigenvalues alone. Null (cosine): directions uniform on the
    sphere, about d exp(-d / 2n) at q = 1. 1 for equal rows; undefined without a row of non-zero length.
    """
    if not q >= 0:
        raise UsageError(f"vendi: the order q = {q} must be 0 or more")
    reason = _reason(scan, "vendi", kernel, bandwidth)
    fields: dict[str, Any] = {"variant": kernel, "n": scan.n, "d": scan.d}
    if reason:
        return undefined("vendi", reason, **fields)
    made = cosines(scan) if kernel == "cosine" else _rbf(scan, bandwidth)
    fields["n"] = made.n if isinstance(made, Cosines) else len(made.matrix)
    value, influence = _value(made, q, interval and q > 0)
    stderr = influence_stderr(influence, fields["n"]) if len(influence) else None
    null = _isotropic(fields["n"], scan.d, q) if kernel == "cosine" else None
    method = METHOD if stderr is not None else ""
    return measured("vendi", max(value, 1.0), stderr=stderr, method=method, null=null, exact=made.exact, **fields)


@statistic(
    "rke",
    needs=("points",),
    range=(1.0, np.inf),
    invariances=LINEAR,
    direction="down",
    source="Jalali, Li and Farnia 2023",
    null="cosine: directions uniform on the sphere, n d / (n + d - 1); rbf: the reference in a run",
    fails="a far mean makes all rows alike (cosine); blind to rare rows; undefined where all rows are zero",
)
def rke(scan: Scan, *, kernel: str = "cosine", bandwidth: float | None = None) -> Estimate:
    """1 over the mean squared kernel value of all n^2 pairs: vendi of order 2, found without eigenvalues.

    Kernels, null and undefined cases as for vendi; n d / (n + d - 1) for directions uniform on the sphere.
    """
    reason = _reason(scan, "rke", kernel, bandwidth)
    fields: dict[str, Any] = {"variant": kernel, "n": scan.n, "d": scan.d}
    if reason:
        return undefined("rke", reason, **fields)
    made = cosines(scan) if kernel == "cosine" else _rbf(scan, bandwidth)
    squares = made.squares() if isinstance(made, Cosines) else len(made.matrix) * (made.matrix**2).sum(axis=1)
    mean, fields["n"] = float((made.matrix**2).sum()), made.n if isinstance(made, Cosines) else len(made.matrix)
    stderr = influence_stderr(2 * (squares - mean) / mean**2, fields["n"])
    null = _isotropic(fields["n"], scan.d, 2.0) if kernel == "cosine" else None
    return measured("rke", max(1 / mean, 1.0), stderr=stderr, method=METHOD, null=null, exact=made.exact, **fields)


def _reason(scan: Scan, name: str, kernel: str, bandwidth: float | None) -> str:
    if kernel not in KERNELS:
        raise UsageError(f"{name} has no kernel '{kernel}'; choose one of {', '.join(KERNELS)}")
    if bandwidth is not None and (kernel != "rbf" or not bandwidth > 0):
        raise UsageError(f"{name}: a bandwidth is a positive number and goes with kernel='rbf'")
    if scan.n < 1:
        return "few-rows"
    return "zero-rows" if kernel == "cosine" and cosines(scan).n == 0 else ""


def _rbf(scan: Scan, bandwidth: float | None) -> _Kernel:
    part = scan.at_most(RBF_ROWS)
    rows = part.rows.astype(np.float64)
    largest = float(np.abs(rows - rows.mean(axis=0)).max()) or 1.0
    rows = (rows - rows.mean(axis=0)) / largest
    norms = (rows**2).sum(axis=1)
    sq_dist = np.empty((len(rows), len(rows)))
    for where in blocks(len(rows), 512):
        sq_dist[where] = np.maximum(norms[where, None] + norms - 2 * rows[where] @ rows.T, 0.0)
    np.fill_diagonal(sq_dist, 0.0)
    some = sq_dist[:: -(-len(rows) // MEDIAN_ROWS)]
    apart = some[some > 0]
    square = (bandwidth / largest) ** 2 if bandwidth is not None else float(np.median(apart)) if len(apart) else 1.0
    return _Kernel(np.exp(-sq_dist / (2 * square)) / len(rows), part.n == scan.n)


def _value(made: Cosines | _Kernel, q: float, with_error: bool) -> tuple[float, Floats]:
    """The value, and the influences of all or some rows, none where no error is wanted.

    That of a row v on the entropy is -(v' log(K/n) v + entropy): at q = 1 it needs no eigenvectors.
    """
    if with_error and q == 1 and isinstance(made, Cosines) and made.dual and len(made.matrix) > 1:
        values, logs = eigenvalues_and_logs(made.matrix, made.some())
        value = entropy_rank(values)[0]
        return value, -value * (logs + np.log(value))
    values, rows = _eigen(made, with_error)
    value, weights = _of_order(values, q)
    return value, spectral_influence(rows, values, weights) if len(rows) else np.empty(0)


def _eigen(made: Cosines | _Kernel, with_rows: bool) -> tuple[Floats, Floats]:
    """Eigenvalues (r,) of K/n, and some rows (q, r) in the eigendirections scaled so that their mean square is that.

    What is below r eps of the largest is rounding and becomes zero.
    """
    if with_rows:
        values, vectors = np.linalg.eigh(made.matrix)
    else:
        values, vectors = np.linalg.eigvalsh(made.matrix), np.empty((0, 0))
    values = np.where(values > len(values) * np.finfo(np.float64).eps * values[-1], values, 0.0)
    if not with_rows:
        return values, vectors
    if isinstance(made, Cosines) and made.dual:
        return values, made.some() @ vectors
    return values, vectors * np.sqrt(len(vectors) * values)


def _of_order(values: Floats, q: float) -> ValueAndWeights:
    """exp of the Renyi entropy of eigenvalues that sum to 1, and its derivatives (of no use at q = 0)."""
    if q == 1:
        return entropy_rank(values)
    if np.isinf(q):
        return float(1 / values[-1]), np.append(np.zeros(len(values) - 1), -1 / values[-1] ** 2)
    positive = values > 0
    share = np.where(positive, values, 1.0) / values[-1]  # powers of q of the largest are then 1, whatever q
    logs = np.log(np.where(positive, share**q, 0.0).sum()) + q * np.log(values[-1])
    value = float(np.exp(logs / (1 - q)))
    slope = q / (1 - q) * np.exp((q - 1) * np.log(share * values[-1]) - logs)
    return value, np.where(positive, value * slope, 0.0)


def _isotropic(n: int, d: int, q: float) -> float:
    """The value for directions uniform on the sphere: closed at q = 1 and 2, else by the Marchenko-Pastur law."""
    if q == 1:
        return isotropic_rank(n, d)
    if q == 2:
        return n * d / (n + d - 1)
    made = law(n, d)
    if q == 0:
        return float(made.count)
    if np.isinf(q):
        return max(made.count / made.edge, 1.0)
    return max(float(made.count * (made.weights @ made.nodes**q) ** (1 / (1 - q))), 1.0)
