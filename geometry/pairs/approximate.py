"""Approximate neighbours by faiss, for sets past the exact budget: which rows are looked at is guessed, no distance is.

Rows lie in `lists` cells about centres found by seeded k-means, and a query looks into the `probes` cells whose centres
are nearest (an inverted file; Sivic and Zisserman 2003, as in faiss.IndexIVFFlat). Where those hold too few rows it
looks into four times as many. Candidates are then measured by float64 differences and ranked as everywhere, so every
distance is exact though a nearer row may be missing: no row is certified. How many are missing is measured: the exact
neighbours of a seeded sample of rows give the recall, the share of reported neighbours no farther than the true k-th.
Its interval is Wilson's for as many rows as were sampled, which is too wide rather than too narrow, for the share of a
row varies no more than a coin of that mean. Radius counts, sums and moments stay those of the exact engine. The path
over a GPU (faiss-gpu) has not run on one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from geometry.errors import UsageError
from geometry.estimates import wilson_interval
from geometry.pairs.copies import over_distinct
from geometry.pairs.exact import SPARE, rank, remeasure
from geometry.pairs.executor import Executor
from geometry.pairs.frame import frame_of, place
from geometry.pairs.local import Local, Places, on_device
from geometry.pairs.plan import DEFAULT_BUDGET, blocks
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts

PROBES = 64
LEAST_PER_LIST = 64  # rows, on average: below that centres cost more than the rows they save
TRAINING_PER_LIST = 64  # rows that k-means looks at
ROUNDS = 10  # of k-means
QUERIES = 16384  # rows searched at a time
SAMPLED = 512  # rows whose exact neighbours are found: an interval of +-.02 at a recall of .95
MOST_ON_DEVICE = 2048  # neighbours that faiss finds on a GPU, and cells that it looks into there
SAME = 1 + 1e-12  # two engines may sum a distance in another order


@dataclass(frozen=True)
class ApproximateExecutor:
    """Neighbours by faiss past `pairs` pairs, all else and smaller sets by `exact`, the engine it stands on.

    device and budget are those of `exact`. lists: cells, None for 4 sqrt(n), at most n / 64. probes: cells looked into,
    the knob between time and recall. sampled: rows on which recall is measured. seed: of centres and sample.
    """

    exact: Executor
    device: str = "cpu"
    budget: int = DEFAULT_BUDGET
    pairs: int = 0
    lists: int | None = None
    probes: int = PROBES
    sampled: int = SAMPLED
    seed: int = 0

    @property
    def name(self) -> str:
        return f"faiss-ivf past {self.pairs:.3g} pairs, {self.exact.name}"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query among those looked at, with the recall measured."""
        if len(queries) * len(base) <= self.pairs:
            return self.exact.neighbors(queries, base, k, exclude_self=exclude_self)

        def search(asked: Array, distinct: Array, most: int) -> tuple[Floats, Ints, Array]:
            return self._distinct(asked, distinct, most, exclude_self=exclude_self)

        sq_dist, index, certified = over_distinct(queries, base, k, search, exclude_self=exclude_self)
        with np.errstate(over="ignore"):  # beyond float32 dist is infinite; sq_dist stays
            table = Neighbors(np.sqrt(sq_dist).astype(np.float32), index, np.zeros_like(certified), sq_dist)
        return self._with_recall(table, queries, base, exclude_self=exclude_self)

    def _distinct(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> tuple[Floats, Ints, Array]:
        """Tables over distinct rows."""
        frame = frame_of(queries, base)
        b = place(base, frame, torch.float32, self.device)
        q = b if queries is base else place(queries, frame, torch.float32, self.device)
        index = self._index(b.values.cpu().numpy(), k + SPARE + 1)
        cells = self.probes, min(index.nlist, MOST_ON_DEVICE) if self.device == "cuda" else index.nlist
        sq_dist, found = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
        for part in blocks(len(queries), QUERIES):
            rows = torch.arange(part.start, part.stop, device=self.device)
            own = rows.cpu().numpy() if exclude_self else None
            seen = torch.from_numpy(_search(index, q.values[rows].cpu().numpy(), k, own, cells)).to(self.device)
            measured = remeasure(q, b, rows, seen.clamp(min=0), self.budget)
            measured[seen < 0] = torch.inf
            values, chosen = rank(measured, seen, k)
            sq_dist[part], found[part] = values.cpu().numpy(), chosen.cpu().numpy()
        return sq_dist / frame.scale / frame.scale, found, np.zeros(len(queries), np.bool_)

    def _index(self, base: Array, width: int) -> Any:
        """The rows in their cells, on the device."""
        faiss = _faiss(self.device)
        if self.device == "cuda" and width > MOST_ON_DEVICE:
            raise UsageError(f"faiss finds at most {MOST_ON_DEVICE} neighbours on a GPU, {width} are needed; lower k")
        n, d = base.shape
        lists = self.lists if self.lists is not None else int(4 * np.sqrt(n))
        lists = max(min(lists, n // LEAST_PER_LIST), 1)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(d), d, lists, faiss.METRIC_L2)
        index.cp.seed, index.cp.niter = self.seed, ROUNDS
        index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, TRAINING_PER_LIST
        index.train(base)
        if self.device == "cuda":
            index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
        index.add(base)
        return index

    def _with_recall(self, table: Neighbors, queries: Array, base: Array, *, exclude_self: bool) -> Neighbors:
        """The table with its recall on a sample of rows."""
        rows, k = sample_rows(len(queries), self.sampled, self.seed), table.k
        truth = self.exact.neighbors(queries[rows], base, k + int(exclude_self), exclude_self=False)
        kth = truth.sq_dist[:, k - 1]
        if exclude_self:  # a row finds itself among the k + 1 nearest unless as many copies come before it
            kth = np.where((truth.index == rows[:, None]).any(axis=1), truth.sq_dist[:, k], kth)
        recall = float((table.sq_dist[rows] <= kth[:, None] * SAME).mean())
        low, high = wilson_interval(recall, len(rows))
        return replace(table, recall=recall, recall_low=low, recall_high=max(high, recall))

    def radii(self, points: Array, k: int) -> Floats:
        """As the exact engine has them."""
        return self.exact.radii(points, k)

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """As the exact engine has them; the radii may be those of approximate neighbours."""
        return self.exact.radius_counts(queries, base, sq_radii)

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """As the exact engine has them."""
        return self.exact.pair_sums(points, rows, t)

    def moments(self, points: Array) -> Moments:
        """As the exact engine has them."""
        return self.exact.moments(points)

    def neighborhoods(self, points: Array, places: Places) -> Local | None:
        """As the exact engine has them."""
        return on_device(self.exact, points, places)


def _search(
    index: Any,
    queries: Array,  # (q, d) float32
    k: int,
    own: Ints | None,  # (q,) row numbers to leave out
    cells: tuple[int, int],  # to look into at first and at most
) -> Ints:
    """(q, c) candidates, at least k a row, -1 where there is none; few cells first, four times as many where needed.

    Raises UsageError where the most that may be looked into hold fewer than k.
    """
    found = np.full((len(queries), min(k + SPARE + 1, index.ntotal)), -1, np.int64)
    todo = np.arange(len(queries))
    probes, most = cells
    while len(todo):
        index.nprobe = min(probes, most)
        seen = index.search(queries[todo], found.shape[1])[1]
        if own is not None:
            seen[seen == own[todo, None]] = -1
        found[todo] = seen
        todo = todo[(seen >= 0).sum(axis=1) < k]
        if index.nprobe == most:
            break
        probes *= 4
    if len(todo) and most < index.nlist:
        raise UsageError(f"faiss looks into at most {most} cells, which hold fewer than {k} rows; lower k or the lists")
    return found


def require_faiss(device: str) -> None:
    """UsageError, with the extra to install, where faiss cannot run on `device`."""
    _faiss(device)


def _faiss(device: str) -> Any:
    """The faiss module, with as many threads as torch has."""
    extra = "faiss-gpu" if device == "cuda" else "faiss-cpu"
    try:
        import faiss
    except ImportError as error:
        raise UsageError(
            f"approximate neighbours need faiss: pip install 'embedding-geometry[{extra}]', or take a sample of rows"
        ) from error
    if device == "cuda" and not hasattr(faiss, "StandardGpuResources"):
        raise UsageError("this faiss was built without CUDA: pip install 'embedding-geometry[faiss-gpu]' in its place")
    faiss.omp_set_num_threads(torch.get_num_threads())
    return faiss
