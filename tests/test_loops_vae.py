"""The VAE of the digits, made tiny: what trains it, what its options do, that it repeats itself to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geometry import loops
from geometry.errors import UsageError
from geometry.loops.digits import digits
from geometry.loops.vae import Vae

TINY: dict[str, Any] = {"latent": 3, "hidden": 16, "steps": 40, "batch": 32}


def vae(**changes: Any) -> loops.Lineage:
    return loops.run("vae", **({"regime": "replace", "generations": 2, "n": 60} | TINY | changes))


@pytest.fixture(scope="module")
def plain() -> loops.Lineage:
    return vae()


def same(one: loops.Lineage, other: loops.Lineage) -> bool:
    weights = all(np.array_equal(one[2].parameters[name], other[2].parameters[name]) for name in one[2].parameters)
    return weights and one[2].samples.tobytes() == other[2].samples.tobytes()


def test_same_seed_same_bytes_whatever_the_threads_and_the_global_state(plain: loops.Lineage) -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(99)
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert same(plain, vae())
    finally:
        torch.set_num_threads(threads)
    assert not same(plain, vae(seed=1))


def test_global_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    vae(generations=1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_generation_zero_is_real_and_both_views_have_their_shapes(plain: loops.Lineage) -> None:
    real = {row.tobytes(): label for row, label in zip(digits().points, digits().labels, strict=True)}
    assert all(real[row.tobytes()] == label for row, label in zip(plain[0].samples, plain[0].labels, strict=True))
    samples, representation = plain.samples_view(), plain.representation_view()
    assert [view.generation for view in samples] == [0, 1, 2]
    assert [view.generation for view in representation] == [1, 2]
    assert all(view.points.shape == (60, 64) and view.labels.shape == (60,) for view in samples)
    assert all(view.points.shape == (1797, 3) for view in representation)
    assert np.array_equal(representation[0].labels, digits().labels)
    assert np.array_equal(representation[0].ids, representation[1].ids)
    assert not np.array_equal(representation[0].points, representation[1].points)
    assert all(view.points.min() >= 0 and view.points.max() <= 1 for view in samples)


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": 0.5},
        {"noise": False},
        {"latent": 4},
        {"hidden": 17},
        {"steps": 41},
        {"batch": 33},
        {"rate": 1e-3},
        {"regime": "accumulate"},
        {"regime": "accumulate-subsample"},
        {"regime": "fresh", "real_share": 0.5},
    ],
)
def test_every_option_has_an_effect(plain: loops.Lineage, changes: dict[str, Any]) -> None:
    assert vae(**changes)[2].samples.tobytes() != plain[2].samples.tobytes()


def test_encoder_changes_the_embeddings_and_not_the_samples(plain: loops.Lineage) -> None:
    other = vae(encoder="classifier")
    assert other[2].samples.tobytes() == plain[2].samples.tobytes()
    assert np.array_equal(plain[2].embeddings, plain[2].samples)
    assert other[2].embeddings.shape == (60, 32)


def test_bias_narrows_the_latent() -> None:
    model = Vae(**TINY, noise=False)
    fit = model.fit(digits().points[:200], np.random.default_rng(0))
    spread = [model.sample(fit.parameters, 500, bias, np.random.default_rng(1)).var(0).sum() for bias in (1.0, 0.5)]
    assert spread[1] < 0.6 * spread[0]


def test_loss_falls_and_is_kept(plain: loops.Lineage) -> None:
    history = plain[1].history
    assert len(history) == TINY["steps"]
    assert np.mean(history[-5:]) < np.mean(history[:5]) - 5


def test_resumes_from_its_checkpoints(plain: loops.Lineage, tmp_path: Path) -> None:
    vae(out=tmp_path, generations=1)
    resumed = vae(out=tmp_path)
    assert same(plain, resumed)
    assert resumed[1].history == plain[1].history
    assert np.array_equal(resumed[1].labels, plain[1].labels)
    assert np.array_equal(resumed[1].representation, plain[1].representation)
    assert resumed[0].checkpoint is None and resumed[1].checkpoint is not None


def test_fresh_real_rows_are_digits_not_seen_twice() -> None:
    rows, labels = Vae().real(1797, np.random.default_rng(0))
    assert len(np.unique(rows, axis=0)) == 1797
    assert np.array_equal(np.bincount(labels), np.bincount(digits().labels))


@pytest.mark.parametrize("classes", [np.array(["cat", "dog"]), np.array([-1, 10**9])])
def test_classes_keep_their_names(classes: np.ndarray, tmp_path: Path) -> None:
    bundle = digits()
    assert bundle.labels is not None
    rows = bundle.labels < 2
    named = classes[bundle.labels[rows]]
    np.savez(tmp_path / "two.npz", images=bundle.points[rows].reshape(-1, 8, 8), labels=named)
    found = vae(generations=1, data=str(tmp_path / "two.npz"))
    real, drawn = found[0].labels, found[1].labels
    assert real is not None and set(real.tolist()) == set(classes.tolist())
    assert drawn is not None and set(drawn.tolist()) <= set(classes.tolist())
    assert found.probe_labels is not None and np.array_equal(found.probe_labels, named)
    assert (Vae(data=str(tmp_path / "two.npz")).label(bundle.points[rows]) == named).mean() > 0.99


def test_a_size_without_a_folder_is_refused() -> None:
    with pytest.raises(UsageError, match="size = 5 has no effect on the bundled digits"):
        vae(size=5)
