"""What the loop asks of a model, and the models there are.

Rows are (..., n, d) arrays with the rows on the axis before the last; every draw comes from the generator passed in.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from geometry.errors import UsageError
from geometry.types import Array


@dataclass(frozen=True)
class Fit:
    """Parameters by name, and the loss along the training where it is iterative."""

    parameters: Mapping[str, Array]
    history: tuple[float, ...] = ()


class Model(Protocol):
    """One family of models together with the real data it starts from."""

    def truth(self) -> Mapping[str, Array]:
        """Parameters of the true law; empty where only data are known."""

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        """n newly drawn real rows, and their labels (n,) where there are any."""

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        """A model trained from scratch on these rows."""

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        """n rows of the model; `bias` multiplies the standard deviation it draws with."""

    def embed(self, rows: Array) -> Array:
        """The rows in the fixed encoder, the same for all generations."""

    def label(self, rows: Array) -> Array | None:
        """(n,) the class of each row by the fixed classifier, where the data have classes."""

    def represent(self, parameters: Mapping[str, Array]) -> Array | None:
        """The probe rows in the model's own encoder, where it has one."""

    def probes(self) -> tuple[Array, Array] | None:
        """Labels and ids (p,) of the probe rows."""


def _gaussian(replicates: int, **options: Any) -> Model:
    from geometry.loops.gaussian import Gaussian

    return Gaussian(replicates=replicates, **_known("gaussian", Gaussian, options))


def _vae(replicates: int, **options: Any) -> Model:
    from geometry.loops.vae import Vae

    if replicates != 1:
        raise UsageError(f"vae trains one lineage at a time; run it with {replicates} seeds instead of replicates")
    return Vae(**_known("vae", Vae, options))


MODELS: dict[str, Callable[..., Model]] = {"gaussian": _gaussian, "vae": _vae}


def make(name: str, replicates: int, options: Mapping[str, Any]) -> Model:
    """The model called `name` with its options; UsageError with a suggestion for a name or option that is not there."""
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(MODELS)}"
        raise UsageError(f"no model is called '{name}'; {hint}")
    return MODELS[name](replicates, **options)


def _known(model: str, family: Callable[..., Model], options: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in inspect.signature(family).parameters if name != "replicates"]
    for option in options:
        if option not in names:
            raise UsageError(f"{model} has no option '{option}'; it has: {', '.join(names)}")
    return options
