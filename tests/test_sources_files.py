"""Loading: order, numbering, patterns, keys, companions, what is refused. Every set has known values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from geometry.errors import InputError, UsageError
from geometry.sources import load
from geometry.types import Array


def marked(value: float, n: int = 4, d: int = 3, dtype: str = "float32") -> Array:
    """Distinct rows whose first coordinate tells where they came from."""
    points = np.arange(n * d, dtype=dtype).reshape(n, d)
    points[:, 0] = value
    return points


def marks(sets: list) -> list[float]:  # type: ignore[type-arg]
    return [float(found.points[0, 0]) for found in sets]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Generations 0, 2 and 10, one folder each, marked by their number."""
    for number in (10, 2, 0):
        folder = tmp_path / "run" / f"gen_{number}"
        folder.mkdir(parents=True)
        np.save(folder / "emb.npy", marked(number))
    return tmp_path / "run"


def test_a_folder_of_folders_comes_in_natural_order_and_is_numbered_from_zero(run: Path) -> None:
    sets = load(run)
    assert marks(sets) == [0, 2, 10]
    assert [found.generation for found in sets] == [0, 1, 2]
    assert [found.name for found in sets] == ["gen_0", "gen_2", "gen_10"]


def test_a_folder_of_files_comes_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        np.save(tmp_path / f"gen_{number}.npy", marked(number))
    sets = load(str(tmp_path))
    assert marks(sets) == [1, 2, 10]
    assert [found.name for found in sets] == ["gen_1", "gen_2", "gen_10"]


def test_the_generation_in_a_pattern_is_the_generation(run: Path) -> None:
    sets = load(f"{run}/gen_{{generation}}/emb.npy")
    assert [found.generation for found in sets] == [0, 2, 10]
    assert marks(sets) == [0, 2, 10]


def test_a_pattern_may_be_given_beside_the_folder_or_stop_at_a_folder(run: Path) -> None:
    assert [f.generation for f in load(run, pattern="gen_{generation}/emb.npy")] == [0, 2, 10]
    assert [f.generation for f in load(f"{run}/gen_{{generation}}")] == [0, 2, 10]


def test_a_shell_pattern_comes_in_natural_order(run: Path) -> None:
    assert marks(load(f"{run}/gen_*/*.npy")) == [0, 2, 10]
    assert marks(load(f"{run}/**/emb.npy")) == [0, 2, 10]
    assert marks(load(f"{run}/gen_[02]/emb.npy")) == [0, 2]


def test_several_paths_keep_the_order_they_are_given_in(run: Path) -> None:
    sets = load([run / "gen_10", run / "gen_2" / "emb.npy"])
    assert marks(sets) == [10, 2]
    assert [found.generation for found in sets] == [0, 1]


def test_layers_in_a_pattern_are_kept_apart(tmp_path: Path) -> None:
    for number in (0, 1):
        for layer, d in (("a", 3), ("b", 5)):
            folder = tmp_path / f"gen_{number}"
            folder.mkdir(exist_ok=True)
            np.save(folder / f"{layer}.npy", marked(number, d=d))
    sets = load(f"{tmp_path}/gen_{{generation}}/{{layer}}.npy")
    assert [(f.generation, f.layer, f.points.shape[1]) for f in sets] == [
        (0, "a", 3),
        (0, "b", 5),
        (1, "a", 3),
        (1, "b", 5),
    ]
    assert [f.name for f in sets] == ["gen_0", "gen_0", "gen_1", "gen_1"]


def test_a_pattern_that_matches_nothing_says_what_is_there(run: Path) -> None:
    with pytest.raises(InputError, match=r"gen_0 holds emb\.npy; did you mean 'emb\.npy'"):
        load(f"{run}/gen_{{generation}}/embs.npy")
    with pytest.raises(InputError, match="holds gen_0, gen_2, gen_10"):
        load(f"{run}/step_*/emb.npy")


def test_a_missing_path_suggests_a_close_one(run: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist.*did you mean 'emb\.npy'"):
        load(run / "gen_0" / "emb2.npy")
    with pytest.raises(InputError, match="no path"):
        load([])


@pytest.mark.parametrize("paths", [np.ones((3, 2)), [np.ones((3, 2))], 3, None])
def test_what_is_no_path_is_told_apart(paths: object) -> None:
    with pytest.raises(InputError, match=r"(ndarray|int|NoneType) is no path; load reads files"):
        load(paths)  # type: ignore[arg-type]


def test_two_files_for_one_generation_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "gen_1.npy", marked(1))
    np.save(tmp_path / "gen_01.npy", marked(1))
    with pytest.raises(InputError, match="both claim generation 1"):
        load(f"{tmp_path}/gen_{{generation}}.npy")


def test_an_unclear_folder_asks_for_a_pattern(run: Path) -> None:
    np.save(run / "gen_2" / "other.npy", marked(7))
    with pytest.raises(InputError, match=r"gen_2 holds several files: emb\.npy, other\.npy"):
        load(run)
    np.save(run / "pool.npy", marked(7))
    with pytest.raises(InputError, match=r"1 \.npy, 3 folders"):
        load(run)


def test_of_several_files_the_one_called_embeddings_is_meant(run: Path) -> None:
    for g in (0, 2, 10):
        np.save(run / f"gen_{g}" / "embeddings.npy", marked(20 + g))
    assert marks(load(run)) == [20, 22, 30]
    np.savez(run / "gen_2" / "embeddings.npz", marked(7))
    with pytest.raises(InputError, match="gen_2 holds several files"):
        load(run)


def test_a_numbered_folder_without_its_file_is_not_passed_over(run: Path) -> None:
    (run / "logs").mkdir()
    assert len(load(run)) == 3
    (run / "gen_3").mkdir()
    with pytest.raises(InputError, match="gen_3 holds no embedding file"):
        load(run)


def test_an_empty_folder_names_the_suffixes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file that can be read \(.*\.npy"):
        load(tmp_path)


def test_path_and_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", first=marked(1), second=marked(2))
    assert marks(load(f"{tmp_path}/two.npz:second")) == [2]
    assert marks(load(tmp_path / "two.npz", key="first")) == [1]
    found = load(f"{tmp_path}/two.npz:second", key="first")[0]
    assert marks([found]) == [2]
    assert found.source == f"{tmp_path}/two.npz:second"
    assert [f.name for f in load([f"{tmp_path}/two.npz:first", f"{tmp_path}/two.npz:second"])] == ["first", "second"]


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    np.save(tmp_path / "at_12:30.npy", marked(5))
    assert marks(load(tmp_path / "at_12:30.npy")) == [5]
    np.savez(tmp_path / "at_12:30.npz", a=marked(5), b=marked(6))
    assert marks(load(f"{tmp_path}/at_12:30.npz:b")) == [6]
    with pytest.raises(InputError, match=r"C:\\runs\\emb\.npy does not exist"):
        load("C:\\runs\\emb.npy")


def test_a_missing_key_lists_the_arrays_and_suggests_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", embeddings=marked(1), steps=np.arange(4))
    with pytest.raises(
        InputError, match=r"'embedings'; there are 'embeddings' \(4, 3\) float32.*did you mean 'embeddings'"
    ):
        load(tmp_path / "x.npz", key="embedings")
    np.save(tmp_path / "y.npy", marked(1))
    with pytest.raises(InputError, match=r"one array without a name, \(4, 3\) float32; leave 'emb' out"):
        load(f"{tmp_path}/y.npy:emb")


def test_several_candidates_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", encoder=marked(1), decoder=marked(2))
    with pytest.raises(InputError, match=r"several arrays: 'encoder' \(4, 3\) float32, 'decoder'"):
        load(tmp_path / "x.npz")


def test_the_only_floating_plane_is_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", tokens=np.ones((4, 9), np.int64), emb=marked(1), loss=np.ones(7))
    assert marks(load(tmp_path / "x.npz")) == [1]


@pytest.mark.parametrize("name", ["gen_{}", "g{}", "{}", "epoch-{}", "arr_{}"])
def test_numbered_arrays_are_generations_in_natural_order(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "all.npz", **{name.format(i): marked(i) for i in (10, 9, 0)})
    sets = load(tmp_path / "all.npz")
    assert marks(sets) == [0, 9, 10]
    assert [f.generation for f in sets] == [0, 1, 2]
    assert sets[1].name == name.format(9)


def test_a_generation_in_the_key_is_the_generation(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", **{f"layer_{i}": marked(i) for i in (7, 3)})
    sets = load(f"{tmp_path}/all.npz:layer_{{generation}}")
    assert [f.generation for f in sets] == [3, 7]
    assert marks(sets) == [3, 7]
    with pytest.raises(InputError, match="no array like 'row_"):
        load(f"{tmp_path}/all.npz:row_{{generation}}")


def test_companions_belong_to_the_only_array(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz",
        emb=marked(1),
        labels=np.array(list("abca")),
        ids=np.arange(4)[:, None],
        origin=np.zeros(4, int),
    )
    found = load(tmp_path / "x.npz")[0]
    assert found.labels is not None and found.labels.tolist() == list("abca")
    assert found.ids is not None and found.ids.tolist() == [0, 1, 2, 3]
    assert found.origin is not None and found.origin.tolist() == [0, 0, 0, 0]


def test_companions_of_several_generations_are_named_after_them(tmp_path: Path) -> None:
    arrays = {"gen_0": marked(0), "gen_1": marked(1), "labels_gen_1": np.arange(4), "ids": np.arange(4)}
    np.savez(tmp_path / "x.npz", **arrays)
    first, second = load(tmp_path / "x.npz")
    assert first.labels is None and first.ids is None
    assert second.labels is not None and second.labels.tolist() == [0, 1, 2, 3]
    assert any("'ids' left out" in note for note in first.notes)
    chosen = load(f"{tmp_path}/x.npz:gen_0")[0]
    assert chosen.ids is not None and chosen.labels is None


def test_companion_files_lie_beside_a_npy(tmp_path: Path) -> None:
    for number in (0, 1):
        np.save(tmp_path / f"gen_{number}.npy", marked(number))
        np.save(tmp_path / f"gen_{number}_labels.npy", np.full(4, number))
    sets = load(tmp_path)
    assert [f.labels.tolist() for f in sets if f.labels is not None] == [[0] * 4, [1] * 4]
    (tmp_path / "one").mkdir()
    np.save(tmp_path / "one" / "emb.npy", marked(0))
    np.save(tmp_path / "one" / "ids.npy", np.arange(4))
    found = load(tmp_path / "one")[0]
    assert found.ids is not None and found.ids.tolist() == [0, 1, 2, 3]
    np.save(tmp_path / "one" / "emb_ids.npy", np.arange(4) * 2)  # the full name goes before the bare one
    found = load(tmp_path / "one")[0]
    assert found.ids is not None and found.ids.tolist() == [0, 2, 4, 6]


def test_companions_of_another_length_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", emb=marked(1), labels=np.arange(5))
    with pytest.raises(InputError, match=r"'labels': shape \(5,\) for 4 rows"):
        load(tmp_path / "x.npz")


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(5))
    with pytest.raises(InputError, match=r"x\.npy: shape \(5,\) has 1 axes.*\(1, d\)"):
        load(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.zeros((5, 2, 3)))
    with pytest.raises(InputError, match=r"shape \(5, 2, 3\) has 3 axes.*\(5, -1\)"):
        load(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.zeros((4, 3), complex))
    with pytest.raises(InputError, match="dtype complex128"):
        load(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_an_empty_set_is_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(InputError, match="is an empty set"):
        load(tmp_path / "x.npy")


def test_unequal_dimensions_name_both_files(tmp_path: Path) -> None:
    np.save(tmp_path / "g0.npy", marked(0, d=3))
    np.save(tmp_path / "g1.npy", marked(0, d=4))
    with pytest.raises(InputError, match=r"g0\.npy has 3, .*g1\.npy has 4"):
        load(tmp_path)


def test_nan_is_an_error_or_dropped_on_request(tmp_path: Path) -> None:
    points = marked(1, n=5)
    points[2, 1] = np.nan
    points[4, 2] = np.inf
    np.savez(tmp_path / "x.npz", emb=points, labels=np.arange(5), ids=np.arange(5) * 10, origin=np.arange(5) * 2)
    with pytest.raises(InputError, match=r"x\.npz:emb: 2 of 5 rows hold NaN or infinity, first row 2; .*--nan drop"):
        load(tmp_path / "x.npz")
    found = load(tmp_path / "x.npz", nan="drop")[0]
    assert found.dropped == 2
    assert np.array_equal(found.points, points[[0, 1, 3]])
    assert [side.tolist() for side in (found.labels, found.ids, found.origin) if side is not None] == [
        [0, 1, 3],
        [0, 10, 30],
        [0, 2, 6],
    ]


def test_nothing_left_and_unknown_policy(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.full((3, 2), np.nan))
    with pytest.raises(InputError, match="no row is left"):
        load(tmp_path / "x.npy", nan="drop")
    with pytest.raises(UsageError, match="nan='skip'"):
        load(tmp_path / "x.npy", nan="skip")


def test_mixed_widths_are_widened_and_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "g0.npy", marked(1, dtype="float16"))
    np.save(tmp_path / "g1.npy", marked(2, dtype="float32"))
    first, second = load(tmp_path)
    assert first.points.dtype == second.points.dtype == np.float32
    assert first.notes == ("float16 widened to float32, the widest among the generations",)
    assert second.notes == ()
    alone = load(tmp_path / "g0.npy")[0]
    assert alone.points.dtype == np.float16 and alone.notes == ()


def test_integers_and_foreign_byte_order_become_native_floats(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", marked(2).astype(np.int32))
    found = load(tmp_path / "i.npy")[0]
    assert found.points.dtype == np.float64 and found.notes == ("int32 read as float64",)
    np.save(tmp_path / "b.npy", marked(2).astype(">f4"))
    found = load(tmp_path / "b.npy")[0]
    assert found.points.dtype == np.dtype("=f4") and np.array_equal(found.points, marked(2)) and found.notes == ()


def test_the_digest_is_of_shape_dtype_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = marked(3, n=50)
    np.save(tmp_path / "c.npy", points)
    np.save(tmp_path / "f.npy", np.asfortranarray(points))
    want = hashlib.sha256(b"(50, 3) <f4" + points.tobytes()).hexdigest()
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 100)
    assert [load(tmp_path / name)[0].digest for name in ("c.npy", "f.npy")] == [want, want]
    np.save(tmp_path / "c.npy", points.reshape(25, 6))
    assert load(tmp_path / "c.npy")[0].digest != want


def test_npy_points_are_mapped_and_the_file_is_not_written(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", marked(1))
    points = load(tmp_path / "x.npy")[0].points
    assert isinstance(points.base, np.memmap)
    points[0, 0] = 99
    assert np.load(tmp_path / "x.npy")[0, 0] == 1


def test_a_sharded_checkpoint_is_one_file(tmp_path: Path) -> None:
    import torch

    torch.save({"emb.weight": torch.from_numpy(marked(4))}, tmp_path / "model-1.bin")
    torch.save({"bias": torch.zeros(3)}, tmp_path / "model-2.bin")
    index = {"weight_map": {"emb.weight": "model-1.bin", "bias": "model-2.bin"}}
    (tmp_path / "model.bin.index.json").write_text(json.dumps(index))
    found = load(tmp_path)
    assert marks(found) == [4] and found[0].source.endswith("index.json:emb.weight")


def test_mapped_points_go_through_the_pass_without_a_warning(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    from geometry.catalog import compute

    points = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    np.save(tmp_path / "g0.npy", points)
    save_file({"emb": points}, tmp_path / "g1.safetensors")
    sets = load([tmp_path / "g0.npy", tmp_path / "g1.safetensors"])
    values = [float(compute("two_nn", found.points)) for found in sets]  # type: ignore[arg-type]
    assert values[0] == values[1] == float(compute("two_nn", points))  # type: ignore[arg-type]
