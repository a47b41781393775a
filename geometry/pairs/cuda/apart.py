"""A proof in a process of its own: what a kernel does to its device while it is not yet trusted stays there.

A kernel that reads beyond its memory leaves the context of its process unusable, for torch too, and one that waits for
what never comes does not return. So the proof of a scan on a GPU runs in a child of this program, which is ended after
SECONDS; what ended it otherwise is the failure that is remembered. `python -m geometry.pairs.cuda.apart NUMBER SCAN`
prints the outcome as one line of JSON. Errors that say nothing about the kernels (no memory, no compiler, a child that
could not begin) come back as errors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from geometry import errors
from geometry.errors import GeometryError
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.nvrtc import CompileError
from geometry.pairs.cuda.proof import Proof, outcome, prove
from geometry.pairs.executor import Executor

ROOT = Path(__file__).resolve().parents[3]  # where the package lies, whatever the caller has done to sys.path
SECONDS = 600.0  # a proof takes about ten; compilers and slow disks may make it minutes, a kernel that hangs for ever
TOLD = 400  # characters of what a child said last


def prove_apart(device: Device, number: int, scan: str, seconds: float = SECONDS) -> Proof:
    """The outcome on device `number`; a child that crashes, or takes more than `seconds`, has failed.

    Raises OutOfMemoryError or CompileError as `prove` would, GeometryError where there was no proof at all.
    """
    words = [sys.executable, "-m", "geometry.pairs.cuda.apart", str(number), scan]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        ran = subprocess.run(
            words, capture_output=True, text=True, timeout=seconds, env=os.environ | {"PYTHONPATH": path}
        )
    except subprocess.TimeoutExpired:
        return outcome(device, scan, [f"the proof did not end within {seconds:.0f} s"])
    lines = ran.stdout.splitlines()
    try:
        told = json.loads(lines[-1])
    except (IndexError, ValueError):
        said = " ".join(ran.stderr.split())[-TOLD:]
        if ran.returncode == 1:  # an exception before the first check, since those of checks are failures told of
            raise GeometryError(f"the proof could not begin: {said}") from None
        return outcome(device, scan, [f"the proof ended with exit code {ran.returncode}: {said}"])
    if "error" in told:
        raise _error(told["error"], told["message"])
    return outcome(device, scan, told["failures"])


def told_of(proving: Callable[[], Proof]) -> str:
    """What a child prints of a proof."""
    try:
        return json.dumps(asdict(proving()))
    except GeometryError as error:
        return json.dumps({"error": type(error).__name__, "message": str(error)})


def _error(name: str, message: str) -> GeometryError:
    kind: type[GeometryError] = CompileError if name == "CompileError" else getattr(errors, name, GeometryError)
    return kind(message)


def _here(number: int, name: str) -> Proof:
    from geometry.pairs.cuda.cupy_device import open_device
    from geometry.pairs.cuda.engine import CudaExecutor
    from geometry.pairs.cuda.scans import scans_of

    device = open_device(number)
    scan = next(one for one in scans_of(device.arch) if one.name == name)
    engine: Executor = CudaExecutor(device, 0, scan)
    return prove(device, name, engine)


if __name__ == "__main__":
    print(told_of(lambda: _here(int(sys.argv[1]), sys.argv[2])), flush=True)
