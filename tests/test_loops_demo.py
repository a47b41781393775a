"""The demo's two runs: one start, two regimes, files that can be analysed, and going on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geometry.loops import demo


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OPTIONS", {"steps": 20, "hidden": 8, "latent": 2})


def test_both_regimes_share_their_start_and_then_part(quick: None, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    one, other = demo.demo_runs(tmp_path, generations=2, progress=lambda *step: seen.append(step))
    assert (one.regime, other.regime) == ("replace", "accumulate")
    assert seen == [(name, t, 2) for name in ("replace", "accumulate") for t in range(3)]
    assert np.array_equal(one.samples[1].points, other.samples[1].points)
    assert not np.array_equal(one.samples[2].points, other.samples[2].points)
    for run in (one, other):
        assert [view.generation for view in run.samples] == [0, 1, 2]
        assert [view.generation for view in run.representation] == [1, 2]
        assert run.folder == tmp_path / run.regime
        assert np.array_equal(np.load(run.folder / "gen_2" / "embeddings.npy"), run.samples[2].points)
        assert all(view.labels is not None and len(view.labels) == len(view.points) for view in run.samples)


def test_seed_and_resume(quick: None, tmp_path: Path) -> None:
    first = demo.demo_runs(tmp_path / "a", generations=1)
    longer = demo.demo_runs(tmp_path / "a", generations=2)
    assert np.array_equal(first[0].samples[1].points, longer[0].samples[1].points)
    other = demo.demo_runs(tmp_path / "b", generations=1, seed=1)
    assert not np.array_equal(first[0].samples[1].points, other[0].samples[1].points)
