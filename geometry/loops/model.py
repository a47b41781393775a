"""What the loop asks of a model, and the models there are.

Rows are (..., n, d) arrays with the rows on the axis before the last; every draw comes from the generator passed in.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from geometry.errors import UsageError
from geometry.loops.options import chosen
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
        """n rows of the model; `bias` multiplies the standard deviation or temperature it draws with."""

    def embed(self, rows: Array) -> Array:
        """The rows in the fixed encoder, the same for all generations."""

    def label(self, rows: Array) -> Array | None:
        """(n,) the class of each row by the fixed classifier, where the data have classes."""

    def represent(self, parameters: Mapping[str, Array]) -> Array | None:
        """The probe rows in the model's own encoder, where it has one."""

    def sentences(self, rows: Array) -> Array | None:
        """Rows of text in the sentence encoder beside the fixed one, where the model was given one."""

    def noted(self) -> Mapping[str, Any]:
        """What the card of a generation says of that encoder."""

    def probes(self) -> tuple[Array | None, Array] | None:
        """Labels, where there are any, and ids (p,) of the probe rows."""


class Wordless:
    """What a model answers that writes no text."""

    def sentences(self, rows: Array) -> Array | None:
        return None

    def noted(self) -> Mapping[str, Any]:
        return {}


class Unencoded(Wordless):
    """What a model without an encoder answers: rows are their own embedding, without classes and without probes."""

    def embed(self, rows: Array) -> Array:
        return rows

    def label(self, rows: Array) -> Array | None:
        return None

    def represent(self, parameters: Mapping[str, Array]) -> Array | None:
        return None

    def probes(self) -> tuple[Array | None, Array] | None:
        return None


@dataclass(frozen=True)
class Family:
    """Where a model is defined, and which settings of the run, beside its own options, it takes."""

    home: str
    settings: tuple[str, ...] = ()

    @property
    def batched(self) -> bool:
        """Whether it runs many replicates at once."""
        return "replicates" in self.settings

    def load(self) -> Callable[..., Model]:
        """The class itself."""
        module, name = self.home.split(":")
        found: Callable[..., Model] = getattr(import_module(f"geometry.loops.{module}"), name)
        return found


MODELS = {
    "gaussian": Family("gaussian:Gaussian", ("replicates", "device")),
    "linear": Family("linear:Linear", ("replicates", "device", "seed")),
    "categorical": Family("categorical:Categorical", ("replicates",)),
    "gmm": Family("gmm:Gmm"),
    "vae": Family("vae:Vae"),
    "language-model": Family("language:LanguageModel"),
}


def family(name: str) -> Family:
    """The family called `name`; UsageError with a suggestion if there is none."""
    if name in MODELS:
        return MODELS[name]
    close = difflib.get_close_matches(str(name), MODELS, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(MODELS)}"
    raise UsageError(f"no model is called '{name}'; {hint}")


def make(
    name: str, replicates: int, options: Mapping[str, Any], *, device: str = "cpu", seed: int = 0
) -> Model:  # (replicates at once, options of the model's own)
    """The model called `name`; UsageError for a name or option that is not there, or a value of another kind."""
    found = family(name)
    asked = {"replicates": replicates, "device": device, "seed": seed}
    if replicates != 1 and not found.batched:
        raise UsageError(f"{name} trains one lineage at a time; run it with {replicates} seeds instead of replicates")
    if device != "cpu" and "device" not in found.settings:
        raise UsageError(f"{name} runs on the CPU; leave the device out")
    own = chosen(name, options, options_of(name))
    return found.load()(**own, **{setting: asked[setting] for setting in found.settings})


def options_of(name: str) -> dict[str, Any]:
    """The options of a model and their defaults."""
    found = family(name)
    parameters = inspect.signature(found.load()).parameters.values()
    return {one.name: one.default for one in parameters if one.name not in found.settings}
