"""One figure per finding of the loops, from committed rows; nothing is measured here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.loop_cases import Point
from geometry.report import save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {
    "replace": style.NULL,
    "accumulate": style.DATA,
    "fresh": style.MARK,
    "lambda 1.0": style.DATA,
    "lambda 0.8": style.NULL,
    "replace, temperature 0.8": style.LABELS[3],
}
MARGINS = style.Margins(left=0.6, right=0.25, top=0.4, bottom=0.45, across=0.6, down=0.75)
HISTOGRAMS = ("replace", "replace, temperature 0.8")
Draw = Callable[["Axes", list[Point]], None]


def draw_all(points: dict[str, list[Point]], folder: Path) -> list[Path]:
    """A PNG for each finding that has points."""
    made = []
    for name, draw in FIGURES.items():
        if name in points:
            with style.sheet():
                figure = draw(points[name])
            made.append(save.write_bytes(folder / f"loops-{name}.png", save.encode(figure, "png")))
    return made


def closed(points: list[Point]) -> Figure:
    """Points measured, lines expected."""
    titles = {
        "variance": "Gaussian refit, n = 20: variance",
        "log variance": "under replace: log variance, fanning out",
        "regression error": "regression on its own labels: excess error",
        "heterozygosity": "categories: heterozygosity",
        "lost in one fit": "categories lost in one fit, by true share",
    }
    return _laid_out(points, titles, 3, dict.fromkeys(titles, _measured_and_expected))


def slope(points: list[Point]) -> Figure:
    """Decay per generation against n, both logarithmic."""

    def draw(ax: Axes, found: list[Point]) -> None:
        _measured_and_expected(ax, found)
        ax.set_xscale("log")
        ax.set_yscale("log")
        sizes = [int(point.x) for point in found]
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.set_xticks([], minor=True)
        ax.set_xlabel("rows per fit")

    return _laid_out(points, {"slope": "decay of the log variance per generation"}, 1, {"slope": draw}, 3.6)


def regimes(points: list[Point]) -> Figure:
    """Bars from the widest expected to the narrowest."""
    panels = list(dict.fromkeys(point.panel for point in points))
    margins = style.Margins(left=1.65, right=0.2, top=0.4, bottom=0.35, across=0.25)
    figure, axes = style.panels(len(panels), [2.3], 1.5, margins)
    for ax, panel in zip(axes[0], panels, strict=True):
        found = [point for point in points if point.panel == panel]
        places = -np.array([point.x for point in found])
        ax.errorbar(
            [point.value for point in found], places, xerr=[1.96 * (p.stderr or 0) for p in found], fmt="o", lw=1.2,
            color=style.DATA,
        )  # fmt: skip
        ax.set_title(panel)
        ax.grid(axis="x")
        ax.set_yticks(places, [point.series for point in found] if ax is axes[0][0] else [""] * len(found))
    return figure


def narrow(points: list[Point]) -> Figure:
    """Precision beside recall."""
    return _laid_out(points, {"precision": "precision", "recall": "recall"}, 2, {})


def digits(points: list[Point]) -> Figure:
    """What is kept of images that no model has seen, features of the fixed classifier."""
    names = (
        "precision", "recall", "coverage", "mass beyond the 95 % quantile", "tail rows covered", "modes lost",
        "least digit kept", "total variance of the pixels", "effective rank of the pixels",
    )  # fmt: skip
    return _laid_out(points, {name: name for name in names}, 3, {})


def text(points: list[Point]) -> Figure:
    """Characters and mean losses along the generations, the losses of single characters as histograms."""
    own, real = "own text, first model", "real text, own model"
    lines = {
        "rare characters, of their share": "rare characters: drawn over real share",
        "different words": "different words",
        f"loss, {real}": "loss on real text, nats per character",
        f"loss, {own}": "loss of own text by the first model",
    }
    kinds = {f"histogram, {real}": "real text by own model", f"histogram, {own}": "own text by first model"}
    seen = {
        "effective rank of sentences": "sentences in an encoder: effective rank",
        "sentences: precision": "sentences that lie among real ones",
        "sentences: coverage": "real sentences with one of them near",
    }
    panels = lines | {f"{arm}: {kind}": f"{arm}:\n{said}" for kind, said in kinds.items() for arm in HISTOGRAMS}
    panels |= {panel: title for panel, title in seen.items() if any(point.panel == panel for point in points)}
    split = [_with_arm(point) if point.panel in kinds else point for point in points]
    return _laid_out(split, panels, 4, {name: _histogram for name in panels if name not in lines | seen}, 2.5)


def _with_arm(point: Point) -> Point:
    """A point of a histogram whose panel names the arm and whose series is the generation alone."""
    arm, _, generation = point.series.rpartition(" ")
    return replace(point, panel=f"{arm}: {point.panel}", series=generation)


def _laid_out(
    points: list[Point], titles: dict[str, str], columns: int, draws: dict[str, Draw], width: float = 2.9
) -> Figure:
    rows = -(-len(titles) // columns)
    figure, axes = style.panels(columns, [2.0] * rows, width, MARGINS)
    flat: Sequence[Axes] = [ax for row in axes for ax in row]
    for ax, (panel, title) in zip(flat, titles.items(), strict=False):
        draws.get(panel, _lines)(ax, [point for point in points if point.panel == panel])
        ax.set_title(title)
        ax.grid(axis="y")
    for ax in flat[len(titles) :]:
        ax.remove()
    return figure


def _lines(ax: Axes, points: list[Point]) -> None:
    """A line per series and seed; those of one series in one colour."""
    for series, every in _by_series(points).items():
        for seed in dict.fromkeys(point.setting.get("seed") for point in every):
            found = [point for point in every if point.setting.get("seed") == seed]
            error = [1.96 * (point.stderr or 0) for point in found]
            x, y = [point.x for point in found], [point.value for point in found]
            shown: dict[str, Any] = {"color": COLORS.get(series, style.INK), "label": "" if seed else series}
            ax.errorbar(x, y, yerr=error, fmt="--o" if seed else "-o", ms=3, **shown)
    ax.set_xlabel("generation")
    ax.locator_params(axis="x", integer=True)
    ax.legend()
    if min(point.value for point in points) >= 0:
        ax.set_ylim(0, None)


def _measured_and_expected(ax: Axes, points: list[Point]) -> None:
    series = _by_series(points)
    colors = style.generation_colors(len(series))
    for (name, found), color in zip(series.items(), colors, strict=True):
        color = COLORS.get(name, color)
        x = [point.x for point in found]
        error = [1.96 * (point.stderr or 0) for point in found]
        ax.errorbar(x, [point.value for point in found], yerr=error, fmt="o", ms=2.5, lw=1, color=color, label=name)
        known = [(point.x, point.expected) for point in found if point.expected is not None]
        ax.plot(*zip(*known, strict=True), color=color, lw=1)
    ax.set_xlabel("generation" if points[0].panel != "lost in one fit" else "true share")
    if len(series) > 1:
        ax.legend()


def _histogram(ax: Axes, points: list[Point]) -> None:
    """Shares of the losses on a log axis, a line per generation: humps on the left, tails on the right."""
    found = _by_series(points)
    for (name, part), color in zip(found.items(), style.generation_colors(len(found)), strict=True):
        x, y = [point.x for point in part], [point.value for point in part]
        ax.step(x, np.maximum(y, 1e-6), where="post", color=color, lw=1, label=f"generation {name}")
    ax.set_yscale("log")
    ax.set_ylim(1e-6, 1)
    ax.set_xlabel("nats per character")
    ax.legend()


def _by_series(points: list[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.series, []).append(point)
    return found


FIGURES: dict[str, Callable[[list[Point]], Figure]] = {
    "closed": closed,
    "slope": slope,
    "regimes": regimes,
    "narrow": narrow,
    "digits": digits,
    "text": text,
}
