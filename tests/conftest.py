"""Threads of the tests: idle ones sleep, and the workers of a run share the cores.

On two cores, two workers of two threads each took 2.5 times the CPU time of two workers of one. Set before torch is
loaded; NumPy's own threads are told apart, because a plugin may have loaded them already.
"""

import os

from threadpoolctl import threadpool_limits

from geometry.cli import WAIT

os.environ.setdefault("OMP_WAIT_POLICY", WAIT)
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    own = os.environ.setdefault("OMP_NUM_THREADS", str(max(len(os.sched_getaffinity(0)) // int(workers), 1)))
    threadpool_limits(int(own), "blas")
