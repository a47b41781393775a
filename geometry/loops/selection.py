"""Rows chosen by how they look: weights that bring lost tails back, and a filter of what seems generated.

Both look through the fixed encoder and hold generated batches against batch 0, the real one. Weights are those of
`geometry.compare.provenance` (odds of being real, post-stratified by the reference's density), or its strata alone
("tail_survival"), which trust no classifier. Where neither has an answer, with few rows or after total collapse, all
rows count alike. What is weighted is a pool of POOL times the rows asked for, newly drawn from the last model: weights
repeat what is rare in one batch, and a fit to repeated rows loses directions faster than one without weights. Rows are
taken by systematic sampling (Madow 1949), each at most once, with its weight's share as long as that is under 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geometry.errors import UsageError
from geometry.types import Array, Floats, Ints

WEIGHTS = ("provenance", "tail_survival")
POOL = 4  # times the rows of a fit
K = 10  # of the neighbour that ranks the reference's density


@dataclass(frozen=True)
class Look:
    """batch(j): the (n, d) rows of batch j in the fixed encoder; pool(): those of the pool. weights: one of WEIGHTS."""

    batch: Callable[[int], Array]
    pool: Callable[[], Array]
    weights: str = WEIGHTS[0]

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise UsageError(f"no weights are called '{self.weights}'; choose one of {', '.join(WEIGHTS)}")


def tail_weights(look: Look, seed: int) -> Floats:
    """(POOL n,) weights of mean 1 of the rows of the pool, under which batch 0's tails have their mass again."""
    from geometry.compare.provenance import post_stratified, provenance, strata
    from geometry.pairs import executor, scan

    engine = executor("cpu")
    generated, reference = (scan(rows, engine, k=K, seed=seed) for rows in (look.pool(), look.batch(0)))
    if reference.n <= K:
        return np.ones(generated.n)
    if look.weights == "provenance":
        found = provenance(generated, reference, k=K, seed=seed)["weights"].per_point
        return np.ones(generated.n) if found is None else np.asarray(found, np.float64)
    edges, wanted = strata(reference.neighbors(K).exact_dist(K)[:, -1])
    asked = generated.among(reference, K).exact_dist(K)[:, -1]
    return post_stratified(np.ones(generated.n), np.searchsorted(edges, asked, side="left"), wanted)


def seems_real(look: Look, generation: int, seed: int) -> Floats:
    """(generation n,) probability of every row of batches 0 .. generation - 1 of being real, by cross-validation.

    Generated rows are those of all generated batches; the classifier is told where rows came from, but no row is
    judged by one that has seen it.
    """
    from geometry.compare.provenance import provenance
    from geometry.pairs import executor, scan

    engine = executor("cpu")
    real = scan(look.batch(0), engine, seed=seed)
    generated = scan(np.concatenate([look.batch(j) for j in range(1, generation)]), engine, seed=seed)
    judged = provenance(generated, real, seed=seed)["probability"]
    if judged.per_point is None or judged.profile is None:
        return np.ones(real.n + generated.n)
    found: Floats = 1 - np.concatenate([judged.profile["reference"], judged.per_point])
    return found


def taken(weight: Floats, n: int, generator: np.random.Generator) -> Ints:
    """n different row numbers, ascending, row i with probability min(1, c weight_i); all where n are not weighted."""
    share = included(weight, n)
    order = generator.permutation(len(weight))
    edges = np.cumsum(share[order])
    steps = (np.arange(n) + generator.random()) * edges[-1] / n
    rows: Ints = np.sort(order[np.minimum(np.searchsorted(edges, steps, side="right"), len(weight) - 1)])
    return rows


def included(weight: Floats, n: int) -> Floats:
    """(m,) min(1, c weight), of sum n; rows without weight share what the others cannot fill."""
    share = np.zeros(len(weight))
    weight = np.maximum(weight, weight.max() * 1e-9)
    free = np.ones(len(weight), np.bool_)
    while True:
        share[free] = weight[free] * (n - (~free).sum()) / weight[free].sum()
        over = free & (share > 1)
        if not over.any():
            return share
        share[over], free[over] = 1.0, False
