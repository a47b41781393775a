"""One command by several processes: what `torchrun --nproc-per-node N -m geometry analyze ...` starts.

torchrun gives every process its RANK, LOCAL_RANK and WORLD_SIZE. Rank 0 runs the command, prints and writes; the others
are silent, read and write nothing, and lend their engine to the pass over pairs (`geometry.pairs.ring`): on a GPU each
its own, CUDA device LOCAL_RANK, on a CPU its share of the cores. All end with the exit code of rank 0.

Other commands refuse: each of their ranks would do, and write, the same. A process of its own is one that no launcher
started, one whose torch.distributed is up already (a training that calls this command line), and one that a rank of a
training started (`geometry.cli.ancestry`): it has only inherited what the launcher said.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geometry.cli.ancestry import rank_above
from geometry.cli.endings import FAILED, code_of, no_memory
from geometry.errors import LostRankError, UsageError

if TYPE_CHECKING:
    from geometry.pairs.ring import Link

TOGETHER = ("analyze", "compare")
TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """This process among all, and among those of its machine."""

    rank: int
    world: int
    local_rank: int
    local_world: int


def place() -> Place | None:
    """What the launcher said; None for a process of its own, or one that is part of somebody's training already."""
    if any(name not in os.environ for name in TOLD) or int(os.environ["WORLD_SIZE"]) < 2:
        return None
    if "torch.distributed" in sys.modules:
        import torch.distributed

        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return None
    if rank_above(TOLD) is not None:
        return None
    return Place(*(int(os.environ[name]) for name in TOLD[:4]))


@contextmanager
def one_speaks() -> Iterator[None]:
    """Standard output and error of rank 0 alone; inside, what another rank says goes nowhere."""
    here = place()
    with Path(os.devnull).open("w") if here and here.rank else nullcontext() as nowhere:
        if nowhere is None:
            yield
        else:
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield


def run(args: argparse.Namespace, command: Callable[[], int]) -> int:
    """The exit code of `command`, which tells its own errors, whoever runs it. Raises UsageError."""
    here = place()
    if here is None:
        return command()
    if args.command not in TOGETHER:
        raise UsageError(f"{args.command} is done by one process; start it without torchrun")
    from geometry.cli.analyze import set_threads
    from geometry.pairs import ring

    _one_gpu(here)
    args.threads = args.threads or max(len(os.sched_getaffinity(0)) // here.local_world, 1)
    set_threads(args.threads)
    with ring.joined(here.rank, here.world, gpu=_on_gpu(args.device), tell=_say) as link:
        return _serve(link) if here.rank else _lead(link, command)


def _say(line: str) -> None:
    """Whatever rank this is: the others may not be there to speak."""
    print(f"geometry: {line}", file=sys.__stderr__, flush=True)


def _lead(link: Link, command: Callable[[], int]) -> int:
    """What is to be said has been said when the others go: a launcher kills all ranks when one of them has failed."""
    from geometry.pairs import ring

    code = FAILED
    try:
        with ring.leading(link):
            code = command()
    finally:
        ring.dismiss(link, code)
    return code


def _serve(link: Link) -> int:
    from geometry.pairs import own_executor, ring

    try:
        return ring.serve(link, own_executor)
    except (LostRankError, MemoryError, RuntimeError) as error:  # rank 0 may be gone, so this rank speaks
        if not isinstance(error, LostRankError) and not no_memory(error):
            raise
        _say(f"rank {link.rank}: {error}")
        return code_of(error)


def _one_gpu(here: Place) -> None:
    """CUDA shows this process the GPU of its number alone, which every library then has as its first one."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    listed = [number.strip() for number in shown.split(",")] if shown is not None else None
    if listed is None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(here.local_rank)
    elif here.local_rank < len(listed):
        os.environ["CUDA_VISIBLE_DEVICES"] = listed[here.local_rank]
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _on_gpu(device: str) -> bool:
    """Whether this rank computes on CUDA; where it cannot though it was asked to, the first task says so."""
    from geometry.pairs.plan import resolve_device

    try:
        return resolve_device(device) == "cuda"
    except UsageError:
        return False
