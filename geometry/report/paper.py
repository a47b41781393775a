"""The plate for a paper: all of a run on one page, generations as columns, what is drawn of them as rows.

Map, slab, local view with its null, radius, cosine, spectrum, as far as the record has them; every panel of a row has
the same size and the same limits. Points are pixels in every format, as fine as stays below a megabyte: smooth where
they are few, in hard dots of few colours, and coarser ones, where they are many. Its data are those of the figures it
is made of: map.csv, local.csv, histograms.csv and spectra.csv beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geometry.report import histograms, legend, local, maps, points, save, spectra, style
from geometry.report.reading import arrays, generations, shown
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8  # generations in the plate
ROWS = 20_000  # points in a panel
PANEL = 1.3  # inches
BYTES = 1_000_000  # that a file stays below
FINENESS = ((200, True), (150, True), (150, False), (100, False), (70, False))  # pixels to the inch, smooth
QUALITY = points.strip(PANEL) + 0.1  # inches below a row of points for the quality of its view
TICKS = 0.17  # inches below a row for its tick labels
AWAY = 19.0  # points from a row to its name
NAMES = {
    "map": "map", "slab": "slab  |z| < R/4", "local": "local view", "null": "its null", "radius": "distance / R",
    "cosine": "pair cosine", "spectrum": "spectrum",
}  # fmt: skip
SCALED = ("radius", "cosine", "spectrum")  # rows with axes
Rows = dict[str, "list[Axes]"]


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no coordinates."""
    places = {g: rows for g, rows in arrays(record, "coordinates.radial").items() if len(rows)}
    if not places:
        return None
    chosen = shown(list(places), MOST)
    colors, names = legend.colors(record, places)
    handles = legend.handles(names) + (histograms.handles() if histograms.complete(record) else [])
    figure, rows = _canvas(record, chosen, len(handles) + (len(places) > len(chosen)))
    for g, above in zip(chosen, rows["heading"], strict=True):
        maps.title(above, generations(record)[g], PANEL)
    _maps(record, chosen, rows, (places, colors))
    _local(record, chosen, rows, colors)
    for kind, _ in histograms.KINDS:
        if kind in rows:
            histograms.row(record, kind, chosen, rows[kind])
    _spectra(record, chosen, rows)
    for kind, name in NAMES.items():
        if kind in rows:
            maps.row_name(rows[kind][0], name, away=AWAY)
    legend.draw(figure, handles, left_out=len(places) - len(chosen))
    return figure


def encode(record: Record, kind: str) -> bytes | None:
    """The plate as the bytes of a PNG, SVG or PDF file, the finest below `BYTES`; None where there is none."""
    content = None
    for resolution, smooth in FINENESS:
        with style.sheet():
            figure = draw(record)
        if figure is None:
            return None
        if not smooth:
            points.flatten(figure, resolution)
        content = save.encode(figure, kind, resolution)
        if len(content) < BYTES:
            break
    return content


def _canvas(record: Record, chosen: list[int], entries: int) -> tuple[Figure, Rows]:
    """The figure, and its rows of panels by name; those without axes of their own are off."""
    lines = max(len(maps.words(generations(record)[g], PANEL)) for g in chosen)
    heights = {"heading": 0.24 + 0.13 * lines, "map": PANEL, "slab": PANEL, "quality": QUALITY}
    if local.layouts(record, local.ROWS[0][0]):
        heights |= {"local": PANEL, "local quality": QUALITY, "null": PANEL, "null quality": QUALITY}
    if histograms.complete(record):
        heights |= {"radius": 0.55, "radius ticks": TICKS, "cosine": 0.55, "cosine ticks": TICKS}
    if spectra.found(record):
        heights |= {"spectrum": 0.9, "spectrum ticks": TICKS}
    whole = 0.54 + len(chosen) * (PANEL + 0.08)
    bottom = 0.1 + 0.175 * -(-entries // legend.entries_in_a_row(whole))
    margins = style.Margins(left=0.46, right=0.08, top=0.05, bottom=bottom, across=0.08, down=0.06)
    figure, axes = style.panels(len(chosen), list(heights.values()), PANEL, margins)
    rows = dict(zip(heights, axes, strict=True))
    for name, panels in rows.items():
        for i, ax in enumerate(panels):
            ax.tick_params(labelsize=6, pad=1.5, labelleft=name == "spectrum" and i == 0)
            if name not in SCALED:
                ax.set_axis_off()
    return figure, rows


def _maps(record: Record, chosen: list[int], rows: Rows, drawn: tuple[dict[int, Array], dict[int, Array]]) -> None:
    places, colors = drawn
    scale = (points.limit(places), maps.reference_radius(record, places))
    for i, g in enumerate(chosen):
        maps.panels(rows["map"][i], rows["slab"][i], places[g][:ROWS], colors[g][:ROWS], scale)
        points.print_quality(rows["quality"][i], points.quality_of(record, "radial", g))


def _local(record: Record, chosen: list[int], rows: Rows, colors: dict[int, Array]) -> None:
    for which, name in enumerate(("local", "null")):
        if name in rows:
            local.row(record, which, chosen, rows[name], colors)
            for ax, g in zip(rows[f"{name} quality"], chosen, strict=True):
                points.print_quality(ax, points.quality_of(record, local.ROWS[which][2], g))


def _spectra(record: Record, chosen: list[int], rows: Rows) -> None:
    """Eigenvalues over the reference's total variance; the reference's own dotted behind them."""
    found = spectra.over_reference(record) if "spectrum" in rows else {}
    kept = {g: values[values > spectra.FLOOR] for g, values in found.items()}
    before = kept.get(int(record.run.get("reference", 0)))
    colors = style.generation_colors(len(generations(record)))
    for ax, g in zip(rows.get("spectrum", ()), chosen, strict=False):
        if before is not None:
            _line(ax, before, color=style.MUTED, lw=0.7, ls=(0, (1, 2)))
        if g in kept:
            _line(ax, kept[g], color=colors[g], lw=1.2)
        low, high = min(values.min() for values in kept.values()), max(values.max() for values in kept.values())
        most = max(map(len, kept.values()))
        ax.set(xscale="log", yscale="log", xlim=(0.9, 1.1 * most), ylim=(low / 1.5, high * 1.5))
        spectra.ranks(ax, most, every=3)


def _line(ax: Axes, values: Array, **options: Any) -> None:
    ax.plot(range(1, len(values) + 1), values, marker="o" if len(values) < 4 else "", ms=2, **options)
