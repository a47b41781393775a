"""Kernels prove themselves on the device they are to run on, once: every check on every adversarial set of `checks`.

The outcome is kept in the cache folder under a digest of all kernels, the device, its driver and the scan, so that an
edited kernel, a new driver or another GPU is proven anew, and one scan says nothing of another; nothing chooses kernels
without it. Leaves out time, and races that
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
    scan: str
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def proof_of(
    device: Device, scan: str, make: Callable[[Device], Executor], apart: Callable[[], Proof] | None = None
) -> Proof:
    """The remembered outcome of a scan on this device, else a fresh one of the engine that `make` gives, remembered.

    apart: makes the fresh one in its place (`geometry.pairs.cuda.apart`). Raises GeometryError where something else
    stands in the way, as OutOfMemoryError or CompileError: none of these says anything about the kernels.
    """
    known = remembered(device, scan)
    if known is None:
        known = prove(device, scan, make(device)) if apart is None else apart()
        _remember(device, known)
    return known


def disqualify(device: Device, scan: str, why: str) -> None:
    """Remember that this scan broke its own bound on this device: no proof of before counts any more."""
    _remember(device, outcome(device, scan, [f"in use: {why}"]))


def remembered(device: Device, scan: str) -> Proof | None:
    """The outcome kept for these kernels and this scan on this device."""
    return _read(_file(device, scan))


def all_remembered() -> list[Proof]:
    """Every outcome in the cache folder, of older kernels and other devices too."""
    read = [_read(path) for path in sorted(cache.folder().glob("proof-*.json"))]
    return [proof for proof in read if proof is not None]


def prove(device: Device, scan: str, engine: Executor, sets: Mapping[str, Array] | None = None) -> Proof:
    """Every check on every set, of an engine with this scan; `sets` stands in for those of `adversarial_sets`."""
    failures: list[str] = []
    for name, points in (adversarial_sets() if sets is None else sets).items():
        try:
            failures += [f"{name}: {what}" for what in wrong(device, engine, points)]
        except (OutOfMemoryError, CompileError):
            raise
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    return outcome(device, scan, failures)


def outcome(device: Device, scan: str, failures: list[str]) -> Proof:
    """What is known of a scan on a device, for the kernels as they are."""
    return Proof(builder.kernels_digest(device.arch), device.name, device.arch, scan, tuple(failures))


def _remember(device: Device, proof: Proof) -> None:
    cache.keep(_file(device, proof.scan), (json.dumps(asdict(proof), indent=1) + "\n").encode())


def _file(device: Device, scan: str) -> Path:
    words = f"{builder.kernels_digest(device.arch)}\n{device.name}\n{scan}"
    return cache.folder() / f"proof-{hashlib.sha256(words.encode()).hexdigest()[:24]}.json"


def _read(path: Path) -> Proof | None:
    try:
        kept = json.loads(path.read_text())
        return Proof(kept["kernels"], kept["device"], kept["arch"], kept["scan"], tuple(kept["failures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
