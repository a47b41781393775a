"""The spectra: covariance eigenvalues of every generation, on log axes.

Left, over the reference's total variance: a set that shrinks sinks. Right, over its own total: only the shape is left,
and a set that loses directions falls off earlier.
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

NAMED = 10  # generations in the legend
FLOOR = 1e-9  # of the total variance: below it an eigenvalue is not drawn


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no spectra."""
    spectra = found(record)
    if not spectra:
        return None
    margins = style.Margins(left=0.7, right=1.55, top=0.35, bottom=0.5, across=0.75)
    figure, ((left, right),) = style.panels(2, [2.7], 3.7, margins)
    _lines(left, record, over_reference(record))
    _lines(right, record, {g: values / values.sum() for g, values in spectra.items()})
    left.set(title="over the reference's total variance", ylabel="share of variance")
    right.set(title="over its own total variance")
    right.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), handlelength=1.2)
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every eigenvalue, in units of the input squared."""
    every = generations(record)
    return ["generation", "rank", "eigenvalue"], [
        [every[g].number, i, f"{value:.8g}"]
        for g, values in arrays(record, "eigenvalues").items()
        for i, value in enumerate(values, 1)
    ]


def found(record: Record) -> dict[int, Array]:
    """Eigenvalues by position, where there is any variance."""
    return {g: values for g, values in arrays(record, "eigenvalues").items() if len(values) and values.sum() > 0}


def over_reference(record: Record) -> dict[int, Array]:
    """Eigenvalues over the reference's total variance."""
    spectra = found(record)
    if not spectra:
        return {}
    total = float(spectra.get(int(record.run.get("reference", 0)), next(iter(spectra.values()))).sum())
    return {g: values / total for g, values in spectra.items()}


def _lines(ax: Axes, record: Record, spectra: dict[int, Array]) -> None:
    every = generations(record)
    colors = style.generation_colors(len(every))
    named = shown(list(spectra), NAMED)
    for g, values in spectra.items():
        kept = values[values > FLOOR]
        marker = "o" if len(kept) < 4 else ""
        label = style.literal(every[g].title) if g in named else "_"
        ax.plot(np.arange(1, len(kept) + 1), kept, color=colors[g], lw=1.3, marker=marker, label=label)
    ax.set(xscale="log", yscale="log", xlabel="rank of the eigenvalue")
    ax.grid()
    ranks(ax, max(len(values) for values in spectra.values()))


def ranks(ax: Axes, most: int, every: int = 1) -> None:
    """Plain ticks for the ranks 1 to `most`, every so-manieth of them."""
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick <= most][::every]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
