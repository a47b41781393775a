"""The loop: what it refuses, what it writes, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from geometry import loops
from geometry.errors import InputError, UsageError
from geometry.loops import Generation
from geometry.schema.places import alone
from geometry.sources.in_memory import from_arrays


def gaussian(**changes: Any) -> loops.Lineage:
    return loops.run("gaussian", **({"regime": "replace", "generations": 3, "n": 12, "d": 2} | changes))


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("gausian", {}, "did you mean 'gaussian'"),
        ("gaussian", {"regime": "replac"}, "did you mean 'replace'"),
        ("gaussian", {"latent": 3}, "no option 'latent'; it has: d"),
        ("gaussian", {"d": 0}, "d >= 1"),
        ("gaussian", {"n": 1}, "at least 2 rows"),
        ("gaussian", {"generations": 0}, "at least 1"),
        ("gaussian", {"replicates": 0}, "at least 1"),
        ("gaussian", {"bias": 0.0}, "positive"),
        ("gaussian", {"regime": "fresh", "real_share": 1.5}, "a share"),
        ("gaussian", {"real_share": 0.5}, "no effect under 'replace'"),
        ("gaussian", {"d": 2.5}, r"gaussian: d = 2\.5; it must be a whole number"),
        ("gaussian", {"d": True}, "a whole number"),
        ("gaussian", {"n": "20"}, "n = '20'; it must be a whole number"),
        ("gaussian", {"generations": 2.0}, "a whole number"),
        ("gaussian", {"seed": None}, "a whole number"),
        ("gaussian", {"seed": -1}, "0 or more"),
        ("gaussian", {"bias": float("nan")}, "a finite number"),
        ("gaussian", {"bias": "cold"}, "a finite number"),
        ("gaussian", {"bias": 1e200}, "generation 2: the fit holds NaN or infinity"),
        ("categorical", {"power": float("nan")}, "a finite number"),
        ("gmm", {"spread": float("inf")}, "a finite number"),
        ("linear", {"design": 3}, "must be text"),
        ("vae", {"noise": 1}, "true or false"),
        ("vae", {"rate": float("nan")}, "a finite number"),
        (3, {}, "no model is called '3'"),
        ("gaussian", {"regime": None}, "no regime is called 'None'"),
        ("vae", {"replicates": 2}, "one lineage at a time"),
        ("vae", {"n": 5000}, "1797 digits"),
        ("vae", {"encoder": "pixel"}, "no encoder"),
        ("vae", {"steps": 0}, "positive"),
    ],
)
def test_what_cannot_be_is_a_usage_error(model: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        loops.run(model, **({"regime": "replace", "generations": 2, "n": 50} | changes))


def test_every_generation_leaves_a_checkpoint_and_its_card(tmp_path: Path) -> None:
    run = gaussian(out=tmp_path, seed=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gen_0", "gen_1", "gen_2", "gen_3"]
    assert run[2].checkpoint == tmp_path / "gen_2" / "checkpoint.safetensors"
    assert np.array_equal(load_file(run[2].checkpoint)["covariance"], run[2].parameters["covariance"])
    assert np.array_equal(np.load(tmp_path / "gen_2" / "samples.npy"), run[2].samples)
    assert np.array_equal(np.load(tmp_path / "gen_2" / "embeddings.npy"), run[2].embeddings)
    card = json.loads((tmp_path / "gen_2" / "card.json").read_text())
    assert (card["model"], card["regime"], card["generation"], card["n"], card["seed"]) == (
        "gaussian",
        "replace",
        2,
        12,
        4,
    )
    assert card["versions"]["numpy"] == np.__version__
    assert card["origins"] == {"1": 12}


def test_a_stopped_run_goes_on_at_its_last_whole_generation(tmp_path: Path) -> None:
    def stop(generation: Generation) -> None:
        if generation.index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gaussian(out=tmp_path, regime="accumulate-subsample", generations=4, progress=stop)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}
    assert {path.parent.name for path in written} == {"gen_0", "gen_1", "gen_2"}
    resumed = gaussian(out=tmp_path, regime="accumulate-subsample", generations=4)
    assert all(path.stat().st_mtime_ns == time for path, time in written.items())
    whole = gaussian(regime="accumulate-subsample", generations=4)
    for one, other in zip(resumed, whole, strict=True):
        assert one.samples.tobytes() == other.samples.tobytes()
        assert one.origins == other.origins


def test_a_folder_being_written_is_never_taken_for_a_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geometry.loops import store

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        gaussian(out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changes", [{"seed": 1}, {"n": 13}, {"bias": 0.9}, {"d": 3}, {"regime": "accumulate"}])
def test_another_runs_folder_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    gaussian(out=tmp_path, generations=1)
    with pytest.raises(InputError, match="other arguments"):
        gaussian(out=tmp_path, **changes)


@pytest.mark.parametrize("name", ["card.json", "checkpoint.safetensors", "samples.npy"])
def test_a_damaged_generation_is_named(tmp_path: Path, name: str) -> None:
    gaussian(out=tmp_path, generations=1)
    (tmp_path / "gen_1" / name).write_bytes(b"{")
    with pytest.raises(InputError, match=r"gen_1.*not a readable generation"):
        gaussian(out=tmp_path, generations=1)


def test_numbers_of_numpy_and_paths_make_the_same_run(tmp_path: Path) -> None:
    gaussian(out=tmp_path, n=np.int64(12), seed=np.int32(3), bias=np.float64(1), d=np.uint8(2))
    again = gaussian(out=tmp_path, n=12, seed=3, bias=1)  # the digest is that of plain values
    assert json.loads((tmp_path / "gen_0" / "card.json").read_text())["bias"] == 1.0
    assert again.arguments["options"] == {"d": 2}


def test_where_the_first_fit_fails_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for folder, left in ((tmp_path / "there", []), (tmp_path / "made", None)):
        with pytest.raises(UsageError, match="cannot be fitted"):
            loops.run("gmm", regime="exchange", generations=2, n=5, out=folder)
        assert (list(folder.iterdir()) if folder.exists() else None) == left
    with pytest.raises(UsageError, match="generation 2"):
        gaussian(bias=1e200, out=tmp_path / "later")
    assert sorted(path.name for path in (tmp_path / "later").iterdir()) == ["gen_0", "gen_1"]


def test_two_runs_cannot_work_in_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(UsageError, match="another run is at work there"):
        gaussian(out=tmp_path)
    assert len(gaussian(out=tmp_path)) == 4 and not (tmp_path / ".lock").exists()


def test_everybody_who_may_read_the_samples_may_read_the_checkpoint(tmp_path: Path) -> None:
    one = gaussian(out=tmp_path, generations=1)[1].checkpoint
    assert one is not None and one.stat().st_mode == one.with_name("samples.npy").stat().st_mode


def test_a_lineage_is_analysed_as_it_is() -> None:
    sets = from_arrays(gaussian(replicates=2))
    assert [one.generation for one in sets] == [0, 1, 2, 3] and {one.points.shape for one in sets} == {(12, 2)}
    assert sets[3].origin is not None and set(sets[3].origin) == {"gen_3"}


def test_a_longer_run_repeats_the_shorter_one() -> None:
    short, long = gaussian(generations=2), gaussian(generations=5)
    assert short[2].samples.tobytes() == long[2].samples.tobytes()


def test_progress_sees_every_generation() -> None:
    seen: list[int] = []
    gaussian(progress=lambda generation: seen.append(generation.index))
    assert seen == [0, 1, 2, 3]
