"""The verdict of made sequences: states, changes that stand, onsets, narrowness, collapse to a point, one sentence."""

from __future__ import annotations

from functools import cache
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.judge import elsewhere, look, narrowness, verdicts
from geometry.analysis.plan import plan
from geometry.types import EmbeddingSet

N = 500
Verdict = dict[str, Any]


def verdict_of(sets: list[Any], **options: Any) -> Verdict:
    return verdicts([look(plan(sets, Options(**options)))])[0]


@cache
def losing() -> Verdict:
    """Ten labelled clusters; one more is lost in each generation; the last is a Gaussian of the first's moments."""
    points, labels = clouds.clusters(12 * N, 16, 1, count=10), clouds.cluster_labels(12 * N, 10)
    parts = np.array_split(np.random.default_rng(2).permutation(12 * N), 5)
    sets = []
    for generation, part in enumerate(parts):
        kept = part[labels[part] >= generation][:N]
        sets.append(EmbeddingSet(points[kept], generation=generation, labels=labels[kept]))
    first = sets[0].points
    blob = np.random.default_rng(3).multivariate_normal(first.mean(axis=0), np.cov(first.T), N)
    return verdict_of([*sets, EmbeddingSet(blob, generation=5, labels=sets[0].labels)])


def test_clusters_lost_one_by_one_are_modes_lost_from_the_first() -> None:
    verdict = losing()
    entries = verdict["generations"]
    assert [entry["state"] for entry in entries[:5]] == ["rich"] * 5
    assert entries[5]["state"] in {"sphere-like", "low-dimensional"}
    assert ["modes" in entry["changes"] for entry in entries] == [False, True, True, True, True, False]
    lost = [entry["evidence"]["changes"]["modes"]["names"] for entry in entries[1:5]]
    assert lost == [["0"], ["0", "1"], ["0", "1", "2"], ["0", "1", "2", "3"]]


def test_structure_gone_in_the_last_generation_is_provisional() -> None:
    verdict = losing()
    assert [("structure" in entry["changes"]) for entry in verdict["generations"]] == [False] * 5 + [True]
    found = verdict["onsets"]["structure"]
    assert (found["generation"], found["provisional"]) == (5, True)
    assert "modes" not in verdict["onsets"]  # the Gaussian carries all labels again
    assert "structure since generation 5" in verdict["summary"]
    assert "seen in the last generation only" in verdict["summary"]


def test_an_onset_that_holds_is_not_provisional() -> None:
    first, second, third, fourth = clouds.draws_of(clouds.gaussian, 4, N, 16)
    verdict = verdict_of([first, second, third / 2, fourth / 2])
    assert verdict["onsets"]["variance"] == {"generation": 2, "low": 2, "high": 2, "provisional": False}
    assert verdict["summary"].startswith("The generations are sphere-like; changed against the reference: ")
    assert "variance since generation 2" in verdict["summary"]


def test_a_change_that_is_gone_at_the_end_has_no_onset() -> None:
    first, second, third = clouds.draws_of(clouds.gaussian, 3, N, 16)
    verdict = verdict_of([first, second / 2, third])
    assert "variance" in verdict["generations"][1]["changes"]
    assert verdict["onsets"] == {}
    assert "no change against the reference holds to the end" in verdict["summary"]


def test_the_reference_may_stand_anywhere() -> None:
    first, second = clouds.draws_of(clouds.gaussian, 2, N, 16)
    verdict = verdict_of([first / 2, second], reference=1)
    assert "variance" in verdict["generations"][0]["changes"]
    assert verdict["generations"][1]["changes"] == []
    assert verdict["generations"][0]["evidence"]["changes"]["variance"]["effect"] == pytest.approx(0.25, abs=0.03)


def test_one_set_has_a_state_and_no_changes() -> None:
    verdict = verdict_of([clouds.clusters(300, 16)])
    assert verdict["summary"] == "The set is rich."
    assert verdict["generations"][0]["changes"] == []
    assert verdict["onsets"] == {}


@pytest.mark.parametrize("point", [np.full((300, 16), 0.5), np.full((300, 16), 0.5) + 1e-9 * clouds.gaussian(300, 16)])
def test_a_point_after_a_rich_generation_is_reported(point: clouds.Cloud) -> None:
    verdict = verdict_of([clouds.clusters(300, 16), point])
    assert [entry["state"] for entry in verdict["generations"]] == ["rich", "point-like"]
    assert "variance" in verdict["onsets"]
    assert verdict["generations"][1]["evidence"]["changes"]["variance"]["effect"] < 1e-9
    assert "rich, then point-like" in verdict["summary"]


def test_a_point_for_a_reference_is_no_error() -> None:
    verdict = verdict_of([np.ones((200, 4)), clouds.gaussian(200, 4)])
    assert [entry["state"] for entry in verdict["generations"]] == ["point-like", "low-dimensional"]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_generation_of_two_rows_is_undetermined_and_the_others_are_judged(rows: int) -> None:
    first, second = clouds.draws_of(clouds.clusters, 2, 300, 16)
    verdict = verdict_of([first, first[:rows], second])
    assert [entry["state"] for entry in verdict["generations"]] == ["rich", "undetermined", "rich"]
    assert verdict["generations"][1]["reason"] == "few-rows"
    assert verdict["generations"][1]["evidence"]["changes"] == {}


def test_few_modes_are_rich_and_narrow() -> None:
    points, labels = clouds.clusters(3000, 16, 1), clouds.cluster_labels(3000)
    sets = [EmbeddingSet(points[:400], labels=labels[:400], generation=0)]
    sets += [
        EmbeddingSet(
            points[400:][labels[400:] < kept][:400], labels=labels[400:][labels[400:] < kept][:400], generation=g
        )
        for g, kept in ((1, 12), (2, 4))
    ]
    verdict = verdict_of(sets)
    assert [entry["state"] for entry in verdict["generations"]] == ["rich"] * 3
    assert ["narrow" in entry["flags"] for entry in verdict["generations"]] == [False, False, True]
    narrow = verdict["generations"][2]["evidence"]["flags"]["narrow"]
    assert (narrow["modes_lost"], narrow["modes"]) == (8, 12)
    assert narrow["recall"] < 0.5 * narrow["recall_null"]
    assert narrow["coverage"] < 0.5 * narrow["coverage_null"]


def test_recall_and_coverage_are_near_their_nulls_for_one_law() -> None:
    first, second = clouds.draws_of(clouds.gaussian, 2, N, 8)
    found = narrowness(plan([first, second], Options()), 1, [])
    assert found["recall"] == pytest.approx(found["recall_null"], abs=0.1)
    assert found["coverage"] == pytest.approx(found["coverage_null"], abs=0.05)
    assert found["rank_ratio"] == pytest.approx(1, abs=0.05)
    assert not found["narrow"]


def test_the_null_of_recall_is_that_of_half_the_reference_by_the_other_half() -> None:
    points = clouds.gaussian(101, 8)
    found = narrowness(plan([points, points], Options(seed=3)), 1, [])
    order = np.random.default_rng(3).permutation(101)
    base, queries = points[order[:50]], points[order[50:]]
    radii = np.sort(np.linalg.norm(base[:, None] - base, axis=2), axis=1)[:, 5]
    inside = (np.linalg.norm(queries[:, None] - base, axis=2) <= radii).any(axis=1)
    assert found["recall_null"] == pytest.approx(inside.mean()) and inside.mean() < 0.95
    assert narrowness(plan([points[:11], points[:11]], Options()), 1, [])["recall_null"] is None


def test_every_change_has_its_evidence() -> None:
    for entry in losing()["generations"][1:]:
        made = entry["evidence"]["changes"]
        assert set(entry["changes"]) == {name for name, one in made.items() if one["detected"]}
        for one in made.values():
            assert one["low"] <= one["effect"] <= one["high"]
            assert one["detected"] <= one["beyond"]
            assert 0 <= one["p"] <= 1
            assert len(one["threshold"]) == 2


def test_a_set_that_is_only_turned_or_moved_is_said_to_be() -> None:
    one, other = clouds.draws_of(clouds.clusters, 2, N, 16)
    names = ["still", "turned", "moved", "smaller"]
    points = [other, other @ clouds.rotation(16, 3), other + 9, 0.3 * other]
    sets = [EmbeddingSet(x, g, name) for g, (name, x) in enumerate(zip(["first", *names], [one, *points], strict=True))]
    seen = look(plan(sets, Options()))
    notes = elsewhere(seen, aligned=False)
    assert [note.split(":")[0] for note in notes] == ["turned", "moved"]
    assert all("--align" in note for note in notes)
    assert not any("--align" in note for note in elsewhere(seen, aligned=True))
