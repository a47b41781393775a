"""The plate of a layer: for each principal direction the items at its two ends, and the inputs made for them.

From the left: the input made for the high end, the items furthest there, a gap, the items furthest at the low end, the
input made for it. Numbers are scores in standard deviations along the direction. Texts are written as a table instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import save, style
from geometry.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 5  # items at each end
SIDE, DOWN = 0.78, 0.9  # inches from image to image
HIGH, LOW = 0, 1


def write(folder: Path | str, formats: tuple[str, ...] = ("png",)) -> list[Path]:
    """seen/LAYER.png for every layer of a captured folder that has images, and seen/LAYER.csv; the paths written."""
    save.require_formats(formats)
    paths = []
    for source in sorted((Path(folder) / "seen").glob("*.npz")):
        with np.load(source, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        paths.append(save.write_data(source.with_suffix(".csv"), *data(arrays)))
        with style.sheet():
            figure = draw(source.stem, arrays)
        if figure is not None:
            paths += [save.write_bytes(source.with_suffix(f".{kind}"), save.encode(figure, kind)) for kind in formats]
    return paths


def draw(layer: str, arrays: dict[str, Array]) -> Figure | None:
    """The plate, or None where the items are no images or the layer has no direction."""
    if "shown" not in arrays or len(arrays["shown"]) == 0:
        return None
    ends, rows = min(SHOWN, arrays["shown"].shape[2]), len(arrays["shown"])
    columns = 2 * ends + 3
    margins = style.Margins(left=0.45, right=0.1, top=0.55, bottom=0.1)
    figure, ((ax,),) = style.panels(1, [rows * DOWN], columns * SIDE, margins)
    for i in range(rows):
        high, low = (_items(arrays, i, end, ends) for end in (HIGH, LOW))
        cells = [_made(arrays, i, HIGH), *high, None, *low[::-1], _made(arrays, i, LOW)]
        for column, cell in enumerate(cells):
            if cell is not None:
                _image(ax, column, i, *cell)
        ax.text(-0.2, i + 0.45, f"{i + 1}", ha="right", va="center", fontsize=9)
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="auto")
    ax.set_axis_off()
    made = "made" if "made" in arrays else ""
    for column, words in ((0, made), (1, "furthest, high end"), (ends + 2, "low end"), (2 * ends + 2, made)):
        ax.text(column, -0.06, words, fontsize=7, color=style.MUTED)
    figure.text(0.01, 0.985, style.literal(f"What {layer} sees, by principal direction"), va="top", fontsize=9)
    return figure


def data(arrays: dict[str, Array]) -> tuple[list[str], list[list[Any]]]:
    """Item numbers and scores at both ends of every direction, with the texts where the items are texts."""
    texts = arrays.get("texts")
    rows = [
        [
            i + 1,
            ("high", "low")[end],
            int(item),
            f"{arrays['scores'][i, end, j]:.6g}",
            *([] if texts is None else [str(texts[i, end, j])]),
        ]
        for (i, end, j), item in np.ndenumerate(arrays["items"])
    ]
    return ["direction", "end", "item", "score", *([] if texts is None else ["text"])], rows


def _made(arrays: dict[str, Array], i: int, end: int) -> tuple[Array, float] | None:
    if "made" not in arrays:
        return None
    return arrays["made"][i, end], (1, -1)[end] * float(arrays["made_scores"][i, end, 1])


def _items(arrays: dict[str, Array], i: int, end: int, ends: int) -> list[tuple[Array, float] | None]:
    return [(arrays["shown"][i, end, j], float(arrays["scores"][i, end, j])) for j in range(ends)]


def _image(ax: Axes, column: int, row: int, item: Array, score: float) -> None:
    side = int(np.sqrt(item.size))
    plane = item.reshape(side, side) if item.ndim == 1 else item
    plane = np.moveaxis(plane, 0, -1) if plane.ndim == 3 else plane
    low, high = float(plane.min()), float(plane.max())
    unit = ((plane - low) / (high - low if high > low else 1.0)).squeeze()
    ax.imshow(unit, cmap="gray", vmin=0, vmax=1, extent=(column, column + 0.92, row + 0.8, row))
    ax.text(column + 0.46, row + 0.83, f"{score:.1f}", ha="center", va="top", fontsize=6)
