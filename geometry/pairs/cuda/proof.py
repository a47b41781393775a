"""Kernels prove themselves on the device they are to run on, once: every check on every adversarial set of `checks`.

The outcome is kept in the cache folder under a digest of all kernels, the device and its driver, so that an edited
kernel, a new driver or another GPU is proven anew; nothing chooses kernels without it. Leaves out time, and races that
this device does not show: for those there are the harness of the tests and compute-sanitizer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from geometry.errors import OutOfMemoryError
from geometry.pairs.cuda import builder, cache
from geometry.pairs.cuda.checks import adversarial_sets, wrong
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.nvrtc import CompileError
from geometry.pairs.executor import Executor
from geometry.types import Array


@dataclass(frozen=True)
class Proof:
    """The outcome on one device; failures say which set, what was asked, and by how much it was wrong."""

    kernels: str
    device: str
    arch: str
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def proof_of(device: Device, make: Callable[[Device], Executor]) -> Proof:
    """The remembered outcome for these kernels on this device, else a fresh one of the engine `make` gives, remembered.

    Raises OutOfMemoryError or CompileError: neither says anything about the kernels.
    """
    known = remembered(device)
    if known is None:
        known = prove(device, make(device))
        _remember(device, known)
    return known


def disqualify(device: Device, why: str) -> None:
    """Remember that these kernels broke their own bound on this device: no proof of before counts any more."""
    _remember(device, Proof(builder.kernels_digest(device.arch), device.name, device.arch, (f"in use: {why}",)))


def remembered(device: Device) -> Proof | None:
    """The outcome kept for these kernels on this device."""
    return _read(_file(device))


def all_remembered() -> list[Proof]:
    """Every outcome in the cache folder, of older kernels and other devices too."""
    read = [_read(path) for path in sorted(cache.folder().glob("proof-*.json"))]
    return [proof for proof in read if proof is not None]


def prove(device: Device, engine: Executor, sets: Mapping[str, Array] | None = None) -> Proof:
    """Every check on every set; `sets` stands in for those of `adversarial_sets`."""
    failures: list[str] = []
    for name, points in (adversarial_sets() if sets is None else sets).items():
        try:
            failures += [f"{name}: {what}" for what in wrong(device, engine, points)]
        except (OutOfMemoryError, CompileError):
            raise
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    return Proof(builder.kernels_digest(device.arch), device.name, device.arch, tuple(failures))


def _remember(device: Device, proof: Proof) -> None:
    cache.keep(_file(device), (json.dumps(asdict(proof), indent=1) + "\n").encode())


def _file(device: Device) -> Path:
    words = f"{builder.kernels_digest(device.arch)}\n{device.name}"
    return cache.folder() / f"proof-{hashlib.sha256(words.encode()).hexdigest()[:24]}.json"


def _read(path: Path) -> Proof | None:
    try:
        kept = json.loads(path.read_text())
        return Proof(kept["kernels"], kept["device"], kept["arch"], tuple(kept["failures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
