"""The colours of the map and their legend: by label where every generation has labels, else by distance in units of R.

The most frequent labels have a colour of their own; further ones share the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import style
from geometry.report.points import rms
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = 9  # labels with a colour of their own where there are more than the palette holds


def colors(record: Record, places: dict[int, Array]) -> tuple[dict[int, Array], dict[str, Any]]:
    """(s, 4) colours per generation, and the legend: by label, else by distance to the centroid."""
    import matplotlib
    from matplotlib.colors import to_rgba_array

    labels = {g: record.arrays[f"labels.{g}"] for g in places if f"labels.{g}" in record.arrays}
    if len(labels) < len(places):
        cmap = matplotlib.colormaps[style.SEQUENCE]
        radii = {g: np.linalg.norm(rows, axis=1) / (rms(rows) or 1.0) for g, rows in places.items()}
        return {g: cmap(np.clip(radius - 0.5, 0, 1)) for g, radius in radii.items()}, {}
    names, counts = np.unique(np.concatenate([labels[g].astype(str) for g in places]), return_counts=True)
    frequent = sorted(names[np.argsort(-counts, kind="stable")][: COLORS if len(names) > COLORS + 1 else None])
    palette = to_rgba_array(style.LABELS)
    at = {name: palette[i] for i, name in enumerate(frequent)}
    colors = {g: np.array([at.get(str(label), palette[-1]) for label in labels[g]]).reshape(-1, 4) for g in places}
    return colors, at if len(frequent) == len(names) else {**at, f"{len(names) - len(frequent)} others": palette[-1]}


def handles(names: dict[str, Any]) -> list[Any]:
    """Legend entries of the labels, or of the radii, and of the two circles."""
    from matplotlib.lines import Line2D

    made = [
        Line2D([], [], ls="", marker="o", ms=4.5, mew=0, color=color, label=_entry(name))
        for name, color in names.items()
    ]
    made.append(Line2D([], [], lw=0.8, color=style.INK, label="rms radius R"))
    made.append(Line2D([], [], lw=0.8, ls=(0, (1, 2)), color=style.MUTED, label="R of the reference"))
    return made if names else made + _radius_key()


def _entry(name: str) -> str:
    """A label of at most 18 characters, taken literally: matplotlib drops entries that begin with an underscore."""
    words = style.literal(name if len(name) <= 18 else name[:17] + "…")
    return " " + words if words[:1] in ("", "_") else words


def entries_in_a_row(inches: float) -> int:
    """Legend entries that fit a width."""
    return max(int(inches / 1.15), 2)


def draw(figure: Figure, made: list[Any], left_out: int) -> None:
    """The legend below the panels, filled by rows; last, how many generations between those drawn are not."""
    from matplotlib.lines import Line2D

    if left_out:
        made = [*made, Line2D([], [], ls="", label=f"{left_out} gen. not drawn")]
    rows = -(-len(made) // entries_in_a_row(figure.get_figwidth()))
    columns = -(-len(made) // rows)
    by_rows = [handle for start in range(columns) for handle in made[start::columns]]  # matplotlib fills columns
    figure.legend(handles=by_rows, loc="lower center", ncols=columns, handletextpad=0.3, columnspacing=1.1)


def _radius_key() -> list[Any]:
    import matplotlib
    from matplotlib.lines import Line2D

    cmap = matplotlib.colormaps[style.SEQUENCE]
    return [
        Line2D([], [], ls="", marker="o", ms=4.5, mew=0, color=cmap(radius - 0.5), label=f"at {radius:g} R")
        for radius in (0.5, 1.0, 1.5)
    ]
