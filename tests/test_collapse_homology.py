"""Persistent homology of small shapes with known bars, pieces, the null of a filled ball, and what is missing."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.collapse import homology


def test_bars_of_an_octahedron() -> None:
    """Twelve edges of sqrt 2 close into a sphere that fills when opposite corners meet at 2; it has no loop."""
    loops, voids = homology.bars(np.vstack([np.eye(3), -np.eye(3)]), 2)
    np.testing.assert_allclose(voids.intervals, [[np.sqrt(2), 2]], rtol=1e-6)
    assert loops.longest == 0


def test_bars_of_a_polygon() -> None:
    angle = np.arange(12) * np.pi / 6
    (loops,) = homology.bars(np.c_[np.cos(angle), np.sin(angle)], 1, cocycles=True)
    np.testing.assert_allclose(loops.intervals, [[2 * np.sin(np.pi / 12), np.sqrt(3)]], rtol=1e-6)
    assert len(loops.cocycle) > 0


def test_pieces_share_no_row() -> None:
    parts = homology.pieces(1000, 96, 0)
    assert [len(part) for part in parts] == [96] * 4
    assert len(np.unique(np.concatenate(parts))) == 4 * 96
    assert [len(part) for part in homology.pieces(250, 96, 0)] == [96, 96]
    np.testing.assert_array_equal(homology.pieces(50, 96, 0)[0], np.arange(50))
    assert not np.array_equal(parts[0], homology.pieces(1000, 96, 1)[0])


def test_a_filled_ball_is_the_null() -> None:
    loops, voids = homology.filled(60, 3, 2)
    assert 0 < voids.mean < 0.15
    assert 0 < loops.mean < 0.5
    assert 0 < loops.spread < 0.2
    assert homology.filled(60, 3, 2) is homology.filled(60, 3, 2)


@pytest.mark.parametrize("name", ["void", "ring"])
def test_without_ripser_the_reason_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homology, "installed", lambda: False)
    made = compute(name, clouds.gaussian(40, 3))
    assert {one.reason for one in (made.values() if isinstance(made, dict) else [made])} == {"needs-ripser"}
