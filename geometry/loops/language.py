"""A language model of characters, trained from scratch on rows of text at every generation.

AdamW (Loshchilov and Hutter 2019) with one rise and fall of the rate, a fixed number of steps whatever the rows. Rows
are drawn at a temperature, the `bias`. The representation is the mean over positions of the last hidden states, for
probe rows of the text that is held out. A sentence encoder may look at what is written beside the fixed counts of
characters. Exact on one thread: the same seed gives the same bytes on one machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from geometry.errors import UsageError
from geometry.loops.model import Fit
from geometry.loops.reproducible import reproducible
from geometry.loops.sentences import sentence_encoder
from geometry.loops.text import Text, grams, read_text
from geometry.loops.training import descend
from geometry.loops.transformer import Size, Transformer
from geometry.types import Array, Floats

BLOCK = 512  # rows that pass the network at once outside training
DECAY = 0.01


@dataclass(frozen=True)
class LanguageModel:
    """data: a text file. length: characters of a row. width, layers, heads of the network. steps of `batch` rows.

    rate: the peak of the learning rate. probe_rows: held-out rows that every generation is shown. encoder: a folder or
    installed package with a sentence encoder that is shown what is written, or none.
    """

    data: str = ""
    length: int = 64
    width: int = 96
    layers: int = 2
    heads: int = 4
    steps: int = 600
    batch: int = 48
    rate: float = 3e-3
    probe_rows: int = 512
    encoder: str = ""

    def __post_init__(self) -> None:
        sizes = (self.width, self.layers, self.heads, self.steps, self.batch, self.probe_rows)
        if min(sizes) < 1 or self.length < 2 or self.rate <= 0:
            raise UsageError("language-model: sizes, steps, batch, rate and probe_rows must be positive, length over 1")
        if self.width % self.heads:
            raise UsageError(f"language-model: width = {self.width} is no multiple of heads = {self.heads}")

    @property
    def text(self) -> Text:
        """The real data."""
        return read_text(self.data)

    def truth(self) -> Mapping[str, Array]:
        return {}

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        return self.text.drawn(n, self.length, generator), None

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        with reproducible(int(generator.integers(2**62))):
            net = Transformer(self._size())
            history = self._train(net, torch.from_numpy(rows))
        return Fit({name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}, history)

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        with reproducible(int(generator.integers(2**62))), torch.no_grad():
            net = self._network(parameters)
            drawn = [net.drawn(min(BLOCK, n - start), bias) for start in range(0, n, BLOCK)]
        rows: Array = torch.cat(drawn).numpy()
        return rows

    def embed(self, rows: Array) -> Array:
        return grams(rows, len(self.text.alphabet))

    def label(self, rows: Array) -> Array | None:
        return None

    def represent(self, parameters: Mapping[str, Array]) -> Array | None:
        """(probe rows, width) mean hidden states."""
        with reproducible(0), torch.no_grad():
            net = self._network(parameters)
            states = [net.states(part).mean(1) for part in _blocks(self.held_out())]
        means: Array = torch.cat(states).numpy()
        return means

    def sentences(self, rows: Array) -> Array | None:
        return sentence_encoder(self.encoder).embed(self.text.written(rows)) if self.encoder else None

    def noted(self) -> Mapping[str, Any]:
        return sentence_encoder(self.encoder).noted() if self.encoder else {}

    def probes(self) -> tuple[Array | None, Array] | None:
        return None, np.arange(len(self.held_out()))

    def held_out(self) -> Array:
        """(probe rows, length) windows of the text that no model is trained on."""
        return self.text.held_out(self.probe_rows, self.length)

    def losses(self, parameters: Mapping[str, Array], rows: Array) -> Floats:
        """(n, length) nats by which each character of rows (n, length) surprises the model of these parameters."""
        with reproducible(0), torch.no_grad():
            net = self._network(parameters)
            found = torch.cat([net.losses(part) for part in _blocks(rows)])
        nats: Floats = found.double().numpy()
        return nats

    def _train(self, net: Transformer, rows: torch.Tensor) -> tuple[float, ...]:
        optimizer = torch.optim.AdamW(net.parameters(), self.rate, weight_decay=DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.rate, total_steps=self.steps + 1)

        def loss() -> torch.Tensor:
            return net.losses(rows[torch.randint(len(rows), (self.batch,))]).mean()

        return descend(loss, optimizer, self.steps, schedule=schedule, clip=1.0)

    def _size(self) -> Size:
        return Size(len(self.text.alphabet), self.length, self.width, self.layers, self.heads)

    def _network(self, parameters: Mapping[str, Array]) -> Transformer:
        net = Transformer(self._size())
        net.load_state_dict({name: torch.tensor(array) for name, array in parameters.items()})
        return net


def _blocks(rows: Array) -> tuple[torch.Tensor, ...]:
    return torch.split(torch.from_numpy(rows), BLOCK)
