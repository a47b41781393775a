"""The Gaussian mixture: it finds a law it is given, its options count, and lambda < 1 costs recall, not precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geometry import loops
from geometry.catalog import compute
from geometry.errors import InputError, UsageError
from geometry.loops.gmm import Gmm


def test_a_fit_finds_the_law() -> None:
    law = Gmm(components=3, d=2)
    rows, labels = law.real(3000, np.random.default_rng(0))
    fit = law.fit(rows, np.random.default_rng(1)).parameters
    order = np.argsort(-fit["weights"])
    truth = law.truth()
    assert np.allclose(fit["weights"][order], truth["weights"], atol=0.05)
    assert np.abs(fit["means"][order] - truth["means"]).max() < 0.2
    assert labels is not None and np.allclose(np.bincount(labels) / 3000, truth["weights"], atol=0.05)


def test_rows_are_drawn_at_bias_times_the_spread_around_the_means() -> None:
    law = Gmm(components=2, spread=30.0)
    truth = law.truth()
    rows = law.sample(truth, 4000, 0.5, np.random.default_rng(0))
    labels = law.label(rows)
    gaps = rows - truth["means"][labels]
    assert np.allclose(gaps.var(axis=0), 0.25, rtol=0.1)


def test_precision_is_kept_while_recall_falls() -> None:
    found = {}
    for bias in (1.0, 0.8):
        run = loops.run("gmm", regime="replace", generations=5, n=400, bias=bias, components=4, seed=2)
        real, _ = Gmm(components=4).real(400, np.random.default_rng(9))
        found[bias] = compute("prdc", run[5].samples, real)
    narrow, plain = found[0.8], found[1.0]
    assert isinstance(narrow, dict) and isinstance(plain, dict)
    assert float(narrow["precision"]) > float(plain["precision"]) - 0.02
    assert float(narrow["recall"]) < float(plain["recall"]) - 0.25


def test_rows_of_a_file_and_what_cannot_be(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    np.save(tmp_path / "x.npy", points)
    path = str(tmp_path / "x.npy")
    run = loops.run("gmm", regime="replace", generations=1, n=50, components=2, data=path)
    assert {row.tobytes() for row in run[0].samples} <= {row.tobytes() for row in points}
    assert run[1].samples.shape == (50, 3) and run[1].labels is None
    with pytest.raises(UsageError, match="there are 60 rows"):
        loops.run("gmm", regime="replace", generations=1, n=61, data=path)
    with pytest.raises(UsageError, match="cannot be fitted by 8"):
        loops.run("gmm", regime="replace", generations=1, n=5)
    with pytest.raises(UsageError, match="must be positive"):
        loops.run("gmm", regime="replace", generations=1, n=5, components=0)
    with pytest.raises(InputError, match="does not exist"):
        loops.run("gmm", regime="replace", generations=1, n=5, data=str(tmp_path / "y.npy"))


@pytest.mark.parametrize("unit", [1e-6, 1e8])
def test_a_flat_set_is_fitted_in_any_unit(unit: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 5))
    made = []
    for scale in (1.0, unit):
        np.save(tmp_path / f"{scale}.npy", scale * flat + 3 * scale)
        run = loops.run("gmm", regime="replace", generations=2, n=80, components=3, data=str(tmp_path / f"{scale}.npy"))
        made.append(run[2])
    assert np.allclose(made[1].samples / unit, made[0].samples, rtol=1e-6)
    assert made[1].history[0] - made[0].history[0] == pytest.approx(5 * np.log(unit), rel=1e-6)


def test_options_have_an_effect() -> None:
    plain = loops.run("gmm", regime="replace", generations=1, n=60)[1].samples
    for options in ({"components": 3}, {"d": 3}, {"spread": 2.0}, {"iterations": 1}):
        other = loops.run("gmm", regime="replace", generations=1, n=60, **options)[1].samples  # type: ignore[arg-type]
        assert other.tobytes() != plain.tobytes()
