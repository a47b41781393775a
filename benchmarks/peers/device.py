"""The machine's own ceilings: square products by number format, and how fast memory is copied."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import Call, Inputs


def product_float32(inputs: Inputs) -> Call:
    """In float32, TF32 off."""
    return _product(inputs, "float32")


def product_float16(inputs: Inputs) -> Call:
    """In float16 with the accumulation that torch chooses."""
    return _product(inputs, "float16")


def product_bfloat16(inputs: Inputs) -> Call:
    """In bfloat16 with the accumulation that torch chooses."""
    return _product(inputs, "bfloat16")


def product_openblas(inputs: Inputs) -> Call:
    """In float32 by NumPy: torch's own BLAS may not know the processor."""
    import numpy as np

    n: int = inputs.parameters["n"]
    a, b = np.random.default_rng(0).standard_normal((2, n, n), dtype=np.float32)
    out = np.empty_like(a)

    def call() -> None:
        np.matmul(a, b, out=out)

    return call


def copy(inputs: Inputs) -> Call:
    """Of 64 bytes a matrix element, at least 256 MiB: beyond every cache. Returns the bytes read and written."""
    import torch

    source = torch.zeros(max(64 * inputs.parameters["n"] ** 2, 256 << 20), dtype=torch.uint8, device=inputs.device)
    target = torch.ones_like(source)

    def call() -> dict[str, float]:
        target.copy_(source)
        return {"bytes": 2.0 * source.numel()}

    return call


def _product(inputs: Inputs, dtype: str) -> Call:
    import torch

    n: int = inputs.parameters["n"]
    a, b = (torch.randn(n, n, device=inputs.device).to(getattr(torch, dtype)) for _ in range(2))
    out: Any = torch.empty_like(a)

    def call() -> None:
        torch.mm(a, b, out=out)

    return call
