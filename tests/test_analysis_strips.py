"""Strips of neighbours: the engine's own table to the byte, kept as they are done, and taken up again."""

from __future__ import annotations

from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry.analysis.strips import Strips
from geometry.pairs import executor
from geometry.types import Array, Neighbors

FIELDS = ("dist", "index", "certified", "sq_dist")


def same(a: Neighbors, b: Neighbors) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in FIELDS)


def with_copies() -> Array:
    points = clouds.clusters(300, 5)
    points[100:140] = points[3]
    points[250] = points[249]
    return points


@pytest.mark.parametrize("points", [with_copies(), np.ones((50, 3)), clouds.gaussian(200, 40).astype(np.float32)])
@pytest.mark.parametrize("tile", [1, 7 * 300, 10**9])
def test_the_table_is_that_of_the_engine(points: Array, tile: int, tmp_path: Path) -> None:
    engine, k = executor("cpu"), 12
    strips = Strips(engine, tmp_path, least=0, tile=max(tile, 20 * len(points)))
    assert same(
        strips.neighbors(points, points, k, exclude_self=True), engine.neighbors(points, points, k, exclude_self=True)
    )
    asked = points[:31] + points.dtype.type(0.25)
    assert same(
        strips.neighbors(asked, points, k, exclude_self=False), engine.neighbors(asked, points, k, exclude_self=False)
    )


def test_strips_are_kept_and_not_looked_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points, strips = with_copies(), Strips(executor("cpu"), tmp_path, least=0, tile=300 * 60)
    whole = strips.neighbors(points, points, 4, exclude_self=True)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 5
    looked: list[int] = []
    look_up = Strips._look_up

    def counted(self: Strips, queries: Array, base: Array, k: int) -> tuple[Array, ...]:
        looked.append(len(queries))
        return look_up(self, queries, base, k)

    monkeypatch.setattr(Strips, "_look_up", counted)
    kept[2].unlink()
    kept[3].write_bytes(kept[3].read_bytes()[:99])
    assert same(strips.neighbors(points, points, 4, exclude_self=True), whole) and len(looked) == 2
    assert same(strips.neighbors(points, points, 4, exclude_self=True), whole) and len(looked) == 2
    other = points + 1
    strips.neighbors(other, other, 4, exclude_self=True)
    assert len(looked) == 7


def test_small_sets_are_left_to_the_engine(tmp_path: Path) -> None:
    points, strips = with_copies(), Strips(executor("cpu"), tmp_path)
    strips.neighbors(points, points, 4, exclude_self=True)
    assert not list(tmp_path.iterdir()) and strips.name == executor("cpu").name
    assert getattr(strips, "neighborhoods", None) is None
