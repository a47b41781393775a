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
SIDE = 0.72  # inches of an image
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
    ends = min(SHOWN, arrays["shown"].shape[2])
    margins = style.Margins(left=0.55, right=0.1, top=0.5, bottom=0.1, across=0.06, down=0.24)
    figure, rows = style.panels(2 * ends + 3, [SIDE] * len(arrays["shown"]), SIDE, margins)
    for i, axes in enumerate(rows):
        cells = [
            _made(arrays, i, HIGH),
            *_items(arrays, i, HIGH, ends),
            None,
            *_items(arrays, i, LOW, ends)[::-1],
            _made(arrays, i, LOW),
        ]
        for ax, cell in zip(axes, cells, strict=True):
            ax.set_axis_off()
            if cell is not None:
                _image(ax, *cell)
        axes[0].annotate(f"{i + 1}", (-0.35, 0.5), xycoords="axes fraction", ha="right", va="center", fontsize=9)
    figure.text(0.01, 0.985, style.literal(f"What {layer} sees, by principal direction"), va="top", fontsize=9)
    for column, words in ((0, "made"), (1, "furthest, high end"), (ends + 2, "low end"), (2 * ends + 2, "made")):
        rows[0][column].annotate(
            words, (0, 1), (0, 13), "axes fraction", "offset points", fontsize=7, color=style.MUTED
        )
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


def _image(ax: Axes, item: Array, score: float) -> None:
    side = int(np.sqrt(item.size))
    plane = item.reshape(side, side) if item.ndim == 1 else item
    plane = np.moveaxis(plane, 0, -1) if plane.ndim == 3 else plane
    low, high = float(plane.min()), float(plane.max())
    if plane.ndim == 3 and plane.shape[-1] == 3:
        ax.imshow((plane - low) / (high - low if high > low else 1.0))
    else:
        ax.imshow(plane.squeeze(), cmap="gray", vmin=low, vmax=high if high > low else low + 1.0)
    ax.annotate(f"{score:.1f}", (0.5, 0), (0, -1), "axes fraction", "offset points", ha="center", va="top", fontsize=6)
