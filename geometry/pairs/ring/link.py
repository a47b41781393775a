"""What passes between ranks: arrays whose shape and dtype both sides know, over torch.distributed.

Words (tasks, errors, counts) go over gloo, from memory to memory; rows over NCCL where every rank has a GPU that torch
can use, else over gloo too. A rank that dies closes its connections, which the others meet at once as LostRankError;
one that falls silent (a machine without power) is met after `patience`. The first loss is noted in the store that the
ranks met at, so that the leader names the rank that died, not one that died of it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from geometry.errors import LostRankError, UsageError
from geometry.pairs.frame import tensor_of
from geometry.types import Array, Ints

JOIN = timedelta(minutes=5)  # from the first rank to the last one
SOON, POLL = 10.0, 0.05  # seconds until a rank says that it waits, and between two looks
TRY = timedelta(seconds=3)  # to reach the store of the launcher, or of rank 0, once
ALONE = "start all of them by torchrun, or one process alone with: env -u WORLD_SIZE geometry ..."
PATIENCE = timedelta(hours=2)  # how far one rank may be behind another within a task
IDLE = timedelta(days=30)  # between two tasks: the leader may be busy with what only it does
KEYS, HERE, ALL, LOST, NOBODY = "embedding-geometry", "here", "all", "lost", "nobody"
Move = tuple[Any, torch.Tensor, int]  # dist.isend or dist.irecv, of what, with which rank


@dataclass(frozen=True)
class Line:
    """Point to point between ranks over one backend; arrays without elements are not sent."""

    group: Any
    device: str
    patience: timedelta
    store: Any

    def send(self, array: Array, to: int) -> None:
        """A contiguous array; the other side has to `receive` its shape and dtype."""
        self._wait(self._start([(dist.isend, tensor_of(array, self.device), to)]), self.patience)

    def receive(self, shape: tuple[int, ...], dtype: Any, source: int, patience: timedelta | None = None) -> Array:
        """An array that rank `source` sends. Raises LostRankError."""
        coming = self._room(shape, dtype)
        self._wait(self._start([(dist.irecv, coming, source)]), patience or self.patience)
        return coming.cpu().numpy()

    def exchange(self, going: Array, to: int, shape: tuple[int, ...], source: int) -> Exchange:
        """Sends `going` to one rank and receives an array of its dtype from another, both under way at once."""
        sent, coming = tensor_of(going, self.device), self._room(shape, going.dtype)
        moves: list[Move] = [(dist.isend, sent, to), (dist.irecv, coming, source)]
        return Exchange(self, self._start(moves), (sent, coming))

    def _room(self, shape: tuple[int, ...], dtype: Any) -> torch.Tensor:
        return torch.empty(shape, dtype=torch.from_numpy(np.empty(0, dtype)).dtype, device=self.device)

    def _start(self, moves: list[Move]) -> list[tuple[Any, int]]:
        """The work of each move with its peer; NCCL takes moves in both directions only as one batch."""
        moves = [move for move in moves if move[1].numel()]
        if not moves:
            return []
        peers = [peer for _, _, peer in moves]
        with self.watching(peers[0]):
            works = dist.batch_isend_irecv([dist.P2POp(move, of, peer, self.group) for move, of, peer in moves])
        return list(zip(works, peers, strict=False))  # NCCL gives one work for all

    def _wait(self, works: list[tuple[Any, int]], patience: timedelta) -> None:
        for work, peer in works:
            with self.watching(peer):
                work.wait(patience)

    @contextmanager
    def watching(self, peer: int | None) -> Iterator[None]:
        """Errors of a transfer as LostRankError, with the rank that was lost first; peer: None among all of them."""
        try:
            yield
        except RuntimeError as error:
            raise LostRankError(f"rank {self._first_lost(peer)} is gone ({_reason(error)})") from error

    def _first_lost(self, peer: int | None) -> str:
        here = NOBODY if peer is None else str(peer)
        try:
            found = str(self.store.compare_set(LOST, NOBODY, here).decode())
        except RuntimeError:  # the store went with the rank that kept it
            found = here
        return "of another machine or process" if found == NOBODY else found


@dataclass(frozen=True)
class Exchange:
    """A block that leaves and one that arrives; the memory of both is held until then."""

    line: Line
    works: list[tuple[Any, int]]
    tensors: tuple[torch.Tensor, torch.Tensor]

    def arrived(self) -> Array:
        """The block that was to come, when both have passed. Raises LostRankError."""
        self.line._wait(self.works, self.line.patience)
        return self.tensors[1].cpu().numpy()


@dataclass
class Link:
    """The ranks of a run as this one sees them; `joined` makes and ends it.

    words, rows: the lines for what the module says. backend: of `rows`. broken: a task was left in its middle, so that
    there is nothing any more that all ranks would agree on.
    """

    rank: int
    world: int
    words: Line
    rows: Line
    backend: str
    broken: bool = field(default=False)

    @contextmanager
    def task(self) -> Iterator[None]:
        """Inside, an exception leaves the ranks out of step."""
        self.broken = True
        yield
        self.broken = False

    def passed_on(self, block: Array, coming: slice) -> Exchange:
        """Rows on their way to the next rank, while those of the span `coming` come from the one before."""
        after, before = (self.rank + 1) % self.world, (self.rank - 1) % self.world
        return self.rows.exchange(block, after, (coming.stop - coming.start, block.shape[1]), before)

    def added_up(self, counts: Ints) -> Ints:
        """At the leader, the sum of the counts of all ranks; every rank calls it. Raises LostRankError."""
        total = torch.from_numpy(counts)
        with self.words.watching(None):
            dist.reduce(total, 0, group=self.words.group)
        return total.numpy()


@contextmanager
def joined(
    rank: int,
    world: int,
    *,
    gpu: bool,
    patience: timedelta = PATIENCE,
    tell: Callable[[str], object] = lambda line: None,
) -> Iterator[Link]:
    """All ranks together, from the environment that the launcher made (MASTER_ADDR, MASTER_PORT).

    gpu: this rank will compute on CUDA, on the device that torch has as current; rows go over NCCL if all of them do.
    tell: is given a line where others let this one wait. Raises UsageError where not all of them come, and where torch
    has no torch.distributed.
    """
    if not dist.is_available():
        raise UsageError("this torch was built without torch.distributed; install another one, or start one process")
    try:
        with _told_after(SOON, lambda: tell(f"rank {rank} waits for others of {world}; {ALONE}")):
            store = _met(rank, world)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=patience)
        words = Line(dist.group.WORLD, "cpu", patience, store)
        rows = _rows(words, gpu)
    except (RuntimeError, ValueError, KeyError) as error:
        took = f"{JOIN.seconds // 60} minutes ({_reason(error)})"
        raise UsageError(f"rank {rank} of {world} did not find all others in {took}; {ALONE}") from error
    try:
        yield Link(rank, world, words, rows, "gloo" if rows is words else "nccl")
    finally:
        dist.destroy_process_group()


def _met(rank: int, world: int) -> Any:
    """The store where all have met: the launcher's, else one that rank 0 keeps. RuntimeError where not all come.

    It is asked again and again, where torch's own rendezvous would wait in one piece and let Ctrl-C wait with it.
    """
    from torch.distributed.distributed_c10d import PrefixStore

    end = time.monotonic() + JOIN.total_seconds()
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = PrefixStore(f"{KEYS}/{attempt}", _store(rank, end))
    store.compare_set(LOST, "", NOBODY)
    if store.add(HERE, 1) == world:
        store.set(ALL, "")
    while not store.check([ALL]):
        if time.monotonic() > end:
            raise RuntimeError(f"{store.add(HERE, 0)} came")
        time.sleep(POLL)
    return store


def _store(rank: int, end: float) -> Any:
    """The store at MASTER_ADDR and MASTER_PORT, tried until the time `end`."""
    keeps = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    while True:
        try:
            store = dist.TCPStore(  # type: ignore[attr-defined]
                *where, is_master=keeps, timeout=TRY, wait_for_workers=False
            )
        except RuntimeError:
            if keeps or time.monotonic() > end:
                raise
            continue
        store.set_timeout(JOIN)
        return store


@contextmanager
def _told_after(seconds: float, tell: Callable[[], object]) -> Iterator[None]:
    """Inside, `tell` is called once if it takes longer than that."""
    timer = threading.Timer(seconds, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _rows(words: Line, gpu: bool) -> Line:
    """NCCL where every rank computes on CUDA, else what words go over."""
    every = torch.tensor([int(gpu and _has_nccl())])
    dist.all_reduce(every, dist.ReduceOp.MIN, group=words.group)
    if not int(every):
        return words
    group = dist.new_group(backend="nccl", timeout=words.patience)
    dist.all_reduce(torch.zeros(1, device="cuda"), group=group)  # every rank must take part in what comes first
    return Line(group, "cuda", words.patience, words.store)


def _has_nccl() -> bool:
    """Whether torch can send from one GPU to another: the kernels run beside a torch without CUDA too."""
    return dist.is_nccl_available() and torch.cuda.is_available()


def _reason(error: Exception) -> str:
    """The first sentence of an error without the place in the source of torch."""
    line = str(error).strip().split("\n")[0].split("] ", 1)[-1]
    return line.split(". ")[0][:200]
