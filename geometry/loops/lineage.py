"""What a loop leaves behind: one `Generation` per fit, generation 0 being the real thing, and the `Lineage` of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geometry.types import Array, EmbeddingSet, Ints

REAL = "real"  # the origin of rows that no model drew


@dataclass(frozen=True)
class Generation:
    """One model and what it drew.

    samples: (n, d) rows drawn from the model, or (replicates, n, d) where there are several; generation 0: real rows.
    embeddings: the samples as the fixed encoder sees them (samples view). labels (n,): the class each sample belongs
    to, real for generation 0 and by the fixed classifier after that. representation (p, r): the probe rows as this
    generation's own encoder sees them. parameters: gaussian "mean" (replicates, d), "covariance" (replicates, d, d);
    vae its weights by name, none for generation 0. history: loss by training step, where a model has one.
    origins: how many rows each batch (0 the real one) gave to the fit. origin (n,): which batch drew each sample,
    "real" or "gen_3", under exchange "model_1/gen_3". training (m, 3): of every row of the fit the model, batch and row
    it was taken from, row -1 for one drawn for this fit alone (fresh, tail-reweighted). checkpoint: the file, where one
    was written. sentences (n, e): samples that are text in the sentence encoder, where one was named.
    """

    index: int
    samples: Array
    embeddings: Array
    parameters: Mapping[str, Array] = field(default_factory=dict)
    labels: Array | None = None
    representation: Array | None = None
    history: tuple[float, ...] = ()
    origins: Mapping[int, int] = field(default_factory=dict)
    checkpoint: Path | None = None
    origin: Array | None = None
    training: Ints | None = None
    sentences: Array | None = None


@dataclass(frozen=True)
class Lineage:
    """generations + 1 records in order; [0] is the true law. `arguments` repeats the run.

    peers: under exchange the lineages of the other models.
    """

    arguments: Mapping[str, Any]
    records: tuple[Generation, ...]
    probe_labels: Array | None = None
    probe_ids: Array | None = None
    peers: tuple[Lineage, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Generation:
        return self.records[index]

    def __iter__(self) -> Iterator[Generation]:
        return iter(self.records)

    def samples_view(self) -> list[EmbeddingSet]:
        """Generations 0..: what each drew, embedded by the one fixed encoder; of several replicates the first."""
        return [
            EmbeddingSet(
                first_replicate(g.embeddings),
                g.index,
                f"gen_{g.index}",
                labels=g.labels,
                origin=g.origin,
                source=_source(g, "embeddings"),
            )
            for g in self.records
        ]

    def sentences_view(self) -> list[EmbeddingSet]:
        """Generations 0..: what each wrote, in the sentence encoder; empty without one."""
        return [
            EmbeddingSet(g.sentences, g.index, f"gen_{g.index}", origin=g.origin, source=_source(g, "sentences"))
            for g in self.records
            if g.sentences is not None
        ]

    def representation_view(self) -> list[EmbeddingSet]:
        """Generations 1..: the same probe rows in each generation's own encoder, paired by ids; empty without one."""
        return [
            EmbeddingSet(
                g.representation,
                g.index,
                f"gen_{g.index}",
                labels=self.probe_labels,
                ids=self.probe_ids,
                source=_source(g, "representation"),
            )
            for g in self.records
            if g.representation is not None
        ]


def first_replicate(rows: Array) -> Array:
    """(n, d) rows of the first replicate, or of the only one."""
    return rows[0] if rows.ndim == 3 else rows


def origin_of(generation: int, peer: int, rows: int, peers: int) -> Array:
    """(rows,) the origin of rows that a model drew; see `Generation`."""
    drawn = f"model_{peer}/gen_{generation}" if peers > 1 else f"gen_{generation}"
    return np.full(rows, drawn if generation else REAL)


def _source(generation: Generation, name: str) -> str:
    return str(generation.checkpoint.with_name(f"{name}.npy")) if generation.checkpoint else ""
