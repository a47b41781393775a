"""tail_survival: whether the rare rows of the reference's law are still drawn, and which of them are lost.

Density is ranked by the distance r_k to the k-th nearest reference row, k = 10: a reference row among its others, a
generated row among all. beyond_95 is the share of generated rows farther than the reference's own 95 % quantile, taken
at the rank p (N + 1), beyond which one new draw lies with probability 1 - p exactly. tails_kept is the share of the
reference rows beyond that quantile whose closed k-ball holds a generated row. Tails go first when a model is trained on
its own output (Shumailov et al. 2024): the shares fall; noise and blur make them rise.

Of sets that stay in their files (`Scan.base`) the densities are those of sampled rows among all rows of the reference,
and all generated rows are looked for in the balls of its tail rows.

Left out: which direction a tail lies in; `per_point` names the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.compare.prdc import expected_coverage, inside
from geometry.errors import UsageError
from geometry.estimates import measured, undefined, wilson
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

LEVELS = {"beyond_99": 0.99, "beyond_95": 0.95, "beyond_90": 0.90}


@statistic(
    "tail_survival",
    needs=("neighbors", "points", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="reference density by the k-th neighbour distance, Loftsgaarden and Quesenberry 1965",
    k=10,
    null=".01, .05 and .10 of the rows beyond; tails_kept: the coverage of one law at this k",
    fails="noise and blur fill tails that are none of the law's; copies that tie the quantile; k rows or fewer",
    whole="pairs",
)
def tail_survival(scan: Scan, reference: Scan, *, k: int = 10) -> dict[str, Estimate]:
    """beyond_99, beyond_95, beyond_90: generated mass in the reference's tails; tails_kept: tail rows still covered.

    null of the shares .01, .05, .10. Their Wilson interval counts the sampling of both sets: the quantile's own
    variance p (1 - p) / N, carried over by the generated mass near it, lowers the effective number of rows. per_point
    of beyond_q (m,) bool: a generated row lies beyond; of tails_kept (N,) bool: a reference row lies in the tail and is
    lost, with their places among the rows looked at in profile["lost_rows"]. null of tails_kept is that of `prdc`'s
    coverage at this k. It is undefined with k rows or fewer, or where copies tie the reference's quantile
    (`tied-density`). Raises UsageError for k < 1.
    """
    if k < 1:
        raise UsageError(f"tail_survival needs k of 1 or more, not {k}")
    counts: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    names = (*LEVELS, "tails_kept")
    if reference.most_neighbors < k or scan.n == 0:
        return {name: undefined("tail_survival", "few-rows", variant=name, **counts) for name in names}
    if scan.base is not None or reference.base is not None:
        counts |= {"exact": False}
    own = reference.neighbors(k).exact_dist(k)[:, -1]
    asked = scan.among(reference, k).exact_dist(k)[:, -1]
    found = {name: _beyond(name, 1 - level, own, asked, counts) for name, level in LEVELS.items()}
    made = found | {"tails_kept": _kept(scan, reference, own, counts)}
    return made if "exact" not in counts else {name: _told(one, scan, reference) for name, one in made.items()}


def _told(one: Estimate, scan: Scan, reference: Scan) -> Estimate:
    """With the rows that it rests on, where a set stays in its files."""
    looked = f"{scan.n} rows" if one.variant in LEVELS else f"{scan.base_rows} rows in balls"
    told = f"{looked} against {reference.n} rows among {reference.base_rows}"
    return one if one.value is None else replace(one, method=f"{one.method}; {told}")


def _beyond(name: str, tail: float, own: Floats, asked: Floats, counts: dict[str, Any]) -> Estimate:
    threshold = quantile(own, tail)
    if _tied(own, threshold, tail):
        return undefined("tail_survival", "tied-density", variant=name, **counts)
    beyond = asked > threshold
    share = float(beyond.mean())
    near = [quantile(own, q) for q in (min(1.5 * tail, 1.0), 0.5 * tail)]
    slope = float(((asked > near[0]) & (asked <= near[1])).mean()) / tail
    noise = tail * (1 - tail)
    stderr, low, high = wilson(share, len(asked), slope**2 * noise / len(own))
    under_null = float(np.sqrt(noise / len(asked) + noise / len(own)))
    return measured(
        "tail_survival",
        share,
        stderr=stderr,
        low=low,
        high=high,
        z=(share - tail) / under_null,
        null=tail,
        method="Wilson, both sets",
        variant=name,
        per_point=beyond,
        **counts,
    )


def _kept(scan: Scan, reference: Scan, own: Floats, counts: dict[str, Any]) -> Estimate:
    threshold = quantile(own, 0.05)
    if _tied(own, threshold, 0.05):
        return undefined("tail_survival", "tied-density", variant="tails_kept", **counts)
    tail = own > threshold
    radii = reference.neighbors(counts["k"]).sq_dist[tail, -1]
    lost: NDArray[np.bool_] = tail.copy()
    lost[tail] = inside(scan, reference.points[tail], radii) == 0
    share = 1 - float(lost.sum() / tail.sum())
    null = expected_coverage(reference.base_rows, scan.base_rows, counts["k"])
    stderr, low, high = wilson(share, int(tail.sum()), 0.0)
    return measured(
        "tail_survival",
        share,
        stderr=stderr,
        low=low,
        high=high,
        null=null,
        z=(share - null) / float(np.sqrt(null * (1 - null) / tail.sum())) if 0 < null < 1 else None,
        method="Wilson",
        variant="tails_kept",
        per_point=lost,
        profile={"lost_rows": np.flatnonzero(lost)},
        **counts,
    )


def quantile(own: Floats, tail: float) -> float:
    """The value that one new draw exceeds with probability `tail`, from a sample."""
    return float(np.quantile(own, 1 - tail, method="weibull"))


def _tied(own: Floats, threshold: float, tail: float) -> bool:
    """Whether copies leave no tail of about this size, or too few rows are there to have one."""
    share = float((own > threshold).mean())
    return not 0.5 * tail <= share <= 2 * tail
