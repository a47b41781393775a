"""What a layer sees, in rows: those furthest along its leading principal directions, by number, id and label.

Arrays of the set at position G: `furthest.rows.G` (m, 2, k) row numbers in the set as it was read, at the high and the
low end of each direction; `furthest.scores.G` how far, in standard deviations; `furthest.ids.G` and `furthest.labels.G`
where the set has them. Images made for the directions come with `geometry capture --see`.
"""

from __future__ import annotations

import numpy as np

from geometry.analysis.plan import Plan
from geometry.pairs.furthest import directions, furthest
from geometry.types import Array

DIRECTIONS = 3


def furthest_arrays(plan: Plan) -> dict[str, Array]:
    """The arrays of all generations of a layer."""
    arrays: dict[str, Array] = {}
    for g, scan in enumerate(plan.scans):
        rows, scores = furthest(scan.rows, directions(scan, DIRECTIONS))
        arrays[f"furthest.rows.{g}"] = rows if scan.numbers is None else scan.numbers[rows]
        arrays[f"furthest.scores.{g}"] = scores.astype(np.float32)
        for key, values in (("ids", scan.ids), ("labels", scan.labels)):
            if values is not None:
                arrays[f"furthest.{key}.{g}"] = np.asarray(values)[rows].astype(np.str_)
    return arrays
