"""Has a set any extent, or only the rounding of its own mean? Equal rows centred on a rounded mean are not quite zero.

The mean of a block of rows is a running sum, whose rounding is at most rows * eps of its length (Higham 2002, eq. 4.4):
a root mean square distance to the mean below that says nothing.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.frame import ROWS
from geometry.pairs.scan import Scan


def has_spread(scan: Scan) -> bool:
    """Whether the rms distance to the mean is above what rounding alone leaves; False for a set without rows."""
    if scan.n < 1:
        return False
    spectrum = scan.spectrum
    floor = ROWS * np.finfo(np.float64).eps * float(np.linalg.norm(spectrum.mean))
    return bool(np.sqrt(spectrum.eigenvalues.sum()) > floor)
