"""CollapseMonitor as a callback of PyTorch Lightning: readings go to the trainer's own loggers.

Values are logged with the prefix `geometry/` and stand in `trainer.callback_metrics`, so that EarlyStopping and
ModelCheckpoint can watch them: an epoch that ends, or is validated, before the first reading is read then, and a value
that is no more, because the rows are all alike, is NaN there. With several devices each has a queue of its own; the
first one's readings are logged, and training stops where a condition holds on any.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from geometry.errors import UsageError
from geometry.monitor.readings import Readings
from geometry.monitor.sinks import PREFIX


def _callback_class() -> Any:
    """The base of callbacks in the Lightning that is in use: its two packages have one each, not the same."""
    names = ("lightning.pytorch", "pytorch_lightning")
    for name in sorted(names, key=lambda name: name not in sys.modules):
        try:
            return import_module(name).Callback
        except ImportError:
            continue
    raise UsageError("LightningMonitor needs PyTorch Lightning: `pip install lightning`")


class LightningMonitor(Readings, _callback_class()):  # type: ignore[misc]
    """A callback for Lightning's Trainer; its arguments and errors are those of `Readings`."""

    _read_at = 0

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self._attach(pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step != self._read_at and trainer.global_step % self.every == 0:  # a step may take batches
            self._read_and_log(trainer)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._first(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._first(trainer)

    def _first(self, trainer: Any) -> None:
        """A reading where there is none yet and others may ask for its values."""
        if not self.readings and trainer.global_step and self.monitor.queue.seen:
            self._read_and_log(trainer)

    def _read_and_log(self, trainer: Any) -> None:
        step = self._read_at = trainer.global_step
        reading, named = self._read(step)
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics(named, step=step)
            self._sink(reading.scalars, step)
        gone = {key: float("nan") for key in trainer.callback_metrics if key.startswith(PREFIX)}
        trainer.callback_metrics.update({key: _scalar(value) for key, value in (gone | named).items()})
        if self.monitor.conditions and trainer.strategy.reduce_boolean_decision(reading.stop, all=False):
            trainer.should_stop = True

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._remove()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._remove()

    def state_dict(self) -> dict[str, Any]:
        return self.monitor.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.monitor.load_state_dict(state_dict)


def _scalar(value: float) -> Any:
    import torch

    return torch.tensor(value)
