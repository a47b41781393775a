"""What a coarse value says of a distance: the one place where the scan's error is bounded, everything outward.

With h the float16 rows, n_i = |h_i|^2 (float64, from the rounded rows), delta_i >= |x_i - h_i| and p^ the product as
the kernels compute it, the coarse value is  w_ij = fl32(lower_i + lower_j - 2 p^_ij),  where
  lower_i <= n_i (1 - gamma) - SPREAD delta_i^2,   slack_i >= n_i - lower_i,
  gamma = (68 2^-23 + (C + 3) 2^-24) (1 + 2^-8),   C = steps of 64 dimensions.
68 2^-23: a step is four matrix instructions of 17 terms, each cut at 2^-23 of the largest, which is at most |h_i| |h_j|
of the step (no device is known to do worse; every pair measured again checks it). C 2^-24: the steps' sums added in
float32. 3 2^-24: one addition and one fma on values up to n_i + n_j and 2 (n_i + n_j). All of it is at most gamma
(n_i + n_j), by 2 |h_i| |h_j| <= n_i + n_j; so the error of a pair is shared out to its two rows, and a row of large
norm spoils no other. The factor covers second orders.

Triangle inequality: | |x_i - x_j| - |h_i - h_j| | <= delta_i + delta_j. By (a + b)^2 <= KEEP a^2 + SPREAD / 2 b^2 with
KEEP = 1 + 2^-6, SPREAD = 2 (1 + 2^6), a pair with |x_i - x_j| <= t has w_ij <= KEEP t^2. So
  w_ij > cut  =>  |x_i - x_j|^2 > cut / KEEP                                        (`certificate`)
  w_ij <= |h_i - h_j|^2 <= w_ij + 2 (slack_i + slack_j)                              (kernels/prune_queues.cu)
with the first inequality of the second line lessened only by what slack holds. Cauchy-Schwarz on true norms is far
looser on tight clusters.

Rows with coordinates that float16 cannot hold (extreme norm) take no part: lower is +inf. Every other row is at least
`far` - `reach` from all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.types import Floats

STEP = 64  # dimensions summed by the matrix unit before they join float32 sums (kernels/tile_product.cuh)
KEEP = 1 + 2.0**-6
SPREAD = 2 * (1 + 2.0**6)
SECOND_ORDER = 1 + 2.0**-8
UNIT = 68 * 2.0**-23  # of the matrix unit over one step


@dataclass(frozen=True)
class Bounds:
    """Per row: lower (n,) float32; slack, delta, reach (n,) float64, reach >= |x|; extreme (n,).

    far: no extreme row is nearer to the origin of the frame; infinite where there is none.
    """

    lower: NDArray[np.float32]
    slack: Floats
    delta: Floats
    reach: Floats
    extreme: NDArray[np.bool_]
    far: float


def spread_of(keep: float) -> float:
    """SPREAD for another KEEP: a tighter threshold is paid for by the rounding of the rows."""
    return 2 * (1 + 1 / (keep - 1))


def bounds_of(sq_norms: Floats, deltas: Floats, stride: int, keep: float = KEEP) -> Bounds:
    """Bounds of rows from what kernels/prepare_rows.cu measured of them, for thresholds of keep t^2."""
    gamma = (UNIT + (stride // STEP + 3) * 2.0**-24) * SECOND_ORDER
    norms = np.sqrt(sq_norms)
    extreme = deltas > 2.0**-10 * norms + np.sqrt(stride) * 2.0**-24
    exact = sq_norms * (1 - gamma) - spread_of(keep) * SECOND_ORDER * deltas**2
    lower = rounded_down(exact)
    slack = np.where(extreme, 0.0, np.nextafter(sq_norms * (1 + 2.0**-40) - lower, np.inf))
    lower[extreme] = np.inf
    away = np.maximum(norms[extreme], deltas[extreme] - norms[extreme]) * (1 - 2.0**-9)
    far = float(away.min(initial=np.inf))
    return Bounds(lower, slack, deltas, (norms + deltas) * (1 + 2.0**-40), extreme, far)


def rounded_down(values: Floats) -> NDArray[np.float32]:
    """float32 at most `values`."""
    with np.errstate(over="ignore"):  # beyond float32 to its end or to infinity, whichever is below
        nearest = values.astype(np.float32)
    above = nearest.astype(np.float64) > values
    nearest[above] = np.nextafter(nearest[above], np.float32(-np.inf))
    return nearest


def rounded_up(values: Floats) -> NDArray[np.float32]:
    """float32 at least `values`."""
    return -rounded_down(-values)


def certificate(cut: NDArray[np.float32], reach: Floats, far: float) -> Floats:
    """(n,) squared distances that every row left out of a row's candidates exceeds; -inf where nothing is known."""
    ordinary = np.where(cut == np.inf, np.inf, np.nextafter(cut.astype(np.float64) / KEEP, -np.inf))
    apart = np.maximum(far - reach, 0.0) * (1 - 2.0**-40)
    return np.minimum(ordinary, apart**2)
