"""The arrays that figures and pages draw from, by name and position: views, spectra, histograms beside their nulls."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from geometry.analysis.drawn import agreement, null_on_map
from geometry.analysis.plan import Plan
from geometry.nulls.core import core_of
from geometry.nulls.gauges import profile_of
from geometry.nulls.profiles import COSINE_EDGES, RADIUS_EDGES, cosine_density, null_rows, radius_density
from geometry.projection.frame import pooled_frame
from geometry.types import Array, Projection


def arrays_of(plan: Plan, view: Projection) -> dict[str, Array]:
    """Named arrays of all generations."""
    arrays: dict[str, Array] = {"radius.edges": RADIUS_EDGES, "cosine.edges": COSINE_EDGES}
    for g, (coordinates, rows) in enumerate(zip(view.coordinates, view.rows, strict=True)):
        arrays[f"coordinates.{view.view}.{g}"] = coordinates.astype(np.float32)
        arrays[f"rows.{g}"] = rows
        for key, values in {"labels": plan.scans[g].labels, "ids": plan.scans[g].ids}.items():
            if values is not None:
                arrays[f"{key}.{g}"] = np.asarray(values)[rows].astype(np.str_)
        arrays[f"eigenvalues.{g}"] = plan.scans[g].spectrum.eigenvalues
        arrays |= _histograms(plan, g) | _gauges(plan, g)
    for g, (before, after) in enumerate(pairwise(zip(view.coordinates, view.rows, strict=True)), start=1):
        if np.array_equal(before[1], after[1]):
            arrays[f"agreement.{g}"] = np.array([agreement(before[0], after[0])])
    return arrays | _nulls(plan)


def _nulls(plan: Plan) -> dict[str, Array]:
    """The null draw of every generation on the map."""
    frame = pooled_frame(plan.scans, plan.options.seed)
    drawn = {g: null_on_map(plan, frame, g) for g in range(len(plan.scans))}
    return {f"coordinates.null.{g}": rows.astype(np.float32) for g, rows in drawn.items() if rows is not None}


def _histograms(plan: Plan, g: int) -> dict[str, Array]:
    core = core_of(plan.scans[g], plan.gauge_rows)
    if len(core.sd) == 0 or len(core.rows) <= len(core.sd):
        return {}
    null = null_rows(core, plan.options.seed)
    return {
        f"radius.{g}": radius_density(core.scores),
        f"radius.null.{g}": radius_density(null),
        f"cosine.{g}": cosine_density(core.scores),
        f"cosine.null.{g}": cosine_density(null),
    }


def _gauges(plan: Plan, g: int) -> dict[str, Array]:
    made = profile_of(plan.scans[g], plan.gauge_rows)
    return {} if made is None else {f"gauge.{g}": np.column_stack([made.m, made.gain, made.gap])}
