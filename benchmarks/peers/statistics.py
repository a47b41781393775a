"""Statistics by their names: ours by geometry.compute, its neighbours included, against whoever else has them.

`local` is ours alone: every local dimension estimator and profile on one neighbour table, the table not timed.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers import Call, Inputs, MissingError

K = 100
OPTIONS: dict[str, dict[str, Any]] = {"lpca": {"k": K, "rule": "fo"}}  # of ours: as the peers do it
ELSEWHERE = {"ess": "ESS", "lpca": "lPCA", "danco": "DANCo"}  # class of scikit-dimension and torchid
NOT_LOCAL = ("danco", "ph0", "magnitude", "fisher_s", "knn_graph", "binary_id", "corr_int")


def ours(inputs: Inputs) -> Call:
    """geometry.compute(name, points), or all local estimators."""
    from geometry.catalog import compute, statistics

    name, points, device = inputs.parameters["statistic"], inputs.points, inputs.device
    if name == "local":
        return _local(inputs)
    known = {one.name: one.options for one in statistics()}
    options = OPTIONS.get(name, {})
    if name not in known:
        raise MissingError(f"has no {name} yet")
    if missing := set(options) - set(known[name]):
        raise MissingError(f"its {name} has no option {', '.join(missing)} yet")
    return lambda: compute(name, points, device=device, **options)


def _local(inputs: Inputs) -> Call:
    from geometry.catalog import evaluate, statistics
    from geometry.pairs import Scan, executor
    from geometry.types import Estimate

    mine = [one for one in statistics() if one.function.__module__.startswith("geometry.dimension.")]
    chosen = [one for one in mine if one.name not in NOT_LOCAL and "neighbors" in one.needs]
    scan = Scan(inputs.points, executor(inputs.device))
    scan.neighbors(min(max([K, *(one.k for one in chosen)]), scan.n - 1))

    def call() -> Any:
        scan.memo.clear()
        made = {one.name: evaluate(one, scan) for one in chosen}
        return {name: float(one) for name, one in made.items() if isinstance(one, Estimate)}

    return call


def scikit_dimension(inputs: Inputs) -> Call:
    """The estimator of scikit-dimension; lPCA pointwise, which is what its neighbourhoods are for."""
    import skdim

    name, points = inputs.parameters["statistic"], inputs.points
    made = getattr(skdim.id, ELSEWHERE[name])
    if name == "lpca":
        return lambda: float(made().fit_pw(points, n_neighbors=K, n_jobs=inputs.threads).dimension_pw_.mean())
    if name == "danco":
        return lambda: float(made(k=10, random_state=0).fit(points).dimension_)
    return lambda: float(made().fit(points, n_neighbors=K, n_jobs=inputs.threads).dimension_)


def torchid(inputs: Inputs) -> Call:
    """The estimator of torchid on the device."""
    import torch
    from torchid import estimators

    name = inputs.parameters["statistic"]
    points = torch.from_numpy(inputs.points).to(inputs.device)
    return lambda: float(getattr(estimators, ELSEWHERE[name])().fit(points).dimension_)


def vendi_score(inputs: Inputs) -> Call:
    """score_X: the n x n kernel and all its eigenvalues."""
    from vendi_score import vendi

    return lambda: float(vendi.score_X(inputs.points))
