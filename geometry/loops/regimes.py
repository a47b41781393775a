"""Which rows train generation t: plans over the batches that exist by then, and nothing about models.

Batch 0 is the first batch of real rows, batch j the n rows drawn from the model of generation j. The first fit sees
batch 0 under every regime. With t - 1 the last batch:
  replace               the last batch
  accumulate            all batches 0..t-1 (t n rows; Gerstgrasser et al. 2024)
  accumulate-subsample  n rows of all batches, without replacement (Kazdan et al. 2024)
  fresh                 n rows, of which the real share is real rows newly drawn at every fit (Alemohammad et al. 2023)
  tail-reweighted       n of 4 n rows of the last model, by weights that bring batch 0's tails back (`selection`)
  provenance-filtered   n rows of all batches, from those that a classifier does not take for generated (`selection`)
  exchange              n rows of the last batches of the other models, in equal shares, never of its own
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geometry.errors import UsageError
from geometry.loops.selection import Look, seems_real, tail_weights, taken
from geometry.types import Array, Ints


@dataclass(frozen=True)
class Part:
    """Rows of one batch that enter a fit: `rows` of batch `origin`; where `fresh`, as many new real rows instead.

    pooled: `rows` of a pool that the model of generation `origin` draws for this fit. peer: under exchange the model
    that drew the batch.
    """

    origin: int
    rows: Ints
    fresh: bool = False
    peer: int = 0
    pooled: bool = False


@dataclass(frozen=True)
class Request:
    """The fit being planned: generation >= 1, n rows a batch, the share of real rows asked for, which of the models.

    look: the batches as the fixed encoder sees them, for the regimes that choose by that.
    """

    generation: int
    n: int
    real_share: float = 0.0
    peer: int = 0
    peers: int = 1
    look: Look | None = None


Regime = Callable[[Request, np.random.Generator], tuple[Part, ...]]


def replace(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """The last batch and nothing else."""
    return (Part(request.generation - 1, np.arange(request.n), peer=request.peer),)


def accumulate(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """Every batch there is."""
    return tuple(Part(origin, np.arange(request.n)) for origin in range(request.generation))


def accumulate_subsample(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n rows of the union of all batches, every subset equally likely."""
    return _of_union(np.arange(request.generation * request.n), request, generator)


def fresh(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """round(real_share n) newly drawn real rows; the rest from the last batch."""
    if request.generation == 1:
        return replace(request, generator)
    real = round(request.real_share * request.n)
    kept = Part(request.generation - 1, np.arange(request.n - real))
    drawn = Part(0, np.arange(real), fresh=True)
    return tuple(part for part in (kept, drawn) if len(part.rows))


def tail_reweighted(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n rows of a pool from the last model, none of them twice."""
    if request.generation == 1 or request.look is None:
        return replace(request, generator)
    weight = tail_weights(request.look, int(generator.integers(2**31)))
    return (Part(request.generation - 1, taken(weight, request.n, generator), pooled=True),)


def provenance_filtered(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n rows of the union of all batches that do not look generated; where they are fewer, the likeliest others too."""
    if request.generation == 1 or request.look is None:
        return replace(request, generator)
    probability = seems_real(request.look, request.generation, int(generator.integers(2**31)))
    good = np.flatnonzero(probability > 0.5)
    if len(good) < request.n:
        good = np.argsort(-probability, kind="stable")[: request.n]
    return _of_union(good, request, generator)


def exchange(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n rows of the last batches of all models but the own."""
    if request.generation == 1:
        return replace(request, generator)
    others = [peer for peer in range(request.peers) if peer != request.peer]
    sizes = [len(part) for part in np.array_split(np.arange(request.n), len(others))]
    return tuple(
        Part(request.generation - 1, np.sort(generator.choice(request.n, size, replace=False)), peer=peer)
        for peer, size in zip(others, sizes, strict=True)
        if size
    )


def _of_union(candidates: Ints, request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n of the candidates, numbers in the union of all batches, without replacement."""
    chosen = np.sort(generator.choice(candidates, request.n, replace=False))
    batch, row = np.divmod(chosen, request.n)
    return tuple(Part(int(origin), row[batch == origin]) for origin in np.unique(batch))


REGIMES: dict[str, Regime] = {
    "replace": replace,
    "accumulate": accumulate,
    "accumulate-subsample": accumulate_subsample,
    "fresh": fresh,
    "tail-reweighted": tail_reweighted,
    "provenance-filtered": provenance_filtered,
    "exchange": exchange,
}
LOOKING = ("tail-reweighted", "provenance-filtered")  # at the rows of one lineage, so one replicate at a time


def regime(name: str) -> Regime:
    """The regime called `name`; UsageError with a suggestion if there is none."""
    if name in REGIMES:
        return REGIMES[name]
    close = difflib.get_close_matches(str(name), REGIMES, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(REGIMES)}"
    raise UsageError(f"no regime is called '{name}'; {hint}")


def gather(parts: tuple[Part, ...], rows_of: Callable[[Part], Array]) -> Array:
    """The rows of a plan, (..., rows, d), in its order."""
    return np.concatenate([rows_of(part) for part in parts], axis=-2)


def places(parts: tuple[Part, ...]) -> Ints:
    """(rows, 3) of every row of a plan its model, batch and row there, row -1 for one drawn for the fit."""
    whole: Ints = np.concatenate([_places(part) for part in parts])
    return whole


def _places(part: Part) -> Ints:
    found = np.empty((len(part.rows), 3), np.int64)
    found[:, 0], found[:, 1] = part.peer, part.origin
    found[:, 2] = -1 if part.fresh or part.pooled else part.rows
    return found
