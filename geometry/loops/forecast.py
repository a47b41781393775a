"""What a run will take, from one short trial: fits, rows trained on, bytes on disk, seconds.

The trial trains a model for a few steps (a closed form: once) on the first real batch and draws a few rows; times grow
with the steps, the rows drawn and, for closed forms, the rows of the fit. Left out: the regimes that look at rows, and
what else the machine is doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from geometry.loops.model import Model, make
from geometry.loops.settings import Settings
from geometry.types import Array

STEPS = 3  # of a trial
DRAWN = 64  # rows of a trial
Result = TypeVar("Result")


@dataclass(frozen=True)
class Forecast:
    """fits: models trained; rows: rows they see in all; bytes: what is written; seconds: of computing, roughly."""

    fits: int
    rows: int
    bytes: int
    seconds: float


def forecast(settings: Settings, generations: int) -> Forecast:
    """What `run` would do with these settings; raises what `run` would raise before its first fit."""
    asked = settings
    model = make(asked.model, asked.replicates, asked.options, device=asked.device, seed=asked.seed)
    generator = np.random.default_rng(asked.seed)
    first = model.real(asked.n, generator)[0]
    short, factor = _shortened(model)
    _, started = _timed(lambda: _shortened(model, 1)[0].fit(first, generator))  # what happens once only
    fit, fitting = _timed(lambda: short.fit(first, generator))
    few = min(DRAWN, asked.n)
    drawn, drawing = _timed(lambda: short.sample(fit.parameters, few, asked.bias, generator))
    views, seeing = _timed(lambda: [model.embed(drawn), model.sentences(drawn)])
    seen = asked.n * (generations * (generations + 1) // 2 if asked.regime == "accumulate" else generations)
    weight = seen / (asked.n * generations) if factor == 1 else factor  # steps do not depend on the rows
    one = fitting * weight + (drawing + seeing) * asked.n / few
    kept = [first, *fit.parameters.values(), short.represent(fit.parameters)]
    size = _bytes(kept) + _bytes(views) * asked.n // few
    fits = generations * asked.peers
    return Forecast(fits, seen * asked.peers, size * (generations + 1) * asked.peers, started + fits * one)


def _shortened(model: Model, steps: int = STEPS) -> tuple[Model, float]:
    """The model with a few training steps, and by how many times it would train longer; closed forms as they are."""
    whole: int | None = getattr(model, "steps", None)
    if whole is None or whole <= steps:
        return model, 1.0
    changed: Any = replace(model, steps=steps)  # type: ignore[type-var]
    return changed, whole / steps


def _bytes(arrays: list[Array | None]) -> int:
    return sum(array.nbytes for array in arrays if array is not None)


def _timed(action: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    return action(), time.perf_counter() - start
