"""What multiplies tiles: the units a processor may have, which it has, and how far a product of each may be off.

A unit fills tile (panels, r, columns) float32 with the products of r packed rows and some panels of others. Its error
is relative to the product of the norms. Sums in registers are cut every CHUNK words and then added to the tile:
  f32    (chunk + chunks + 2) 2^-24        fma, to nearest (Higham 2002, section 3.1)
  16 bit (chunk + chunks + 2) (17/16) 2^-23  products exact, each addition perhaps truncated
  blas   (d + 8) 2^-23                     any order of summation
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from geometry.errors import UsageError
from geometry.pairs.cpu.rows import BLOCK
from geometry.types import Array

Product = Callable[[Array, Array, Array], None]


@dataclass(frozen=True)
class Unit:
    """A way to multiply tiles: kind of number, panel columns, words that rows are padded to, words of a chunk."""

    name: str
    kind: str
    columns: int
    multiple: int
    chunk: int
    roundoff: float
    product: Product

    @property
    def layout(self) -> tuple[str, int, int]:
        return self.kind, self.columns, self.multiple

    def error(self, words: int) -> float:
        """Bound on |computed - true| product over the product of the norms, of rows of `words` words."""
        per_word = 1 if self.kind == "f32" else 2
        terms = min(self.chunk, words) * per_word + -(-words // self.chunk) + 2
        return terms * self.roundoff * (1 + 2.0**-10)


@cache
def features() -> frozenset[str]:
    """Flags of the processor, as Linux names them; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = [line.split(":", 1)[1].split() for line in lines if line.startswith("flags")]
    return frozenset(flags[0]) if flags else frozenset()


NEEDS = {
    "amx-fp16": ("amx_tile", "amx_fp16"),
    "amx-bf16": ("amx_tile", "amx_bf16"),
    "avx512-bf16": ("avx512f", "avx512_bf16"),
    "avx512-f32": ("avx512f",),
    "blas": (),
}  # best first


@cache
def available() -> tuple[str, ...]:
    """Units of this processor, best first."""
    have = [name for name, flags in NEEDS.items() if set(flags) <= features()]
    if any(name.startswith("amx") for name in have):
        from geometry.pairs.cpu.amx import permitted

        if not permitted():
            have = [name for name in have if not name.startswith("amx")]
    return tuple(have)


@cache
def unit(name: str) -> Unit:
    """A unit by name; UsageError where this processor has none of that name."""
    if name not in NEEDS:
        raise UsageError(f"unit '{name}' is unknown; choose one of {', '.join(NEEDS)}")
    if name not in available():
        raise UsageError(f"this processor has no {name}; it has {', '.join(available())}")
    if name.startswith("amx"):
        from geometry.pairs.cpu.amx import COLUMNS, DEPTH, tile_product

        return Unit(name, name[-4:], COLUMNS, 16, DEPTH, 17 * 2.0**-27, tile_product(name[-4:]))
    if name == "blas":
        return Unit(name, "f32", BLOCK, 1, 1 << 30, 2.0**-23, blas_product)
    from geometry.pairs.cpu import avx512

    if name == "avx512-f32":
        return Unit(name, "f32", avx512.COLUMNS, 1, avx512.CHUNK, 2.0**-24, avx512.f32_tile)
    return Unit(name, "bf16", avx512.COLUMNS, 1, avx512.CHUNK, 17 * 2.0**-27, avx512.bf16_tile)


def units_in_turn(first: str | None = None) -> tuple[Unit, ...]:
    """The best 16-bit unit there is and then the best of float32, or `first` and then the best of float32."""
    full = next(name for name in available() if name in ("avx512-f32", "blas"))
    best = first or available()[0]
    return (unit(best),) if unit(best).kind == "f32" else (unit(best), unit(full))


def blas_product(left: Array, panels: Array, out: Array) -> None:
    """out (p, r, c) = left (r, w) by panels (p, w, c), all float32 in words, by torch's matrix product."""
    import torch

    rows = torch.from_numpy(left.view(np.float32))
    for panel, tile in zip(panels.view(np.float32), out, strict=True):
        torch.mm(rows, torch.from_numpy(panel), out=torch.from_numpy(tile))
