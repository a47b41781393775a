"""Where readings go: files that are continued, loggers by what they can do, names, and what is no logger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geometry.errors import InputError, UsageError
from geometry.monitor.sinks import sink
from geometry.sources.logs import read_log


class Recorder:
    """Answers to one logger's method and keeps what it is told."""

    def __init__(self, method: str) -> None:
        self.told: list[Any] = []
        setattr(self, method, lambda *values, **named: self.told.append((*values, *named.items())))


def test_csv_grows_a_column_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.csv"
    send = sink(path)
    send({"a": 1.0}, 10)
    send({"a": 2.0}, 20)
    send({"a": 3.0, "b": 0.5}, 30)
    sink(str(path))({"b": 4.0}, 40)
    assert path.read_text() == "step,a,b\n10,1.0,\n20,2.0,\n30,3.0,0.5\n40,,4.0\n"
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="no column 'step'"):
        sink(tmp_path / "other.csv")


@pytest.mark.parametrize(
    ("name", "lines", "cut"),
    [
        ("run.csv", ["step,a", "1,1.0", "4,4.0"], "3,1."),
        ("run.jsonl", ['{"step": 1, "a": 1.0}', '{"step": 4, "a": 4.0}'], '{"st'),
    ],
)
def test_a_line_cut_off_by_a_kill_is_dropped(tmp_path: Path, name: str, lines: list[str], cut: str) -> None:
    path = tmp_path / name
    sink(path)({"a": 1.0}, 1)
    with path.open("a") as file:
        file.write(cut)
    sink(path)({"a": 4.0}, 4)
    assert path.read_text().splitlines() == lines


def test_jsonl_and_several_at_once(tmp_path: Path) -> None:
    told: list[Any] = []
    send = sink([tmp_path / "run.jsonl", lambda values, step: told.append((values, step))])
    send({"a": 1.5}, 1)
    send({"a": float("inf")}, 2)
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert lines == [{"step": 1, "a": 1.5}, {"step": 2, "a": None}]
    assert told[0] == ({"a": 1.5}, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_by_name(tmp_path: Path) -> None:
    send = sink(f"tensorboard:{tmp_path / 'events'}")
    send({"scale.total variance": 2.5}, 3)
    send.args[0].flush()
    (logged,) = read_log(tmp_path / "events")
    assert (logged.name, logged.at.tolist(), logged.value.tolist()) == ("geometry/scale.total variance", [3], [2.5])


def test_loggers_by_what_they_can_do() -> None:
    expected = {
        "log_metrics": ({"geometry/a": 1.0}, ("step", 7)),
        "add_scalar": ("geometry/a", 1.0, 7),
        "log": ({"geometry/a": 1.0}, ("step", 7)),
    }
    for method, told in expected.items():
        logger = Recorder(method)
        sink(logger)({"a": 1.0}, 7)
        assert logger.told == [told]


def test_what_is_no_logger(tmp_path: Path) -> None:
    sink(None)({"a": 1.0}, 0)
    for target, said in (
        (object(), "no log_metrics"),
        ("tensorbord", "is no logger"),
        ("mlflow", "pip install mlflow"),
    ):
        with pytest.raises(UsageError, match=said):
            sink(target)
