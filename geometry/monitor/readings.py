"""What the callbacks of every trainer share: a monitor at a layer, read every so many steps, its readings kept.

A callback adds when its trainer calls it and where its trainer's own logs are.
"""

from __future__ import annotations

from typing import Any

from geometry.errors import UsageError
from geometry.monitor.layer import attach
from geometry.monitor.monitor import CollapseMonitor, Reading
from geometry.monitor.sinks import PREFIX, sink


class Readings:
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
        super().__init__()
        if every < 1:
            raise UsageError(f"every = {every}; a reading every 1 step or more")
        self.monitor, self.layer, self.every, self.pool, self.take = monitor, layer, every, pool, take
        self.readings: list[Reading] = []
        self._sink = sink(log)
        self._handle: Any = None

    def _attach(self, model: Any) -> None:
        self._handle = attach(model, self.layer, self.monitor, pool=self.pool, take=self.take)

    def _remove(self) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def _read(self, step: int) -> tuple[Reading, dict[str, float]]:
        """The reading at a step, and its values by their names in a log that holds others too."""
        reading = self.monitor.read(step)
        self.readings.append(reading)
        return reading, {PREFIX + key: value for key, value in reading.scalars.items()}
