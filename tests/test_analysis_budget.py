"""The main job within its budget: six generations of 10,000 x 256, verdict and figures included."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MEMORY = 2 << 30
SECONDS = 60.0
PROGRAM = """
import sys, time
import matplotlib.figure, scipy.stats, sklearn.cluster, torch
import geometry.analysis.job, geometry.analysis.memory, geometry.report
start = time.perf_counter()
geometry.analyze(sys.argv[1], out=sys.argv[2])
print(time.perf_counter() - start, geometry.analysis.memory.peak())
"""


@pytest.mark.long
def test_six_generations_in_a_minute_and_two_gibibytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 256))
    for t in range(6):
        points = centres[rng.integers(0, 20 - 3 * t, 10_000)] + 0.5 * rng.normal(size=(10_000, 256))
        np.save(tmp_path / f"gen_{t}.npy", points.astype(np.float32))
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "gen_{generation}.npy"), str(tmp_path / "out")]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds, peak = map(float, found.stdout.split())
    assert peak < MEMORY
    assert seconds < SECONDS
