"""Which rows, labels and training groups carry the structure, and which were lost.

`groups` leaves each label or group out in turn; what a generation has lost of its reference is in `lost`.
"""

from geometry.attribution.leave_out import GroupEffect, groups

__all__ = ["GroupEffect", "groups"]
