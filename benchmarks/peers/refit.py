"""Many replicates of the recursive Gaussian fit at once: draws by NumPy, all else where the tensors are."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import Call, Inputs


def ours(inputs: Inputs) -> Call:
    """The whole loop under `replace`; the mean trace of the last covariance over its closed value d (1 - 1/n)^t."""
    from geometry.loops import run

    p = inputs.parameters
    closed = p["d"] * (1 - 1 / p["n"]) ** p["generations"]

    def call() -> dict[str, float]:
        made = run("gaussian", regime="replace", device=inputs.device, **p)
        covariance = made[p["generations"]].parameters["covariance"]
        return {"variance_over_closed": float(np.trace(covariance, axis1=1, axis2=2).mean() / closed)}

    return call
