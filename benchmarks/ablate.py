"""`python -m benchmarks.ablate`: which group of the training data carries the structure, on two sets.

planted-pca, planted-vae  three groups alike, a fourth alone spread over directions of its own, in clusters: it carries
                          the structure by construction
digits-vae                scikit-learn's digits without each digit in turn; all digits are the probe rows

Each is trained five times an arm. The rows and a figure go to benchmarks/results/ablate-SET.csv and .png; nothing else
is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.rows import RESULTS
from geometry.attribution import arms
from geometry.loops.ablate import Probe, Rows, ablate
from geometry.loops.ablate_models import trainer
from geometry.loops.digits import digits
from geometry.report import ablation, save

REPLICATES = 5
OWN, SHARED = 8, 16  # directions of the carrier alone, and of all


def planted(n: int = 800, seed: int = 0) -> Rows:
    """Groups a, b, c and carrier: N(0, I) in the shared directions; the carrier has eight clusters in its own."""
    rng = np.random.default_rng(seed)
    groups = np.array(["a", "b", "c", "carrier"])[np.arange(n) % 4]
    points = np.c_[0.05 * rng.standard_normal((n, OWN)), rng.standard_normal((n, SHARED))]
    own = groups == "carrier"
    centres = 3 * rng.standard_normal((8, OWN))
    points[own, :OWN] = centres[rng.integers(0, 8, own.sum())] + 0.3 * rng.standard_normal((own.sum(), OWN))
    return Rows(points.astype(np.float32), groups)


def of_digits() -> Rows:
    bundle = digits()
    assert bundle.labels is not None
    return Rows(bundle.points, bundle.labels, bundle.labels)


CASES: dict[str, tuple[Callable[[], Rows], str, dict[str, int]]] = {
    "planted-pca": (planted, "pca", {"latent": 8}),
    "planted-vae": (planted, "vae", {"latent": 8}),
    "digits-vae": (of_digits, "vae", {}),
}


def run(name: str, folder: Path = RESULTS) -> str:
    """Train, rank and write one case; returns its table."""
    make, model, options = CASES[name]
    data = make()
    found = ablate(
        trainer(model, options),
        data,
        Probe(data.points, data.labels),
        replicates=REPLICATES,
        progress=lambda line: print(f"{name}: {line}", file=sys.stderr, flush=True),
    )
    effects = arms(found, device="cpu")
    save.write_data(folder / f"ablate-{name}.csv", ablation.COLUMNS, ablation.rows(effects))
    save.write_bytes(folder / f"ablate-{name}.png", save.encode(ablation.figure(effects), "png"))
    return f"{name}\n{ablation.text(effects)}\n{ablation.sentence(effects)}\n"


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        print(run(case), flush=True)
