"""Rows in groups: by the labels of the set, or by an array given; groups of one row have no inside and are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.errors import InputError
from geometry.pairs.frame import ROWS
from geometry.pairs.scan import Scan
from geometry.types import Array, Floats, Ints

ROUNDING = ROWS * np.finfo(np.float64).eps  # of the length of a mean, relative


@dataclass(frozen=True)
class Groups:
    """rows (m,): row numbers in groups of two and more, group after group; counts (g,) rows of each; names (g,)."""

    rows: Ints
    counts: Ints
    names: Array

    @property
    def number(self) -> Ints:
        """(m,) the group of each of `rows`."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def sums(self, values: Floats) -> Floats:
        """(g, ...) sum over each group of values (m, ...) given in the order of `rows`."""
        made: Floats = np.add.reduceat(values, np.cumsum(self.counts) - self.counts, axis=0)
        return made

    def means(self, values: Floats) -> Floats:
        """(g, q) mean over each group of values (m, q)."""
        made: Floats = self.sums(values) / self.counts[:, None]
        return made

    def among(self, kept: Array) -> Groups:
        """The groups of those of `rows` that the mask (m,) keeps, again of two rows and more."""
        return _grouped(self.number[kept], self.rows[kept], self.names)


def groups_of(scan: Scan, given: Array | None = None) -> Groups | None:
    """Groups by `given` (n,), else by the set's labels; None where there are neither."""
    values = scan.labels if given is None else np.asarray(given)
    if values is None:
        return None
    values = np.asarray(values)
    if values.shape != (scan.n,):
        raise InputError(f"groups have shape {values.shape}; one value for each of the {scan.n} rows is needed")
    names, number = np.unique(values, return_inverse=True)
    return _grouped(number.ravel(), np.arange(scan.n), names)


def _grouped(number: Ints, rows: Ints, names: Array) -> Groups:
    counts = np.bincount(number, minlength=len(names))
    large = counts[number] > 1
    order = np.argsort(number[large], kind="stable")
    return Groups(rows[large][order], counts[counts > 1], names[counts > 1])


def means_apart(means: Floats, centre: Floats, within: float) -> bool:
    """Whether group means (g, q) differ by more than the rounding of rows `within` apart (rms) about `centre`."""
    spread = float(np.sqrt(((means - means.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return bool(spread > ROUNDING * np.hypot(np.linalg.norm(centre), within))
