"""Replicates at once or one after the other, exchange between models, and what a run is told to take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geometry import loops
from geometry.errors import UsageError
from geometry.loops.forecast import forecast
from geometry.loops.replicates import apart, replicated
from geometry.loops.settings import Settings, settings_of


def settings(model: str = "gmm", regime: str = "replace", n: int = 40, **changes: Any) -> Settings:
    return settings_of(model, regime, n, **({"seed": 5} | changes))


def test_closed_forms_run_at_once_and_others_with_seeds_of_their_own(tmp_path: Path) -> None:
    assert [one.replicates for one in apart(settings("gaussian", replicates=3))] == [3]
    assert [(one.replicates, one.seed) for one in apart(settings(replicates=3))] == [(1, 5), (1, 6), (1, 7)]
    assert len(apart(settings("gaussian", "tail-reweighted", replicates=3))) == 3
    seen: list[tuple[int, int]] = []
    told = replicated(settings(replicates=2), 1, tmp_path, lambda r, generation: seen.append((r, generation.index)))
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1)]
    alone = loops.run("gmm", regime="replace", generations=1, n=40, seed=6)
    assert told[1][1].samples.tobytes() == alone[1].samples.tobytes()
    assert (tmp_path / "replicate_1" / "gen_1" / "samples.npy").exists()


def test_exchange_trains_each_model_on_the_other(tmp_path: Path) -> None:
    run = loops.run("gaussian", regime="exchange", generations=3, n=15, d=2, out=tmp_path)
    (other,) = run.peers
    assert not np.array_equal(run[0].samples, other[0].samples)
    assert np.allclose(run[1].parameters["mean"][0], run[0].samples.mean(0))
    assert np.allclose(run[2].parameters["mean"][0], other[1].samples.mean(0))
    assert np.allclose(other[3].parameters["mean"][0], run[2].samples.mean(0))
    assert run[2].origin is not None and set(run[2].origin) == {"model_0/gen_2"}
    assert run[2].training is not None and set(run[2].training[:, 0]) == {1}
    assert (tmp_path / "model_1" / "gen_3" / "checkpoint.safetensors").exists()
    again = loops.run("gaussian", regime="exchange", generations=4, n=15, d=2, out=tmp_path)
    whole = loops.run("gaussian", regime="exchange", generations=4, n=15, d=2)
    assert again[4].samples.tobytes() == whole[4].samples.tobytes()
    assert len(loops.run("gaussian", regime="exchange", generations=1, n=9, peers=3).peers) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regime": "exchange", "peers": 1}, "at least 2 models"),
        ({"peers": 2}, "no effect under 'replace'"),
        ({"weights": "tail_survival"}, "no effect under 'replace'"),
        ({"regime": "tail-reweighted", "weights": "none"}, "no weights are called"),
        ({"regime": "tail-reweighted", "replicates": 2}, "2 seeds"),
        ({"device": "tpu"}, "unknown"),
        ({"device": "cuda"}, "finds no usable CUDA device|was built without CUDA"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(changes: dict[str, Any], message: str) -> None:
    import torch

    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match=message):
        loops.run("gaussian", **({"regime": "replace", "generations": 1, "n": 30} | changes))


def test_regimes_that_look_change_what_a_run_draws() -> None:
    plain = loops.run("gaussian", regime="replace", generations=3, n=60, d=2)
    seen = {
        (regime, weights): loops.run("gaussian", regime=regime, generations=3, n=60, d=2, weights=weights)
        for regime, weights in (
            ("tail-reweighted", "provenance"),
            ("tail-reweighted", "tail_survival"),
            ("provenance-filtered", "provenance"),
        )
    }
    drawn = {plain[3].samples.tobytes(), *(run[3].samples.tobytes() for run in seen.values())}
    assert len(drawn) == 4
    filtered = seen["provenance-filtered", "provenance"]
    assert (
        filtered[3].training is not None and len(filtered[3].training) == 60 and set(filtered[3].origins) <= {0, 1, 2}
    )


def test_forecast_counts_what_a_run_does(tmp_path: Path) -> None:
    asked = settings("gaussian", "accumulate", 50, options={"d": 3})
    found = forecast(asked, 4)
    assert (found.fits, found.rows) == (4, 50 * (1 + 2 + 3 + 4))
    loops.run("gaussian", regime="accumulate", generations=4, n=50, d=3, out=tmp_path)
    written = sum(path.stat().st_size for path in tmp_path.glob("gen_*/*") if path.stem in ("samples", "embeddings"))
    assert 0.8 * written < found.bytes < 1.5 * written
    steps = [forecast(settings("vae", options={"steps": s, "hidden": 16, "latent": 2}), 2).seconds for s in (60, 60000)]
    assert steps[1] > 20 * steps[0] > 0
    assert forecast(settings("gaussian", "exchange"), 4).fits == 8
