"""The plane: how many dimensions the directions have, against how much structure there is beyond the covariance.

Generations walk through it, numbered and joined by arrows. Up is structure (blue: rich), the bottom is none (orange):
there, right of the line a set is sphere-like, left of it low-dimensional. One of the two gauges is enough to be rich.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import style
from geometry.report.reading import Row, generations, is_of_arms, series
from geometry.types import Floats, Record
from geometry.verdict import constants as limit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HIGH, WIDE = 12.0, (7.0, 4.6)  # points: the height of a marker, its width without words and by the letter
GAUGES = (  # heading, statistic, structureless up to, rich from
    ("structure gain", "structure_gain", limit.PLAIN_GAIN, limit.RICH_GAIN),
    ("|dimension gap|", "dimension_gap", limit.PLAIN_GAP, limit.RICH_GAP),
)


def draw(record: Record) -> Figure | None:
    """The figure, or None where no generation has both an angle dimension and a gauge."""
    if not any(_points(record, name) for _, name, _, _ in GAUGES):
        return None
    margins = style.Margins(left=0.65, right=0.2, top=0.35, bottom=0.5, across=0.7)
    figure, (axes,) = style.panels(2, [3.2], 4.2, margins)
    reach = [row["value"] for row in series(record, "angle_dimension").values()]
    for ax, (heading, name, none, rich) in zip(axes, GAUGES, strict=True):
        points = _points(record, name)
        top = 2.2 * max(rich, *(y["value"] for _, y in points.values())) if points else 4 * rich
        _bands(ax, none, rich, top)
        _axes(ax, heading, rich, (0.7 * min(*reach, 2.5), 1.6 * max(*reach, 20.0), top))
        _path(ax, record, points)
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """The position of every generation in both panels."""
    every, table = generations(record), []
    for _, name, _, _ in GAUGES:
        for g, (x, y) in _points(record, name).items():
            table.append([name, every[g].number, every[g].state, x["value"], y["value"], y.get("low"), y.get("high")])
    return ["gauge", "generation", "state", "angle_dimension", "value", "low", "high"], table


def _points(record: Record, name: str) -> dict[int, tuple[Row, Row]]:
    """Angle dimension and size of the gauge by position, where both have a value."""
    across = series(record, "angle_dimension")
    return {g: (across[g], _size(row)) for g, row in series(record, name).items() if g in across}


def _size(row: Row) -> Row:
    """The gauge without its sign: both signs of the gap mean structure. The gain is never below nothing."""
    if row["name"] == "structure_gain":
        return {**row, "value": max(row["value"], 0.0)}
    low, high = row.get("low"), row.get("high")
    if low is None or high is None:
        return {**row, "value": abs(row["value"])}
    ends = sorted((abs(low), abs(high)))
    return {**row, "value": abs(row["value"]), "low": 0.0 if low < 0 < high else ends[0], "high": ends[1]}


def _bands(ax: Axes, none: float, rich: float, top: float) -> None:
    ax.axhspan(rich, top, color=style.DATA, alpha=0.07, lw=0)
    ax.axhspan(0, none, color=style.NULL, alpha=0.10, lw=0)
    ax.plot([limit.SPHERE_DIMENSIONS] * 2, [0, none], color=style.NULL, lw=0.8, ls=(0, (2, 2)))
    options: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7.5, "color": style.MUTED}
    ax.annotate("rich", (1, 1), (-5, -5), xycoords="axes fraction", ha="right", va="top", **options)
    corner = (limit.SPHERE_DIMENSIONS, none)
    ax.annotate("sphere-like", corner, (5, -5), xycoords="data", ha="left", va="top", **options)
    ax.annotate("low-dimensional", corner, (-5, -5), xycoords="data", ha="right", va="top", **options)


def _path(ax: Axes, record: Record, points: dict[int, tuple[Row, Row]]) -> None:
    colors = style.generation_colors(len(generations(record)))
    at = {g: (points[g][0]["value"], points[g][1]["value"]) for g in sorted(points)}
    every = generations(record)
    groups = _groups(ax, at)
    for before, after in [] if is_of_arms(record) else pairwise(groups):
        arrow = {"arrowstyle": "-|>", "lw": 0.9, "color": style.MUTED, "shrinkA": 6, "shrinkB": 6, "mutation_scale": 8}
        ax.annotate("", at[after[0]], at[before[-1]], arrowprops=arrow, zorder=3)
    for group in groups:
        low, high = points[group[-1]][1].get("low"), points[group[-1]][1].get("high")
        if low is not None and high is not None:
            ax.vlines(at[group[-1]][0], max(low, 0), high, color=colors[group[-1]], lw=1, alpha=0.6)
    _markers(ax, at, {_words([every[g].called for g in group]): (group[-1], colors[group[-1]]) for group in groups})


def _groups(ax: Axes, at: dict[int, tuple[float, float]]) -> list[list[int]]:
    """Generations in a row whose markers would hide each other, together: they stand still."""
    groups: list[list[int]] = []
    for g, place in at.items():
        if groups and float(np.hypot(*_apart(ax, place, at[groups[-1][0]]))) < HIGH:
            groups[-1].append(g)
        else:
            groups.append([g])
    return groups


def _words(numbers: list[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"


def _markers(ax: Axes, at: dict[int, tuple[float, float]], groups: dict[str, tuple[int, Any]]) -> None:
    """A pill with its words for the last group, the first, and all others that have room; a dot for the rest."""
    told: list[str] = []
    for words in dict.fromkeys([*[*groups][-1:], *groups]):
        g, color = groups[words]
        if any(_hide(ax, (at[g], words), (at[groups[other][0]], other)) for other in told):
            ax.plot(*at[g], "o", ms=5, color=color, mec="white", mew=0.6, zorder=4, clip_on=False)
        else:
            told.append(words)
            _pill(ax, at[g], color, words)


def _hide(ax: Axes, one: tuple[tuple[float, float], str], other: tuple[tuple[float, float], str]) -> bool:
    across, up = np.abs(_apart(ax, one[0], other[0]))
    return bool(up < HIGH and across < WIDE[0] + WIDE[1] * (len(one[1]) + len(other[1])) / 2)


def _apart(ax: Axes, one: tuple[float, float], other: tuple[float, float]) -> Floats:
    """(2,) points from one place to another on paper."""
    away: Floats = (ax.transData.transform(one) - ax.transData.transform(other)) * 72 / ax.figure.dpi
    return away


def _pill(ax: Axes, place: tuple[float, float], color: Any, words: str) -> None:
    """The number, or the first and last number, of the generations that stand there."""
    box = {"boxstyle": "round,pad=0.35,rounding_size=0.7", "facecolor": color, "edgecolor": "white", "linewidth": 0.8}
    ink = "white" if sum(color[:3]) < 1.7 else "black"
    ax.annotate(
        style.literal(words), place, ha="center", va="center", fontsize=7, color=ink, zorder=5, bbox=box,
        annotation_clip=False,
    )  # fmt: skip


def _axes(ax: Axes, heading: str, linear: float, reach: tuple[float, float, float]) -> None:
    left, right, top = reach
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=linear, linscale=1.0)
    ax.set(xlim=(left, right), ylim=(0, top), xlabel="angle dimension", title=heading)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if left <= tick <= right]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    levels = [level for level in (0, 0.05, 0.1, 0.15, 0.2, 0.5, 1, 2, 5) if level <= top]
    ax.set_yticks(levels, [f"{level:g}" for level in levels])
    ax.minorticks_off()
