"""Imported by the process that the ranks of the tests are forked from: slow imports and compiled code, loaded once.

One thread only: a pool of threads would not survive the fork.
"""

import numpy as np
import torch

from geometry.pairs import own_executor, ring  # noqa: F401

torch.set_num_threads(1)
for kind in (np.float32, np.float64):
    points = np.random.default_rng(0).normal(size=(200, 3)).astype(kind)
    table = own_executor("cpu").neighbors(points, points, 3, exclude_self=True)
    own_executor("cpu").neighbors(points[:150], points, 190, exclude_self=False)
    own_executor("cpu").radius_counts(points[:150], points, table.sq_dist[:, -1])
