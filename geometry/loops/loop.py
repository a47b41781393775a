"""The loop itself: plan the rows, fit from scratch, draw, embed, keep; generation after generation.

Every draw of generation t comes from generators made of (seed, t, purpose) alone, under exchange of the model's number
too, so a resumed run and a whole one are equal, and the length of a run changes none of its generations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.loops import store
from geometry.loops.lineage import Generation, Lineage, origin_of
from geometry.loops.model import Model, make
from geometry.loops.options import typed
from geometry.loops.regimes import LOOKING, Part, Request, gather, places
from geometry.loops.regimes import regime as named_regime
from geometry.loops.selection import POOL, WEIGHTS, Look
from geometry.loops.settings import Settings, arguments_of, settings_of
from geometry.schema.places import alone, make_folder
from geometry.types import Array

PLAN, REAL, FIT, DRAW, POOLED = range(5)  # purposes of the generators of one generation
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
    peers: int | None = None,
    weights: str = WEIGHTS[0],
    device: str = "cpu",
    out: Path | str | None = None,
    progress: Callable[[Generation], None] | None = None,
    **options: Any,
) -> Lineage:
    """Train `generations` models, each on the rows that the regime gives it; the lineage has one record more, [0].

    model: gaussian, linear, categorical, gmm, vae or language-model; options are its own (`loops.model.options_of`).
    regime: see `loops.regimes`. n: rows drawn per generation, and all rows of one fit except under accumulate, where
    fit t sees t n. replicates: independent lineages at once (gaussian, linear, categorical). real_share: the share of
    newly drawn real rows in every fit of `fresh`. bias: factor on the standard deviation that each model draws with
    (vae: of the latent and of the pixel noise), or its temperature (categorical, language-model); below 1 it narrows.
    peers: how many models exchange their output (2). weights: of `tail-reweighted`, "provenance" or "tail_survival".
    device: "cpu", "cuda" or "auto" (gaussian, linear). out: a folder that takes gen_{t}/ as each generation is
    finished, under exchange model_{i}/gen_{t}/ of the others too, and from which a stopped run of the same arguments
    goes on. progress is called with every generation of the first model. Raises UsageError for an unknown model, regime
    or option or a value out of range, InputError where `out` holds another run.
    """
    plain: dict[str, Any] = {"seed": seed, "replicates": replicates, "real_share": real_share, "bias": bias}
    chosen: dict[str, Any] = {"peers": peers, "weights": weights, "device": device, "options": options}
    settings = settings_of(model, regime, n, **plain, **chosen)
    return run_settings(settings, generations, None if out is None else Path(out), progress)


def run_settings(
    settings: Settings,
    generations: int,
    out: Path | None = None,
    progress: Callable[[Generation], None] | None = None,
) -> Lineage:
    """`run` with its settings in one record."""
    generations = typed("generations", generations, int)
    if generations < 1:
        raise UsageError(f"generations = {generations}; at least 1 is needed")
    if settings.regime in LOOKING and settings.replicates > 1:
        raise UsageError(
            f"'{settings.regime}' looks at the rows of one lineage; run it with {settings.replicates} seeds instead"
        )
    model = make(settings.model, settings.replicates, settings.options, device=settings.device, seed=settings.seed)
    folders = [None if out is None else out / f"model_{peer}" if peer else out for peer in range(settings.peers)]
    loops = [_Loop(model, settings, peer, folder) for peer, folder in enumerate(folders)]
    with nullcontext() if out is None else _alone(out):
        records = _generations(loops, generations, progress)
    arguments = {**arguments_of(settings), "generations": generations}
    labels, ids = model.probes() or (None, None)
    first, *others = (Lineage(arguments, tuple(known), labels, ids) for known in records)
    return Lineage(arguments, first.records, labels, ids, tuple(others))


def _generations(
    loops: list[_Loop], generations: int, progress: Callable[[Generation], None] | None
) -> list[list[Generation]]:
    """The records of each loop; where the very first fit fails, what was begun for it is taken away again."""
    records: list[list[Generation]] = [[] for _ in loops]
    for t in range(generations + 1):
        try:
            made = [loop.generation(t, records) for loop in loops]
        except Exception:
            for loop in loops if t < 2 else ():
                loop.forget()
            raise
        for known, one in zip(records, made, strict=True):
            known.append(one)
        if progress is not None:
            progress(made[0])
    return records


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder, which no other run is to write in meanwhile; made, and gone again if nothing came to lie in it."""
    known = folder.exists()
    make_folder(folder)
    try:
        with alone(folder):
            yield
    finally:
        if not known:
            with suppress(OSError):
                folder.rmdir()


class _Loop:
    """A model and a regime bound to a folder: makes generation t from the batches before it, or reads it back."""

    def __init__(self, model: Model, settings: Settings, peer: int, out: Path | None) -> None:
        self.model = model
        self.settings = settings
        self.rule = named_regime(settings.regime)
        self.peer = peer
        self.first = model.real(settings.n, self._generator(0, REAL))
        self.place = None if out is None else self._place(out)
        self.began = False

    def _place(self, out: Path) -> store.Place:
        card = {**arguments_of(self.settings), "versions": _versions(), **self.model.noted()}
        if self.peer:
            card["peer"] = self.peer
        card["digest"] = store.digest(card, self.first[0])
        return store.Place(out, card, self.model.embed, self.model.probes() or (None, None))

    def generation(self, t: int, records: list[list[Generation]]) -> Generation:
        known = None if self.place is None else store.read(self.place, t)
        if known is not None:
            return known
        made = self._retrained(t, records) if t else self._real()
        self.began = self.began or t == 0
        return made if self.place is None else store.write(made, self.place)

    def forget(self) -> None:
        """Remove the real rows that this run has written, without which there is nothing to go on from."""
        if self.place is not None and self.began:
            store.remove(self.place, 0)

    def _real(self) -> Generation:
        rows, labels = self.first
        n = self.settings.n
        origin = self._origin(0)
        model = self.model
        return Generation(
            0,
            rows,
            model.embed(rows),
            model.truth(),
            labels,
            origins={0: n},
            origin=origin,
            sentences=model.sentences(rows),
        )

    def _retrained(self, t: int, records: list[list[Generation]]) -> Generation:
        own, asked = records[self.peer], self.settings
        pool = cache(lambda: self._pool(t, own[t - 1]))
        look = Look(lambda j: own[j].embeddings, lambda: self.model.embed(pool()), asked.weights)
        request = Request(t, asked.n, asked.real_share, self.peer, asked.peers, look)
        parts = self.rule(request, self._generator(t, PLAN))

        def rows_of(part: Part) -> Array:
            if part.fresh:
                return self.model.real(len(part.rows), self._generator(t, REAL))[0]
            batch = pool() if part.pooled else records[part.peer][part.origin].samples
            rows: Array = batch[..., part.rows, :]
            return rows

        rows = gather(parts, rows_of)
        fit = self.model.fit(rows, self._generator(t, FIT))
        require_finite(f"generation {t}: the fit", *fit.parameters.values(), np.asarray(fit.history))
        samples = self.model.sample(fit.parameters, asked.n, asked.bias, self._generator(t, DRAW))
        require_finite(f"generation {t}: what the model draws", samples)
        return Generation(
            t,
            samples,
            self.model.embed(samples),
            fit.parameters,
            self.model.label(samples),
            self.model.represent(fit.parameters),
            fit.history,
            _origins(parts),
            origin=self._origin(t),
            training=places(parts),
            sentences=self.model.sentences(samples),
        )

    def _pool(self, t: int, last: Generation) -> Array:
        """Rows that the last model draws for the fit of generation t alone."""
        rows = POOL * self.settings.n
        return self.model.sample(last.parameters, rows, self.settings.bias, self._generator(t, POOLED))

    def _origin(self, t: int) -> Array:
        return origin_of(t, self.peer, self.settings.n, self.settings.peers)

    def _generator(self, t: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, t, purpose, *([self.peer] if self.peer else [])])


def require_finite(what: str, *arrays: Array) -> None:
    """UsageError where there is NaN or infinity: training has diverged, or what is drawn has grown beyond numbers."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise UsageError(f"{what} holds NaN or infinity; it has diverged: choose a lower rate, or a bias nearer to 1")


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
