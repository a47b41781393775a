"""Where readings go: a file, a logger object of any of the usual kinds, or one that is found by its name.

"run.csv", "run.jsonl"              a row per reading, with `step`; an existing file is continued, and a last line
                                    without its end, cut off where a training was killed, is dropped
"tensorboard", "tensorboard:DIR"    SummaryWriter, "mlflow" and "wandb" the active run
log_metrics(values, step)           Lightning's loggers, the mlflow module
add_scalar(name, value, step)       SummaryWriter
log(values, step=)                  a W&B run, the wandb module
a function (values, step), or a list of any of these
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from geometry.errors import InputError, UsageError
from geometry.schema import dumps, write_text

Sink = Callable[[Mapping[str, float], int], None]
NAMED = {"tensorboard": "torch.utils.tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
LONGEST = 1 << 20  # bytes of a line of JSON
PREFIX = "geometry/"  # of names in loggers that hold other values too


def sink(target: Any) -> Sink:
    """A function of (values, step) for whatever `target` is; UsageError where it is nothing that can be logged to."""
    if target is None:
        return lambda values, step: None
    if isinstance(target, list | tuple):
        return partial(_all, [sink(one) for one in target])
    if isinstance(target, str | Path) and Path(target).suffix.lower() in (".csv", ".jsonl"):
        return Table(Path(target)) if Path(target).suffix.lower() == ".csv" else partial(_line, Path(target))
    if isinstance(target, str):
        return sink(_named(target))
    for method, send in (("log_metrics", _metrics), ("add_scalar", _scalars), ("log", _log)):
        if callable(getattr(target, method, None)):
            return partial(send, target)
    if callable(target):
        return lambda values, step: target(dict(values), step)
    raise UsageError(
        f"{type(target).__name__} is no logger: it has no log_metrics, add_scalar or log, and is no function"
    )


def _named(text: str) -> Any:
    """The logger that a name stands for."""
    name, _, place = text.partition(":")
    if name not in NAMED:
        raise UsageError(f"'{text}' is no logger; name a .csv or .jsonl file, or {', '.join(NAMED)}")
    try:
        module = import_module(NAMED[name])
    except ImportError as error:
        raise UsageError(f"logging to {name} needs `pip install {name}` ({error})") from error
    return module.SummaryWriter(place or None) if name == "tensorboard" else module


def _all(sinks: list[Sink], values: Mapping[str, float], step: int) -> None:
    for one in sinks:
        one(values, step)


def _metrics(logger: Any, values: Mapping[str, float], step: int) -> None:
    logger.log_metrics({PREFIX + key: value for key, value in values.items()}, step=step)


def _scalars(logger: Any, values: Mapping[str, float], step: int) -> None:
    for key, value in values.items():
        logger.add_scalar(PREFIX + key, value, step)


def _log(logger: Any, values: Mapping[str, float], step: int) -> None:
    logger.log({PREFIX + key: value for key, value in values.items()}, step=step)


def _line(path: Path, values: Mapping[str, float], step: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - LONGEST, 0))
        tail = file.read()
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
        file.write(dumps({"step": step, **values}).encode() + b"\n")


class Table:
    """A CSV file with a column per value; written again as a whole where a reading brings a new column."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.columns = ["step"]
        self.cut = False
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                text = file.read()
            whole = text[: text.rfind("\n") + 1]
            self.cut = whole != text
            reader = csv.DictReader(io.StringIO(whole, newline=""))
            self.rows = list(reader)
            self.columns = list(reader.fieldnames or self.columns)
            if "step" not in self.columns:
                raise InputError(f"{path} is there and has no column 'step'; it is no log to go on with")

    def __call__(self, values: Mapping[str, float], step: int) -> None:
        new = [key for key in values if key not in self.columns]
        self.rows.append({"step": step, **values})
        self.columns += new
        if new or self.cut or not self.path.exists():
            self.cut = False
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, self._text(self.rows, header=True))
            return
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._text(self.rows[-1:], header=False))

    def _text(self, rows: list[dict[str, Any]], *, header: bool) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, restval="", lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()
