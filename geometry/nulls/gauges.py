"""structure_gain and dimension_gap: is there more than a spectrum and a radius law?

In the projection on the m leading principal directions, m = 2, 3, 4, 8, ... up to all, neighbours of the set are
compared with neighbours of null draws of the same rows, spectrum and radii:
  gain(m) = mean log r_10(null) - mean log r_10(data), the smallest over the nulls: clusters, filaments, surfaces
  gap(m)  = log intrinsic dimension (mle, k = 20) of the null over that of the data, over the nulls the one nearest 0
            (0 where they differ in sign): curved and hierarchical structure where points are too sparse for the gain
The headline is the largest gain over m, and the gap farthest from 0. The standard error of either is the spread of the
null draws at its m: each draw is a sample of that size. It is the error where there is nothing, and what z counts in;
where there is structure, other rows of the law move a gauge by more, since clusters are then hit unevenly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from geometry.estimates import measured, undefined
from geometry.nulls.core import ROWS, Core, core_of, tamed
from geometry.nulls.draws import ellipsoid, elliptical, independent, normalised_gaussian
from geometry.pairs import Executor, Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Ints

K_GAIN, K_GAP = 10, 20
DRAWS = 3
FEWEST = 2 * K_GAP  # rows below which neither gauge is defined
Draw = Callable[[int, np.random.Generator], Floats]


@dataclass(frozen=True)
class Profile:
    """Both gauges over m: m (p,), gain (p,), gap (p,), and their standard errors from the spread of the draws."""

    m: Ints
    gain: Floats
    gap: Floats
    gain_stderr: Floats
    gap_stderr: Floats

    @property
    def best_gain(self) -> int:
        return int(np.argmax(self.gain))

    @property
    def best_gap(self) -> int:
        return int(np.argmax(np.abs(self.gap)))


def projections(rank: int) -> list[int]:
    """2, 3, 4, 8, 16, ... and the rank; none near it, since a projection on nearly all directions says what all say."""
    powers = [2, 3, *(2**power for power in range(2, 31))]
    return [m for m in powers if 1.25 * m < rank] + [rank]


def profile_of(scan: Scan, rows: int = ROWS, draws: int = DRAWS) -> Profile | None:
    """Both gauges of a scan over all projections, made once; None where its core has too few rows."""
    key = ("gauges", rows, draws)
    if key not in scan.memo:
        core = core_of(scan, rows)
        enough = len(core.rows) > FEWEST and len(core.sd) > 0
        scan.memo[key] = _profile(core, draws, scan.executor, scan.seed) if enough else None
    made: Profile | None = scan.memo[key]
    return made


def _profile(core: Core, draws: int, executor: Executor, seed: int) -> Profile:
    """Over all projections; heavy tails are tamed first, and both readings must agree where rows have one length."""
    calm = tamed(core)
    if calm is None:
        return profile(core, projections(len(core.sd)), draws, executor, seed)
    smooth = profile(calm, projections(len(calm.sd)), draws, executor, seed)
    return (
        _lesser(profile(core, projections(len(core.sd)), draws, executor, seed), smooth) if core.normalised else smooth
    )


def _lesser(a: Profile, b: Profile) -> Profile:
    """At each m that both have, the smaller gain and the gap nearer 0 (0 where they differ in sign)."""
    m, i, j = np.intersect1d(a.m, b.m, return_indices=True)
    gap = np.where(np.abs(a.gap[i]) < np.abs(b.gap[j]), a.gap[i], b.gap[j]) * (a.gap[i] * b.gap[j] > 0)
    gain_stderr, gap_stderr = (
        np.maximum(a.gain_stderr[i], b.gain_stderr[j]),
        np.maximum(a.gap_stderr[i], b.gap_stderr[j]),
    )
    return Profile(m, np.minimum(a.gain[i], b.gain[j]), gap, gain_stderr, gap_stderr)


def profile(core: Core, m: list[int], draws: int, executor: Executor, seed: int) -> Profile:
    """Both gauges of a core in the given projections."""
    rows = np.array([_at(core, size, draws, executor, seed) for size in m])
    return Profile(np.array(m, np.int64), *rows.T)


def _at(core: Core, m: int, draws: int, executor: Executor, seed: int) -> tuple[float, float, float, float]:
    """gain, gap, and their standard errors in the first m directions."""
    data = _log_radius_and_dim(core.scores[:, :m], executor)
    laws = _laws(core)
    values = np.empty((len(laws), draws, 2))
    for law, draw in enumerate(laws):
        for number in range(draws):
            rng = np.random.default_rng((seed, m, law, number))
            values[law, number] = _log_radius_and_dim(draw(m, rng), executor)
    difference = values.mean(axis=1) - data
    spread = np.sqrt(values.var(axis=1, ddof=1).mean(axis=0) * (1 + 1 / draws)) if draws > 1 else np.full(2, np.nan)
    gaps = difference[:, 1]
    gap = 0.0 if gaps.min() * gaps.max() < 0 else float(gaps[np.abs(gaps).argmin()])
    return float(difference[:, 0].min()), gap, float(spread[0]), float(spread[1])


def _laws(core: Core) -> list[Draw]:
    laws: list[Draw] = [partial(elliptical, core), partial(independent, core)]
    if core.normalised:
        laws.append(lambda m, rng: normalised_gaussian(core, rng)[:, :m])
    if core.one_radius:
        laws.append(lambda m, rng: ellipsoid(core, rng)[:, :m])
    return laws


def _log_radius_and_dim(points: Floats, executor: Executor) -> Floats:
    """Mean log r_10, and minus the log of the mean log r_20 / r_j: the log of mle up to a constant."""
    tiny = np.finfo(np.float64).tiny
    dist = np.maximum(executor.radii(points, K_GAP), tiny)
    ratios = (np.log(dist[:, -1:]) - np.log(dist)).mean()
    return np.array([np.log(dist[:, K_GAIN - 1]).mean(), -np.log(max(ratios, tiny))])


@statistic(
    "structure_gain",
    needs=("points",),
    range=(-np.inf, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="this project; README, 'Sphere-like or rich'",
    k=K_GAIN,
    null="0: draws of the same spectrum and radii; at most .05 for structureless sets",
    fails="rows of independent softmax read as structure; grows with n on thin curves; 40 rows or fewer",
)
def structure_gain(scan: Scan, *, rows: int = ROWS, draws: int = DRAWS) -> Estimate:
    """Largest over m of mean log r_10 of the null less that of the data, the smallest over the nulls.

    0 for a Gaussian, a shell or a power law of any rank; above .1 for clusters, filaments and surfaces. On at most
    `rows` distinct rows, `draws` draws of each null. The profile holds m, gain and gap. Undefined with 40 distinct rows
    or fewer, or without extent.
    """
    made = profile_of(scan, rows, draws)
    at = None if made is None else (made.best_gain, made.gain, made.gain_stderr)
    return _estimate("structure_gain", scan, len(core_of(scan, rows).rows), made, at)


@statistic(
    "dimension_gap",
    needs=("points",),
    range=(-np.inf, np.inf),
    invariances=SIMILARITY,
    direction="to 0",
    source="this project; README, 'Sphere-like or rich'",
    k=K_GAP,
    null="0: draws of the same spectrum and radii; within .10 for structureless sets",
    fails="clusters read below 0 and curves above, and cancel where both are there; 40 rows or fewer",
)
def dimension_gap(scan: Scan, *, rows: int = ROWS, draws: int = DRAWS) -> Estimate:
    """Log ratio of the null's intrinsic dimension (mle, k = 20) to the data's, farthest from 0 over m.

    Over the nulls the one nearest 0, and 0 where they differ in sign. Positive: the set is thinner than its spectrum
    says. Same rows, projections, draws and limits as structure_gain.
    """
    made = profile_of(scan, rows, draws)
    at = None if made is None else (made.best_gap, made.gap, made.gap_stderr)
    return _estimate("dimension_gap", scan, len(core_of(scan, rows).rows), made, at)


def _estimate(
    name: str, scan: Scan, core_rows: int, made: Profile | None, at: tuple[int, Floats, Floats] | None
) -> Estimate:
    if made is None or at is None:
        return undefined(name, "few-rows", n=core_rows, d=scan.d, k=K_GAP)
    best, values, errors = at
    fields = {"m": made.m, "gain": made.gain, "gap": made.gap}
    return measured(
        name,
        float(values[best]),
        stderr=float(errors[best]),
        method="spread of null draws",
        null=0.0,
        n=core_rows,
        d=scan.d,
        k=K_GAIN if name == "structure_gain" else K_GAP,
        profile=fields,
    )
