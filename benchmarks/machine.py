"""What a row says of where and with what it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from geometry.analysis.document import versions


def described() -> dict[str, str | int]:
    """Processor, cores, versions and the commit of the tree."""
    return {"processor": _processor(), "cores": os.cpu_count() or 0, "commit": _commit(), **versions()}


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def _commit() -> str:
    root = Path(__file__).resolve().parent.parent
    found = subprocess.run(["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
