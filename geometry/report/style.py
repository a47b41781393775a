"""How all figures look: the style sheet, the palettes, and panels laid out in inches.

Panels stand where arithmetic puts them, not a layout engine: the same size in every generation, and sooner drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHEET = Path(__file__).with_name("style.mplstyle")
WIDTH = 10.6  # inches of a full-width figure
INK, MUTED, FAINT = "#222222", "#767676", "#bdbdbd"
DATA, NULL, MARK, LOGGED = "#0072b2", "#d55e00", "#009e73", "#a0527f"  # Okabe and Ito 2008
LABELS = (  # Petroff 2021, chosen for colour-vision deficiency and for an even weight
    "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd", "#94a4a2",
)  # fmt: skip
SEQUENCE = "viridis"


def literal(words: str) -> str:
    """Words from outside as they are: a dollar sign opens no formula, control characters are left out."""
    return "".join(c for c in words if c.isprintable()).replace("$", r"\$")


@contextmanager
def sheet() -> Iterator[None]:
    """The style sheet over matplotlib's own defaults, whatever the user's settings are."""
    import matplotlib.style

    with matplotlib.style.context(SHEET, after_reset=True):
        yield


def generation_colors(count: int) -> list[Any]:
    """One colour per generation, dark to light in order, none too light for a white page."""
    import matplotlib

    return list(matplotlib.colormaps[SEQUENCE](np.linspace(0.0, 0.88, max(count, 2))))[:count]


@dataclass(frozen=True)
class Margins:
    """Inches left free about the panels, and between them."""

    left: float = 0.55
    right: float = 0.15
    top: float = 0.35
    bottom: float = 0.4
    across: float = 0.15
    down: float = 0.15


def panels(columns: int, heights: Sequence[float], width: float, margins: Margins) -> tuple[Figure, list[list[Axes]]]:
    """A figure with len(heights) rows of panels, `width` x height inches each, columns from left to right."""
    from matplotlib.figure import Figure

    whole = margins.left + columns * width + (columns - 1) * margins.across + margins.right
    tall = margins.top + sum(heights) + (len(heights) - 1) * margins.down + margins.bottom
    figure = Figure(figsize=(whole, tall))
    rows, top = [], tall - margins.top
    for height in heights:
        lefts = [margins.left + column * (width + margins.across) for column in range(columns)]
        box = [(left / whole, (top - height) / tall, width / whole, height / tall) for left in lefts]
        rows.append([figure.add_axes(place) for place in box])
        top -= height + margins.down
    return figure, rows
