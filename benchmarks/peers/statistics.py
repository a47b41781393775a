"""Statistics by their names: ours by geometry.compute, its neighbours included, against whoever else has them.

`local` is ours alone: every local dimension estimator and profile on one neighbour table, the table not timed. What
ours calibrates it calibrates anew in every call. scikit-dimension: ESS takes the same time for every neighbourhood of
100 (all of its 4,950 pairs), so that some of them stand for all; DANCo draws a whole ball of n rows for each dimension
up to d and compares the set with all, so that balls up to d = 64 are less than its work: a lower bound.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers import Call, Inputs, MissingError

K = 100
OPTIONS: dict[str, dict[str, Any]] = {"lpca": {"k": K, "rule": "fo"}}  # of ours: as the peers do it
ELSEWHERE = {"ess": "ESS", "lpca": "lPCA", "danco": "DANCo"}  # class of torchid
NOT_LOCAL = ("danco", "ph0", "magnitude", "fisher_s", "binary_id", "corr_int")  # slow, or not of neighbours
BALLS = 64


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

    def call() -> Any:
        _forget()
        return compute(name, points, device=device, **options)

    return call


def ours_value_alone(inputs: Inputs) -> Call:
    """vendi without its error, for which eigenvalues are enough."""
    from geometry import compute

    return lambda: compute("vendi", inputs.points, interval=False, device=inputs.device)


def _local(inputs: Inputs) -> Call:
    from geometry.catalog import evaluate, statistics
    from geometry.pairs import Scan, executor
    from geometry.types import Estimate

    mine = [one for one in statistics() if one.function.__module__.startswith("geometry.dimension.")]
    chosen = [one for one in mine if one.name not in NOT_LOCAL]
    scan = Scan(inputs.points, executor(inputs.device))
    scan.neighbors(min(max([K, *(one.k for one in chosen)]), scan.n - 1))

    def call() -> Any:
        _forget()
        scan.memo.clear()
        made = {one.name: evaluate(one, scan, **OPTIONS.get(one.name, {})) for one in chosen}
        return {name: float(one) for name, one in made.items() if isinstance(one, Estimate)}

    return call


def _forget() -> None:
    """What was calibrated for earlier sets: a user has one set of a size, not six in a row."""
    from geometry.dimension import ball, calibration, danco

    for kept in (ball.mean_log_radii, calibration._ball, danco.calibration):
        kept.cache_clear()


def scikit_dimension(inputs: Inputs) -> Call:
    """The estimator of scikit-dimension; lPCA pointwise, which is what its neighbourhoods are for."""
    import skdim

    points = inputs.points
    return lambda: float(skdim.id.lPCA().fit_pw(points, n_neighbors=K, n_jobs=inputs.threads).dimension_pw_.mean())


def scikit_dimension_ess(inputs: Inputs) -> Call:
    """ESS of given neighbourhoods of some rows, in as many processes as threads, as its fit does it."""
    import numpy as np
    import skdim
    from joblib import Parallel, delayed
    from skdim._commonfuncs import get_nn

    made = skdim.id.ESS(random_state=0)
    rows = np.random.default_rng(0).choice(len(inputs.points), inputs.rows, replace=False)
    index = get_nn(inputs.points, k=min(K, len(inputs.points) - 1), n_jobs=inputs.threads)[1][rows]

    def call() -> dict[str, float]:
        with Parallel(n_jobs=inputs.threads) as parallel:
            found = parallel(delayed(made.fit_once)(inputs.points[near]) for near in index)
        return {"value": float(np.mean([one.dimension_ for one in found])), "rows": float(len(rows))}

    return call


def scikit_dimension_danco(inputs: Inputs) -> Call:
    """DANCo with balls up to d = 64 at most."""
    import skdim

    most = min(BALLS, inputs.points.shape[1])
    return lambda: float(skdim.id.DANCo(k=10, D=most, random_state=0).fit(inputs.points).dimension_)


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


def product_and_eigenvalues(inputs: Inputs) -> Call:
    """What vendi cannot do without, of unit rows that are ready: one product and its eigenvalues, by NumPy."""
    return _bare(inputs, "float64")


def product_and_eigenvalues_float32(inputs: Inputs) -> Call:
    """The same in float32, which loses half of the digits."""
    return _bare(inputs, "float32")


def _bare(inputs: Inputs, dtype: str) -> Call:
    import numpy as np

    rows = inputs.points.astype(np.float64)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)

    def call() -> float:
        values = np.linalg.eigvalsh(rows.T @ rows / np.asarray(len(rows), dtype)).astype(np.float64)
        values = values[values > 0]
        return float(np.exp(-(values * np.log(values)).sum()))

    return call
