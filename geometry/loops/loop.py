"""The loop itself: plan the rows, fit from scratch, draw, embed, keep; generation after generation.

Every draw of generation t comes from generators made of (seed, t, purpose) alone, so a resumed run and a whole one
are equal, and the length of a run changes none of its generations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.loops import store
from geometry.loops.lineage import Generation, Lineage
from geometry.loops.model import Model, make
from geometry.loops.regimes import Part, Regime, Request, gather
from geometry.loops.regimes import regime as named_regime
from geometry.types import Array

PLAN, REAL, FIT, DRAW = range(4)  # purposes of the generators of one generation
LIBRARIES = ("embedding-geometry", "numpy", "torch", "scikit-learn")


def run(
    model: str,
    *,
    regime: str,
    generations: int,
    n: int,
    seed: int = 0,
    replicates: int = 1,
    real_share: float = 0.0,
    bias: float = 1.0,
    out: Path | str | None = None,
    progress: Callable[[Generation], None] | None = None,
    **options: Any,
) -> Lineage:
    """Train `generations` models, each on the rows that the regime gives it; the lineage has one record more, [0].

    model: "gaussian" (option d) or "vae" (options latent, hidden, steps, batch, rate, noise, encoder). regime: replace,
    accumulate, accumulate-subsample or fresh. n: rows drawn per generation, and all rows of one fit except under
    accumulate, where fit t sees t n. replicates: independent lineages at once (gaussian). real_share: the share of
    newly drawn real rows in every fit of `fresh`. bias: factor on the standard deviation that each model draws with
    (vae: of the latent and of the pixel noise); below 1 it narrows. out: a folder that takes gen_{t}/ as each
    generation is finished, and from which a stopped run of the same arguments goes on. progress is called with every
    generation. Raises UsageError for an unknown model, regime or option or a value out of range, InputError where
    `out` holds another run.
    """
    rule = named_regime(regime)
    _check(regime, generations, n, replicates, real_share, bias)
    arguments = {"model": model, "regime": regime, "n": n, "seed": seed, "replicates": replicates}
    arguments |= {"real_share": real_share, "bias": bias, "options": options}
    loop = _Loop(make(model, replicates, options), rule, arguments, out)
    records: list[Generation] = []
    for t in range(generations + 1):
        records.append(loop.generation(t, [record.samples for record in records]))
        if progress is not None:
            progress(records[-1])
    labels, ids = loop.model.probes() or (None, None)
    return Lineage({**arguments, "generations": generations}, tuple(records), labels, ids)


class _Loop:
    """A model and a regime bound to a folder: makes generation t from the batches before it, or reads it back."""

    def __init__(self, model: Model, rule: Regime, arguments: Mapping[str, Any], out: Path | str | None) -> None:
        self.model = model
        self.rule = rule
        self.n, self.seed = int(arguments["n"]), int(arguments["seed"])
        self.real_share, self.bias = float(arguments["real_share"]), float(arguments["bias"])
        self.out = None if out is None else Path(out)
        self.first = model.real(self.n, self._generator(0, REAL))
        self.card = {**arguments, "versions": _versions()}
        self.card["digest"] = store.digest(self.card, self.first[0])

    def generation(self, t: int, batches: list[Array]) -> Generation:
        known = None if self.out is None else store.read(self.out, t, self.card["digest"])
        if known is not None:
            return known
        made = self._retrained(t, batches) if t else self._real()
        return made if self.out is None else store.write(made, self.out, self.card)

    def _real(self) -> Generation:
        rows, labels = self.first
        return Generation(0, rows, self.model.embed(rows), self.model.truth(), labels, origins={0: self.n})

    def _retrained(self, t: int, batches: list[Array]) -> Generation:
        parts = self.rule(Request(t, self.n, self.real_share), self._generator(t, PLAN))
        rows = gather(parts, batches, lambda m: self.model.real(m, self._generator(t, REAL))[0])
        fit = self.model.fit(rows, self._generator(t, FIT))
        samples = self.model.sample(fit.parameters, self.n, self.bias, self._generator(t, DRAW))
        return Generation(
            t,
            samples,
            self.model.embed(samples),
            fit.parameters,
            self.model.label(samples),
            self.model.represent(fit.parameters),
            fit.history,
            _origins(parts),
        )

    def _generator(self, t: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, t, purpose])


def _origins(parts: tuple[Part, ...]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for part in parts:
        counts[part.origin] = counts.get(part.origin, 0) + len(part.rows)
    return counts


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[name] = "source"
    return found


def _check(regime: str, generations: int, n: int, replicates: int, real_share: float, bias: float) -> None:
    problems = {
        f"generations = {generations}; at least 1 is needed": generations < 1,
        f"n = {n}; a fit needs at least 2 rows": n < 2,
        f"replicates = {replicates}; at least 1 is needed": replicates < 1,
        f"real_share = {real_share}; it is a share, 0 to 1": not 0 <= real_share <= 1,
        f"bias = {bias}; it must be positive": not 0 < bias < np.inf,
        f"real_share = {real_share} has no effect under '{regime}'; use regime='fresh'": (
            real_share > 0 and regime != "fresh"
        ),
    }
    for problem, holds in problems.items():
        if holds:
            raise UsageError(problem)
