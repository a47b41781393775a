"""What runs in processes of their own: the gate, one peer at a time, and the products that give the machine's rate.

One process per peer: idle threads of one library slow the next, and memory counts from where it stood.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.machine import ROOT, blas_kernels
from benchmarks.peers import PEERS, Peer
from benchmarks.rows import RESULTS

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
CEILING = {"cpu": 2048, "cuda": 8192}  # rows of the matrices whose product is the machine's rate
CEILING_REPEATS = 10
CEILING_LIMIT = 3.0  # seconds: a format in which the product takes longer is no ceiling (float16 without units for it)


NO_DATA: dict[str, Any] = {"points": "", "reference": "", "rows": []}


@dataclass(frozen=True)
class Settings:
    """How to measure: see the command line."""

    device: str = "cpu"
    repeats: int = 5
    limit: float = 60.0
    timeout: float = 1800.0
    threads: int = 1
    quick: bool = False
    peers: tuple[str, ...] = ()
    results: Path = RESULTS


class GateError(Exception):
    """Ours is not exact; nothing of it is timed."""


def pass_gate(settings: Settings) -> None:
    """GateError, with what went wrong, unless the engine passes in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.gate", "--device", settings.device, *(["--quick"] * settings.quick)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment(settings))
    if ran.returncode:
        raise GateError(f"the engine failed the parity gate, nothing is timed:\n{ran.stdout}{ran.stderr}")
    print("parity gate passed", flush=True)


def measure(case: Case, peer: Peer, settings: Settings, folder: Path, files: dict[str, Any]) -> dict[str, Any]:
    """What one process says of one peer: status ok, missing or failed, and its numbers."""
    if why := peer.missing(settings.device):
        return {"status": "missing", "reason": why}
    job = files | {"task": case.task, "peer": peer.name, "parameters": case.parameters, "device": settings.device}
    job |= {"threads": settings.threads, "repeats": settings.repeats, "limit": settings.limit}
    (folder / "JOB.json").write_text(json.dumps(job))
    (folder / "RESULT.json").unlink(missing_ok=True)
    (folder / "RESULT.npy").unlink(missing_ok=True)
    words = [sys.executable, "-m", "benchmarks.measure", str(folder / "JOB.json")]
    try:
        ran = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=settings.timeout, env=environment(settings)
        )
    except subprocess.TimeoutExpired:
        return {"status": "failed", "reason": f"over {settings.timeout:.0f} s"}
    if not (folder / "RESULT.json").exists():
        return {"status": "failed", "reason": f"exit code {ran.returncode}: {ran.stderr.strip()[-200:]}"}
    answer: dict[str, Any] = json.loads((folder / "RESULT.json").read_text())
    if (folder / "RESULT.npy").exists():
        answer["index"] = np.load(folder / "RESULT.npy")
    return answer


@cache
def ceiling(settings: Settings) -> float | None:
    """The best matrix rate of the machine in TFLOP/s over libraries and number formats (float32 alone if quick).

    From the fastest repeat: what else runs on the machine can lower a rate, never raise it.
    """
    case = Case("device", {"n": 512 if settings.quick else CEILING[settings.device]})
    rates = []
    with tempfile.TemporaryDirectory() as name:
        products = [peer for peer in PEERS["device"] if peer.name.startswith("product")]
        for peer in products[: 1 if settings.quick else None]:
            bounded = replace(settings, repeats=CEILING_REPEATS, limit=CEILING_LIMIT)
            answer = measure(case, peer, bounded, Path(name), NO_DATA)
            if answer["status"] == "ok" and case.flop:
                rates.append(case.flop / min(answer["seconds"]) / 1e12)
    return max(rates, default=None)


def environment(settings: Settings) -> dict[str, str]:
    """What the processes see: as many threads as asked in every library, and the best kernels of OpenBLAS.

    Those of the caller's environment are not kept: a setting that slows one peer would count for the others.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    kernels = {"OPENBLAS_CORETYPE": blas_kernels()} if blas_kernels() else {}
    return kept | kernels | dict.fromkeys(THREADS, str(settings.threads))
