"""Neighbours by everybody: k others of every row, so that those who report the row itself are asked for k + 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Call, Inputs, MissingError

TILE_BYTES = {"cpu": 64 << 20, "cuda": 4 << 30}  # of distances that the torch peers hold at once


def ours(inputs: Inputs) -> Call:
    """This package, certified."""
    from geometry import neighbors

    points = _on_device(inputs) if inputs.device == "cuda" else inputs.points
    return lambda: neighbors(points, inputs.parameters["k"], device=inputs.device).index


def ours_by_unit(inputs: Inputs) -> Call:
    """This package as it runs on a processor without 16-bit units, or without any but those of its BLAS."""
    from geometry.errors import UsageError
    from geometry.pairs.cpu.executor import CpuExecutor
    from geometry.pairs.cpu.units import unit

    try:
        engine, points = CpuExecutor(unit=unit(inputs.unit).name), inputs.points
    except UsageError as error:
        raise MissingError(str(error)) from error
    return lambda: engine.neighbors(points, points, inputs.parameters["k"], exclude_self=True).index


def our_counts(inputs: Inputs) -> Call:
    """The pass of this package with two counters and nothing kept: what the filter costs."""
    from geometry.pairs import executor

    engine, radii = executor(inputs.device), np.ones(len(inputs.points))
    return lambda: engine.radius_counts(inputs.points, inputs.points, radii) and None


def our_sums(inputs: Inputs) -> Call:
    """The pass of this package with exponential sums and histograms."""
    from geometry.pairs import executor

    engine, rows = executor(inputs.device), np.arange(len(inputs.points))
    return lambda: engine.pair_sums(inputs.points, rows, 2.0) and None


def torch_products(inputs: Inputs) -> Call:
    """Norms, products in float32 by blocks of rows, topk."""
    import torch

    x, k = _on_device(inputs), inputs.parameters["k"] + 1

    def call() -> Any:
        norms = torch.linalg.vecdot(x, x)
        parts = torch.split(x, _rows(inputs))
        return torch.cat([torch.addmm(norms, part, x.T, alpha=-2).topk(k, largest=False).indices for part in parts])

    return call


def torch_cdist(inputs: Inputs) -> Call:
    """torch.cdist by blocks of rows, topk."""
    import torch

    x, k = _on_device(inputs), inputs.parameters["k"] + 1
    return lambda: torch.cat(
        [torch.cdist(part, x).topk(k, largest=False).indices for part in torch.split(x, _rows(inputs))]
    )


def faiss_cpu(inputs: Inputs) -> Call:
    """faiss.knn in float32."""
    import faiss

    x = inputs.points
    return lambda: faiss.knn(x, x, inputs.parameters["k"] + 1)[1]


def faiss_gpu(inputs: Inputs) -> Call:
    """faiss.knn_gpu in float32, data on the device."""
    import faiss

    if not hasattr(faiss, "StandardGpuResources"):
        raise MissingError("this faiss was built without CUDA: pip install faiss-gpu")
    import faiss.contrib.torch_utils

    x, resources = _on_device(inputs), faiss.StandardGpuResources()
    return lambda: faiss.knn_gpu(resources, x, x, inputs.parameters["k"] + 1)[1]


def flashlib(inputs: Inputs) -> Call:
    """flash_knn as it comes: float32 input, its own choice of kernel."""
    from flashlib import flash_knn

    x = _on_device(inputs)
    return lambda: flash_knn(x, x, inputs.parameters["k"] + 1)[1]


def keops(inputs: Inputs) -> Call:
    """argKmin of a symbolic distance matrix."""
    from pykeops.torch import LazyTensor

    x, k = _on_device(inputs), inputs.parameters["k"] + 1
    return lambda: ((LazyTensor(x[:, None]) - LazyTensor(x[None])) ** 2).sum(-1).argKmin(k, dim=1)


def cuvs(inputs: Inputs) -> Call:
    """Brute force, index built in the call."""
    import torch
    from cuvs.neighbors import brute_force

    x, k = _on_device(inputs), inputs.parameters["k"] + 1
    return lambda: torch.as_tensor(brute_force.search(brute_force.build(x), x, k)[1], device="cuda")


def scikit_learn(inputs: Inputs) -> Call:
    """NearestNeighbors by brute force."""
    from sklearn.neighbors import NearestNeighbors

    x, k = inputs.points, inputs.parameters["k"] + 1
    return lambda: NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(x, return_distance=False)


def _on_device(inputs: Inputs) -> Any:
    import torch

    return torch.from_numpy(inputs.points).to(inputs.device)


def _rows(inputs: Inputs) -> int:
    return max(TILE_BYTES[inputs.device] // (4 * len(inputs.points)), 1)
