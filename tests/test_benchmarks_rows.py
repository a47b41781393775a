"""Rows with every field or none, ratios to ours, and what the table says of the absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import CASES, QUICK, Case
from benchmarks.machine import described, version_of
from benchmarks.peers import OURS, PEERS
from benchmarks.rows import FIELDS, RESULTS, append, read, row_of, with_ratios
from benchmarks.table import table

CASE = Case("neighbors", {"n": 1000, "d": 50, "k": 5, "kind": "mixture"})


def row(peer: str, seconds: list[float], **changes: Any) -> dict[str, Any]:
    made = row_of(CASE, peer, {"seconds": seconds, "peak_bytes": 3 << 20}, 0.75, 0.001)
    rest = {"device": "cpu", "gate": "passed", "package": "p 1", "sampled_rows": 9} | described(2)
    return made | rest | changes


def test_a_row_counts_two_n_m_d() -> None:
    made = row("faiss-cpu", [0.1, 0.3, 0.2, 0.4, 0.5])
    assert (made["p20"], made["p50"], made["p80"], made["repeats"]) == (
        pytest.approx(0.18),
        0.3,
        pytest.approx(0.42),
        5,
    )
    assert made["tflops"] == pytest.approx(2 * 1000**2 * 50 / 0.3 / 1e12)
    assert made["share_of_peak"] == pytest.approx(made["tflops"] / 0.001)
    product = row_of(Case("device", {"n": 100}), "product float32", {"seconds": [1.0], "peak_bytes": 0}, None, None)
    assert product["tflops"] == pytest.approx(2e6 / 1e12) and product["share_of_peak"] is None
    copy = {"seconds": [1.0], "peak_bytes": 0, "values": {"bytes": 7.0}}
    assert row_of(Case("device", {"n": 100}), "copy", copy, None, None)["tflops"] is None


def test_rows_have_all_fields_on_file(tmp_path: Path) -> None:
    append([row(OURS, [0.1])], tmp_path / "new")
    append([row("faiss-cpu", [0.2])], tmp_path / "new")
    lines = (tmp_path / "new" / "neighbors.jsonl").read_text().splitlines()
    assert [tuple(json.loads(line)) for line in lines] == [FIELDS, FIELDS]
    assert [found["peer"] for found in read("neighbors", tmp_path / "new")] == [OURS, "faiss-cpu"]


@pytest.mark.parametrize("spoil", [lambda r: r.pop("commit"), lambda r: r.update(extra=1)])
def test_a_row_with_other_fields_is_refused(spoil: Any, tmp_path: Path) -> None:
    spoilt = row(OURS, [0.1])
    spoil(spoilt)
    with pytest.raises(ValueError, match="fields"):
        append([spoilt], tmp_path)
    assert not (tmp_path / "neighbors.jsonl").exists()
    (tmp_path / "neighbors.jsonl").write_text(json.dumps({"case": "neighbors", "p50": 1}) + "\n")
    assert read("neighbors", tmp_path) == [] == read("prdc", tmp_path)


def test_what_was_committed_reads_as_rows() -> None:
    for path in RESULTS.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            json.loads(line)
    for name in {case.task for case in CASES["neighbors"] + CASES["prdc"] + CASES["statistics"] + CASES["device"]}:
        for found in read(name):
            assert 0 < found["p20"] <= found["p50"] <= found["p80"] and found["gate"] == "passed"


def test_ratios_are_to_ours() -> None:
    made = with_ratios([row(OURS, [0.1]), row("faiss-cpu", [0.25])])
    assert [found["ratio"] for found in made] == [1.0, 2.5]
    assert with_ratios([row("faiss-cpu", [0.25])])[0]["ratio"] is None


def test_the_table_names_who_was_not_timed() -> None:
    text = table("title", with_ratios([row(OURS, [0.1]), row("faiss-cpu", [0.25])]), {"KeOps": "not installed: pip"})
    lines = text.splitlines()
    assert lines[0] == "title" and lines[-1] == "not timed: KeOps (not installed: pip)"
    assert "2.50" in lines[3] and "0.7500" in lines[3] and lines[3].startswith("faiss-cpu")


def test_a_row_says_where_it_was_measured() -> None:
    found = described(3)
    assert found["threads"] == 3 and found["cores"] >= 1 and found["versions"]["numpy"]
    assert set(found) <= set(FIELDS) and described()["threads"] == found["cores"]
    assert version_of("no-such-distribution") == "" and version_of("numpy") == found["versions"]["numpy"]


def test_the_goals_are_among_the_cases() -> None:
    every = {str(case) for cases in CASES.values() for case in cases}
    assert len(every) == sum(map(len, CASES.values()))
    for shape in ("d=384 k=32", "d=768 k=32", "d=128 k=15"):
        for kind in ("mixture", "isotropic", "tight"):
            assert f"neighbors n=20000 {shape} kind={kind}" in every
    assert "neighbors n=1000000 d=128 k=15 kind=mixture" in {str(case) for case in CASES["gpu"]}
    assert set(QUICK) == set(CASES)
    assert {case.task for cases in (*CASES.values(), *QUICK.values()) for case in cases} == set(PEERS)
