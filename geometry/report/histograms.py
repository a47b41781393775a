"""The histograms: distances to the centroid and cosines of pairs, per generation, with the elliptical null over them.

Radii are over the generation's own rms radius. Where data and null agree there is nothing but a covariance; a radius
histogram that is a spike is a shell, a cosine histogram with a shoulder on the right has clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import style
from geometry.report.reading import arrays, generations, shown
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 9  # generations in the figure
KINDS = (("radius", "distance to the centroid / R"), ("cosine", "cosine of a pair"))
VISIBLE = 0.004  # of the highest bar: bins below it do not widen the axis
HEADROOM = 6.0  # a spike may be so many times the null's peak before it is cut


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no histograms."""
    if not complete(record):
        return None
    chosen = shown(sorted(arrays(record, "radius")), MOST)
    width = min((style.WIDTH - 0.5 - 0.1 * (len(chosen) - 1)) / len(chosen), 2.6)
    margins = style.Margins(left=0.35, right=0.15, top=0.3, bottom=0.75, across=0.1, down=0.6)
    figure, axes = style.panels(len(chosen), [1.2, 1.2], width, margins)
    for (kind, words), panels in zip(KINDS, axes, strict=True):
        row(record, kind, chosen, panels)
        panels[0].annotate(
            words, (0, 0), (0, -16), "axes fraction", "offset points", va="top", fontsize=8, color=style.INK
        )
    for ax, g in zip(axes[0], chosen, strict=True):
        ax.set_title(
            style.literal(generations(record)[g].title) if width > 1.25 else f"gen. {generations(record)[g].number}"
        )
    figure.legend(handles=handles(), loc="lower right", ncols=2, handlelength=1.4)
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every bin drawn: its edges, the density of the data and of the null."""
    every, table = generations(record), []
    for kind, _ in KINDS:
        edges, nulls = record.arrays.get(f"{kind}.edges", np.empty(0)), arrays(record, f"{kind}.null")
        for g, density in arrays(record, kind).items() if len(edges) else ():
            null = nulls.get(g, np.full(len(density), np.nan))
            for low, high, value, other in zip(edges[:-1], edges[1:], density, null, strict=True):
                other = "" if np.isnan(other) else f"{other:.6g}"
                table.append([kind, every[g].number, f"{low:.6g}", f"{high:.6g}", f"{value:.6g}", other])
    return ["histogram", "generation", "low", "high", "density", "null"], table


def complete(record: Record) -> bool:
    """Whether the record has histograms to draw."""
    return bool(arrays(record, "radius")) and all(f"{kind}.edges" in record.arrays for kind, _ in KINDS)


def row(record: Record, kind: str, chosen: list[int], axes: list[Axes]) -> None:
    """One row of panels, `radius` or `cosine`, a generation each, on equal axes."""
    edges, drawn, nulls = record.arrays[f"{kind}.edges"], arrays(record, kind), arrays(record, f"{kind}.null")
    every = [part[g] for part in (drawn, nulls) for g in chosen if g in part]
    low, high = _extent(edges, every)
    top = _top([drawn[g] for g in chosen if g in drawn], [nulls[g] for g in chosen if g in nulls])
    for ax, g in zip(axes, chosen, strict=True):
        if g in drawn:
            ax.stairs(drawn[g], edges, fill=True, color=style.DATA, alpha=0.45, lw=0)
        if g in nulls:
            ax.stairs(nulls[g], edges, color=style.NULL, lw=1.0)
        ax.set(xlim=(low, high), ylim=(0, top), yticks=[])
        ax.spines["left"].set_visible(False)
        ax.axvline(1.0 if kind == "radius" else 0.0, color=style.FAINT, lw=0.6, zorder=0)
        if g in drawn and drawn[g].max() > top:
            ax.annotate("cut", (0.98, 0.9), xycoords="axes fraction", ha="right", fontsize=6.5, color=style.MUTED)
        ax.locator_params(axis="x", nbins=4 if len(chosen) < 8 else 3)


def _extent(edges: Array, densities: list[Array]) -> tuple[float, float]:
    """The range of bins that can be seen in any panel, and zero or one inside it."""
    seen = np.zeros(len(edges) - 1, np.bool_)
    for density in densities:
        seen |= density > VISIBLE * max(float(density.max()), 1e-300)
    bins = np.flatnonzero(seen)
    if len(bins) == 0:
        return float(edges[0]), float(edges[-1])
    return float(edges[max(bins[0] - 1, 0)]), float(edges[min(bins[-1] + 2, len(edges) - 1)])


def _top(drawn: list[Array], nulls: list[Array]) -> float:
    highest = max((float(density.max()) for density in drawn + nulls), default=1.0)
    null = max((float(density.max()) for density in nulls), default=highest)
    return 1.08 * (min(highest, HEADROOM * null) if null > 0 else highest) or 1.0


def handles() -> list[Any]:
    """Legend entries of the data and the null."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    null = Line2D([], [], color=style.NULL, lw=1.0, label="elliptical null")
    return [Patch(color=style.DATA, alpha=0.45, lw=0, label="data"), null]
