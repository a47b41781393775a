"""Spectra of the weights of a checkpoint, matrix by matrix, alone and against others: what an update is made of.

`changes` holds the spectrum of W - P for every parent P, the share |W - P| / |P| by which it has moved, and how the
effective rank of W stands to that of P: an average of two models is seen beside each of them. The update of an adapter
is not multiplied out but to be held against another's: its singular values come from its two thin factors.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.collapse.weight_spectrum import STORED, WeightSpectrum, weight_spectrum
from geometry.errors import InputError
from geometry.sources.adapters import factors, is_adapter
from geometry.sources.array_info import ArrayInfo
from geometry.sources.weights import Weights, as_matrix, heads_of, is_matrix, matching, open_weights
from geometry.types import Array, Floats


@dataclass(frozen=True)
class MatrixSpectrum:
    """One matrix: its key, its shape as stored and as read, its spectrum, and its change against each parent."""

    key: str
    shape: tuple[int, ...]
    rows: int
    columns: int
    spectrum: WeightSpectrum
    changes: tuple[Change, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        own = {"key": self.key, "shape": list(self.shape), "rows": self.rows, "columns": self.columns}
        return own | self.spectrum.as_dict() | {"changes": [one.as_dict() for one in self.changes]}


@dataclass(frozen=True)
class Change:
    """W - P: relative, |W - P| / |P| (None where P is zero); rank_ratio, effective rank of W over that of P."""

    parent: str
    relative: float | None
    rank_ratio: float | None
    spectrum: WeightSpectrum

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        own = {"parent": self.parent, "relative": self.relative, "rank_ratio": self.rank_ratio}
        return own | self.spectrum.as_dict()


def weight_spectra(path: str | Path, glob: str = "*", against: Sequence[str | Path] = ()) -> list[MatrixSpectrum]:
    """The spectra of all matrices whose keys match, in the order of the file, one in memory at a time.

    path, against: checkpoints of any format, folders of models, adapters, or signed sums of them. Raises InputError
    where nothing matches, a parent lacks a matrix or has it in another shape, or an adapter is held against a model.
    """
    opened, parents = open_weights(Path(path)), [open_weights(Path(parent)) for parent in against]
    models = [] if not is_adapter(opened.path) else [one.path for one in parents if not is_adapter(one.path)]
    if models:
        raise InputError(
            f"{opened.path} is an adapter, itself a change; see what it does to a model by '{models[0]} + "
            f"{opened.path}' against {models[0]}"
        )
    keys = [info.key for info in matching(opened, glob)]
    parents = [_below_head(parent, keys) for parent in parents]
    return [_matrix(opened, info.key, info.shape, parents) for info in matching(opened, glob) if is_matrix(info)]


def passed_over(path: str | Path, glob: str = "*") -> list[ArrayInfo]:
    """What of two axes or more matches and has no spectrum here: whole numbers, quantised, of 8 bits, sparse."""
    infos = open_weights(Path(path)).infos
    alike = [infos[key] for key in fnmatch.filter(infos, glob)]
    return [info for info in alike if len(info.shape) > 1 and 0 not in info.shape and not is_matrix(info)]


def _below_head(parent: Weights, keys: Sequence[str]) -> Weights:
    """The weights of a parent whose keys have a head that those of the checkpoint have not, without it."""
    heads = heads_of(parent, lambda there: keys, len(keys))
    return parent.under(heads[0]) if len(heads) == 1 else parent


def _matrix(opened: Weights, key: str, shape: tuple[int, ...], parents: Sequence[Weights]) -> MatrixSpectrum:
    rows, columns = shape[0], int(np.prod(shape[1:]))
    if is_adapter(opened.path) and key in opened.ranks:
        made = weight_spectrum(factors(opened.path, key).singular_values(), (rows, columns))
        weight = _finite(opened, key) if parents else None
    else:
        weight = _finite(opened, key)
        made = weight_spectrum(_singular(weight), (rows, columns))
    changes = [] if weight is None else [_change(opened, parent, key, weight, made) for parent in parents]
    return MatrixSpectrum(key, shape, rows, columns, made, tuple(changes))


def _change(opened: Weights, parent: Weights, key: str, weight: Floats, made: WeightSpectrum) -> Change:
    if key not in parent.infos:
        raise InputError(f"{parent.path} has no '{key}', which {opened.path} has; compare checkpoints of one model")
    before = _finite(parent, key)
    if before.shape != weight.shape:
        raise InputError(
            f"shapes disagree: '{key}' is {weight.shape} in {opened.path} and {before.shape} in {parent.path}; compare "
            "checkpoints of one model"
        )
    old = weight_spectrum(_singular(before), before.shape)
    rounding = STORED * max(made.largest, old.largest)
    change = weight_spectrum(_singular(weight - before), before.shape, floor=rounding)
    ratio = made.effective_rank / old.effective_rank if made.effective_rank and old.effective_rank else None
    return Change(str(parent.path), change.norm / old.norm if old.norm > 0 else None, ratio, change)


def _finite(weights: Weights, key: str) -> Floats:
    array: Array = as_matrix(weights.read(key))
    if not np.isfinite(array).all():
        raise InputError(
            f"{weights.path}, '{key}' holds NaN or infinity: training has diverged; take an earlier checkpoint"
        )
    return array.astype(np.float64)


def _singular(matrix: Floats) -> Floats:
    values: Floats = np.linalg.svd(matrix, compute_uv=False).astype(np.float64)
    return values
