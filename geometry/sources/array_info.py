"""What one array inside a file is, known from headers alone: its key, shape, dtype, size and the role it plays.

The role follows from the name and the shape. `labels`, `ids`, `origin` and `generation` (singular or plural, alone or
followed by `_KEY`) are companions, one value per row; a two-dimensional real array may be an embedding set; anything
else is `other`. A leading path (`probe.labels`, `probe/labels`) does not change a role.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

COMPANIONS = {
    "labels": ("labels", "label"),
    "ids": ("ids", "id"),
    "origin": ("origin", "origins"),
    "generation": ("generation", "generations"),
}  # role -> the names it goes by
NAMES = "|".join(name for names in COMPANIONS.values() for name in names)
COMPANION_FILE = re.compile(rf"(?:(?P<stem>.*)[._-])?(?P<name>{NAMES})\.npy$", re.IGNORECASE)
REAL = re.compile(r"b?float|u?int|bool")
SHOWN = 8  # arrays named in an error before "and N more"


@dataclass(frozen=True)
class ArrayInfo:
    """One array of a file. key: its name inside the file, empty where there is only one without a name.

    shape in rows first, dtype as numpy or torch spell it, bytes once decoded, role: see the module.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    role: str

    @property
    def text(self) -> bool:
        """Whether it holds anything but numbers."""
        return self.dtype.startswith(("str", "bytes", "object"))

    @property
    def floating(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))


def describe(key: str, shape: Sequence[int], dtype: str, itemsize: int) -> ArrayInfo:
    """The record of an array with its role worked out."""
    shape = tuple(int(side) for side in shape)
    return ArrayInfo(key, shape, dtype, math.prod(shape) * itemsize, role_of(key, shape, dtype))


def role_of(key: str, shape: tuple[int, ...], dtype: str) -> str:
    """`embedding`, a companion's role, or `other`."""
    name = re.split(r"[./]", key)[-1].lower()
    role = companion_role(name)
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        qualified = [r for r, names in COMPANIONS.items() if name.startswith(tuple(f"{known}_" for known in names))]
        if role or qualified:
            return role or qualified[0]
    real = REAL.match(dtype) and "float8" not in dtype
    return "embedding" if len(shape) == 2 and real and not role else "other"


def companion_role(name: str) -> str:
    """The role of a bare companion name such as `labels`; empty if it is none."""
    return next((role for role, names in COMPANIONS.items() if name.lower() in names), "")


def listing(infos: Sequence[ArrayInfo]) -> str:
    """The arrays of a file in one line, for an error."""
    shown = ", ".join(f"'{info.key}' {info.shape} {info.dtype}" for info in infos[:SHOWN])
    return shown + (f" and {len(infos) - SHOWN} more" if len(infos) > SHOWN else "")
