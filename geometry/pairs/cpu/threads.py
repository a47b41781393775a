"""Work shared among threads that hold no lock while they compute; what a task writes is its own.

Plain Python threads: compiled code lets go of the interpreter, and idle ones sleep, where pools of OpenMP beside
torch's spin.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Task = TypeVar("Task")


def share(tasks: Iterable[Task], work: Callable[[Task], object], threads: int) -> None:
    """work(task) for every task, each once, on at most `threads` threads; the first error stops and is raised."""
    left = deque(tasks)
    workers = min(threads, len(left))

    def take() -> None:
        while True:
            try:
                task = left.popleft()
            except IndexError:
                return
            work(task)

    if workers <= 1:
        take()
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(take) for _ in range(workers)]:
            done.result()


def tell_cores() -> None:
    """Tell joblib the number of physical cores, which scikit-learn asks of it: it would start `lscpu` to find out."""
    from joblib.externals.loky.backend import context

    places = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology")
    found = {tuple((one / name).read_text() for name in ("physical_package_id", "core_id")) for one in places}
    if hasattr(context, "physical_cores_cache") and context.physical_cores_cache is None:
        context.physical_cores_cache = len(found) or os.cpu_count() or 1


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """torch's own products run on the thread that asks for them, in every thread started inside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's and SciPy's products run on one thread: how they are cut among several shows in their last digits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
