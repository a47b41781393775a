"""CollapseMonitor as a callback of the Trainer of transformers.

A callback is not told of its trainer, whose loggers are callbacks too: `add_to(trainer)` makes readings go through
`Trainer.log`, and so to everything in `report_to`; given to the constructor of the Trainer instead, they stand in
`state.log_history` and go to `log`. With several processes each has a queue of its own, and the first one's are logged.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from geometry.errors import UsageError
from geometry.monitor.layer import attach
from geometry.monitor.monitor import CollapseMonitor, Reading
from geometry.monitor.sinks import PREFIX, sink


def _callback_class() -> Any:
    try:
        return import_module("transformers").TrainerCallback
    except ImportError as error:
        raise UsageError("HuggingFaceMonitor needs transformers: `pip install transformers accelerate`") from error


class HuggingFaceMonitor(_callback_class()):  # type: ignore[misc]
    """Watch `layer` of the model that is trained, read every `every` steps, log, and stop where a condition holds.

    log: a further place for the readings (see `geometry.monitor.sinks`). pool and take are those of `watch`.
    `readings` keeps them all. Raises InputError, when training starts, for a layer that is not there.
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
        if every < 1:
            raise UsageError(f"every = {every}; a reading every 1 step or more")
        self.monitor, self.layer, self.every, self.pool, self.take = monitor, layer, every, pool, take
        self.readings: list[Reading] = []
        self._sink = sink(log)
        self._handle: Any = None
        self._log: Callable[[dict[str, float]], None] | None = None

    def add_to(self, trainer: Any) -> HuggingFaceMonitor:
        """Become a callback of this trainer, and log through it."""
        trainer.add_callback(self)
        self._log = trainer.log
        return self

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._handle = attach(kwargs["model"], self.layer, self.monitor, pool=self.pool, take=self.take)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self.every:
            return
        reading = self.monitor.read(state.global_step)
        self.readings.append(reading)
        named = {PREFIX + key: value for key, value in reading.scalars.items()}
        if self._log is not None:
            self._log(named)
        else:
            state.log_history.append({**named, "step": state.global_step})
        if state.is_world_process_zero:
            self._sink(reading.scalars, state.global_step)
        if reading.stop:
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
