"""Real processes over gloo for the tests of the ring, forked from one that has done the slow imports."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import torch

from geometry.pairs import own_executor, ring
from geometry.pairs.ring.serving import Engines

Lead = Callable[[ring.Link], Any]


@dataclass(frozen=True)
class World:
    """lead: what rank 0 does; engines: what the others compute with; patience in seconds; code: they end with it."""

    lead: Lead
    engines: Engines = own_executor
    patience: float = 60.0
    code: int = 0


def run(size: int, world: World) -> tuple[Any, list[int | None]]:
    """What rank 0 returned, and the exit codes of all ranks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ring_loaded"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.ensure_running()
    shared = place(0)
    answer, result = context.Pipe(duplex=False)
    processes = [
        context.Process(target=_rank, args=(size, shared | {"RANK": str(rank)}, world, result)) for rank in range(size)
    ]
    for process in processes:
        process.start()
    found = answer.recv() if answer.poll(240) else "no answer"
    for process in processes:
        process.join(30)
        process.kill()
        process.join()
    return found, [process.exitcode for process in processes]


def place(rank: int) -> dict[str, str]:
    """The environment of a rank whose ranks meet at a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "RANK": str(rank)}


def _rank(size: int, told: dict[str, str], world: World, result: Any) -> None:
    os.environ |= told
    rank = int(told["RANK"])
    torch.set_num_threads(1)
    with ring.joined(rank, size, gpu=False, patience=timedelta(seconds=world.patience)) as link:
        if rank:
            sys.exit(ring.serve(link, world.engines))
        result.send(world.lead(link))
        ring.dismiss(link, world.code)
        sys.exit(world.code)
