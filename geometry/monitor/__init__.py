"""Statistics while a model trains: embeddings of one layer in a queue, read every so many steps, logged, and acted on.

    monitor = CollapseMonitor(stop="effective_rank<0.5x")
    log = sink("training.csv")
    with watch(model, "encoder", monitor):                         any PyTorch loop
        ...; reading = monitor.read(step); log(reading.scalars, step)
    Trainer(callbacks=[LightningMonitor(monitor, "encoder")])      Lightning
    Trainer(callbacks=[HuggingFaceMonitor(monitor, "encoder")])    transformers

The two callbacks are loaded when first asked for, and need their framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from geometry.monitor.layer import watch
from geometry.monitor.monitor import CollapseMonitor, Reading
from geometry.monitor.sinks import sink

if TYPE_CHECKING:
    from geometry.monitor.hugging_face import HuggingFaceMonitor
    from geometry.monitor.lightning import LightningMonitor

__all__ = ["CollapseMonitor", "HuggingFaceMonitor", "LightningMonitor", "Reading", "sink", "watch"]
_HOMES = {"LightningMonitor": "lightning", "HuggingFaceMonitor": "hugging_face"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"geometry.monitor.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'geometry.monitor' has no attribute '{name}'")
