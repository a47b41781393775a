"""Who is timed at what: one table; a peer is a function of `Inputs` that returns the call to be timed.

Imports and transfers happen before the call is returned, indexes and everything else inside it. What a call returns is
read by the task: neighbours (n, >= k), the row itself among them or not; a number or named numbers for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from geometry.types import Array

Call = Callable[[], Any]


class MissingError(Exception):
    """A peer that cannot run here; the message says why."""


@dataclass(frozen=True)
class Inputs:
    """points (n, d) float32 and, where a task has one, reference (m, d); the case's parameters, device and threads."""

    points: Array
    reference: Array | None
    parameters: dict[str, Any]
    device: str
    threads: int
    unit: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Peer:
    """module is what is imported, package what pip installs; function lies in the task's module of this package."""

    name: str
    function: str
    module: str
    package: str
    devices: tuple[str, ...] = ("cpu", "cuda")
    answers: tuple[str, ...] = ()  # the statistics it has, where that is the question
    unit: str = ""  # of ours on a CPU: the unit that multiplies, the best there is unless said
    rows: int = 0  # done of all, where each costs the same: seconds are those of all rows, in proportion

    def asked(self, parameters: dict[str, Any]) -> bool:
        """Whether the case is one of its own at all."""
        return not self.answers or parameters.get("statistic") in self.answers

    def missing(self, device: str) -> str:
        """Why it cannot even be tried, or nothing; imports nothing."""
        if device not in self.devices:
            return f"does not run on {device}"
        return "" if find_spec(self.module) else f"not installed: pip install {self.package}"


OURS = "geometry"
CPU, CUDA = ("cpu",), ("cuda",)
ESTIMATORS = ("ess", "lpca", "danco")
SKDIM = ("skdim", "scikit-dimension", CPU)
PEERS: dict[str, tuple[Peer, ...]] = {
    "neighbors": (
        Peer(OURS, "ours", "geometry", "embedding-geometry"),
        Peer("torch mm+topk", "torch_products", "torch", "torch"),
        Peer("torch cdist", "torch_cdist", "torch", "torch"),
        Peer("faiss-cpu", "faiss_cpu", "faiss", "faiss-cpu", CPU),
        Peer("faiss-gpu", "faiss_gpu", "faiss", "faiss-gpu", CUDA),
        Peer("FlashLib", "flashlib", "flashlib", "flashlib", CUDA),
        Peer("KeOps", "keops", "pykeops", "pykeops"),
        Peer("cuVS", "cuvs", "cuvs", "cuvs-cu13", CUDA),
        Peer("scikit-learn", "scikit_learn", "sklearn", "scikit-learn", CPU),
        Peer("geometry, avx512-f32", "ours_by_unit", "geometry", "embedding-geometry", CPU, unit="avx512-f32"),
        Peer("geometry, blas", "ours_by_unit", "geometry", "embedding-geometry", CPU, unit="blas"),
        Peer("geometry, counts alone", "our_counts", "geometry", "embedding-geometry", CUDA),
        Peer("geometry, sums alone", "our_sums", "geometry", "embedding-geometry", CUDA),
    ),
    "prdc": (
        Peer(OURS, "ours", "geometry", "embedding-geometry"),
        Peer("prdc", "prdc_package", "prdc", "prdc", CPU),
    ),
    "statistics": (
        Peer(OURS, "ours", "geometry", "embedding-geometry"),
        Peer("scikit-dimension", "scikit_dimension", *SKDIM, ("lpca",)),
        Peer("scikit-dimension, 500 rows", "scikit_dimension_ess", *SKDIM, ("ess",), rows=500),
        Peer("scikit-dimension, balls to d = 64", "scikit_dimension_danco", *SKDIM, ("danco",)),
        Peer("torchid", "torchid", "torchid", "torchid", (*CPU, *CUDA), ESTIMATORS),
        Peer("geometry, value alone", "ours_value_alone", "geometry", "embedding-geometry", CPU, ("vendi",)),
        Peer("vendi-score", "vendi_score", "vendi_score", "vendi-score", CPU, ("vendi",)),
        Peer("product and eigenvalues alone", "product_and_eigenvalues", "numpy", "numpy", CPU, ("vendi",)),
        Peer(
            "product and eigenvalues alone, float32",
            "product_and_eigenvalues_float32",
            "numpy",
            "numpy",
            CPU,
            ("vendi",),
        ),
    ),
    "analyze": (Peer(OURS, "ours", "geometry", "embedding-geometry"),),
    "refit": (Peer(OURS, "ours", "geometry", "embedding-geometry"),),
    "layers": (Peer(OURS, "ours", "geometry", "embedding-geometry"),),
    "device": (
        Peer("product float32", "product_float32", "torch", "torch"),
        Peer("product float16", "product_float16", "torch", "torch"),
        Peer("product bfloat16", "product_bfloat16", "torch", "torch"),
        Peer("product float32, OpenBLAS", "product_openblas", "numpy", "numpy", CPU),
        Peer("copy", "copy", "torch", "torch"),
    ),
}


def find(task: str, name: str) -> Peer:
    """The peer of a task by its name."""
    return next(peer for peer in PEERS[task] if peer.name == name)


def prepare(task: str, peer: Peer, inputs: Inputs) -> Call:
    """The call to be timed, everything it needs loaded."""
    function: Callable[[Inputs], Call] = getattr(import_module(f"benchmarks.peers.{task}"), peer.function)
    return function(inputs)
