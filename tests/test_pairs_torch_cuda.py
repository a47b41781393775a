"""The torch engine on a device, which here is a pretended one: nothing is left on the host, and scratch is halved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pretended_cuda import OnDevice, pretended_cuda

from geometry import pairs
from geometry.errors import OutOfMemoryError
from geometry.pairs import exact, reference
from geometry.pairs.cuda import checks, choice
from geometry.pairs.exact import folded
from geometry.pairs.local import Places
from geometry.pairs.torch_engine import CUDA_BUDGET, TorchExecutor

SETS = checks.adversarial_sets()


@pytest.mark.parametrize("name", ["gaussian", "duplicates", "one outlier", "offset 1e4", "tight clusters"])
def test_every_reduction_runs_on_the_device_and_is_right(name: str) -> None:
    points = SETS[name]
    base, queries, engine = points[:200], points[200:], TorchExecutor("cuda", 1 << 20)
    with pretended_cuda():
        wrong = [
            *checks._wrong_neighbors(engine, points, points, exclude_self=True),
            *checks._wrong_neighbors(engine, queries, base, exclude_self=False),
            *checks._wrong_counts(engine, queries, base),
            *checks._wrong_sums(engine, points),
            *checks._wrong_moments(engine, points),
        ]
        radii = engine.radii(points, 3)
    assert wrong == []
    want = np.sqrt(reference.neighbors(points, points, 3, exclude_self=True)[0])
    assert radii == pytest.approx(want, rel=1e-3, abs=1e-4 * want.max())


def test_neighborhoods_run_on_the_device() -> None:
    points, rows = SETS["gaussian"], np.arange(0, 300, 50)
    index = reference.neighbors(points[rows], points, 12, exclude_self=False)[1]
    places = Places(rows, index, np.full(len(rows), 12))
    with pretended_cuda():
        found = TorchExecutor("cuda").neighborhoods(points, places)
    assert found is not None and np.isfinite(found.spectra.eigenvalues).all()


def test_what_is_pretended_refuses_what_a_device_refuses() -> None:
    with pretended_cuda():
        there = torch.arange(4.0, device="cuda")
        assert isinstance(there * 2, OnDevice) and there.device.type == "cuda"
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.arange(4.0)
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert (there + 1).cpu().numpy().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("width", [1, 2, 3, 64, 97])
def test_a_length_is_the_same_alone_and_among_others(width: int) -> None:
    terms = torch.from_numpy(np.random.default_rng(0).standard_normal((300, width))).square()
    many, alone = folded(terms.clone()), torch.stack([folded(row.clone()) for row in terms])
    assert torch.equal(many, alone)
    assert many.numpy() == pytest.approx(terms.numpy().sum(axis=1), rel=1e-14)


def test_scratch_is_halved_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole, points = exact.neighbors, SETS["gaussian"]

    def refusing(*arguments: Any, budget: int, **options: Any) -> Any:
        asked.append(budget)
        if budget > 1 << 20:
            raise torch.OutOfMemoryError("CUDA out of memory.\nmore words")
        return whole(*arguments, budget=budget, **options)

    monkeypatch.setattr(exact, "neighbors", refusing)
    found = TorchExecutor("cpu", 4 << 20).neighbors(points, points, 3, exclude_self=True)
    assert asked == [4 << 20, 2 << 20, 1 << 20]
    assert np.array_equal(found.index, reference.neighbors(points, points, 3, exclude_self=True)[1])
    monkeypatch.setattr(exact, "neighbors", lambda *_, **__: refusing(budget=1 << 30))
    with pytest.raises(OutOfMemoryError, match=r"torch-cpu: CUDA out of memory\.; lower --memory-budget"):
        TorchExecutor("cpu").neighbors(points, points, 3, exclude_self=True)


def test_torch_tiles_on_a_device_have_scratch_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "kernel_engine", lambda _: choice.Choice(None, "no kernels"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.warns(RuntimeWarning, match="torch tiles in place of the CUDA kernels: no kernels"):
        assert pairs.executor("cuda") == TorchExecutor("cuda", CUDA_BUDGET)
