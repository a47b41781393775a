"""CollapseMonitor as a callback of the Trainer of transformers.

A callback is not told of its trainer, whose loggers are callbacks too: `add_to(trainer)` makes readings go through
`Trainer.log`, and so to everything in `report_to`; given to the constructor of the Trainer instead, they stand in
`state.log_history` and go to `log`. The baseline lies in the state of every checkpoint, and training that is resumed
goes on with it. With several processes each has a queue of its own, and the first one's are logged.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from geometry.errors import UsageError
from geometry.monitor.readings import Readings


def _callback_class() -> Any:
    try:
        return import_module("transformers").TrainerCallback
    except ImportError as error:
        raise UsageError("HuggingFaceMonitor needs transformers: `pip install transformers accelerate`") from error


class HuggingFaceMonitor(Readings, _callback_class()):  # type: ignore[misc]
    """A callback for the Trainer of transformers; its arguments and errors are those of `Readings`."""

    _log: Callable[[dict[str, float]], None] | None = None

    def add_to(self, trainer: Any) -> HuggingFaceMonitor:
        """Become a callback of this trainer, and log through it."""
        trainer.add_callback(self)
        self._log = trainer.log
        return self

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._attach(kwargs["model"])
        kept = (state.stateful_callbacks or {}).get(self._kept_as)
        if kept and not self.monitor.baseline:
            self.monitor.load_state_dict(kept["attributes"])

    @property
    def _kept_as(self) -> str:
        """Its name among the states of callbacks in a checkpoint."""
        return f"CollapseMonitor {self.layer}"

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self.every:
            return
        reading, named = self._read(state.global_step)
        state.stateful_callbacks[self._kept_as] = {"args": {}, "attributes": self.monitor.state_dict()}
        if self._log is not None:
            self._log(named)
        else:
            state.log_history.append({**named, "step": state.global_step})
        if state.is_world_process_zero:
            self._sink(reading.scalars, state.global_step)
        if reading.stop:
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._remove()
