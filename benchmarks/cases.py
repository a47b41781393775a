"""What is timed: one `Case` is one set of data and one question; a name on the command line stands for a list of them.

neighbors holds the goals for a CPU (three shapes on three kinds of data), then a sweep over n and one over d for the
plots. gpu is the first matrix of a GPU: 100,000 and a million rows at three widths; gpu-768 is its second goal alone.
refit is the recursive Gaussian fit of `geometry.loops` by many replicates. --quick is one small case each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from benchmarks.data import KINDS

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """task names the table of peers; parameters go into the row as they are. rows: n of the data."""

    task: str
    parameters: Parameters

    def __str__(self) -> str:
        return " ".join([self.task, *(f"{key}={value}" for key, value in self.parameters.items())])

    @property
    def flop(self) -> float | None:
        """Operations counted for it, 2 n m d for neighbours and 2 n^3 for a matrix product; None where none are."""
        p = self.parameters
        if self.task == "neighbors":
            return float(2 * p["n"] ** 2 * p["d"])
        return float(2 * p["n"] ** 3) if self.task == "device" else None


def _neighbors(n: int, d: int, k: int, kind: str = "mixture") -> Case:
    return Case("neighbors", {"n": n, "d": d, "k": k, "kind": kind})


def _statistic(name: str, n: int, d: int) -> Case:
    return Case("statistics", {"statistic": name, "n": n, "d": d, "kind": "mixture"})


def _refit(n: int, d: int, generations: int, replicates: int) -> Case:
    return Case("refit", {"n": n, "d": d, "generations": generations, "replicates": replicates})


def _unique(cases: list[Case]) -> tuple[Case, ...]:
    return tuple({str(case): case for case in cases}.values())


SHAPES = ((128, 15), (384, 32), (768, 32))
CASES: dict[str, tuple[Case, ...]] = {
    "neighbors": _unique(
        [_neighbors(20_000, d, k, kind) for (d, k), kind in product(SHAPES, KINDS)]
        + [_neighbors(n, 384, 32) for n in (5_000, 10_000, 20_000, 50_000)]
        + [_neighbors(20_000, d, 32) for d in (64, 128, 256, 384, 768, 1536)]
    ),
    "prdc": (Case("prdc", {"n": 10_000, "m": 10_000, "d": 512, "k": 5, "kind": "mixture"}),),
    "statistics": (
        *(_statistic(name, 10_000, 256) for name in ("ess", "lpca", "danco", "local")),
        _statistic("vendi", 2_000, 512),
    ),
    "analyze": (Case("analyze", {"n": 10_000, "d": 256, "generations": 6}),),
    "layers": (Case("layers", {"n": 1797, "generations": 4, "model": {}}),),
    "device": (Case("device", {"n": 4096}),),
    "refit": (_refit(200, 8, 20, 1000),),
    "gpu-768": (_neighbors(1_000_000, 768, 32),),
    "gpu": (
        Case("device", {"n": 16_384}),
        *(_neighbors(n, d, k) for n, d, k in product((100_000, 1_000_000), (128, 384, 768), (15, 64))),
    ),
}
QUICK: dict[str, tuple[Case, ...]] = {
    "neighbors": (_neighbors(1500, 32, 8),),
    "prdc": (Case("prdc", {"n": 400, "m": 300, "d": 16, "k": 5, "kind": "mixture"}),),
    "statistics": tuple(_statistic(name, 300, 16) for name in ("ess", "lpca", "danco", "local", "vendi")),
    "analyze": (Case("analyze", {"n": 300, "d": 8, "generations": 2}),),
    "layers": (Case("layers", {"n": 150, "generations": 2, "model": {"steps": 5}}),),
    "device": (Case("device", {"n": 512}),),
    "refit": (_refit(20, 3, 2, 4),),
    "gpu-768": (_neighbors(20_000, 768, 32),),
    "gpu": (Case("device", {"n": 4096}), _neighbors(20_000, 128, 15)),
}
