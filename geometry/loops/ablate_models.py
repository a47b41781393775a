"""The models that an ablation trains by itself, and the choice between them and a command.

pca   projection on the leading principal directions of the training rows: the best linear autoencoder, in closed form
vae   posterior means of the variational autoencoder of `geometry.loops.vae`
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.loops.ablate import Files, Rows, Trainer
from geometry.loops.ablate_command import Command
from geometry.loops.options import chosen
from geometry.types import Array, Floats


@dataclass(frozen=True)
class Pca:
    """latent: directions kept; those that the training rows do not have are 0."""

    latent: int = 8

    def __post_init__(self) -> None:
        if self.latent < 1:
            raise UsageError(f"pca: latent = {self.latent}; it must be positive")

    def card(self) -> dict[str, Any]:
        return {"model": "pca", **asdict(self)}

    def embeddings(self, data: Rows | Files, probe: Array | None, seed: int) -> Array:
        points, asked = _rows("pca", data, probe)
        mean = points.mean(axis=0)
        directions = np.linalg.svd(points - mean, full_matrices=False)[2][: self.latent]
        made: Floats = np.zeros((len(asked), self.latent))
        made[:, : len(directions)] = (asked - mean) @ directions.T
        return made


@dataclass(frozen=True)
class Autoencoder:
    """Options of `geometry.loops.vae.Vae`."""

    latent: int = 12
    hidden: int = 192
    steps: int = 1000
    batch: int = 128
    rate: float = 4e-3

    def __post_init__(self) -> None:
        from geometry.loops.vae import Vae

        Vae(**asdict(self))

    def card(self) -> dict[str, Any]:
        return {"model": "vae", **asdict(self)}

    def embeddings(self, data: Rows | Files, probe: Array | None, seed: int) -> Array:
        from geometry.loops.vae import Vae

        points, asked = _rows("vae", data, probe)
        model = Vae(**asdict(self))
        fit = model.fit(points.astype(np.float32), np.random.default_rng(seed))
        return model.encode(fit.parameters, asked.astype(np.float32))


MODELS: dict[str, Callable[..., Trainer]] = {"pca": Pca, "vae": Autoencoder}


def trainer(model: str, options: Mapping[str, Any] | None = None) -> Trainer:
    """The model called `model`, or the command that it spells out; UsageError for what is neither."""
    options = dict(options or {})
    if model in MODELS:
        return MODELS[model](**chosen(model, options, options_of(model)))
    if "{" in model or " " in model:
        if options:
            raise UsageError("a command takes its options in its own words, not as options of a model")
        return Command(model)
    close = difflib.get_close_matches(model, MODELS, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose {' or '.join(MODELS)}, or a command with {{data}}"
    raise UsageError(f"no model is called '{model}'; {hint}")


def options_of(model: str) -> dict[str, Any]:
    """The options of a model of our own and their defaults."""
    return {one.name: one.default for one in inspect.signature(MODELS[model]).parameters.values()}


def _rows(name: str, data: Rows | Files, probe: Array | None) -> tuple[Array, Array]:
    if isinstance(data, Files) or probe is None:
        raise UsageError(f"{name} is trained on rows, not on a folder of files; name one file, or a training command")
    if probe.shape[1] != data.points.shape[1]:
        raise UsageError(f"probe rows have {probe.shape[1]} dimensions, training rows {data.points.shape[1]}")
    return data.points, probe
