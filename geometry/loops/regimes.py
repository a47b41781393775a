"""Which rows train generation t: pure plans over the batches that exist by then, and nothing about models.

Batch 0 is the first batch of real rows, batch j the n rows drawn from the model of generation j. The first fit sees
batch 0 under every regime. With t - 1 the last batch:
  replace               the last batch
  accumulate            all batches 0..t-1 (t n rows; Gerstgrasser et al. 2024)
  accumulate-subsample  n rows of all batches, without replacement (Kazdan et al. 2024)
  fresh                 n rows, of which the real share is real rows newly drawn at every fit (Alemohammad et al. 2023)
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from geometry.errors import UsageError
from geometry.types import Array, Ints


@dataclass(frozen=True)
class Part:
    """Rows of one batch that enter a fit: `rows` of batch `origin`; where `fresh`, as many new real rows instead."""

    origin: int
    rows: Ints
    fresh: bool = False


@dataclass(frozen=True)
class Request:
    """The fit being planned: generation >= 1, n rows a batch, the share of real rows asked for."""

    generation: int
    n: int
    real_share: float = 0.0


Regime = Callable[[Request, np.random.Generator], tuple[Part, ...]]


def replace(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """The last batch and nothing else."""
    return (Part(request.generation - 1, np.arange(request.n)),)


def accumulate(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """Every batch there is."""
    return tuple(Part(origin, np.arange(request.n)) for origin in range(request.generation))


def accumulate_subsample(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """n rows of the union of all batches, every subset equally likely."""
    chosen = np.sort(generator.choice(request.generation * request.n, request.n, replace=False))
    batch, row = np.divmod(chosen, request.n)
    return tuple(Part(int(origin), row[batch == origin]) for origin in np.unique(batch))


def fresh(request: Request, generator: np.random.Generator) -> tuple[Part, ...]:
    """round(real_share n) newly drawn real rows; the rest from the last batch."""
    if request.generation == 1:
        return replace(request, generator)
    real = round(request.real_share * request.n)
    kept = Part(request.generation - 1, np.arange(request.n - real))
    drawn = Part(0, np.arange(real), fresh=True)
    return tuple(part for part in (kept, drawn) if len(part.rows))


REGIMES: dict[str, Regime] = {
    "replace": replace,
    "accumulate": accumulate,
    "accumulate-subsample": accumulate_subsample,
    "fresh": fresh,
}


def regime(name: str) -> Regime:
    """The regime called `name`; UsageError with a suggestion if there is none."""
    if name in REGIMES:
        return REGIMES[name]
    close = difflib.get_close_matches(name, REGIMES, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(REGIMES)}"
    raise UsageError(f"no regime is called '{name}'; {hint}")


def gather(parts: tuple[Part, ...], batches: Sequence[Array], real: Callable[[int], Array]) -> Array:
    """The rows of a plan, (..., rows, d), in its order; `real(m)` draws m new real rows."""
    taken = [real(len(part.rows)) if part.fresh else batches[part.origin][..., part.rows, :] for part in parts]
    return np.concatenate(taken, axis=-2)
