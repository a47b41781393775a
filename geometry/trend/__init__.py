"""Reading along the generations: since when a change stands, and how fast a statistic decays."""

from geometry.trend.decay import half_lives
from geometry.trend.half_life import half_life
from geometry.trend.onset import Onset, onset

__all__ = ["Onset", "half_life", "half_lives", "onset"]
