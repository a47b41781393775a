"""Layers x generations: the heat map of a run over several layers, and one layer of it taken out.

Rank, intrinsic dimension and total variance are coloured by their ratio to the same layer in the reference generation,
on a log scale, since layers of unlike width cannot share another; gauges and label agreement by their values. A ring
marks the cells in which a change that shows in this statistic stands; the triangle is the first layer to collapse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import style
from geometry.report.reading import Generation, Row, generations, number, series
from geometry.types import Array, Floats, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS: tuple[tuple[str, str, tuple[str, ...], bool, tuple[str, ...]], ...] = (
    # heading, statistic, variants in order of preference, as a ratio to the reference, changes that it shows
    ("effective rank", "effective_rank", (), True, ("dimension",)),
    ("intrinsic dimension", "mle", (), True, ("dimension",)),
    ("total variance", "scale", ("total variance",), True, ("variance",)),
    ("structure gain", "structure_gain", (), False, ("structure",)),
    ("dimension gap", "dimension_gap", (), False, ("structure",)),
    ("label agreement", "label_agreement", (), False, ()),
)
COLUMNS = 3
CELL = (0.52, 0.27)  # inches
LEGIBLE = 420  # cells in a panel up to which values are written into them
LONGEST = 26  # characters of a layer's name on the axis
RATIOS, VALUES = "RdBu", "viridis"
POSITION = re.compile(r"^(.*\.)(\d+)$")  # of an array's name: the stem, and where its set stands
WIDEST = 2.0  # a ratio at least so far from 1 has the full colour


def layers(record: Record) -> list[str]:
    """The layers that a run has side by side; none in a run of one layer."""
    return [str(layer) for layer in record.run.get("layers", [])]


def of_layer(record: Record, layer: str) -> Record:
    """The run as it would be with this layer alone: positions from 0, its own arrays, rows, onsets and sentence."""
    index = layers(record).index(layer)
    own = record.run["verdict"]["layers"][index]
    new = {g: i for i, g in enumerate(own["positions"])}
    kept = list(new)
    run = record.run | {
        "inputs": [record.run["inputs"][g] for g in kept],
        "reference": new[own["reference"]],
        "quality": {
            view: {measure: [values[g] for g in kept] for measure, values in measures.items()}
            for view, measures in record.run.get("quality", {}).items()
        },
        "verdict": {
            "generations": [record.run["verdict"]["generations"][g] for g in kept],
            "onsets": own["onsets"],
            "summary": own["summary"],
        },
    }
    run.pop("layers")
    rows = [row | {"position": new[row["position"]]} for row in record.results if row["position"] in new]
    return Record(run, rows, _arrays(record, index, new))


def _arrays(record: Record, index: int, new: dict[int, int]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for key, array in record.arrays.items():
        numbered = POSITION.match(key)
        if numbered and int(numbered[2]) in new:
            found[f"{numbered[1]}{new[int(numbered[2])]}"] = array
        elif not numbered and not key.startswith("layer."):
            found[key] = array
        elif key.startswith(f"layer.{index}."):
            found[key.removeprefix(f"layer.{index}.")] = array
    return found


def layer_shown(record: Record) -> str:
    """The layer that figures of one layer show: the first to collapse, or where none does the last."""
    first = record.run["verdict"].get("first")
    return str(first["layer"]) if first else layers(record)[-1]


def draw(record: Record) -> Figure | None:
    """The heat map, or None where the run has one layer or no values."""
    found = [p for p in PANELS if layers(record) and np.isfinite(_values(record, p[1], p[2], p[3])).any()]
    if not found:
        return None
    names, every = layers(record), _numbers(record)
    columns = min(COLUMNS, len(found))
    width, height = max(CELL[0] * len(every), 1.9), max(CELL[1] * len(names), 0.8)
    left = 0.3 + 0.075 * min(max(map(len, names)), LONGEST)
    margins = style.Margins(left=left, right=0.15, top=0.4, bottom=0.45, across=0.25, down=0.75)
    figure, axes = style.panels(columns, [height] * -(-len(found) // columns), width, margins)
    flat = [ax for row in axes for ax in row]
    for i, (ax, panel) in enumerate(zip(flat, found, strict=False)):
        _panel(ax, record, panel)
        _ticks(ax, names if i % columns == 0 else [], every, len(names))
        _first(ax, record, panel[1], panel[4])
    for ax in flat[len(found) :]:
        ax.remove()
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every value drawn, with its interval, in the order of layers and generations."""
    fields = ["name", "variant", "layer", "generation", "value", "low", "high"]
    return fields, [
        [row.get(key) for key in fields]
        for _, name, variants, _, _ in PANELS
        for row in series(record, name, *variants).values()
    ]


def _numbers(record: Record) -> list[int]:
    return sorted({one.number for one in generations(record)})


def _cells(record: Record) -> dict[int, tuple[int, int]]:
    """Row and column of each position."""
    names, every = layers(record), _numbers(record)
    return {one.position: (names.index(one.layer), every.index(one.number)) for one in generations(record)}


def _values(record: Record, name: str, variants: tuple[str, ...], ratio: bool) -> Floats:
    """(layers, generations) values, NaN where there is none; as a ratio to the reference of the layer where asked."""
    cells = _cells(record)
    table = np.full((len(layers(record)), len(_numbers(record))), np.nan)
    for position, row in series(record, name, *variants).items():
        table[cells[position]] = row["value"]
    if ratio:
        before = [table[cells[own["reference"]]] for own in record.run["verdict"]["layers"]]
        table = table / np.where(np.array(before) > 0, before, np.nan)[:, None]
    return np.where(np.isfinite(table), table, np.nan)


def _panel(ax: Axes, record: Record, panel: tuple[str, str, tuple[str, ...], bool, tuple[str, ...]]) -> None:
    heading, name, variants, ratio, changes = panel
    table = _values(record, name, variants, ratio)
    shade = np.log2(table) if ratio else table
    reach = max(float(np.nanmax(np.abs(shade))), float(np.log2(WIDEST))) if ratio else 0.0
    low, high = (-reach, reach) if ratio else (float(np.nanmin(shade)), float(np.nanmax(shade)))
    top = high if high > low else low + 1.0
    image = ax.imshow(shade, cmap=RATIOS if ratio else VALUES, aspect="auto", vmin=low, vmax=top)
    ax.set_title(f"{heading} (ratio)" if ratio else heading)
    if table.size <= LEGIBLE:
        for (i, j), value in np.ndenumerate(table):
            if np.isfinite(value):
                dark = np.mean(image.cmap(image.norm(shade[i, j]))[:3]) < 0.5
                ax.text(
                    j, i, number(float(value), 2), ha="center", va="center", fontsize=6.6, color="w" if dark else "k"
                )
    cells = _cells(record)
    for one in generations(record):
        if any(_shows(one, change, name) for change in changes if change in one.changes):
            i, j = cells[one.position]
            x, y = (at + 0.47 * np.array(corners) for at, corners in ((j, (-1, 1, 1, -1, -1)), (i, (-1, -1, 1, 1, -1))))
            ax.plot(x, y, color=style.INK, lw=1.3)


def _ticks(ax: Axes, names: list[str], every: list[int], rows: int) -> None:
    step = -(-len(every) // 12)
    ax.set_xticks(range(0, len(every), step), [str(one) for one in every[::step]])
    shown = [style.literal(name if len(name) <= LONGEST else "…" + name[1 - LONGEST :]) for name in names]
    ax.set_yticks(range(rows), shown or [""] * rows)
    ax.tick_params(length=0)
    ax.set_xlabel("generation", labelpad=1)


def _shows(one: Generation, change: str, name: str) -> bool:
    """Whether a change was seen in this statistic."""
    found = one.evidence.get("changes", {}).get(change, {})
    return bool(found.get("statistic", name) == name)


def _first(ax: Axes, record: Record, name: str, changes: tuple[str, ...]) -> None:
    """The triangle, in the panels that show what the first layer loses."""
    first: Row | None = record.run["verdict"].get("first")
    if not first:
        return
    place = (first["layer"], first["generation"])
    one = next(one for one in generations(record) if (one.layer, one.number) == place)
    if any(_shows(one, change, name) for change in changes if change in first["changes"]):
        i, j = _cells(record)[one.position]
        ax.plot(j - 0.38, i, marker=">", color=style.NULL, ms=5, mew=0.6, mec="w")
