"""Stand-ins for units: tile registers emulated in NumPy, and products moved by all that their unit claims to err."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from geometry.pairs.cpu import amx
from geometry.pairs.cpu.units import Unit, available, unit
from geometry.types import Array


def values_of(words: Array, kind: str) -> Array:
    """float32 of packed words (r, w): (r, numbers)."""
    if kind == "f32":
        return words.view(np.float32)
    halves = words.view(np.uint16)
    if kind == "fp16":
        return halves.view(np.float16).astype(np.float32)
    return (halves.astype(np.uint32) << 16).view(np.float32)


def rows_of(panels: Array, kind: str) -> Array:
    """float32 of panels (p, w, c): (p c, numbers)."""
    return values_of(np.ascontiguousarray(panels.transpose(0, 2, 1)).reshape(-1, panels.shape[1]), kind)


def emulated(kind: str, *, truncating: bool = False) -> Callable[[Array, Array, Array], None]:
    """TDPFP16PS or TDPBF16PS in 32 x 32 blocks: numbers of a row in turn, each addition to nearest or toward zero."""

    def product(left: Array, panels: Array, out: Array) -> None:
        assert left.shape[0] % amx.COLUMNS == left.shape[1] % amx.SIDE == 0
        assert panels.shape[2] == amx.COLUMNS
        a, b = values_of(left, kind), rows_of(panels, kind)
        total = np.zeros((len(a), len(b)), np.float32)
        for start in range(0, a.shape[1], 2 * amx.DEPTH):
            part = np.zeros_like(total)
            for column in range(start, min(start + 2 * amx.DEPTH, a.shape[1])):
                exact = part + np.multiply.outer(a[:, column], b[:, column]).astype(np.float64)
                part = exact.astype(np.float32)
                if truncating:
                    part = np.where(np.abs(part) > np.abs(exact), np.nextafter(part, np.float32(0)), part)
            total += part
        out[:] = total.reshape(len(a), len(panels), amx.COLUMNS).transpose(1, 0, 2)

    return product


def adversarial(honest: Unit, seed: int = 0) -> Unit:
    """The unit with every product moved, up or down, by the error it claims."""
    rng = np.random.default_rng(seed)

    def product(left: Array, panels: Array, out: Array) -> None:
        honest.product(left, panels, out)
        norms = [np.linalg.norm(rows.astype(np.float64), axis=1) for rows in (
            values_of(left, honest.kind), rows_of(panels, honest.kind)
        )]  # fmt: skip
        claimed = honest.error(left.shape[1]) * np.multiply.outer(*norms) * rng.choice([-0.99, 0.99], (len(left), 1))
        out += claimed.reshape(len(left), len(panels), -1).transpose(1, 0, 2).astype(np.float32)

    return replace(honest, name=f"adversarial {honest.name}", product=product)


def amx_emulated(kind: str, *, truncating: bool = False) -> Unit:
    """The AMX unit as `units.unit` makes it, with emulated tiles."""
    product = emulated(kind, truncating=truncating)
    return Unit(f"emulated amx-{kind}", kind, amx.COLUMNS, 16, amx.DEPTH, 17 * 2.0**-27, product)


def full_precision() -> Unit:
    """The best unit of float32 here."""
    return unit(next(name for name in available() if name in ("avx512-f32", "blas")))


def sequences() -> dict[str, tuple[Unit, ...]]:
    """Every way to search that this processor can run, the emulated ones too."""
    real = {name: (unit(name), *((full_precision(),) if unit(name).kind != "f32" else ())) for name in available()}
    for kind in ("fp16", "bf16"):
        real[f"emulated amx-{kind}"] = (amx_emulated(kind), full_precision())
    real["emulated amx-fp16 truncating"] = (amx_emulated("fp16", truncating=True), full_precision())
    return real
