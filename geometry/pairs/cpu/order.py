"""In which order rows are taken: results do not depend on it, time does.

Rows that lie near one another stand side by side in a pass over one set: its first round, each block by itself, then
finds most of a row's neighbours, and few candidates pass after it (a third, on mixtures). Candidates are measured in
the order of what they share, so that the rows they need are still in the cache.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.queues import Queues
from geometry.pairs.cpu.threads import share
from geometry.pairs.plan import blocks
from geometry.types import Array, Ints

SEED = 0
PIVOTS = 64
PART = 4096


def shuffled(n: int) -> Ints:
    """(n,) int64: a seeded order that owes nothing to the data's."""
    order: Ints = np.random.default_rng(SEED).permutation(n)
    return order


def near_together(points: Array, threads: int) -> Ints:
    """(n,) int64: a seeded order in which rows with the same nearest of PIVOTS rows follow one another."""
    import torch

    order = shuffled(len(points))
    pivots = torch.from_numpy(points[np.sort(order[:PIVOTS])]).to(torch.float32)
    half_sq = (pivots * pivots).sum(1) / 2
    label = np.empty(len(points), np.int64)

    def work(part: slice) -> None:
        score = torch.from_numpy(points[part]).to(torch.float32) @ pivots.T - half_sq
        label[part] = score.argmax(1).numpy()  # numbers past float32 give some label, and any will do

    share(blocks(len(points), PART), work, threads)
    near: Ints = order[np.argsort(label[order], kind="stable")]
    return near


def by_first_candidate(queues: Queues, n: int) -> Ints:
    """(n,) int64: the first n rows, sorted by the smallest of their candidates."""
    order: Ints = np.argsort(_first_candidates(queues.indices, queues.counts, n), kind="stable")
    return order


@compiled
def _first_candidates(indices: Array, counts: Ints, n: int) -> Ints:
    out = np.empty(n, np.int64)
    for i in range(n):
        least = np.uint32(0xFFFFFFFF)
        for t in range(counts[i]):
            least = min(least, indices[i, t])
        out[i] = least
    return out
