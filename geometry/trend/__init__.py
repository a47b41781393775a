"""Reading along the generations: which changes stand, since when, and how fast a statistic decays."""

from geometry.trend.half_life import half_life
from geometry.trend.holm import holm
from geometry.trend.onset import Onset, onset

__all__ = ["Onset", "half_life", "holm", "onset"]
