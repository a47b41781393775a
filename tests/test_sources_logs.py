"""Training logs: every kind read into the same curves, what is no number left out, what is no log said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from geometry.errors import InputError
from geometry.sources.logs import Curve, read_log


def plain(curves: list[Curve]) -> dict[str, list[tuple[float, float]]]:
    return {one.name: list(zip(one.at.tolist(), one.value.tolist(), strict=True)) for one in curves}


def test_csv_as_lightning_writes_it(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "epoch,step,train_loss,val_loss\n0,10,3.5,\n0,20,2.5,\n0,20,,2.75\n1,30,nan,\n"
    )
    made = read_log(tmp_path / "metrics.csv")
    assert plain(made) == {"train_loss": [(10, 3.5), (20, 2.5)], "val_loss": [(20, 2.75)]}
    assert {one.axis for one in made} == {"step"}


def test_the_axis_is_the_first_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Epoch;loss;note\n2;1,5;x\n1;0.5;y\n")
    (tmp_path / "b.csv").write_text("loss\n3\n2\n")
    assert read_log(tmp_path / "a.csv")[0].axis == "epoch"
    assert plain(read_log(tmp_path / "a.csv")) == {"loss": [(1, 0.5), (2, 1.5)]}
    (rows,) = read_log(tmp_path / "b.csv")
    assert rows.axis == "row" and rows.at.tolist() == [0, 1] and rows.value.tolist() == [3, 2]
    (tmp_path / "c.csv").write_text("step,generation,loss\n100,1,2\n0,0,3\n")
    made = read_log(tmp_path / "c.csv")
    assert (made[0].axis, plain(made)) == ("generation", {"loss": [(0, 3), (1, 2)]})


@pytest.mark.parametrize(
    ("name", "axis"),
    [("_step", "step"), ("train/global_step", "global_step"), ("Iter", "iteration"), ("gens", "generation"),
     ("Epochs", "epoch"), ("batch", "batch"), ("steps_per_second", "row")],
)  # fmt: skip
def test_axes_go_by_many_names(tmp_path: Path, name: str, axis: str) -> None:
    (tmp_path / "a.csv").write_text(f"# a run\n_timestamp,Wall time, {name} , loss\n7,8,5,2\n")
    made = {one.name: one for one in read_log(tmp_path / "a.csv")}
    assert made["loss"].axis == axis and made["loss"].at.tolist() == [0 if axis == "row" else 5]
    assert set(made) == ({"loss", name} if axis == "row" else {"loss"})


def test_json_under_other_names(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"loss": [3, 2, 1], "val_loss": [4, 3]}')
    assert plain(read_log(path)) == {"loss": [(0, 3), (1, 2), (2, 1)], "val_loss": [(0, 4), (1, 3)]}
    path.write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n')
    assert plain(read_log(path)) == {"loss": [(1, 2), (2, 1)]}
    path.write_text('{"step": 1,')
    with pytest.raises(InputError, match="is no JSON"):
        read_log(path)


def test_json_lines_nested_and_still_being_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"step": 1, "loss": {"train": 2.0}, "ok": true}\n\n{"step": 2, "loss": {"train": 1.0}}\n{"step": 3, "l'
    )
    assert plain(read_log(path)) == {"loss.train": [(1, 2), (2, 1)]}
    path.write_text('{"step": 1, "loss": 2}\nnot json\n')
    with pytest.raises(InputError, match="line 2 is no JSON object"):
        read_log(path)


def test_state_of_the_trainer_of_transformers(tmp_path: Path) -> None:
    rows = [{"epoch": 0.5, "step": 5, "loss": 3.0}, {"epoch": 1.0, "step": 10, "eval_loss": 2.0}]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": rows, "best": None}))
    assert plain(read_log(tmp_path / "trainer_state.json")) == {"loss": [(5, 3)], "eval_loss": [(10, 2)]}
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="no log_history"):
        read_log(tmp_path / "other.json")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_events_of_a_folder(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step, loss in ((0, 2.0), (5, 1.5), (9, float("nan"))):
            writer.add_scalar("loss/train", loss, step)
    assert plain(read_log(tmp_path)) == {"loss/train": [(0, 2.0), (5, 1.5)]}


def test_what_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("step,note\n1,a\n")
    (tmp_path / "bare.csv").write_text("0,1.5\n1,2.5\n")
    (tmp_path / "x.txt").write_text("loss 3")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("none.csv", "does not exist"),
        ("words.csv", "no column of numbers beside step"),
        ("bare.csv", "name the columns"),
        ("x.txt", "no log that can be read"),
        ("empty", "no TensorBoard event file"),
    ):
        with pytest.raises(InputError, match=said):
            read_log(tmp_path / name)


def test_values_are_arrays_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step,loss\n" + "".join(f"{9 - i},{i}\n" for i in range(10)))
    (made,) = read_log(tmp_path / "a.csv")
    assert made.at.dtype == np.float64 and np.all(np.diff(made.at) > 0) and made.value[0] == 9
