"""What a row says of where and with what it was measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geometry.analysis.document import versions

ROOT = Path(__file__).resolve().parent.parent
CODE = ("geometry", "kernels", "benchmarks/*.py", "benchmarks/peers")
SETTINGS = ("OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "GEOMETRY_", "CUDA_VISIBLE_DEVICES")


def described(threads: int | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Date, processor, cores, threads (all unless said), GPU, driver, versions, settings of the environment, commit."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": threads or os.cpu_count() or 0,
        "gpu": _nvidia("name"),
        "driver": _nvidia("driver_version"),
        "versions": versions(),
        "settings": {key: value for key, value in sorted(environment.items()) if key.startswith(SETTINGS)},
        "commit": _commit(),
    }


def blas_kernels() -> str:
    """The OpenBLAS kernels for this processor, by its flags: older releases do not know new processors by name.

    Without it OpenBLAS 0.3.15, which faiss-cpu 1.15 brings along, took kernels 3.5 times as slow on a Zen 5 server.
    """
    flags = _cpuinfo("flags").split()
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags):
        return "SkylakeX"
    return "Haswell" if {"avx2", "fma"} <= set(flags) else ""


def load() -> float:
    """Processes that wanted to run in the last minute, on average: all above those that are timed slows them."""
    return os.getloadavg()[0]


def has_cuda() -> bool:
    """Whether the driver lists a GPU; asked without loading any library into this process."""
    return bool(_nvidia("name"))


def version_of(package: str) -> str:
    """Of an installed distribution, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor()


def _cpuinfo(field: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = [line for line in info.read_text().splitlines() if line.startswith(field)] if info.exists() else []
    return lines[0].split(":", 1)[1].strip() if lines else ""


def _nvidia(field: str) -> str:
    """What nvidia-smi says of the first GPU, or nothing."""
    if shutil.which("nvidia-smi") is None:
        return ""
    words = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    found = subprocess.run(words, capture_output=True, text=True)
    return found.stdout.splitlines()[0].strip() if found.returncode == 0 and found.stdout.strip() else ""


def _commit() -> str:
    """The commit, with a plus where the code was changed since; unknown without git or the history."""
    if shutil.which("git") is None:
        return "unknown"
    words = ["git", "-C", str(ROOT)]
    found = subprocess.run([*words, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*words, "status", "--porcelain", "--", *CODE], capture_output=True, text=True)
    return (found.stdout.strip() or "unknown") + ("+" if changed.stdout.strip() else "")
