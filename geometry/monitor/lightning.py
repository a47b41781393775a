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
from geometry.monitor.layer import attach
from geometry.monitor.monitor import CollapseMonitor, Reading
from geometry.monitor.sinks import PREFIX, sink


def _callback_class() -> Any:
    """The base of callbacks in the Lightning that is in use: its two packages have one each, not the same."""
    names = ("lightning.pytorch", "pytorch_lightning")
    for name in sorted(names, key=lambda name: name not in sys.modules):
        try:
            return import_module(name).Callback
        except ImportError:
            continue
    raise UsageError("LightningMonitor needs PyTorch Lightning: `pip install lightning`")


class LightningMonitor(_callback_class()):  # type: ignore[misc]
    """Watch `layer` of the module that is fitted, read every `every` steps, log, and stop where a condition holds.

    log: a further place for the readings (see `geometry.monitor.sinks`). pool and take are those of `watch`.
    `readings` keeps them all. Raises InputError, when fitting starts, for a layer that is not there.
    """

    def __init__(
        self,
        monitor: CollapseMonitor,
        layer: str,
        *,
        every: int = 100,
        pool: str = "mean",
        take: str | None = None,
        log: Any = None,
    ) -> None:
        super().__init__()
        if every < 1:
            raise UsageError(f"every = {every}; a reading every 1 step or more")
        self.monitor, self.layer, self.every, self.pool, self.take = monitor, layer, every, pool, take
        self.readings: list[Reading] = []
        self._sink = sink(log)
        self._handle: Any = None
        self._read_at = 0

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self._handle = attach(pl_module, self.layer, self.monitor, pool=self.pool, take=self.take)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        step = trainer.global_step
        if step == self._read_at or step % self.every:  # one step may take several batches
            return
        self._read_at = step
        reading = self.monitor.read(step)
        self.readings.append(reading)
        named = {PREFIX + key: value for key, value in reading.scalars.items()}
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

    def _remove(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


def _scalar(value: float) -> Any:
    import torch

    return torch.tensor(value)
