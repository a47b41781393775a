"""Products in the number format that their bounds were written for, whatever the process around has chosen.

`error` of `geometry.pairs.frame` and the sums of `geometry.pairs.sums` hold for float32 products rounded as float32. A
training that called us may run under torch.autocast (products of bfloat16 or float16), or have allowed TF32 or
bfloat16 in place of float32 (torch.set_float32_matmul_precision, torch.backends.*.matmul.fp32_precision): a row would
be certified by a bound that does not hold. Inside `full_precision` all of that is off, and comes back after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

REDUCED = ("tf32", "bf16")


@contextmanager
def full_precision() -> Iterator[None]:
    """Products of float32 in float32 on every device."""
    with ExitStack() as off:
        for kind in ("cuda", "cpu"):
            if torch.is_autocast_enabled(kind):
                off.enter_context(torch.autocast(kind, enabled=False))
        if any(part.fp32_precision in REDUCED for part in _parts()):
            off.enter_context(_unreduced())
        yield


@contextmanager
def _unreduced() -> Iterator[None]:
    """torch keeps an older setting beside the newer ones, and refuses to go on where the two disagree."""
    older, before = _older(), [part.fp32_precision for part in _parts()]
    if older is not None:
        torch.set_float32_matmul_precision("highest")
    _set(["ieee"] * len(before))
    try:
        yield
    finally:
        if older is not None:
            torch.set_float32_matmul_precision(older)
        _set(before)


def _set(formats: list[str]) -> None:
    for part, wanted in zip(_parts(), formats, strict=True):
        part.fp32_precision = wanted


def _parts() -> tuple[Any, ...]:
    backends: Any = torch.backends  # whose parts are made at run time
    return backends.cuda.matmul, backends.mkldnn.matmul


def _older() -> str | None:
    """The older setting; None where only the newer ones were touched, so that it cannot be read."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None
