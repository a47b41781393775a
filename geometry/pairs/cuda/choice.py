"""Which engine a CUDA device gets: our kernels where they have proven themselves on it, else torch tiles, and why.

The proof is run or remembered here, on first use. Everything that stands in the way of the kernels (no CuPy, no
compiler, a driver too old, a failed proof) is a reason in words and never an error: torch may still serve the device.
Kernels that later break their bound in use lose their proof: that call is an error, the next one takes torch tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from geometry.errors import GeometryError
from geometry.pairs.cuda.column_mean import SUFFIXES
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.local import BUDGET, MOST_NEIGHBORS, Local, local_summaries
from geometry.pairs.cuda.proof import disqualify, proof_of
from geometry.pairs.executor import Executor
from geometry.pairs.local import Places
from geometry.types import Array


@dataclass(frozen=True)
class Choice:
    """An engine of our kernels, or None and why not; `why` says of an engine where it has been proven."""

    engine: Executor | None
    why: str


@dataclass(frozen=True)
class Watched:
    """An engine whose device loses its proof when a result breaks the bound; neighbourhoods beside its reductions."""

    engine: Executor
    device: Device
    budget: int | None = None

    def neighborhoods(self, points: Array, places: Places) -> Local | None:
        """Sums, reflected pairs and spectra of neighbourhoods; None for more neighbours than the kernel takes."""
        if places.index.shape[1] > MOST_NEIGHBORS:
            return None
        stored = points if points.dtype in SUFFIXES else points.astype(np.float64)
        return local_summaries(self.device, stored, places, self.budget or BUDGET)

    def __getattr__(self, name: str) -> Any:
        """What the engine has; its methods under watch."""
        found = getattr(self.engine, name)
        if not callable(found):
            return found

        def watched(*args: Any, **options: Any) -> Any:
            from geometry.pairs.cuda.search import BoundViolated

            try:
                return found(*args, **options)
            except BoundViolated as error:
                disqualify(self.device, str(error))
                raise BoundViolated(
                    f"{error}; the kernels are not used on it again, the next run does without"
                ) from error

        return watched


def kernel_engine(budget: int | None, open_device: Callable[[], Device] | None = None) -> Choice:
    """Our kernels on the first CUDA device, within `budget` bytes of it (None: what is free)."""
    try:
        device = (open_device or _first_device)()
        proof = proof_of(device, lambda on: _engine(on, None))
    except GeometryError as error:
        return Choice(None, str(error))
    if proof.passed:
        return Choice(cast(Executor, Watched(_engine(device, budget), device, budget)), f"proven on {device.name}")
    others = f", and {len(proof.failures) - 1} more" if len(proof.failures) > 1 else ""
    return Choice(None, f"the kernels failed their proof on {device.name}: {proof.failures[0]}{others}")


def _first_device() -> Device:
    from geometry.pairs.cuda.cupy_device import open_device

    return open_device()


def _engine(device: Device, budget: int | None) -> Executor:
    from geometry.pairs.cuda.engine import CudaExecutor
    from geometry.pairs.torch_engine import TorchExecutor

    return CudaExecutor(device, budget or 0, TorchExecutor("cuda"))
