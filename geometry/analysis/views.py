"""The views of a run: the radius-preserving map always, and where it is asked for one UMAP of all generations together.

The UMAP is laid out of the first of the rows drawn on the map, at most `MOST` of each generation and `POOLED` in all,
since a seeded layout takes one thread; beside it stands the UMAP of their null. `coordinates.umap.G` and
`coordinates.umap.null.G` hold the layouts of the generation at position G; row i of the first is row i of `rows.G`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geometry.analysis.arrays import arrays_of
from geometry.analysis.drawn import drawn_rows
from geometry.analysis.plan import Plan
from geometry.projection import project, project_with_null
from geometry.types import Array, Ints, Projection

MOST, POOLED = 1000, 6000
Quality = dict[str, Mapping[str, list[float]]]


def views_of(plan: Plan) -> tuple[dict[str, Array], Quality]:
    """The arrays that pictures are drawn from, by name, and the quality of every view, by view and measure.

    Where sets were aligned, what the rotations leave unexplained stands with the quality of the map.
    """
    view = project(plan.scans, "radial", rows=drawn_rows(plan), seed=plan.options.seed)
    turned = {"alignment_residual": list(plan.residuals)} if plan.residuals else {}
    local = _local(plan, view.rows) if plan.options.umap else {}
    arrays = {
        f"coordinates.{key}.{g}": places.astype(np.float32)
        for key, made in local.items()
        for g, places in enumerate(made.coordinates)
    }
    quality = {key.replace(".", " "): made.quality for key, made in local.items()}
    return arrays_of(plan, view) | arrays, {view.view: {**view.quality, **turned}, **quality}


def _local(plan: Plan, rows: Sequence[Ints]) -> dict[str, Projection]:
    most = min(MOST, POOLED // len(plan.scans))
    first = [own[:most] for own in rows]
    shown, null = project_with_null(plan.scans, "umap", rows=first, seed=plan.options.seed)
    return {"umap": shown, "umap.null": null}
