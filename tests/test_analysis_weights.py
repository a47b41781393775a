"""Spectra of weights, of changes and of adapters; an average beside its parents; `geometry inspect --spectra`."""

from __future__ import annotations

import json
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch

from geometry.analysis.weights import weight_spectra
from geometry.cli import main
from geometry.errors import InputError
from geometry.sources import dcp_files, safetensors_files, torch_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, the base after an update of rank 1 to its head, another model, and an adapter of rank 2."""
    place = tmp_path_factory.mktemp("weights")
    base = checkpoints.state()
    tuned = dict(base) | {"head.weight": base["head.weight"] + 0.3 * torch.outer(torch.ones(5), torch.arange(8.0))}
    for name, tensors in (("base", base), ("tuned", tuned), ("other", checkpoints.state(1))):
        checkpoints.write(place / name, "safetensors", tensors)
    checkpoints.write_adapter(place / "lora")
    return place


def at(folder: Path, name: str) -> str:
    return str(folder / name / "model.safetensors")


def test_every_matrix_has_the_spectrum_of_its_own(folder: Path) -> None:
    found = {one.key: one for one in weight_spectra(at(folder, "base"))}
    assert {key: (one.rows, one.columns) for key, one in found.items()} == {
        "embed.weight": (20, 6), "conv.weight": (8, 12), "head.weight": (5, 8),
    }  # fmt: skip
    conv = checkpoints.state()["conv.weight"].numpy().reshape(8, -1)
    assert found["conv.weight"].spectrum.norm == pytest.approx(np.linalg.norm(conv), rel=1e-6)
    assert found["conv.weight"].spectrum.largest == pytest.approx(np.linalg.norm(conv, 2), rel=1e-6)


def test_the_rank_of_an_update_is_found_in_the_difference(folder: Path) -> None:
    (head,) = weight_spectra(at(folder, "tuned"), "head.*", [at(folder, "base")])
    change = head.changes[0]
    assert change.spectrum.rank == 1
    assert change.spectrum.effective_rank == pytest.approx(1)
    moved = 0.3 * np.sqrt(5) * np.linalg.norm(np.arange(8))
    assert change.relative == pytest.approx(moved / float(checkpoints.state()["head.weight"].norm()), rel=1e-4)
    (embed,) = weight_spectra(at(folder, "tuned"), "embed*", [at(folder, "base")])
    assert embed.changes[0].spectrum.rank == 0
    assert embed.changes[0].relative == 0
    assert embed.changes[0].rank_ratio == pytest.approx(1)


def test_an_average_is_seen_beside_each_parent(folder: Path) -> None:
    parents = [at(folder, "base"), at(folder, "other")]
    (head,) = weight_spectra(f".5*{parents[0]} + .5*{parents[1]}", "head.weight", parents)
    half = (checkpoints.state(1)["head.weight"] - checkpoints.state()["head.weight"]).norm() / 2
    assert [one.spectrum.norm for one in head.changes] == pytest.approx([float(half)] * 2, rel=1e-5)
    assert [one.parent for one in head.changes] == parents
    assert all(one.rank_ratio and 0.5 < one.rank_ratio < 2 for one in head.changes)


def test_an_adapter_has_its_own_rank_and_adds_it_to_a_base(folder: Path) -> None:
    alone = {one.key: one.spectrum for one in weight_spectra(folder / "lora")}
    assert {key: one.rank for key, one in alone.items()} == {"head.weight": 2, "conv.weight": 2}
    (head,) = weight_spectra(f"{at(folder, 'base')} + {folder / 'lora'}", "head.weight", [at(folder, "base")])
    assert head.changes[0].spectrum.rank == 2
    assert head.changes[0].spectrum.effective_rank == pytest.approx(alone["head.weight"].effective_rank, rel=1e-3)


def test_one_adapter_beside_another_and_never_beside_a_model(folder: Path, tmp_path: Path) -> None:
    """The second is the first with its alpha doubled, so the change is the first itself, negated."""
    checkpoints.write_adapter(tmp_path / "half", lora_alpha=1)
    checkpoints.write_adapter(tmp_path / "whole", lora_alpha=2)
    found = weight_spectra(tmp_path / "half", "*", [tmp_path / "whole"])
    assert [one.changes[0].relative for one in found] == pytest.approx([0.5, 0.5], rel=1e-5)
    assert [one.changes[0].spectrum.rank for one in found] == [2, 2]
    with pytest.raises(InputError, match="itself a change"):
        weight_spectra(folder / "lora", "*", [at(folder, "base")])


def test_a_key_or_a_head_takes_its_part_of_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    base = checkpoints.state()
    path = tmp_path / "run.pt"
    torch.save({"model": base, "ema": {key: 2 * value for key, value in base.items()}}, path)
    assert [one.key for one in weight_spectra(f"{path}:model.head.weight")] == ["model.head.weight"]
    (head,) = weight_spectra(f"{path}:ema", "head.*", [f"{path}:model", at(folder, "base")])
    assert [one.relative for one in head.changes] == pytest.approx([1.0, 1.0])


def test_a_head_that_the_parent_alone_has_is_no_difference(folder: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {f"net.{key}": value for key, value in checkpoints.state().items()}}, tmp_path / "l.ckpt")
    (head,) = weight_spectra(at(folder, "tuned"), "head.*", [tmp_path / "l.ckpt"])
    assert head.changes[0].spectrum.rank == 1


@pytest.mark.parametrize("kind", ["pt", "dcp", "sharded"])
def test_what_tells_where_tensors_lie_is_read_once(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoints.write(tmp_path, kind, {f"{i}.weight": torch.ones(2, 2) for i in range(30)})
    calls = []
    for module, name in ((torch_files, "_load"), (dcp_files, "_metadata"), (safetensors_files, "_header")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, real=real: (calls.append(given), real(*given))[1])
    assert len(weight_spectra(path)) == 30
    assert len(calls) <= 4


def test_matrices_without_a_spectrum_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = torch.eye(3)
    torch.save({"w": real, "q": real.to(torch.int8), "f": real.to(torch.float8_e4m3fn), "s": real.to_sparse(),
                "bias": torch.ones(3, dtype=torch.int8)}, tmp_path / "m.pt")  # fmt: skip
    assert main(["inspect", str(tmp_path / "m.pt"), "--spectra"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["matrix", "w"]
    assert "3 arrays" in err and "'q' (3, 3) int8" in err
    assert main(["inspect", str(tmp_path / "m.pt"), "--spectra", "w"]) == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_compared_is_named(folder: Path, tmp_path: Path) -> None:
    wide = checkpoints.write(tmp_path / "a", "pt", checkpoints.state() | {"head.weight": torch.ones(5, 9)})
    with pytest.raises(InputError, match=r"shapes disagree: 'head.weight' is \(5, 8\)"):
        weight_spectra(at(folder, "base"), "head.*", [wide])
    bare = checkpoints.write(tmp_path / "b", "pt", {"x.weight": torch.ones(3, 3)})
    with pytest.raises(InputError, match=r"has no 'head\.weight'"):
        weight_spectra(at(folder, "base"), "head.*", [bare])
    spoilt = checkpoints.write(tmp_path / "c", "pt", {"x.weight": torch.full((3, 3), torch.nan)})
    with pytest.raises(InputError, match="training has diverged"):
        weight_spectra(spoilt)


def test_inspect_shows_spectra_as_a_table_and_as_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", at(folder, "tuned"), "--against", at(folder, "base"), "--spectra", "head.*"]
    assert main(words) == 0
    heading, matrix, change = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["matrix", "rows", "x"]
    assert matrix.startswith("head.weight") and "5 x 8" in matrix
    assert change.startswith(f"  change from {at(folder, 'base')}") and "%" in change
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["key"] for one in document["matrices"]] == ["head.weight"]
    assert document["matrices"][0]["changes"][0]["rank"] == 1
    assert main(["inspect", at(folder, "tuned"), "--spectra"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_inspect_lists_sums_adapters_and_folders_of_models(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", f"{at(folder, 'base')} - {at(folder, 'other')}"]) == 0
    assert "(sum)" in capsys.readouterr().out
    assert main(["inspect", str(folder / "lora")]) == 0
    out = capsys.readouterr().out
    assert "(adapter)" in out and "head.weight  5 x 8" in out


def test_the_power_law_of_weights_is_seen_layer_by_layer_along_the_generations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    centred = torch.linalg.qr(torch.randn(120, 30, generator=torch.Generator().manual_seed(0)).double())[0]
    flat = torch.linalg.qr(centred - centred.mean(0))[0]  # orthonormal columns of mean 0: eigenvalues are those given
    order = torch.arange(1, 31, dtype=torch.float64)
    for g, exponent in enumerate((0.8, 1.6)):
        layers = {"first.weight": exponent, "second.weight": 2.0}
        state = {key: (flat * order ** (-a / 2)).contiguous() for key, a in layers.items()} | {
            "first.bias": torch.ones(120)
        }
        checkpoints.write(tmp_path / f"gen_{g}", "safetensors", state)
    pattern = f"{tmp_path}/gen_{{generation}}/model.safetensors:*.weight"
    assert main(["analyze", pattern, "--by", "layer", "--statistics", "alpha_req", "-q", "-j"]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out)["results"] if row["variant"] == "alpha"]
    found = {(row["layer"], row["generation"]): row["value"] for row in rows}
    told = {("first.weight", 0): 0.8, ("first.weight", 1): 1.6, ("second.weight", 0): 2.0, ("second.weight", 1): 2.0}
    assert found == pytest.approx(told, rel=1e-5)
