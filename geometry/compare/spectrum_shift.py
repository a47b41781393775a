"""spectrum_shift: the variance kept along each direction of the reference, from the strongest to the weakest.

Directions v_i are eigenvectors of one half of the reference; ratio_i is the variance of the generated rows along v_i
over that of the other half. Both are new to the fit, so that under one law every log ratio has its middle at 0 for any
n and d; in-sample, the strongest directions would seem to lose variance and the weakest to gain it. Where only moments
are given there is no other half and the reference's own eigenvalues stand below the line. Where a sample of rows comes
with the moments of more, the sample's fitted half gives the directions, the moments give the variances (of a reference
without those rows), and the spread between half samples, smaller by the root of the share of rows, the errors. A
recursive fit fans the spectrum out: the log ratios are then straight in the rank (section 5's closed answers for the
recursive Gaussian).
"""

from __future__ import annotations

import numpy as np

from geometry.compare.held_out import held_out
from geometry.estimates import measured, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

SHARE = 0.99  # of the variance: directions beyond it are rounding or noise of no consequence
DRAWS = 64
FLOOR = 1e-12  # a ratio below is a direction that has gone, above its inverse one that was not there
ROUNDING = float(np.finfo(np.float64).eps)  # of the reference's variance: no variance of a direction is smaller
SUMMARIES = ("median", "smallest", "slope")


@statistic(
    "spectrum_shift",
    needs=("moments", "reference"),
    range=(-np.inf, np.inf),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="variance along the reference's principal directions",
    null="median and slope 0; smallest: the mean smallest of as many ratios of one law",
    fails="moments alone: no held-out half, so that strong directions seem lost; variance in directions that are new",
    whole="moments",
)
def spectrum_shift(scan: Scan, reference: Scan, *, share: float = SHARE, seed: int = 0) -> dict[str, Estimate]:
    """median: median log ratio; smallest: the smallest ratio; slope: of log ratio on rank, by least squares.

    All over the leading directions that hold `share` of the reference's variance; natural logarithms. null 0 of median
    and slope; of `smallest` the mean of the smallest of as many independent ratios with these errors. Errors by half
    samples of both sets. profile of `median`: ratio (r,) and rank (r,). Undefined with too few rows (4 with points, 2
    with moments), a reference without variance, and slope with fewer than 3 directions.
    """
    counts = {"n": scan.n, "d": scan.d}
    whole = not (len(scan.sample) and len(reference.sample))
    if min(scan.n, reference.n) < (2 if whole else 4):
        return {name: undefined("spectrum_shift", "few-rows", variant=name, **counts) for name in SUMMARIES}
    half = None if whole else held_out(_with_points(reference), seed)
    spectrum = reference.spectrum if half is None else half.spectrum
    directions = leading(spectrum.eigenvalues, share)
    axes = spectrum.eigenvectors[:, :directions]
    if directions == 0:
        return {name: undefined("spectrum_shift", "no-spread", variant=name, **counts) for name in SUMMARIES}
    rounding = ROUNDING * float(spectrum.eigenvalues.sum())
    if half is None:
        ratio = _ratio(_along(scan, axes), spectrum.eigenvalues[:directions], rounding)
        return _summaries(ratio, np.empty((0, 0)), counts)
    new, old = _scores(scan.sample, axes), _scores(reference.sample[~half.fitted], axes)
    after = new.var(axis=0) if len(scan.points) else _along(scan, axes)
    before = old.var(axis=0) if len(reference.points) else _without(reference, reference.sample[half.fitted], axes)
    shares = len(new) / scan.n, len(old) / (reference.n - int(half.fitted.sum()))
    return _summaries(_ratio(after, before, rounding), _draws((new, old), shares, rounding, seed), counts)


def leading(eigenvalues: Floats, share: float) -> int:
    """How many leading eigenvalues hold `share` of the sum."""
    positive = eigenvalues[eigenvalues > 0]
    enough = int(np.searchsorted(np.cumsum(positive), share * positive.sum())) + 1
    return min(enough, len(positive))


def _along(scan: Scan, axes: Floats) -> Floats:
    along: Floats = np.einsum("ij,ij->j", axes, scan.moments.covariance @ axes)
    return along


def _with_points(reference: Scan) -> Scan:
    """The reference, or a scan of the sample that came with its moments, made once."""
    if len(reference.points):
        return reference
    if "sample" not in reference.memo:
        reference.memo["sample"] = Scan(reference.sample, reference.executor, seed=reference.seed)
    made: Scan = reference.memo["sample"]
    return made


def _without(reference: Scan, rows: Array, axes: Floats) -> Floats:
    """(r,) variances along the axes of all rows that the moments are of but these."""
    seen = (rows.astype(np.float64) - reference.moments.mean) @ axes
    left = reference.n - len(rows)
    squares = reference.n * _along(reference, axes) - (seen**2).sum(axis=0)
    variances: Floats = np.maximum(squares / left - (seen.sum(axis=0) / left) ** 2, 0.0)
    return variances


def _scores(points: Array, axes: Floats) -> Floats:
    """(n, r) coordinates along the axes, about the rows' own mean, which is taken off first."""
    middle = points.mean(axis=0, dtype=np.float64)
    out = np.empty((len(points), axes.shape[1]))
    for block in blocks(len(points), MOST_COVARIANCE):
        out[block] = (points[block].astype(np.float64) - middle) @ axes
    return out


def _draws(sets: tuple[Floats, Floats], shares: tuple[float, float], rounding: float, seed: int) -> Floats:
    """(DRAWS, r) ratios of random halves of both sets; their spread is the error of the whole.

    shares: of all rows that a set's scores are of; the fewer, the less of their spread is left.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for scores, share in zip(sets, shares, strict=True):
        masks = np.zeros((DRAWS, len(scores)))
        for mask in masks:
            mask[rng.permutation(len(scores))[: len(scores) // 2]] = 1
        masks /= masks.sum(axis=1, keepdims=True)
        drawn = np.maximum(masks @ scores**2 - (masks @ scores) ** 2, 0.0)
        parts.append(
            drawn if share == 1 else np.maximum(scores.var(axis=0) + (drawn - scores.var(axis=0)) * share**0.5, 0)
        )
    return _ratio(parts[0], parts[1], rounding)


def _ratio(new: Floats, old: Floats, rounding: float) -> Floats:
    """Variances over variances; what is rounding in both is unchanged."""
    return np.clip((new + rounding) / (old + rounding), FLOOR, 1 / FLOOR)


def _summaries(ratio: Floats, draws: Floats, counts: dict[str, int]) -> dict[str, Estimate]:
    values = _values(ratio[None])[0]
    errors = _values(draws).std(axis=0, ddof=1) if len(draws) else np.full(3, np.nan)
    spread = np.log(draws).std(axis=0, ddof=1) if len(draws) else np.zeros(0)
    nulls = (0.0, _expected_smallest(spread), 0.0)
    profiles = ({"ratio": ratio, "rank": np.arange(1, len(ratio) + 1)}, None, None)
    found = {}
    for name, value, error, null, profile in zip(
        SUMMARIES, values.tolist(), errors.tolist(), nulls, profiles, strict=True
    ):
        if name == "slope" and len(ratio) < 3:
            found[name] = undefined("spectrum_shift", "few-directions", variant=name, **counts)
            continue
        method = "half samples" if len(draws) else ""
        found[name] = measured(
            "spectrum_shift", value, stderr=error, method=method, variant=name, null=null, profile=profile, **counts
        )
    return found


def _values(ratios: Floats) -> Floats:
    """(b, 3) the summaries of each row of ratios (b, r)."""
    logs = np.log(ratios)
    rank = np.arange(ratios.shape[1]) - (ratios.shape[1] - 1) / 2
    slope = logs @ rank / max(float(rank @ rank), 1.0)
    return np.stack([np.median(logs, axis=1), ratios.min(axis=1), slope], axis=1)


def _expected_smallest(spread: Floats) -> float | None:
    """Mean of the smallest of independent lognormal ratios with these errors; None without errors."""
    if len(spread) == 0:
        return None
    draws = np.random.default_rng(0).standard_normal((400, len(spread))) * spread
    return float(np.exp(draws.min(axis=1)).mean())
