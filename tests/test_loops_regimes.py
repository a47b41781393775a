"""Which rows train generation t, under each regime."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.errors import UsageError
from geometry.loops.regimes import REGIMES, Request, gather, places, regime
from geometry.loops.selection import Look

N = 10


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", REGIMES)
def test_first_fit_sees_the_real_batch_and_nothing_else(name: str) -> None:
    parts = regime(name)(Request(1, N, 0.3 if name == "fresh" else 0.0), rng())
    assert [(part.origin, part.fresh) for part in parts] == [(0, False)]
    assert parts[0].rows.tolist() == list(range(N))


def test_replace_takes_the_last_batch() -> None:
    (part,) = regime("replace")(Request(4, N), rng())
    assert (part.origin, part.rows.tolist()) == (3, list(range(N)))


def test_accumulate_takes_every_batch() -> None:
    parts = regime("accumulate")(Request(4, N), rng())
    assert [part.origin for part in parts] == [0, 1, 2, 3]
    assert all(part.rows.tolist() == list(range(N)) for part in parts)


def test_subsample_is_n_rows_without_replacement_even_over_batches() -> None:
    counts = np.zeros(4)
    generator = rng()
    for _ in range(2000):
        parts = regime("accumulate-subsample")(Request(4, N), generator)
        assert sum(len(part.rows) for part in parts) == N
        assert all(len(np.unique(part.rows)) == len(part.rows) and part.rows.max() < N for part in parts)
        for part in parts:
            counts[part.origin] += len(part.rows)
    stderr = np.sqrt(2000 * N * 0.25 * 0.75)
    assert np.all(np.abs(counts - 2000 * N / 4) < 4 * stderr)


@pytest.mark.parametrize(("share", "expected"), [(0.0, [(2, 10, False)]), (1.0, [(0, 10, True)])])
def test_fresh_at_its_ends(share: float, expected: list[tuple[int, int, bool]]) -> None:
    parts = regime("fresh")(Request(3, N, share), rng())
    assert [(part.origin, len(part.rows), part.fresh) for part in parts] == expected


def test_fresh_mixes_its_share_of_new_real_rows() -> None:
    parts = regime("fresh")(Request(3, N, 0.3), rng())
    assert [(part.origin, len(part.rows), part.fresh) for part in parts] == [(2, 7, False), (0, 3, True)]


def test_gather_puts_the_parts_together_in_their_order() -> None:
    parts = regime("fresh")(Request(3, N, 0.3), rng())
    rows = gather(parts, lambda part: np.full((2, len(part.rows), 1), -1 if part.fresh else part.origin))
    assert rows.shape == (2, N, 1)
    assert rows[1, :, 0].tolist() == [2] * 7 + [-1] * 3


def test_unknown_regime_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'accumulate'"):
        regime("acumulate")


def look(seed: int = 0, n: int = 200, weights: str = "provenance") -> tuple[Look, list[np.ndarray]]:  # type: ignore[type-arg]
    """A real batch of spread 1, a generated one that has lost its tails and moved."""
    generator = np.random.default_rng(seed)
    batches = [generator.standard_normal((n, 3)), 0.5 * generator.standard_normal((n, 3)) + [3.0, 0, 0]]
    return Look(lambda j: batches[j], lambda: batches[1], weights), batches


@pytest.mark.parametrize("weights", ["provenance", "tail_survival"])
def test_tail_reweighted_takes_what_is_far_out_and_nothing_twice(weights: str) -> None:
    generator = np.random.default_rng(1)
    real, narrow = generator.standard_normal((400, 2)), 0.7 * generator.standard_normal((1600, 2))
    seen = Look(lambda j: real, lambda: narrow, weights)
    (part,) = regime("tail-reweighted")(Request(2, 400, look=seen), rng())
    assert (part.origin, part.pooled, len(np.unique(part.rows))) == (1, True, 400)
    assert (narrow[part.rows] ** 2).sum(1).mean() > 1.25 * (narrow**2).sum(1).mean()


def test_provenance_filtered_keeps_what_seems_real() -> None:
    seen, batches = look()
    parts = regime("provenance-filtered")(Request(2, 200, look=seen), rng())
    taken = {part.origin: len(part.rows) for part in parts}
    assert sum(taken.values()) == 200 and taken[0] > 180
    other = np.random.default_rng(5).standard_normal((200, 3))
    same = Look(lambda j: batches[0] if j == 0 else other, lambda: other)
    parts = regime("provenance-filtered")(Request(2, 200, look=same), rng())
    assert 60 < sum(len(part.rows) for part in parts if part.origin == 0) < 140


def test_exchange_takes_the_others_in_equal_shares() -> None:
    parts = regime("exchange")(Request(3, N, peer=1, peers=3), rng())
    assert [(part.peer, part.origin, len(part.rows)) for part in parts] == [(0, 2, 5), (2, 2, 5)]
    assert all(len(np.unique(part.rows)) == 5 for part in parts)
    (swapped,) = regime("exchange")(Request(3, N, peer=1, peers=2), rng())
    assert (swapped.peer, sorted(swapped.rows.tolist())) == (0, list(range(N)))


def test_places_name_model_batch_and_row() -> None:
    parts = regime("fresh")(Request(3, 4, 0.25), rng())
    assert places(parts).tolist() == [[0, 2, 0], [0, 2, 1], [0, 2, 2], [0, 0, -1]]
