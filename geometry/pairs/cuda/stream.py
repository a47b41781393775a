"""The last resort on a device: rows whose neighbours are found by measuring every base row, kernels/stream_nearest.cu.

A launch finds as many neighbours as a block can sort beside a round of new ones; the next one goes on behind the last.
With 8,192 places (sm_80, sm_90 and later) that is 8,064 neighbours a launch, with 4,096 (sm_86, sm_89) 3,968.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.cuda.task import Results, Task, batches, in_halves, slots_for, sorted_slots
from geometry.types import Array, Ints

THREADS = 128  # and the rows of a round: kernels/stream_nearest.cu
MOST_SLOTS = 8192


def stream(task: Task, rows: Ints, results: Results) -> None:
    """Answers the rows, in batches within the budget."""
    width = 16 * min(task.k, _at_once(task)) + 32
    for part in batches(rows, width, task.budget):
        in_halves(lambda some: _stream_part(task, some, results), part)


def _at_once(task: Task) -> int:
    return sorted_slots(task.device, MOST_SLOTS) - THREADS


def _stream_part(task: Task, rows: Ints, results: Results) -> None:
    device, k, most = task.device, task.k, _at_once(task)
    query_row = device.put(np.ascontiguousarray(rows, np.int64))
    self_row = query_row if task.exclude_self else device.put(np.full(len(rows), -1, np.int64))
    after: tuple[Array, ...] = (np.full(len(rows), -1.0), np.full(len(rows), -1, np.int64))
    for first in range(0, k, most):
        number = min(most, k - first)
        slots = slots_for(number + THREADS)
        sq_dist, index = device.empty((len(rows), number), np.float64), device.empty((len(rows), number), np.int64)
        arguments = [task.queries.buffer, task.base.buffer, query_row, self_row, *(device.put(a) for a in after)]
        arguments += [np.float64(task.frame.scale), np.int32(task.base.d), np.int64(task.base.n), np.int32(number)]
        arguments += [np.int32(slots), sq_dist, index]
        kernel = f"stream_nearest_{task.base.suffix}"
        device.launch("stream_nearest.cu", kernel, len(rows), THREADS, arguments, 16 * slots + 16)
        found = device.get(sq_dist), device.get(index)
        results.sq_dist[rows, first : first + number], results.index[rows, first : first + number] = found
        after = tuple(np.ascontiguousarray(part[:, -1]) for part in found)
    results.open[rows] = False
