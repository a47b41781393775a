"""What has changed against the reference: variance, dimension, structure, tails, modes, duplicates.

A change needs an effect of its size and significance. Both sets are looked at with equal numbers of rows; the error of
an effect is its spread between random halves of the pooled rows (Student's t with as many degrees of freedom as draws),
except for modes, whose loss is an exact test of counts. Which of the significant ones stand, over all changes and
generations at 1 %, is decided where all are known (`geometry.compare.holm`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometry.compare.mode_coverage import mode_coverage
from geometry.compare.modes import LOST_BELOW
from geometry.estimates import t95
from geometry.nulls.core import ROWS
from geometry.nulls.gauge_halves import GAUGE_DRAWS, gauge_errors
from geometry.nulls.gauges import Profile, profile_of
from geometry.nulls.halves import DRAWS, Pool, pool
from geometry.pairs import Scan
from geometry.verdict import constants as limit
from geometry.verdict.effects import EFFECTS, SMALLEST_ERROR, Effect

CHANGES = ("variance", "dimension", "structure", "tails", "modes", "duplicates")


@dataclass(frozen=True)
class Change:
    """One change of one generation: effect with its 95 % interval and z, p of no change, whether it is large enough.

    reach: whether the interval touches the region of a change, whole: whether it lies in it; they bound the onset.
    """

    change: str
    statistic: str
    effect: float
    low: float
    high: float
    z: float
    p: float
    limits: tuple[float | None, float | None]
    beyond: bool
    reach: bool
    whole: bool
    detail: dict[str, float | list[str] | None]


def changes_of(scan: Scan, reference: Scan, rows: int = ROWS) -> list[Change]:
    """Every change that can be measured between two sets, at most one per name, large or not."""
    n = min(scan.n, reference.n)
    a, b = scan.at_most(n), reference.at_most(n)
    both = pool(a, b)
    found = [change for effect in EFFECTS if (change := _measured(effect, a, b, both)) is not None]
    found += [c for c in (_structure(a, b, both, rows), _modes(a, b)) if c is not None]
    return [
        _strongest([c for c in found if c.change == name]) for name in CHANGES if any(c.change == name for c in found)
    ]


def _measured(effect: Effect, scan: Scan, reference: Scan, both: Pool) -> Change | None:
    value = effect.observed(scan, reference)
    if value is None:
        return None
    error = both.spread(lambda half: effect.between_halves(both, half))
    if not np.isfinite(error):
        return None
    error = max(error, effect.least_error(both.of_rows))
    half = t95(DRAWS) * error
    low, high = effect.natural(value - half), effect.natural(value + half)
    natural = effect.natural(value)
    return Change(
        effect.change,
        effect.statistic,
        natural,
        low,
        high,
        value / error,
        two_sided(value / error, DRAWS),
        _finite(effect.limits),
        effect.beyond(natural),
        effect.beyond(low) or effect.beyond(high),
        effect.beyond(low) and effect.beyond(high) and (low > effect.limits[0]) == (high > effect.limits[0]),
        {},
    )


def two_sided(z: float, freedom: int) -> float:
    """p of Student's t."""
    from scipy.stats import t

    return float(2 * t.sf(abs(z), freedom))


def _finite(limits: tuple[float, float]) -> tuple[float | None, float | None]:
    low, high = (float(x) if np.isfinite(x) else None for x in limits)
    return low, high


def _strongest(same: Sequence[Change]) -> Change:
    """Of several statistics of one change the large one with the smallest p, paid for by their number (Bonferroni)."""
    best = min(same, key=lambda c: (not c.beyond, c.p))
    fields = {**best.__dict__, "p": min(1.0, best.p * len(same))}
    return Change(**fields)


def _structure(scan: Scan, reference: Scan, both: Pool, rows: int) -> Change | None:
    """Loss of structure: both gauges back in the structureless range, or under half the reference's.

    Asked only where the reference is rich; significant if a gauge that made it so has dropped by more than chance, as
    random halves of the pooled rows differ.
    """
    before, now = profile_of(reference, rows), profile_of(scan, rows)
    if before is None or now is None:
        return None
    old, new = _headlines(before), _headlines(now)
    rich = np.array([old[0] >= limit.RICH_GAIN, abs(old[1]) >= limit.RICH_GAP])
    if not rich.any():
        return None
    m = int(before.m[before.best_gain]), int(before.m[before.best_gap])
    gone = _gone(old, new)
    error = np.maximum(gauge_errors(both, m, rows), SMALLEST_ERROR)
    z = np.array([new[0] - old[0], abs(new[1]) - abs(old[1])]) / error
    gauge = int(np.argmin(np.where(rich & np.isfinite(z), z, np.inf)))
    if not (rich[gauge] and np.isfinite(z[gauge])):
        return None
    effect, half = abs(new[gauge]) / abs(old[gauge]), t95(GAUGE_DRAWS) * float(error[gauge]) / abs(old[gauge])
    low, high = max(effect - half, 0.0), effect + half
    return Change(
        "structure",
        ("structure_gain", "dimension_gap")[gauge],
        effect,
        low,
        high,
        float(z[gauge]),
        two_sided(float(z[gauge]), GAUGE_DRAWS) * int(rich.sum()) if z[gauge] < 0 else 1.0,
        (limit.STRUCTURE_KEPT, None),
        gone,
        low < limit.STRUCTURE_KEPT,
        high < limit.STRUCTURE_KEPT,
        {"structure_gain": new[0], "dimension_gap": new[1], "reference_gain": old[0], "reference_gap": old[1]},
    )


def _headlines(made: Profile) -> tuple[float, float]:
    return float(made.gain[made.best_gain]), float(made.gap[made.best_gap])


def _gone(old: tuple[float, float], new: tuple[float, float]) -> bool:
    plain = new[0] <= limit.PLAIN_GAIN and abs(new[1]) <= limit.PLAIN_GAP
    kept = limit.STRUCTURE_KEPT
    return plain or (new[0] < kept * old[0] and abs(new[1]) < kept * abs(old[1]))


def _modes(scan: Scan, reference: Scan) -> Change | None:
    """Modes of the reference that are lost; the effect is the smallest mass ratio, p that of the clearest loss."""
    found = mode_coverage(scan, reference, seed=reference.seed)
    lost, kept = found["lost"], found["kept"]
    if lost.value is None or kept.value is None or lost.profile is None:
        return None
    seen, p, gone = (np.asarray(lost.profile[name]) for name in ("looked_at", "p", "lost"))
    looked = max(int(seen.sum()), 1)
    smallest = float(min(p[gone].min(initial=1.0) * looked, 1.0))
    names = [str(name) for name in np.asarray(lost.profile["mode"])[gone]]
    low, high = (kept.value if x is None else x for x in (kept.low, kept.high))
    return Change(
        "modes",
        "mode_coverage",
        kept.value,
        low,
        high,
        _normal_quantile(smallest),
        smallest,
        (LOST_BELOW, None),
        bool(lost.value >= 1),
        bool(lost.value >= 1) or (low < LOST_BELOW and kept.value < LOST_BELOW),
        bool(lost.value >= 1) and high < LOST_BELOW,
        {"lost": float(lost.value), "of": float(looked), "names": names},
    )


def _normal_quantile(p: float) -> float:
    """z of a one-sided p, negative for a loss."""
    from scipy.stats import norm

    return float(norm.ppf(min(max(p, 1e-300), 0.5)))
