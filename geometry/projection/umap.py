"""The local view: one UMAP of all generations together (McInnes, Healy, Melville 2018), seeded, on exact neighbours.

Rows are pooled as they lie, so that a class stays in its place from one generation to the next. The layout starts from
the pooled PCA rather than the spectral embedding, which warns and wanders where the graph falls apart. Neighbourhoods
can be read from it; sizes, distances and hollowness cannot.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from geometry.pairs.cpu.threads import tell_cores
from geometry.pairs.executor import Executor
from geometry.pairs.scan import Scan
from geometry.projection.frame import pooled_frame
from geometry.types import Array, Floats, Ints

NEIGHBORS = 15  # UMAP's own default, the row itself among them
FEWEST = 4  # rows below which a layout has nothing to lay out


def umap(parts: Sequence[Array], engine: Executor, seed: int) -> list[Floats]:
    """One (s_g, 2) float64 layout per generation, in one frame; no unit."""
    pooled = np.concatenate([part.astype(np.float64) for part in parts])
    start = _start(pooled, engine) if len(pooled) else np.empty((0, 2))
    if len(pooled) < FEWEST or not np.ptp(start, axis=0).all():
        return _split(start, parts)
    index, dist = _table(pooled, engine)
    return _split(_layout(pooled, index, dist, start, seed), parts)


def _start(pooled: Array, engine: Executor) -> Floats:
    """(N, 2) leading two principal scores, each on a unit range where it has one."""
    frame = pooled_frame([Scan(pooled, engine)])
    scores = frame.scores(pooled, 0, np.arange(len(pooled)))[:, :2]
    extent = np.ptp(scores, axis=0)
    unit: Floats = np.divide(scores, extent, out=np.zeros_like(scores), where=extent > 0)
    return unit


def _table(pooled: Array, engine: Executor) -> tuple[Ints, Array]:
    """Index and distance (N, k) with the row itself first, as UMAP expects them."""
    k = min(NEIGHBORS, len(pooled)) - 1
    found = engine.neighbors(pooled, pooled, k, exclude_self=True)
    own = np.arange(len(pooled))[:, None]
    return np.hstack([own, found.index]), np.hstack([np.zeros((len(pooled), 1), np.float32), found.dist])


def _layout(pooled: Array, index: Ints, dist: Array, start: Floats, seed: int) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that one thread is one thread and that new rows cannot be placed
        from umap import UMAP

        tell_cores()
        model = UMAP(
            n_neighbors=index.shape[1],
            init=start,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(index, dist, None),
            force_approximation_algorithm=True,
        )
        layout: Floats = np.asarray(model.fit_transform(pooled.astype(np.float32)), np.float64)
        return layout


def _split(layout: Floats, parts: Sequence[Array]) -> list[Floats]:
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return [np.ascontiguousarray(piece) for piece in np.split(layout, ends)]
