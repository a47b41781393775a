"""CollapseMonitor as a callback of PyTorch Lightning: readings go to the trainer's own loggers.

Values are logged with the prefix `geometry/` and stand in `trainer.callback_metrics`, so that EarlyStopping and
ModelCheckpoint can watch them. With several devices each has a queue of its own; the first one's readings are logged,
and training stops where a condition holds on any.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from geometry.errors import UsageError
from geometry.monitor.readings import Readings


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
        step = trainer.global_step
        if step == self._read_at or step % self.every:  # one step may take several batches
            return
        self._read_at = step
        reading, named = self._read(step)
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics(named, step=step)
            self._sink(reading.scalars, step)
        trainer.callback_metrics.update({key: _scalar(value) for key, value in named.items()})
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
