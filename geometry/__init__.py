"""geometry: how many dimensions an embedding set has, whether and how it collapses over generations, since when.

The names below are the stable interface; they are loaded when first used, so that importing the package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geometry import attribution, concepts, loops, monitor
    from geometry.analysis import Analysis, analyze
    from geometry.catalog import compute, statistics
    from geometry.errors import GeometryError, InputError, OutOfMemoryError, UnsafeFileError, UsageError
    from geometry.pairs import neighbors
    from geometry.projection import project
    from geometry.sources import load
    from geometry.types import EmbeddingSet, Estimate, Moments, Neighbors, Projection

_PACKAGES = ("attribution", "concepts", "loops", "monitor")
_HOMES = {
    "Analysis": "analysis",
    "EmbeddingSet": "types",
    "Estimate": "types",
    "GeometryError": "errors",
    "InputError": "errors",
    "Moments": "types",
    "Neighbors": "types",
    "OutOfMemoryError": "errors",
    "Projection": "types",
    "UnsafeFileError": "errors",
    "UsageError": "errors",
    "analyze": "analysis",
    "compute": "catalog",
    "load": "sources",
    "neighbors": "pairs",
    "project": "projection",
    "statistics": "catalog",
}

__all__ = [
    "Analysis",
    "EmbeddingSet",
    "Estimate",
    "GeometryError",
    "InputError",
    "Moments",
    "Neighbors",
    "OutOfMemoryError",
    "Projection",
    "UnsafeFileError",
    "UsageError",
    "analyze",
    "attribution",
    "compute",
    "concepts",
    "load",
    "loops",
    "monitor",
    "neighbors",
    "project",
    "statistics",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"geometry.{name}")
    if name in _HOMES:
        return getattr(import_module(f"geometry.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'geometry' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
