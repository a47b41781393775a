"""The main job, top to bottom: sets in, statistics, verdict, views and a record out.

The names below are loaded when first used: joining the parts of a run, which is done here too, needs no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geometry.analysis.asked import Options
    from geometry.analysis.job import analyze
    from geometry.analysis.result import Analysis

_HOMES = {"Analysis": "result", "Options": "asked", "analyze": "job"}

__all__ = ["Analysis", "Options", "analyze"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"geometry.analysis.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'geometry.analysis' has no attribute '{name}'")
