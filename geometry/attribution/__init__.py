"""Which rows, labels and training groups carry the structure, and which were lost.

`groups` leaves each label or group out of a set in turn, `arms` compares models that were trained without each group;
what a generation has lost of its reference is in `lost`.
"""

from geometry.attribution.arms import arms
from geometry.attribution.leave_out import GroupEffect, groups

__all__ = ["GroupEffect", "arms", "groups"]
