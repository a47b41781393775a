"""One peer in one process: how often it runs, how much memory it took, what is kept of its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import measure, peers
from benchmarks.data import cloud
from benchmarks.measure import main, measured
from benchmarks.peers import OURS, PEERS, Inputs, MissingError, Peer, find, prepare
from geometry.pairs import executor
from geometry.pairs.cpu.units import available

N, D, K = 120, 6, 4


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    np.save(tmp_path / "points.npy", cloud("mixture", N, D))
    return {
        "task": "neighbors", "peer": "scikit-learn", "parameters": {"n": N, "d": D, "k": K, "kind": "mixture"},
        "device": "cpu", "threads": 1, "repeats": 3, "limit": 60.0, "points": str(tmp_path / "points.npy"),
        "reference": "", "rows": [0, 5],
    }  # fmt: skip


def test_repeats_and_the_sampled_rows(job: dict[str, Any], tmp_path: Path) -> None:
    answer = measured(job, tmp_path / "JOB.json")
    assert answer["status"] == "ok" and len(answer["seconds"]) == 3 and min(answer["seconds"]) > 0
    index = np.load(tmp_path / "RESULT.npy")
    assert index.shape == (2, K + 1) and index[:, 0].tolist() == [0, 5]


def test_a_slow_first_run_is_the_only_one(job: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    calls: list[int] = []
    monkeypatch.setattr(peers, "prepare", lambda *_: lambda: calls.append(1))
    assert len(measured(job | {"limit": -1.0}, tmp_path / "JOB.json")["seconds"]) == len(calls) == 1


def test_seconds_of_some_rows_stand_for_all(job: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    some = Peer("some", "none", "sklearn", "none", rows=N // 4)
    asked: list[int] = []
    monkeypatch.setattr(measure.peers, "find", lambda *_: some)
    monkeypatch.setattr(peers, "prepare", lambda task, peer, inputs: lambda: asked.append(inputs.rows))
    monkeypatch.setattr(measure, "_timed", lambda call, device: (call(), 0.5))
    answer = measured(job | {"rows": []}, tmp_path / "JOB.json")
    assert answer["seconds"] == [2.0] * 3 and asked == [N // 4] * 4


def test_memory_is_what_rose_above_the_data(job: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    loaded = np.ones(40 << 20, np.uint8)

    def take(size: int) -> int:
        monkeypatch.setattr(peers, "prepare", lambda *_: lambda: np.ones(size, np.uint8).sum() and None)
        peak: int = measured(job, tmp_path / "JOB.json")["peak_bytes"]
        return peak

    assert loaded.all()
    assert take(64 << 20) > (60 << 20)
    assert take(1) < (30 << 20)


def test_named_values_and_a_stated_peak_are_kept(job: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    found = {"a": np.float64(2), "b": np.nan, "peak_bytes": 77}
    monkeypatch.setattr(peers, "prepare", lambda *_: lambda: found)
    answer = measured(job | {"rows": []}, tmp_path / "JOB.json")
    assert answer["values"] == {"a": 2.0, "b": None} and answer["peak_bytes"] == 77
    monkeypatch.setattr(peers, "prepare", lambda *_: lambda: 1.5)
    assert measured(job | {"rows": []}, tmp_path / "JOB.json")["values"] == {"value": 1.5}


@pytest.mark.parametrize(
    ("error", "status"),
    [(MissingError("no ess"), "missing"), (ImportError("no x"), "missing"), (KeyError(1), "failed")],
)
def test_what_a_peer_raises_is_the_answer(
    error: Exception, status: str, job: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(measure.peers, "prepare", refuse)
    (tmp_path / "JOB.json").write_text(json.dumps(job))
    main(tmp_path / "JOB.json")
    answer = json.loads((tmp_path / "RESULT.json").read_text())
    assert answer["status"] == status and str(error).strip("'") in answer["reason"]


def test_every_peer_that_is_here_finds_the_same_neighbours() -> None:
    sets = {}
    for peer in PEERS["neighbors"]:
        inputs = Inputs(cloud("mixture", N, D), None, {"n": N, "d": D, "k": K}, "cpu", 1, peer.unit)
        if not peer.missing("cpu") and (not peer.unit or peer.unit in available()):
            found = np.asarray(prepare("neighbors", peer, inputs)())
            sets[peer.name] = [sorted(set(line) - {i})[:K] for i, line in enumerate(found.tolist())]
    assert {OURS, "geometry, blas", "faiss-cpu", "torch mm+topk", "torch cdist", "scikit-learn"} <= set(sets)
    assert all(found == sets[OURS] for found in sets.values())


def test_rows_of_ours_name_the_engine_and_a_unit_that_is_not_there_is_missing(
    job: dict[str, Any], tmp_path: Path
) -> None:
    best, blas = (measured(job | {"peer": name}, tmp_path / "JOB.json")["engine"] for name in (OURS, "geometry, blas"))
    assert best == executor("cpu").name and blas == "cpu-blas"
    assert "engine" not in measured(job, tmp_path / "JOB.json")
    with pytest.raises(MissingError, match="unit 'abacus' is unknown"):
        prepare(
            "neighbors",
            find("neighbors", "geometry, blas"),
            Inputs(cloud("mixture", N, D), None, {}, "cpu", 1, "abacus"),
        )


def test_a_missing_peer_says_how_to_get_it() -> None:
    assert (
        Peer("x", "f", "no_such_module", "no-such-package").missing("cpu")
        == "not installed: pip install no-such-package"
    )
    assert find("neighbors", "cuVS").missing("cpu") == "does not run on cpu"
    assert find("neighbors", OURS).missing("cpu") == ""
    assert not find("statistics", "vendi-score").asked({"statistic": "ess"})
    assert find("statistics", OURS).asked({"statistic": "ess"})


def test_every_peer_has_its_function() -> None:
    for task, table in PEERS.items():
        module = __import__(f"benchmarks.peers.{task}", fromlist=["x"])
        assert all(callable(getattr(module, peer.function)) for peer in table)


def test_ours_by_name_and_all_local_ones() -> None:
    points = cloud("mixture", 150, 5)
    for statistic, name in (("two_nn", "value"), ("local", "mle")):
        inputs = Inputs(points, None, {"statistic": statistic}, "cpu", 1)
        result = prepare("statistics", find("statistics", OURS), inputs)()
        assert float(result[name] if statistic == "local" else result) > 1
    with pytest.raises(MissingError, match="has no nothing yet"):
        prepare("statistics", find("statistics", OURS), Inputs(points, None, {"statistic": "nothing"}, "cpu", 1))
