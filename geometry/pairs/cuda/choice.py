"""Which engine a CUDA device gets: our kernels where they have proven themselves on it, else torch tiles, and why.

The best scan of the device's architecture is asked first, then the next one: wgmma, mma.sync, torch tiles. The proof of
each is run or remembered here, on first use. Everything that stands in the way of the kernels (no CuPy, no
compiler, a driver too old, a failed proof) is a reason in words and never an error: torch may still serve the device.
A scan that later breaks its bound in use loses its proof: that call is an error, the next one does without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import numpy as np

from geometry.errors import GeometryError
from geometry.pairs import torch_local
from geometry.pairs.cuda.apart import prove_apart
from geometry.pairs.cuda.column_mean import SUFFIXES
from geometry.pairs.cuda.cupy_device import CupyDevice, open_device
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.local import BUDGET, MOST_NEIGHBORS, local_summaries
from geometry.pairs.cuda.proof import disqualify, proof_of, remembered
from geometry.pairs.cuda.scans import Scan, scans_of
from geometry.pairs.executor import Executor
from geometry.pairs.local import Local, Places
from geometry.pairs.plan import DEFAULT_BUDGET
from geometry.types import Array


@dataclass(frozen=True)
class Choice:
    """An engine of our kernels, or None and why not; `why` says of an engine where it has been proven.

    passed_over: better scans of this device that did not pass, and why, a line each.
    """

    engine: Executor | None
    why: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watched:
    """An engine whose scan loses its proof when a result breaks the bound; neighbourhoods beside its reductions."""

    engine: Executor
    device: Device
    scan: Scan
    budget: int | None = None

    def neighborhoods(self, points: Array, places: Places) -> Local | None:
        """Sums, reflected pairs and spectra of neighbourhoods: by the kernel, and for more than it takes by torch.

        None where those are more and torch has no CUDA: then the CPU makes them.
        """
        points = np.asarray(points)
        if places.index.shape[1] > MOST_NEIGHBORS:
            where = _torch_device()
            budget = self.budget or DEFAULT_BUDGET
            return None if where is None else torch_local.local_summaries(points, places, where, budget)
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
                disqualify(self.device, self.scan.name, str(error))
                raise BoundViolated(f"{error}; this scan is not used on it again, the next run does without") from error

        return watched


def kernel_engine(budget: int | None, open_device: Callable[[], Device] | None = None) -> Choice:
    """Our kernels on the first CUDA device, within `budget` bytes of it (None: what is free)."""
    try:
        device = (open_device or _first_device)()
    except GeometryError as error:
        return Choice(None, str(error))
    refused: list[str] = []
    for scan in scans_of(device.arch):
        why = _refusal(device, scan)
        if why is None:
            engine = cast(Executor, Watched(_engine(device, budget, scan), device, scan, budget))
            return Choice(engine, f"the scan by {scan.name} is proven on {device.name}", tuple(refused))
        refused.append(why)
    return Choice(None, refused[-1], tuple(refused[:-1]))


def _refusal(device: Device, scan: Scan) -> str | None:
    """Why a scan does not serve a device; None where it has passed its proof."""
    try:
        apart = partial(prove_apart, device, device.number, scan.name) if isinstance(device, CupyDevice) else None
        proof = proof_of(device, scan.name, lambda on: _engine(on, None, scan), apart)
    except GeometryError as error:
        return f"the scan by {scan.name} could not be proven on {device.name}: {error}"
    if proof.passed:
        return None
    more = f", and {len(proof.failures) - 1} more" if len(proof.failures) > 1 else ""
    return f"the scan by {scan.name} failed its proof on {device.name}: {proof.failures[0]}{more}"


def known_of(device: Device) -> dict[str, str]:
    """What is remembered of each scan of a device, best first; asks nothing of the device."""
    known = {scan.name: remembered(device, scan.name) for scan in scans_of(device.arch)}
    return {
        name: "not asked yet" if proof is None else "passed" if proof.passed else f"failed: {proof.failures[0]}"
        for name, proof in known.items()
    }


def _torch_device() -> str | None:
    """The name that torch has for a CUDA device."""
    import torch

    return "cuda" if torch.cuda.is_available() else None


@cache
def _first_device() -> Device:
    """One object for all calls, which keeps the kernels that it has loaded; a device that is missing is asked again."""
    return open_device()


def _engine(device: Device, budget: int | None, scan: Scan) -> Executor:
    from geometry.pairs.cuda.engine import CudaExecutor

    return CudaExecutor(device, budget or 0, scan)
