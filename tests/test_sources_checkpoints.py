"""Checkpoints of every format give the same weights; globs, convolutions, sums and adapters; what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from geometry.errors import GeometryError, InputError, UnsafeFileError
from geometry.sources import inspect, load
from geometry.sources.adapters import factors
from geometry.sources.sums import is_sum, terms, written
from geometry.sources.weights import open_weights


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same model in every format."""
    folder = tmp_path_factory.mktemp("formats")
    return {kind: checkpoints.write(folder / kind, kind, checkpoints.state()) for kind in checkpoints.FORMATS}


@pytest.mark.parametrize("kind", checkpoints.FORMATS)
def test_every_format_gives_the_same_weights(kind: str, made: dict[str, Path]) -> None:
    weights = open_weights(made[kind])
    assert set(weights.infos) == set(checkpoints.KEYS)
    for key, tensor in checkpoints.state().items():
        assert weights.infos[key].shape == tuple(tensor.shape)
        assert np.array_equal(weights.read(key), tensor.numpy())


@pytest.mark.parametrize("kind", checkpoints.FORMATS)
def test_a_glob_takes_each_matrix_as_a_layer(kind: str, made: dict[str, Path]) -> None:
    sets = {one.layer: one for one in load([f"{made[kind]}:*.weight"])}
    assert {layer: one.points.shape for layer, one in sets.items()} == {
        "embed.weight": (20, 6), "conv.weight": (8, 12), "head.weight": (5, 8),
    }  # fmt: skip
    conv = checkpoints.state()["conv.weight"].numpy()
    assert np.array_equal(sets["conv.weight"].points, conv.reshape(8, -1))
    assert any("(8, 3, 2, 2) read as (8, 12)" in note for note in sets["conv.weight"].notes)


def test_one_convolution_by_its_name_is_a_matrix_too(made: dict[str, Path]) -> None:
    (one,) = load([made["pt"]], key="conv.weight")
    assert (one.points.shape, one.layer) == ((8, 12), "")


def test_a_bfloat16_chunked_distributed_checkpoint_is_put_together(tmp_path: Path) -> None:
    table = torch.arange(24.0).reshape(6, 4).to(torch.bfloat16)
    path = checkpoints.write(tmp_path, "dcp", {"w": table})
    assert inspect(path)[0].dtype in {"bfloat16", "float32"}
    assert np.array_equal(open_weights(path).read("w"), table.float().numpy())


def test_generations_of_checkpoints_by_layer(tmp_path: Path) -> None:
    for g in range(3):
        checkpoints.write(tmp_path / f"gen_{g}", "huggingface", checkpoints.state(g))
    for pattern in (f"{tmp_path}/gen_{{generation}}", f"{tmp_path}/gen_{{generation}}/model.safetensors"):
        sets = load([f"{pattern}:[ch]*.weight"])
        assert [(one.generation, one.layer) for one in sets] == [
            (g, layer) for g in range(3) for layer in ("conv.weight", "head.weight")
        ]
        assert np.array_equal(sets[-1].points, checkpoints.state(2)["head.weight"].numpy())
    plain = load([tmp_path], key="head.weight")
    assert [one.generation for one in plain] == [0, 1, 2]


def test_a_glob_that_matches_nothing_says_what_is_like_it(made: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"no array is called like 'hed\.\*'; did you mean 'head.weight'"):
        load([f"{made['pt']}:hed.*"])
    with pytest.raises(InputError, match=r"matches no matrix of real numbers, but 'conv.bias' \(8,\)"):
        load([f"{made['pt']}:*.bias"])


def test_terms_of_a_sum() -> None:
    assert [(t.factor, t.path) for t in terms("A + C - .5*P")] == [(1.0, "A"), (1.0, "C"), (-0.5, "P")]
    assert [(t.factor, t.path) for t in terms("1e-1*a-b/c+d - 2 * x y")] == [(0.1, "a-b/c+d"), (-2.0, "x y")]
    for text in ("A + C - 0.5*P", "0.5*A + 0.5*B", "-1*A + B"):
        assert [(t.factor, t.path) for t in terms(written(terms(text)))] == [(t.factor, t.path) for t in terms(text)]
    assert is_sum("a + b") and not is_sum("a-b+c") and not is_sum("a + ")


def test_a_signed_sum_is_the_sum_of_its_tensors(tmp_path: Path) -> None:
    a, c, p = (checkpoints.write(tmp_path / n, k, checkpoints.state(i)) for i, (n, k) in enumerate(
        (("a", "pt"), ("c", "safetensors"), ("p", "dcp"))))  # fmt: skip
    weights = open_weights(Path(f"{a} + {c} - .5*{p}"))
    states = [checkpoints.state(i) for i in range(3)]
    for key in ("embed.weight", "conv.weight"):
        expected = states[0][key].double() + states[1][key].double() - 0.5 * states[2][key].double()
        assert np.allclose(weights.read(key), expected.numpy(), atol=1e-6)
    assert weights.read("steps").tolist() == [0]  # counters are those of the first term
    (head,) = load([f"{a} + {c} - .5*{p}:head.weight"])
    assert head.points.shape == (5, 8)


def test_a_sum_over_generations_takes_those_that_all_terms_have(tmp_path: Path) -> None:
    for g in (0, 1, 3):
        checkpoints.write(tmp_path / "a" / f"gen_{g}", "safetensors", checkpoints.state(g))
    first = tmp_path / "a" / "gen_0" / "model.safetensors"
    sets = load([f"{tmp_path}/a/gen_{{generation}}/model.safetensors - {first}:embed.weight"])
    assert [one.generation for one in sets] == [0, 1, 3]
    assert not sets[0].points.any()
    expected = checkpoints.state(3)["embed.weight"] - checkpoints.state(0)["embed.weight"]
    assert np.allclose(sets[2].points, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("config", "scale"), [({}, 1.0), ({"lora_alpha": 6}, 3.0), ({"lora_alpha": 4, "use_rslora": True}, 4 / np.sqrt(2))]
)
def test_an_adapter_is_the_updates_that_it_stands_for(tmp_path: Path, config: dict[str, object], scale: float) -> None:
    updates = checkpoints.write_adapter(tmp_path / "lora", **config)
    weights = open_weights(tmp_path / "lora")
    assert set(weights.infos) == set(updates)
    assert weights.ranks == {"head.weight": 2, "conv.weight": 2}
    for key, update in updates.items():
        assert np.allclose(weights.read(key), scale * update, atol=1e-5)
        made = factors(weights.path, key).singular_values()
        dense = np.linalg.svd(scale * update.reshape(len(update), -1), compute_uv=False)
        assert np.allclose(made, dense[:2], rtol=1e-6)


@pytest.mark.parametrize(
    ("pattern", "scale"), [("head|conv", 3.0), ("conv|head", 3.0), ("^head", 3.0), ("blocks.head", 1.0), ("ead", 1.0)]
)
def test_a_pattern_sets_the_scale_of_the_keys_that_it_matches(tmp_path: Path, pattern: str, scale: float) -> None:
    updates = checkpoints.write_adapter(tmp_path, alpha_pattern={pattern: 6}, lora_alpha=2)
    assert np.allclose(open_weights(tmp_path).read("head.weight"), scale * updates["head.weight"], atol=1e-5)


def test_what_in_an_adapter_is_no_update_of_one_is_said(tmp_path: Path) -> None:
    base = checkpoints.write(tmp_path / "base", "safetensors", checkpoints.state())
    checkpoints.write_adapter(tmp_path / "lora")
    path = tmp_path / "lora" / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"base_model.model.score.weight": torch.ones(2, 8)}, path)
    with pytest.raises(InputError, match="modules_to_save"):
        open_weights(Path(f"{base} + {tmp_path / 'lora'}"))
    save_file(tensors | {"base_model.model.head.lora_B.bias": torch.ones(5)}, path)
    assert "head.weight" in open_weights(tmp_path / "lora").infos
    head = "base_model.model.head.lora_"
    halves = {f"{head}{half}.two.weight": tensors[f"{head}{half}.weight"].clone() for half in "AB"}
    save_file(tensors | halves, path)
    with pytest.raises(InputError, match="several adapters"):
        open_weights(tmp_path / "lora")


def test_a_base_and_its_adapter_add_up(tmp_path: Path) -> None:
    base = checkpoints.write(tmp_path / "base", "safetensors", checkpoints.state())
    updates = checkpoints.write_adapter(tmp_path / "lora")
    summed = open_weights(Path(f"{base} - .5*{tmp_path / 'lora'}"))
    states = checkpoints.state()
    for key in ("embed.weight", "head.weight", "conv.weight"):
        expected = states[key].numpy() - 0.5 * updates.get(key, np.zeros(1))
        assert np.allclose(summed.read(key), expected, atol=1e-5)
    alone = open_weights(Path(f"{tmp_path / 'lora'} + {tmp_path / 'lora'}"))
    assert np.allclose(alone.read("head.weight"), 2 * updates["head.weight"], atol=1e-5)


def test_fan_in_fan_out_and_tables_are_turned(tmp_path: Path) -> None:
    a, b = torch.randn(2, 7), torch.randn(3, 2)
    for name, config in (("lora_", {"fan_in_fan_out": True}), ("lora_embedding_", {})):
        folder = tmp_path / name
        folder.mkdir()
        end = ".weight" if name == "lora_" else ""
        save_file({f"base_model.model.t.{name}A{end}": a, f"base_model.model.t.{name}B{end}": b},
                  folder / "adapter_model.safetensors")  # fmt: skip
        (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": 2, **config}))
        assert np.allclose(open_weights(folder).read("t.weight"), (b @ a).T.numpy(), atol=1e-6)


def broken(folder: Path, case: str) -> str:
    """A path that cannot be read for one reason."""
    good = checkpoints.write(folder / "good", "safetensors", checkpoints.state())
    lora = folder / "lora"
    if case == "pickle":
        torch.save({"w": checkpoints.Touches(folder / "touched")}, folder / "evil.ckpt")
        return f"{folder / 'evil.ckpt'}:*"
    if case == "metadata":
        (folder / "dcp").mkdir()
        (folder / "dcp" / ".metadata").write_bytes(pickle.dumps(checkpoints.Touches(folder / "touched")))
        return f"{folder / 'dcp'}:*"
    if case == "oversized header":
        good.write_bytes((10**9).to_bytes(8, "little") + good.read_bytes()[8:])
    elif case == "truncated":
        good.write_bytes(good.read_bytes()[:-100])
    elif case == "missing shard":
        index = checkpoints.write(folder / "shards", "sharded", checkpoints.state())
        (index.parent / "model-2.safetensors").unlink()
        return f"{index}:*.weight"
    elif case == "missing distributed shard":
        place = checkpoints.write(folder, "dcp", checkpoints.state())
        next(place.glob("*.distcp")).unlink()
        return f"{place}:*.weight"
    elif case == "shapes disagree":
        other = checkpoints.state() | {"head.weight": torch.ones(5, 9)}
        return f"{good} + {checkpoints.write(folder / 'other', 'safetensors', other)}:*.weight"
    elif case == "keys disagree":
        other = {key: tensor for key, tensor in checkpoints.state().items() if key != "embed.weight"}
        return f"{good} + {checkpoints.write(folder / 'other', 'pt', other)}:*.weight"
    elif case.startswith("adapter"):
        checkpoints.write_adapter(lora)
        if case == "adapter without a card":
            (lora / "adapter_config.json").rename(folder / "elsewhere.json")
            return f"{lora / 'adapter_model.safetensors'}:*"
        if case == "adapter with one half":
            save_file({"base_model.model.head.lora_A.weight": torch.ones(2, 8)}, lora / "adapter_model.safetensors")
        if case == "adapter of another model":
            save_file({f"x.head.lora_{h}.weight": torch.ones(2, 2) for h in "AB"}, lora / "adapter_model.safetensors")
            return f"{good} + {lora}:*.weight"
        if case == "adapter that is DoRA":
            save_file({"x.head.lora_magnitude_vector": torch.ones(2)}, lora / "adapter_model.safetensors")
        return f"{lora}:*"
    return f"{good}:*.weight"


@pytest.mark.parametrize(
    ("case", "error", "said"),
    [
        ("pickle", UnsafeFileError, "would run code"),
        ("metadata", UnsafeFileError, "would run code"),
        ("oversized header", InputError, "truncated or no safetensors file"),
        ("truncated", InputError, "is truncated"),
        ("missing shard", InputError, "needs the shard model-2.safetensors"),
        ("missing distributed shard", InputError, r"needs the shard __0_0.distcp"),
        ("shapes disagree", InputError, r"'head.weight' is \(5, 8\) in .* and \(5, 9\)"),
        ("keys disagree", InputError, "has 'embed.weight', .* has not"),
        ("adapter without a card", InputError, "needs adapter_config.json beside it"),
        ("adapter with one half", InputError, "has no other half"),
        ("adapter of another model", InputError, "has 'x.head.weight', .* has not"),
        ("adapter that is DoRA", InputError, "merge it"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_nothing_runs(
    tmp_path: Path, case: str, error: type[GeometryError], said: str
) -> None:
    with pytest.raises(error, match=said):
        load([broken(tmp_path, case)])
    assert not (tmp_path / "touched").exists()


def test_a_distributed_shard_outside_the_folder_is_refused(tmp_path: Path) -> None:
    place = checkpoints.write(tmp_path, "dcp", {"w": torch.ones(4, 4)})
    raw = (place / ".metadata").read_bytes()
    (place / ".metadata").write_bytes(raw.replace(b"__0_0.distcp", b"../__0.distc"))
    with pytest.raises(UnsafeFileError, match="outside its own folder"):
        open_weights(place).read("w")


def test_sums_of_generations_that_never_meet_are_refused(tmp_path: Path) -> None:
    for name, g in (("a", 1), ("b", 2)):
        checkpoints.write(tmp_path / name / f"gen_{g}", "safetensors", checkpoints.state())
    with pytest.raises(InputError, match="no generation in common"):
        load([f"{tmp_path}/a/gen_{{generation}} + {tmp_path}/b/gen_{{generation}}:*.weight"])
