"""spectrum_shift: known ratios, a null that holds where rows are few, errors against the spread over draws."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.compare.spectrum_shift import leading, spectrum_shift
from geometry.errors import InputError
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan
from geometry.types import Moments

SPECTRUM = np.array([16.0, 8.0, 4.0, 2.0, 1.0])


def of(points: np.ndarray | Moments) -> Scan:
    return scan(points, executor())


def moments(values: np.ndarray) -> Scan:
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    return of(Moments(1000, np.arange(5.0), turn * values @ turn.T))


def test_known_ratios_from_moments() -> None:
    """Ratios e^0, e^-.1, .., e^-.4: median -.2, smallest e^-.4, slope -.1."""
    found = spectrum_shift(moments(SPECTRUM * np.exp(-0.1 * np.arange(5))), moments(SPECTRUM))
    assert float(found["median"]) == pytest.approx(-0.2)
    assert float(found["smallest"]) == pytest.approx(np.exp(-0.4))
    assert float(found["slope"]) == pytest.approx(-0.1)
    np.testing.assert_allclose(found["median"].profile["ratio"], np.exp(-0.1 * np.arange(5)))
    np.testing.assert_array_equal(found["median"].profile["rank"], [1, 2, 3, 4, 5])


def test_share_sets_how_many_directions_are_read() -> None:
    assert [leading(SPECTRUM, share) for share in (0.4, 0.6, 0.99, 1.0)] == [1, 2, 5, 5]
    assert leading(np.zeros(3), 0.99) == 0
    found = spectrum_shift(moments(SPECTRUM), moments(SPECTRUM), share=0.6)
    assert len(found["median"].profile["ratio"]) == 2
    assert found["slope"].reason == "few-directions"


@pytest.mark.parametrize(("n", "d"), [(60, 200), (200, 50), (500, 6)])
def test_null_holds_with_few_rows_too(n: int, d: int) -> None:
    """In-sample the weakest directions of 60 rows in 200 dimensions would seem to grow without bound."""
    spread, rng = np.arange(1, d + 1) ** -0.5, np.random.default_rng(0)
    draws = [
        spectrum_shift(of(rng.standard_normal((n, d)) * spread), of(rng.standard_normal((n, d)) * spread), seed=seed)
        for seed in range(30)
    ]
    for name in ("median", "slope"):
        values = np.array([float(draw[name]) for draw in draws])
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values)), name
    small = [float(draw["smallest"]) for draw in draws]
    assert np.mean(small) == pytest.approx(np.mean([draw["smallest"].null for draw in draws]), abs=0.08)


def test_standard_errors_match_the_spread_over_draws() -> None:
    rng, spread = np.random.default_rng(0), np.arange(1, 13) ** -0.5
    draws = [
        spectrum_shift(of(rng.standard_normal((300, 12)) * spread * 0.9), of(rng.standard_normal((400, 12)) * spread))
        for _ in range(60)
    ]
    for name in ("median", "smallest", "slope"):
        ratio = np.mean([draw[name].stderr for draw in draws]) / np.std([float(draw[name]) for draw in draws])
        assert 0.6 < ratio < 1.6, name


def test_a_direction_that_has_gone() -> None:
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((300, 5))
    flat[:, 2] = 0
    found = spectrum_shift(of(flat), of(rng.standard_normal((3000, 5)) * [5, 4, 3, 2, 1.5]))
    assert float(found["smallest"]) < 0.01
    gone = spectrum_shift(of(np.ones((50, 5))), of(rng.standard_normal((300, 5))))
    assert float(gone["smallest"]) == pytest.approx(1e-12)
    assert float(gone["median"]) == pytest.approx(np.log(1e-12))


def test_seed_is_used() -> None:
    rng = np.random.default_rng(0)
    x, y = of(rng.standard_normal((100, 4))), of(rng.standard_normal((100, 4)))
    assert float(spectrum_shift(x, y)["median"]) != float(spectrum_shift(x, y, seed=1)["median"])


def test_undefined_and_errors() -> None:
    rng = np.random.default_rng(0)
    x = of(rng.standard_normal((30, 3)))
    assert spectrum_shift(x, of(rng.standard_normal((3, 3))))["median"].reason == "few-rows"
    assert spectrum_shift(x, of(np.ones((30, 3))))["slope"].reason == "no-spread"
    with pytest.raises(InputError, match="as points"):
        from geometry.compare.held_out import held_out

        held_out(moments(SPECTRUM), 0)
