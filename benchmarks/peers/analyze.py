"""The main job as a user runs it: `geometry analyze -o`, figures and report included, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import generations
from benchmarks.peers import Call, Inputs


def ours(inputs: Inputs) -> Call:
    """Wall time from the command to the report; the peak is the one that run.json states."""
    folder = tempfile.TemporaryDirectory()
    p = inputs.parameters
    for t, points in enumerate(generations(p["generations"], p["n"], p["d"])):
        np.save(Path(folder.name) / f"gen_{t}.npy", points)
    pattern, out = f"{folder.name}/gen_{{generation}}.npy", f"{folder.name}/out"
    words = [sys.executable, "-m", "geometry", "analyze", pattern, "-o", out, "-q", "--force"]

    def call() -> dict[str, float]:
        subprocess.run([*words, "--device", inputs.device], check=True, stdout=subprocess.DEVNULL)
        return {"peak_bytes": json.loads(Path(folder.name, "out", "run.json").read_text())["peak_memory_bytes"]}

    return call
