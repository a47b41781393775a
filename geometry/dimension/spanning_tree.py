"""The minimum spanning tree of a set from its neighbour table, by Boruvka's method, exact.

Every round joins each component to its nearest row outside, which the table knows as long as some row's columns reach
outside the component. Where a row's whole table lies inside, the true edge may be longer than the table is wide: then
the rows of that component are looked up against the others, by the same engine.
"""

from __future__ import annotations

import numpy as np

from geometry.pairs.executor import Executor
from geometry.types import Array, Floats, Ints, Neighbors


def spanning_edges(
    table: Neighbors,  # of the rows below, k at least 1
    points: Array,  # (n, d)
    executor: Executor,
) -> Floats:
    """(n - 1,) lengths of the edges, float64, in no order."""
    n = len(points)
    label = np.arange(n)
    first, edges = np.zeros(n, np.int64), []  # first: the column of each row's table before which all is inside
    while label.max() > 0:
        first = _first_outside(table, label, first)
        length, target = _candidates(table, first)
        best = _least(length, label)
        blind = np.flatnonzero((first == table.k) & (table.sq_dist[:, -1] < length[best][label]))
        for component in np.unique(label[blind]):
            rows = blind[label[blind] == component]
            outside = np.flatnonzero(label != component)
            found = executor.neighbors(points[rows], points[outside], 1, exclude_self=False)
            length[rows], target[rows] = found.sq_dist[:, 0], outside[found.index[:, 0]]
        best = _least(length, label)
        label, chosen = _join(label, best, target, length)
        edges.append(chosen)
    return np.sqrt(np.concatenate(edges)) if edges else np.empty(0)


def _first_outside(table: Neighbors, label: Ints, first: Ints) -> Ints:
    """(n,) the first column whose row is in another component, k where there is none; never before the last answer."""
    rows, first = np.arange(len(label)), first.copy()
    while len(rows):
        rows = rows[first[rows] < table.k]
        rows = rows[label[table.index[rows, first[rows]]] == label[rows]]
        first[rows] += 1
    return first


def _candidates(table: Neighbors, first: Ints) -> tuple[Floats, Ints]:
    """(n,) squared length and end of each row's shortest known edge outward; infinite where the table has none."""
    rows, column = np.arange(len(first)), np.minimum(first, table.k - 1)
    length = np.where(first < table.k, table.sq_dist[rows, column], np.inf)
    return length, table.index[rows, column].copy()


def _least(length: Floats, label: Ints) -> Ints:
    """(c,) the row with the shortest edge in each component, the first of equals."""
    order = np.lexsort((np.arange(len(length)), length, label))
    return order[np.searchsorted(label[order], np.arange(label.max() + 1))]


def _join(label: Ints, best: Ints, target: Ints, length: Floats) -> tuple[Ints, Floats]:
    """Labels after every component took its edge, and the squared lengths of the edges that closed no circle."""
    parent, kept = np.arange(len(best)), np.zeros(len(best), np.bool_)

    def root(component: int) -> int:
        while parent[component] != component:
            parent[component] = parent[parent[component]]
            component = parent[component]
        return component

    for component in np.argsort(length[best], kind="stable"):
        here, there = root(component), root(label[target[best[component]]])
        if here != there:
            parent[here], kept[component] = there, True
    joined = np.array([root(component) for component in range(len(best))])
    renumbered: Ints = np.unique(joined, return_inverse=True)[1][label]
    return renumbered, length[best[kept]]
