"""Several files as one set: which files are parts, their order, what is joined, and what does not go together."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import main
from geometry.errors import InputError, UnsafeFileError
from geometry.pairs.stored import Stored
from geometry.sources import inspect, load
from geometry.sources.part_names import grouped
from geometry.types import Array, EmbeddingSet

POINTS = np.arange(60, dtype=np.float32).reshape(20, 3) / 8
CUTS = (0, 7, 8, 20)  # three parts of unequal length


def write(folder: Path, pattern: str, points: Array = POINTS, cuts: tuple[int, ...] = CUTS, first: int = 0) -> None:
    """A .npy file for each part; `pattern` takes its number."""
    for number, (start, stop) in enumerate(pairwise(cuts), first):
        path = folder / pattern.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, points[start:stop])


def one(path: Path | str, stream: int | None = None) -> EmbeddingSet:
    """The one set of a path, which is the same whether it stays in its files or not."""
    (found,) = load(path, stream=stream)
    (there,) = load(path, stream=1)
    assert isinstance(there.points, Stored) and there.digest == found.digest and there.source == found.source
    assert there.points.shape == found.points.shape and there.points.dtype == found.points.dtype
    for cut in (slice(0, 3), slice(6, 9), slice(5, 20), slice(8, 8)):
        np.testing.assert_array_equal(there.points[cut], found.points[cut])
    return found


@pytest.mark.parametrize(
    "pattern", ["part-{:05}.npy", "shard_{}.npy", "emb.part{}.npy", "part-{:03}-b1f2-c000.zip.npy"]
)
def test_a_folder_of_parts_is_one_set(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, pattern)
    found = one(tmp_path)
    np.testing.assert_array_equal(found.points, POINTS)
    assert found.source == str(tmp_path / pattern.replace(":05", "").replace(":03", "").format("{part}"))


@pytest.mark.parametrize("first", [0, 1])
def test_parts_that_are_counted(tmp_path: Path, first: int) -> None:
    write(tmp_path, "data-{:05}-of-00003.npy", first=first)
    np.testing.assert_array_equal(one(tmp_path).points, POINTS)
    (tmp_path / f"data-{first + 1:05}-of-00003.npy").unlink()
    with pytest.raises(
        InputError, match=rf"data-.part.-of-00003\.npy is 3 parts by its name, part {first + 1} is missing"
    ):
        load(tmp_path)


def test_too_many_of_counted_parts(tmp_path: Path) -> None:
    write(tmp_path, "data-{}-of-2.npy")
    with pytest.raises(InputError, match="is 2 parts by its name, there are 3"):
        load(tmp_path)


def test_numbers_order_parts_not_text(tmp_path: Path) -> None:
    for number in (10, 9, 0):
        np.save(tmp_path / f"part-{number}.npy", np.full((2, 2), number, np.float32))
    assert one(tmp_path).points[:, 0].tolist() == [0, 0, 9, 9, 10, 10]


def test_names_that_say_nothing_of_parts_stay_generations(tmp_path: Path) -> None:
    names = ["emb_0.npy", "emb_1.npy", "department-1.npy", "part-7.npy", "of-3.npy"]
    files = [tmp_path / name for name in names]
    assert grouped(files) == files
    write(tmp_path, "emb_{}.npy")
    assert [len(found.points) for found in load(tmp_path)] == [7, 1, 12]


def test_a_pattern_says_what_the_names_do_not(tmp_path: Path) -> None:
    write(tmp_path, "emb_{}.npy")
    found = one(f"{tmp_path}/emb_{{part}}.npy")
    np.testing.assert_array_equal(found.points, POINTS)
    assert (found.name, found.source) == ("emb", f"{tmp_path}/emb_{{part}}.npy")
    with pytest.raises(InputError, match=r"has \{part\} twice"):
        load(f"{tmp_path}/{{part}}/emb_{{part}}.npy")
    with pytest.raises(InputError, match="nothing matches"):
        load(f"{tmp_path}/gen_{{part}}.npy")


def test_generations_and_layers_in_parts(tmp_path: Path) -> None:
    for generation in (0, 10, 2):
        for layer in "ab":
            write(tmp_path, f"gen_{generation}/{layer}_{{}}.npy", POINTS + generation)
    sets = load(f"{tmp_path}/gen_{{generation}}/{{layer}}_{{part}}.npy")
    told = [(found.generation, found.layer, len(found.points), float(found.points[0, 0])) for found in sets]
    assert told == [(g, layer, 20, g) for g in (0, 2, 10) for layer in "ab"]


def test_a_subfolder_of_parts_is_a_generation_and_a_folder_may_be_the_part(tmp_path: Path) -> None:
    for generation in (0, 1):
        write(tmp_path / "run", f"gen_{generation}/part-{{}}.npy", POINTS + generation)
    sets = load(tmp_path / "run")
    assert [(found.name, float(found.points[0, 0]), len(found.points)) for found in sets] == [
        ("gen_0", 0, 20),
        ("gen_1", 1, 20),
    ]
    write(tmp_path / "ranks", "rank{}/emb.npy")
    np.testing.assert_array_equal(one(f"{tmp_path}/ranks/rank{{part}}/emb.npy").points, POINTS)


def test_two_sets_of_parts_in_one_folder_are_two_generations(tmp_path: Path) -> None:
    write(tmp_path, "gen_1-{:02}-of-03.npy", POINTS + 1)
    write(tmp_path, "gen_0-small-{:02}-of-03.npy")
    write(tmp_path, "gen_0-{:02}-of-03.npy")
    assert [float(found.points[0, 0]) for found in load(tmp_path)] == [0, 0, 1]


def test_a_folder_with_brackets_in_its_name(tmp_path: Path) -> None:
    write(tmp_path / "run [1]", "part-{}.npy")
    found = one(tmp_path / "run [1]")
    assert one(found.source).digest == found.digest


def test_arrays_and_labels_of_parts_are_joined(tmp_path: Path) -> None:
    labels = np.array([f"word{i}" for i in range(20)])
    for i, (start, stop) in enumerate(pairwise(CUTS)):
        np.savez(
            tmp_path / f"part-{i}.npz",
            emb=POINTS[start:stop],
            labels=labels[start:stop],
            ids=np.arange(start, stop),
            origin=np.arange(start, stop) % 2,
        )
    found = one(tmp_path)
    assert found.labels is not None and found.labels.tolist() == labels.tolist()
    assert found.ids is not None and found.ids.tolist() == list(range(20))
    assert found.origin is not None and found.origin.tolist() == [0, 1] * 10
    assert [(info.key, info.shape[0], info.role) for info in inspect(tmp_path)] == [
        ("emb", 20, "embedding"),
        ("labels", 20, "labels"),
        ("ids", 20, "ids"),
        ("origin", 20, "origin"),
    ]
    np.savez(tmp_path / "part-1.npz", emb=POINTS[7:8], ids=np.arange(1), origin=np.zeros(1, int))
    with pytest.raises(InputError, match=r"part-0\.npz has 'labels', .*part-1\.npz has not"):
        load(tmp_path)


def test_a_generation_for_every_row_of_parts(tmp_path: Path) -> None:
    numbers = np.repeat([0, 1], 10)
    for i, (start, stop) in enumerate(pairwise(CUTS)):
        np.savez(tmp_path / f"part-{i}.npz", emb=POINTS[start:stop], generation=numbers[start:stop])
    for stream in (None, 1):
        sets = load(tmp_path, stream=stream)
        assert [found.generation for found in sets] == [0, 1]
        np.testing.assert_array_equal(np.concatenate([found.points for found in sets]), POINTS)


def test_label_files_beside_parts_or_beside_the_whole(tmp_path: Path) -> None:
    write(tmp_path, "part-{}.npy")
    write(tmp_path, "part-{}_ids.npy", np.arange(20))
    np.save(tmp_path / "labels.npy", np.arange(20) % 3)
    found = one(tmp_path)
    assert found.ids is not None and found.ids.tolist() == list(range(20))
    assert found.labels is not None and found.labels.tolist() == [i % 3 for i in range(20)]
    (tmp_path / "part-1_ids.npy").unlink()
    with pytest.raises(InputError, match=r"part-1\.npy has no ids beside it"):
        load(tmp_path)


def test_label_files_of_a_pattern(tmp_path: Path) -> None:
    for name in ("emb", "other"):
        write(tmp_path, f"{name}_{{}}.npy")
    np.save(tmp_path / "emb_labels.npy", np.arange(20))
    np.save(tmp_path / "ids.npy", np.arange(3))  # belongs to no one set of the folder
    found = one(f"{tmp_path}/emb_{{part}}.npy")
    assert found.labels is not None and found.labels.tolist() == list(range(20)) and found.ids is None
    write(tmp_path, "emb_{}_labels.npy", np.arange(20))
    with pytest.raises(InputError, match="both give labels"):
        load(f"{tmp_path}/emb_{{part}}.npy")


def test_label_files_in_folders_of_parts(tmp_path: Path) -> None:
    write(tmp_path, "rank{}/emb.npy")
    write(tmp_path, "rank{}/labels.npy", np.arange(20))
    found = one(f"{tmp_path}/rank{{part}}/emb.npy")
    assert found.labels is not None and found.labels.tolist() == list(range(20))


def test_widths_of_parts_are_widened_and_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "part-0.npy", POINTS[:5].astype(np.float16))
    np.save(tmp_path / "part-1.npy", POINTS[5:])
    found = one(tmp_path)
    assert found.points.dtype == np.float32 and found.notes == ("parts in float16 and float32 read as float32",)
    np.testing.assert_array_equal(found.points, POINTS)


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (
            np.zeros((4, 2), np.float32),
            r"differ in shape: '' is \(5, 3\) in .*part-0\.npy and \(4, 2\) in .*part-1\.npy",
        ),
        (np.zeros((4, 3), np.int64), r"differ in type: '' is float32 in .*part-0\.npy and int64 in .*part-1\.npy"),
        (np.zeros(4, np.float32), "differ in shape"),
    ],
)
def test_parts_that_do_not_go_together(tmp_path: Path, other: Array, word: str) -> None:
    np.save(tmp_path / "part-0.npy", POINTS[:5])
    np.save(tmp_path / "part-1.npy", other)
    for stream in (None, 1):
        with pytest.raises(InputError, match=word):
            load(tmp_path, stream=stream)


def test_files_that_only_look_like_parts(tmp_path: Path) -> None:
    np.savez(tmp_path / "part-0.npz", encoder=POINTS)
    np.savez(tmp_path / "part-1.npz", decoder=POINTS)
    with pytest.raises(InputError, match=r"part-0\.npz and .*part-1\.npz are no parts of one set: 'encoder'"):
        load(tmp_path)
    np.save(tmp_path / "part-1.npy", POINTS)
    np.save(tmp_path / "part-01.npy", POINTS)
    with pytest.raises(InputError, match="both claim part 1"):
        load(f"{tmp_path}/part-{{part}}.npy")


def test_shards_of_an_index_are_no_parts(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"emb": POINTS}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"bias": POINTS[0]}, tmp_path / "model-00002-of-00002.safetensors")
    where = {"emb": "model-00001-of-00002.safetensors", "bias": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    assert one(tmp_path).source.endswith("index.json:emb")
    assert main(["inspect", str(tmp_path)]) == 0


def test_inspect_shows_parts_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "part-{}.npy")
    np.save(tmp_path / "z.npy", POINTS)
    assert main(["inspect", str(tmp_path), "-j"]) == 0
    shown = json.loads(capsys.readouterr().out)["files"]
    assert [(Path(file["path"]).name, file["format"]) for file in shown] == [
        ("part-{part}.npy", "parts"),
        ("z.npy", "npy"),
    ]
    assert shown[0]["arrays"][0]["shape"] == [20, 3] and shown[0]["arrays"][0]["bytes"] == POINTS.nbytes


def dataset(folder: Path, count: int = 2) -> Path:
    """What `datasets.Dataset.save_to_disk` writes, and a cache beside it."""
    pa = pytest.importorskip("pyarrow")
    ipc = pytest.importorskip("pyarrow.ipc")
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{i:05}-of-{count:05}.arrow" for i in range(count)]
    for name, rows in zip([*names, "cache-1234.arrow"], [*np.array_split(POINTS, count), POINTS[:2] * 9], strict=True):
        made = pa.table({"text": ["t"] * len(rows), "embedding": rows.tolist(), "label": rows[:, 0].astype(int)})
        with ipc.new_stream(str(folder / name), made.schema) as out:
            out.write_table(made, max_chunksize=4)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")
    return folder


@pytest.mark.parametrize("count", [1, 2])
def test_a_dataset_folder_is_a_set(tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    found = one(dataset(tmp_path / "set", count))
    np.testing.assert_array_equal(found.points, POINTS)
    assert found.labels is not None and found.labels.tolist() == POINTS[:, 0].astype(int).tolist()
    assert main(["inspect", str(tmp_path / "set"), "-j"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["files"]  # no cache
    assert next(one for one in shown["arrays"] if one["key"] == "embedding")["shape"] == [20, 3]


def test_splits_of_a_dataset_are_sets_by_name(tmp_path: Path) -> None:
    for name in ("train", "test"):
        dataset(tmp_path / name)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert [found.name for found in load(tmp_path)] == ["test", "train"]


def test_a_dataset_folder_that_is_not_whole(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(InputError, match=r"lacks data-00001-of-00002\.arrow, which its state\.json lists"):
        load(folder)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}))
    with pytest.raises(UnsafeFileError, match="outside its own folder"):
        load(folder)
    for text in ("[]", "{}", '{"_data_files": [3]}', "{"):
        (folder / "state.json").write_text(text)
        with pytest.raises(InputError, match="does not list the files"):
            load(folder)
    (folder / "state.json").write_text('{"_data_files": [], "_indices_data_files": [{"filename": "i.arrow"}]}')
    with pytest.raises(InputError, match="flatten_indices"):
        load(folder)
