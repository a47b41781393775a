"""Sets that stay in their files, from Python: compute, neighbors and project take them as they take arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geometry
from geometry.catalog import statistics
from geometry.errors import InputError, UsageError
from geometry.pairs import streamed
from geometry.pairs.stored import Stored
from geometry.types import Array, EmbeddingSet, Estimate

N, D, SAMPLE = 900, 5, 250


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stored")
    rng = np.random.default_rng(0)
    for g in range(2):
        np.savez(
            place / f"gen_{g}.npz", embeddings=rng.standard_normal((N, D)), labels=np.arange(N) % 5, ids=np.arange(N)
        )
    return place


@pytest.fixture
def sets(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EmbeddingSet]:
    monkeypatch.setattr("geometry.projection.views.SAMPLED", SAMPLE)
    monkeypatch.setattr("geometry.catalog.SAMPLED", SAMPLE)
    found = geometry.load(path, stream=1000)
    assert all(isinstance(one.points, Stored) for one in found)
    return found


def whole(one: EmbeddingSet) -> Array:
    return np.asarray(one.points)


def each(found: Any) -> Iterator[Estimate]:
    yield from found.values() if isinstance(found, dict) else [found]


def test_compute_says_what_it_looked_at(sets: list[EmbeddingSet]) -> None:
    erank, mle, angle = (geometry.compute(name, sets[0]) for name in ("participation_ratio", "mle", "angle_dimension"))
    assert isinstance(erank, Estimate)
    assert isinstance(mle, Estimate)
    assert isinstance(angle, Estimate)
    known = geometry.compute("participation_ratio", whole(sets[0]))
    assert float(erank) == pytest.approx(float(known), rel=1e-12)  # type: ignore[arg-type]
    assert erank.exact
    assert mle.n <= SAMPLE
    assert mle.method.endswith(f"{SAMPLE} rows among {N} rows")
    assert angle.method.endswith(f"{SAMPLE} of {N} rows")
    assert not mle.exact


def test_compute_takes_labels_and_more_neighbours(sets: list[EmbeddingSet]) -> None:
    ours = geometry.compute("mode_coverage", sets[1], sets[0])
    assert isinstance(ours, dict)
    assert ours["lost"].n == N
    assert len([key for key in ours if key not in ("lost", "kept")]) == 5
    wide = geometry.compute("mle", sets[0], k=50)
    assert isinstance(wide, Estimate)
    assert wide.k == 50
    assert abs(float(wide) - float(geometry.compute("mle", whole(sets[0]), k=50))) < 4 * (wide.stderr or 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["abid", "prdc", "tail_survival", "novelty", "frechet", "hubness", "vendi", "cka"])
def test_every_kind_of_statistic_takes_them(sets: list[EmbeddingSet], name: str) -> None:
    two = next(one for one in statistics() if one.name == name).needs_reference
    given: dict[str, Any] = (
        dict(zip(("ids", "reference_ids"), (one.ids for one in sets), strict=True)) if name == "cka" else {}
    )
    found = geometry.compute(name, sets[1], sets[0] if two else None, **given)
    assert all(one.status == "ok" for one in each(found))


def test_neighbors_are_those_of_the_array(sets: list[EmbeddingSet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed.all_neighbors, "__defaults__", (2048,))
    points, queries = whole(sets[0]), whole(sets[1])[:40]
    ways: tuple[dict[str, Any], ...] = {}, {"queries": queries}
    for asked in ways:
        found, known = (geometry.neighbors(one, 7, **asked) for one in (sets[0], points))
        for name in ("dist", "index", "certified", "sq_dist"):
            assert getattr(found, name).tobytes() == getattr(known, name).tobytes()
    assert geometry.neighbors(points, 3, queries=sets[1].points[:4]).k == 3
    with pytest.raises(InputError, match="900 rows allow 1 to 899"):
        geometry.neighbors(sets[0], 900)
    with pytest.raises(UsageError, match="exactly"):
        geometry.neighbors(sets[0], 3, method="approximate")


def test_project_draws_sampled_rows_by_their_numbers(sets: list[EmbeddingSet]) -> None:
    found = geometry.project(sets)
    assert [len(rows) for rows in found.rows] == [SAMPLE, SAMPLE]
    assert found.rows[0].max() > SAMPLE
    np.testing.assert_allclose(
        np.linalg.norm(found.coordinates[0], axis=1),
        np.linalg.norm(whole(sets[0])[found.rows[0]] - whole(sets[0])[found.rows[0]].mean(axis=0), axis=1),
        rtol=1e-6,
    )
    wanted = [np.array([850, 3, 4]), np.array([5])]
    some = geometry.project(sets, rows=wanted)
    assert [rows.tolist() for rows in some.rows] == [[850, 3, 4], [5]]
    assert some.coordinates[0].shape == (3, 3)
    with pytest.raises(InputError, match="there is no row 900"):
        geometry.project(sets, rows=[np.array([900]), np.array([5])])
    turned = geometry.project(sets, align="ids")
    assert turned.quality["alignment_residual"][0] == 0


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", ">f4", "int8", "Fortran"])
def test_every_dtype_and_order_gives_what_memory_gives(kind: str, tmp_path: Path) -> None:
    """Analysed in its file with every row sampled, a set gives the neighbours and moments of the array in memory."""
    rows = np.random.default_rng(1).standard_normal((300, 4)) * 40
    if kind == "bfloat16":
        torch = pytest.importorskip("torch")
        pytest.importorskip("safetensors.torch").save_file(
            {"emb": torch.tensor(rows, dtype=torch.bfloat16)}, tmp_path / "x.safetensors"
        )
    elif kind == "Fortran":
        np.save(tmp_path / "x.npy", np.asfortranarray(rows.astype(np.float32)))
    else:
        np.save(tmp_path / "x.npy", rows.astype(kind))
    (path,) = tmp_path.iterdir()
    (held,) = geometry.load(path, stream=100)
    (known,) = geometry.load(path)
    assert isinstance(held.points, Stored)
    assert held.points.dtype == known.points.dtype
    assert held.digest == known.digest
    made = streamed.sampled(held, geometry.pairs.executor("cpu"), streamed.Asked(9, 60, 300), 512)
    assert made.whole is not None
    for name, face in (("mle", made.whole.neighbors), ("participation_ratio", made.whole.moments)):
        one, other = geometry.compute(name, face), geometry.compute(name, known)
        assert isinstance(one, Estimate)
        assert isinstance(other, Estimate)
        assert float(one) == pytest.approx(float(other), rel=1e-12)
