"""Neighbourhoods by batched torch products, on torch's CPU, against the float64 truth and the compiled loops."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.pairs import Scan, executor, local, torch_local
from geometry.pairs import local_reference as reference
from geometry.pairs.approximate import ApproximateExecutor
from geometry.pairs.local import Local, Places
from geometry.pairs.torch_engine import TorchExecutor

KINDS = ("sums", "reflections")
NEEDLE = 2e-7  # a sine beside 0 and the area of a needle are off by the root of rounding, some pairs of them
SETS = clouds.neighbourhoods() | {
    "one far row": np.vstack([clouds.gaussian(40, 6), np.full((1, 6), 1e6)]),
    "one far row in many dimensions": np.vstack([clouds.gaussian(40, 60), np.full((1, 60), 1e6)]),
    "all equal": np.ones((20, 3)) / 3,
}


def halved(points: np.ndarray, k: int) -> Places:
    """The k nearest others of every row, of which 0 to k count, padded with the row itself."""
    index = Scan(points, executor()).neighbors(k).index
    rows = np.arange(len(points))
    count = k - rows % (k + 1)
    return Places(rows, np.where(np.arange(k) < count[:, None], index, rows[:, None]), count)


def values(found: Local) -> dict[str, np.ndarray]:
    return {name: value for kind in KINDS for name, value in vars(getattr(found, kind)).items()}


@pytest.mark.parametrize("name", SETS)
def test_every_neighbourhood_is_what_it_is_by_definition(name: str) -> None:
    points = SETS[name]
    places = halved(points, 12)
    found = torch_local.local_summaries(points, places, "cpu")
    for at, (row, count) in enumerate(zip(places.rows, places.count, strict=True)):
        near = points[places.index[at, :count]]
        if count == 0:
            assert not any(value[at] for value in values(found).values())
            continue
        for field, want in reference.sums(points[row], near).items():
            rounding = {"radius": 0, "tight": 1e-3}.get(field, 2e-6)  # a log of tle: eps over the squared gap
            assert values(found)[field][at] == pytest.approx(want, rel=1e-7, abs=rounding), (row, field)
        want, got = reference.eigenvalues(points[row], near), found.spectra.eigenvalues[at]
        np.testing.assert_allclose(got[: len(want)], want, rtol=1e-6, atol=1e-9 * want[0] + 1e-30)
        assert not got[len(want) :].any()


@pytest.mark.parametrize("d", [5, 50])
def test_it_says_what_the_loops_say(d: int) -> None:
    points = clouds.power_law(200, d).astype(np.float32)
    places = halved(points, 30)
    found = torch_local.local_summaries(points, places, "cpu")
    for kind, make in (("sums", local.sums_of), ("reflections", local.reflections_of), ("spectra", local.spectra_of)):
        for name, value in vars(make(points, places)).items():
            np.testing.assert_allclose(getattr(getattr(found, kind), name), value, rtol=1e-9, atol=NEEDLE)


def test_batches_change_nothing() -> None:
    points = clouds.gaussian(80, 9)
    places = halved(points, 7)
    whole, parts = (torch_local.local_summaries(points, places, "cpu", budget) for budget in (1 << 24, 1))
    for name, value in values(whole).items():
        np.testing.assert_allclose(values(parts)[name], value, rtol=1e-12, atol=NEEDLE)


def test_torch_tiles_take_it_on_a_device_and_leave_the_cpu_to_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    points, asked = clouds.gaussian(90, 4), []
    places = halved(points, 8)

    def made(rows: np.ndarray, where: Places, device: str, budget: int) -> str:
        asked.append((device, budget))
        return "made"

    monkeypatch.setattr(torch_local, "local_summaries", made)
    assert TorchExecutor("cpu").neighborhoods(points, places) is None
    assert TorchExecutor("cuda", 1 << 20).neighborhoods(points, places) == "made"
    assert ApproximateExecutor(TorchExecutor("cuda", 1 << 20), "cuda").neighborhoods(points, places) == "made"
    assert ApproximateExecutor(executor()).neighborhoods(points, places) is None
    assert asked == [("cuda", 1 << 20)] * 2
