"""Arrays as text for the page: bytes in planes (all low bytes, then all high ones), raw deflate (RFC 1951), base64.

Planes let deflate find what rows have in common: sorted keys shrink to next to nothing, positions, which take every
fourth value of a uint16 alone, to three quarters: 8,191 steps from the centroid to the farthest row are finer than a
pixel at the strongest zoom. `script/record.js` unpacks them.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence

import numpy as np

from geometry.types import Array, Floats

TYPES = {"uint8": "u8", "uint16": "u16", "uint32": "u32"}
LEVEL = 6
MIDDLE = 32767  # of uint16, where the centroid lies
STRIDE, REACH = 4, 8191  # between neighbouring positions, and how many of these the farthest row is away
MISSING = 255  # of uint8, where a row has no value
STEPS = 254


def packed(values: Array) -> dict[str, str]:
    """type and data of an unsigned array, flattened; KeyError for any other dtype."""
    flat = np.ascontiguousarray(values).ravel()
    planes = flat.view(np.uint8).reshape(-1, flat.itemsize).T
    return {"type": TYPES[flat.dtype.name], "data": _deflated(np.ascontiguousarray(planes).tobytes())}


def packed_text(words: Sequence[str]) -> dict[str, str]:
    """Words joined by line feeds, as UTF-8; line feeds within them become spaces."""
    return {"type": "text", "data": _deflated("\n".join(word.replace("\n", " ") for word in words).encode())}


def steps(values: Array) -> Array:
    """(n,) uint32 differences of ascending whole numbers to the one before, the first to 0; they wrap around."""
    whole = values.astype(np.uint32)
    return np.diff(whole, prepend=np.uint32(0)).astype(np.uint32)


def positions(places: Array) -> tuple[Array, float]:
    """(n, 3) uint16 with the origin at MIDDLE, and the length that MIDDLE of its units stand for."""
    reach = float(np.abs(places).max(initial=0.0)) or 1.0
    coded = np.rint(places / reach * REACH) * STRIDE + MIDDLE
    return coded.astype(np.uint16), reach * MIDDLE / (STRIDE * REACH)


def levels(values: Floats, low: float, high: float) -> Array:
    """(n,) uint8: 0 at `low` or below, 254 at `high` or above, 255 where there is no value."""
    share = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    return np.where(np.isfinite(values), np.rint(np.nan_to_num(share) * STEPS), MISSING).astype(np.uint8)


def _deflated(raw: bytes) -> str:
    coder = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    return base64.b64encode(coder.compress(raw) + coder.flush()).decode("ascii")
