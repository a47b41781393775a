"""Rows made ready for products: centred on the base's mean, scaled by a power of two, rounded to the working type.

The distance of two rows comes from norms and a product, d~^2 = |a|^2 + |b|^2 - 2 a.b. Centring first and a bound on
what rounding can have moved make that safe: |d~^2 - d^2| <= `error`, with u the unit round-off of the working type,
  product and norms   2 (d + 4) u |a| |b| + (d + 4) u (|a|^2 + |b|^2)      (Higham 2002, section 3.1)
  rounding of rows    (|a| + |b|) u_rows (2 |a - b| + ...), bounded by 4 u (|a| + |b|)^2.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from geometry.pairs.plan import blocks
from geometry.types import Array, Floats

ROWS = 8192


@dataclass(frozen=True)
class Frame:
    """Shift (d,) float64 and the power of two that brings the largest centred coordinate near 1."""

    shift: Floats
    scale: float


@dataclass(frozen=True)
class Rows:
    """Rows in a frame: values (n, d) in the working type, sq_norms (n,) of those rounded values, the originals."""

    values: torch.Tensor
    sq_norms: torch.Tensor
    original: torch.Tensor
    frame: Frame


def mean_of(points: Array) -> Floats:
    """Mean of the rows in float64, block by block."""
    total = np.zeros(points.shape[1])
    for block in blocks(len(points), ROWS):
        total += points[block].sum(axis=0, dtype=np.float64)
    return total / max(len(points), 1)


def frame_of(queries: Array, base: Array) -> Frame:
    """Joint frame of two sets, or of one set given twice."""
    shift = mean_of(base)
    sets = (base,) if queries is base else (base, queries)
    largest = max((float(np.abs(p[b] - shift).max(initial=0)) for p in sets for b in blocks(len(p), ROWS)), default=0.0)
    exponent = -np.frexp(largest)[1] if largest > 0 else 0
    return Frame(shift, float(np.ldexp(1.0, int(np.clip(exponent, -1000, 1000)))))


def place(points: Array, frame: Frame, dtype: torch.dtype, device: str) -> Rows:
    """Rows of `points` in `frame`, on `device`."""
    original = tensor_of(points, device)
    shift = torch.from_numpy(frame.shift).to(device)
    values = torch.empty(original.shape, dtype=dtype, device=device)
    for block in blocks(len(points), ROWS):
        values[block] = ((original[block].double() - shift) * frame.scale).to(dtype)
    sq_norms = torch.linalg.vecdot(values, values)
    return Rows(values, sq_norms, original, frame)


def tensor_of(points: Array, device: str) -> torch.Tensor:
    """`points` as a tensor that is only read: memory-mapped files are not writable, which torch warns about."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(np.ascontiguousarray(points)).to(device)


def error(queries: Rows, base: Rows, rows: torch.Tensor) -> torch.Tensor:
    """(b,) float64 bound on |coarse - true| squared distance of each of these queries to any base row, in the frame."""
    unit = torch.finfo(base.values.dtype).eps / 2
    d = base.values.shape[1]
    a = queries.sq_norms[rows].double().sqrt()
    b = base.sq_norms.max().double().sqrt()
    return ((d + 8) * unit * (a + b) ** 2) * (1 + 2.0**-10)
