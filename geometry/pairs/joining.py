"""Two ranked tables of the same rows as one, row by row: the compiled loop under `geometry.pairs.merging.joined_to`.

NumPy's sorts take 36 times as long at k = 32, and a pass in many parts does this once a part. Imported inside
functions, as numba takes long to load; cached by numba beside this file.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geometry.types import Floats, Ints


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def join(sq_dist: Floats, index: Ints, other_sq_dist: Floats, other_index: Ints, k: int) -> tuple[Floats, Ints]:
    """(m, j) and (m, l), each ascending by (squared distance, row number), as the first k; fewer where they hold fewer.

    A table that has k columns already is changed in place and returned; rows that gain nothing are not touched.
    """
    m, wide, other_wide = sq_dist.shape[0], sq_dist.shape[1], other_sq_dist.shape[1]
    width = min(k, wide + other_wide)
    out, out_index = sq_dist, index
    if width > wide:
        out, out_index = np.empty((m, width)), np.empty((m, width), np.int64)
    row, row_index = np.empty(width), np.empty(width, np.int64)
    for i in range(m):
        if width == wide and (other_wide == 0 or other_sq_dist[i, 0] > sq_dist[i, wide - 1]):
            continue
        a, b = 0, 0
        for t in range(width):
            first = b == other_wide or (
                a < wide
                and (
                    sq_dist[i, a] < other_sq_dist[i, b]
                    or (sq_dist[i, a] == other_sq_dist[i, b] and index[i, a] < other_index[i, b])
                )
            )
            if first:
                row[t], row_index[t] = sq_dist[i, a], index[i, a]
                a += 1
            else:
                row[t], row_index[t] = other_sq_dist[i, b], other_index[i, b]
                b += 1
        out[i, :], out_index[i, :] = row, row_index
    return out, out_index
