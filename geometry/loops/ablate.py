"""The same model trained again with each group of its training data left out; all of them embed the same probe rows.

Every arm of a replicate has the seed of that replicate and, where the data are rows, as many of them: what is left
without the largest group, drawn in one seeded order, so that an arm differs from `all` by what it lacks and not by how
much. Left out: groups that matter only together, which need pairs of them left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.loops import ablate_store as store
from geometry.schema.places import alone, make_folder
from geometry.types import Array, Ints

WHOLE = "all"
SMALLEST = 0.01  # share of the rows below which a group is not left out


@dataclass(frozen=True)
class Rows:
    """Training rows: points (n, d), the group of each (n,), labels (n,) where there are any."""

    points: Array
    groups: Array
    labels: Array | None = None

    def __post_init__(self) -> None:
        for name, values in (("groups", self.groups), ("labels", self.labels)):
            if values is not None and np.shape(values) != (len(self.points),):
                raise InputError(
                    f"{name} have shape {np.shape(values)}; one for each of {len(self.points)} rows is needed"
                )

    @property
    def names(self) -> list[Any]:
        """The groups of at least 1 % of the rows, in order."""
        values, counts = np.unique(self.groups, return_counts=True)
        return [
            value for value, count in zip(values.tolist(), counts, strict=True) if count >= SMALLEST * len(self.points)
        ]

    def sizes(self) -> dict[Any, int]:
        return {name: int((self.groups == name).sum()) for name in self.names}

    def without(self, group: Any | None, seed: int) -> Rows:
        """As many rows as every arm has, without those of a group."""
        at = len(self.points) - max(self.sizes().values())
        order: Ints = np.random.default_rng(seed).permutation(len(self.points))
        kept = np.sort((order if group is None else order[self.groups[order] != group])[:at])
        return Rows(self.points[kept], self.groups[kept], None if self.labels is None else self.labels[kept])

    def digest(self) -> bytes:
        parts = [self.points, self.groups.astype(np.str_)] + (
            [] if self.labels is None else [self.labels.astype(np.str_)]
        )
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


@dataclass(frozen=True)
class Files:
    """Training files or folders, each a group under its name; only a command can train on them."""

    paths: Mapping[str, Path]

    @property
    def names(self) -> list[Any]:
        return list(self.paths)

    def sizes(self) -> dict[Any, int]:
        """Files in each group."""
        return {name: sum(1 for one in _below(path)) for name, path in self.paths.items()}

    def without(self, group: Any | None, seed: int) -> Files:
        return Files({name: path for name, path in self.paths.items() if name != group})

    def digest(self) -> bytes:
        """Of names, sizes and times: data sets of files are not read to be told apart."""
        every = [one for path in self.paths.values() for one in _below(path)]
        return repr([(str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in every]).encode()


class Trainer(Protocol):
    """Something that is trained on data and then embeds rows."""

    def card(self) -> dict[str, Any]:
        """What decides its outcome, beside data and seed."""

    def embeddings(self, data: Rows | Files, probe: Array | None, seed: int) -> Array:
        """(p, d) embeddings of the probe rows by a model trained on `data` alone."""


@dataclass(frozen=True)
class Arm:
    """One choice of data: group is what it lacks, None for the whole; embeddings (p, d), one per replicate."""

    name: str
    group: Any
    size: int
    embeddings: tuple[Array, ...]


@dataclass(frozen=True)
class Ablation:
    """All arms, `all` first. sizes: rows or files of each group."""

    arguments: Mapping[str, Any]
    arms: tuple[Arm, ...]
    sizes: Mapping[Any, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """The rows that every model embeds: points (p, d), labels (p,) where known. None: the command knows its own."""

    points: Array | None = None
    labels: Array | None = None


def ablate(
    trainer: Trainer,
    data: Rows | Files,
    probe: Probe,
    *,
    replicates: int = 3,
    seed: int = 0,
    out: Path | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Ablation:
    """Train on everything and without each group, `replicates` times each, and embed the probe rows.

    out: a folder that takes arms/{arm}/ as each arm is finished; a stopped run of the same data and arguments goes on
    from there. Raises UsageError for fewer than two replicates or groups, InputError where an arm's embeddings cannot
    be used, or `out` holds another run.
    """
    if replicates < 2:
        raise UsageError(f"replicates = {replicates}; an interval needs 2 at least")
    if len(data.names) < 2:
        raise UsageError(
            f"there is {len(data.names)} group of 1 % of the data or more; leaving one out needs 2 at least"
        )
    tell = progress or (lambda line: None)
    arguments = {**trainer.card(), "replicates": replicates, "seed": seed}
    digest = store.digest(arguments, data.digest(), probe.points)
    arms: list[Arm] = []
    if out is not None:
        make_folder(Path(out))
    with nullcontext() if out is None else alone(Path(out)):
        for group in (None, *data.names):
            name = WHOLE if group is None else f"without {group}"
            known = None if out is None else store.read(Path(out), name, digest)
            made = known or _arm(trainer, data, probe, group, range(seed, seed + replicates), _of_arm(tell, name))
            _check(name, made, arms[0].embeddings if arms else made, probe)
            if out is not None and known is None:
                store.write(Path(out), name, digest, made, probe.labels)
            arms.append(Arm(name, group, 0 if group is None else data.sizes()[group], made))
    return Ablation(arguments, tuple(arms), data.sizes())


def _of_arm(tell: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda line: tell(f"{name}, {line}")


def _arm(
    trainer: Trainer, data: Rows | Files, probe: Probe, group: Any, seeds: Sequence[int], tell: Callable[[str], None]
) -> tuple[Array, ...]:
    """The embeddings of one arm, a seed after the other."""
    made = []
    for number, seed in enumerate(seeds, 1):
        tell(f"replicate {number} of {len(seeds)}")
        made.append(trainer.embeddings(data.without(group, seed), probe.points, seed))
    return tuple(made)


def _check(name: str, made: Sequence[Array], first: Sequence[Array], probe: Probe) -> None:
    rows = len(first[0]) if probe.points is None else len(probe.points)
    for one in made:
        if one.ndim != 2 or len(one) != rows:
            raise InputError(f"{name}: embeddings have shape {one.shape}; {rows} probe rows need ({rows}, d)")
        if not np.isfinite(one).all():
            raise InputError(f"{name}: the model gives NaN or infinity on the probe rows; its training has diverged")


def _below(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
