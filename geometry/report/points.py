"""A square panel of points about their centroid: what the map, the local view and the plate share.

Points nearer to the eye are larger and less transparent; a crowd is drawn with smaller points, so that density shows.
The layer of points is pixels in every format. Quality is printed in a strip below: trustworthiness, continuity,
Shepard's correlation, stress, radius fidelity, and what Procrustes left where encoders were turned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import style
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REACH = 0.995  # share of the rows that a common frame holds; the rest is counted beside the panel
CROWD = 600.0  # points in a square inch from which they become smaller
LEVELS = 16  # of red, green and blue where colours are to be few
DOT = 3.2  # points squared: area of a marker in no crowd
THREE = 1.28  # inches of a column from which three measures of quality stand in a line
QUALITY = (  # measure, its name in a caption
    ("trustworthiness", "trust"), ("continuity", "cont."), ("shepard", "Shepard"), ("stress", "stress"),
    ("radius_fidelity", "radius"), ("alignment_residual", "turned, left"),
)  # fmt: skip


def rms(places: Array) -> float:
    """Root mean square distance to the origin."""
    return float(np.sqrt((places.astype(np.float64) ** 2).sum(axis=1).mean()))


def limit(places: dict[int, Array], centred: bool = True) -> float:
    """Half the width of every panel: holds nearly all rows of all generations and, about a centroid, every circle."""
    reach = [np.quantile(np.abs(rows[:, :2]).max(axis=1), REACH) for rows in places.values()]
    widest = 1.06 * max(*reach, *(rms(rows) for rows in places.values() if centred), 0.0)
    return widest if widest > 0 else 1.0


def panel(ax: Axes, places: Array, colors: Array, reach: float) -> None:
    """Rows (s, 2) or (s, 3) with their colours (s, 4) in a frame of half-width `reach`, far ones first."""
    depth = np.zeros(len(places))
    if places.shape[1] > 2 and len(places):
        depth = np.clip(places[:, 2] / (1.5 * rms(places) or 1.0), -1, 1)
        order = np.argsort(places[:, 2], kind="stable")
        places, colors, depth = places[order], colors[order], depth[order]
    shades = np.column_stack([colors[:, :3], 0.7 + 0.25 * depth])
    size = (DOT + 1.4 * depth) / crowd(ax, len(places)) ** 0.75
    ax.scatter(places[:, 0], places[:, 1], s=size, c=shades, lw=0, rasterized=True, zorder=3)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def flatten(figure: Figure, resolution: int) -> None:
    """Points of all panels without transparency or soft edges, in few colours, no smaller than a pixel.

    Pictures of crowds then take a third of the bytes. Changes the figure.
    """
    for part in (part for ax in figure.axes for part in ax.collections if part.get_rasterized()):
        faces = part.get_facecolors()  # type: ignore[attr-defined]
        over_white = faces[:, :3] * faces[:, 3:] + 1 - faces[:, 3:]
        part.set_facecolor(np.round(over_white * LEVELS) / LEVELS)
        part.set_antialiased(False)
        part.set_sizes(np.maximum(part.get_sizes(), (72 / resolution) ** 2))  # type: ignore[attr-defined]


def beyond(ax: Axes, places: Array, reach: float) -> None:
    """How many rows lie outside the frame, where any do."""
    count = int((np.abs(places[:, :2]).max(axis=1, initial=0.0) > reach).sum())
    if count:
        ax.text(
            0.98, 0.01, f"{count} beyond", transform=ax.transAxes, ha="right", fontsize=6.5, color=style.MUTED, zorder=4
        )


def circles(ax: Axes, own: float, reference: float) -> None:
    """The rms radius of a generation, and dotted that of the reference; before a crowd, behind few points."""
    angle = np.linspace(0, 2 * np.pi, 121)
    above = any(crowd(ax, len(part.get_offsets())) > 1 for part in ax.collections)  # type: ignore[arg-type]
    styles: dict[float, dict[str, Any]] = {
        reference: {"color": style.MUTED, "ls": (0, (1, 2))},
        own: {"color": style.INK, "ls": "-"},
    }
    for radius, options in styles.items():
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), lw=0.6, zorder=4 if above else 2, **options)


def crowd(ax: Axes, count: int) -> float:
    """How many times too many points a panel holds for their full size; 1 where there is room."""
    inches = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]
    return max(count / (CROWD * inches**2), 1.0)


def quality_of(record: Record, view: str, g: int) -> list[str]:
    """The quality of a view of the generation at position g, each measure in two words; none where it is not known."""
    found = record.run.get("quality", {}).get(view, {})
    return [
        f"{word} {_two_digits(found[key][g])}"
        for key, word in QUALITY
        if g < len(found.get(key, [])) and found[key][g] is not None
    ]


def strip(width: float) -> float:
    """Inches below a column of `width` inches for the quality of its view."""
    return 0.2 if width >= THREE else 0.32


def print_quality(ax: Axes, words: list[str]) -> None:
    """Three measures in a line, or two where the column is narrow, from the top of a strip below the panel."""
    inches = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]
    step = 3 if inches >= THREE else 2
    for line, i in enumerate(range(0, len(words), step)):
        ax.annotate(
            "  ".join(words[i : i + step]), (0.5, 1), (0, -2 - 8 * line), "axes fraction", "offset points",
            ha="center", va="top", fontsize=5.6, color=style.MUTED,
        )  # fmt: skip


def _two_digits(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
