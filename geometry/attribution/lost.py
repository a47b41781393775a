"""When something was lost for good: the first generation from which it stays lost to the end.

A row or mode that is lost once and comes back later was not lost: chance empties a small ball now and then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geometry.types import Ints


def lost_since(
    lost: NDArray[np.bool_],  # (g, n)
) -> Ints:
    """(n,) for each of n things the position of the first generation from which it is lost to the end, -1 for kept.

    lost (g, n): whether it is lost in each of g generations in order.
    """
    ever_after = np.logical_and.accumulate(lost[::-1], axis=0)[::-1]
    since: Ints = np.where(ever_after[-1], np.argmax(ever_after, axis=0), -1).astype(np.int64)
    return since
