"""`python -m benchmarks.plot`: committed rows of neighbours as figures, time against n and share of the peak against d.

One panel per machine and shape that was measured at two sizes or more, the newest row of each peer at each size; the
band is p20 to p80. PNG and SVG in benchmarks/results, in the style of the reports; nothing is measured here.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import OURS, PEERS
from benchmarks.rows import RESULTS, Row, read
from geometry.report import save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Group = tuple[Any, ...]  # machine, and the values of what stays the same
Curves = dict[str, list[Row]]  # by peer, ascending
COLUMNS = 3
OTHERS = style.LABELS[1:]  # the first is too near the colour of ours


@dataclass(frozen=True)
class View:
    """One figure: what runs along the x axis, what is drawn, and what stays the same within a panel."""

    name: str
    x: str
    label: str
    values: Callable[[Row], tuple[Any, ...]]  # the value, or low, value and high
    same: tuple[str, ...]
    log: bool


VIEWS = (
    View("neighbors-time", "n", "seconds", lambda row: (row["p20"], row["p50"], row["p80"]), ("d", "k", "kind"), True),
    View(
        "neighbors-share", "d", "share of matrix rate", lambda row: (row["share_of_peak"],), ("n", "k", "kind"), False
    ),
)


def main(words: list[str] | None = None) -> int:
    """Draw every figure that the rows have data for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the rows, and of the figures")
    folder: Path = parser.parse_args(words).results
    rows = read("neighbors", folder)
    for view in VIEWS:
        panels = panels_of(rows, view)
        if not panels:
            print(f"{view.name}: no shape has rows at two sizes of {view.x}; not drawn")
            continue
        figure = draw(panels, view)
        for kind in ("png", "svg"):
            print(save.write_bytes(folder / f"{view.name}.{kind}", save.encode(figure, kind)))
    return 0


def panels_of(rows: list[Row], view: View) -> dict[Group, Curves]:
    """Newest rows by panel and peer, ascending along x; panels with one size only are left out."""
    newest: dict[Group, dict[tuple[str, int], Row]] = defaultdict(dict)
    for row in rows:
        if None not in view.values(row):
            shape = (row["parameters"][name] for name in view.same)
            machine = row["gpu"] if row["device"] == "cuda" else f"{row['processor']}, {row['threads']} threads"
            newest[(machine, *shape)][row["peer"], row["parameters"][view.x]] = row
    panels = {group: _curves(found) for group, found in sorted(newest.items())}
    return {group: curves for group, curves in panels.items() if max(map(len, curves.values())) > 1}


def _curves(found: dict[tuple[str, int], Row]) -> Curves:
    curves: Curves = defaultdict(list)
    for (peer, _), row in sorted(found.items(), key=lambda item: item[0][1]):
        curves[peer].append(row)
    return curves


def draw(panels: dict[Group, Curves], view: View) -> Figure:
    """The figure, a panel per group with one legend for all."""
    with style.sheet():
        columns = min(COLUMNS, len(panels))
        margins = style.Margins(left=0.6, right=1.5, top=0.45, bottom=0.45, across=0.6, down=0.8)
        figure, axes = style.panels(columns, [2.2] * -(-len(panels) // columns), 2.7, margins)
        flat = [ax for row in axes for ax in row]
        for ax, (group, curves) in zip(flat, panels.items(), strict=False):
            _panel(ax, group, curves, view)
        for ax in flat[len(panels) :]:
            ax.remove()
        lines = {str(line.get_label()): line for ax in flat[: len(panels)] for line in ax.get_lines()}
        figure.legend(list(lines.values()), list(lines), loc="center right")
    return figure


def _panel(ax: Axes, group: Group, curves: Curves, view: View) -> None:
    for peer, rows in curves.items():
        x = [row["parameters"][view.x] for row in rows]
        values = [view.values(row) for row in rows]
        middle = [value[len(value) // 2] for value in values]
        look: dict[str, Any] = {"color": color_of(peer), "lw": 2.2 if peer == OURS else 1.2, "ls": dash_of(peer)}
        ax.plot(x, middle, marker="o", mew=0, label=peer, zorder=3 if peer == OURS else 2, **look)
        if len(values[0]) == 3:
            ax.fill_between(x, [v[0] for v in values], [v[2] for v in values], color=look["color"], alpha=0.16, lw=0)
    shape = " ".join(f"{name}={value}" for name, value in zip(view.same, group[1:], strict=True))
    ax.set_title(f"{group[0]}\n{shape}")
    ax.set_xlabel(view.x)
    ax.set_ylabel(view.label)
    ax.grid(axis="y")
    ax.set_xscale("log")
    sizes = sorted({row["parameters"][view.x] for rows in curves.values() for row in rows})
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
    ax.set_xticks([], minor=True)
    if view.log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, None)


def color_of(peer: str) -> str:
    """The same colour for a peer in every figure; ours, in every variant, has that of data in the reports."""
    names = [one.name for one in PEERS["neighbors"] if not one.name.startswith(OURS)]
    return style.DATA if peer.startswith(OURS) else OTHERS[names.index(peer) % len(OTHERS)]


def dash_of(peer: str) -> Any:
    """Solid for all but the variants of ours, which share its colour."""
    variants = [one.name for one in PEERS["neighbors"] if one.name.startswith(OURS) and one.name != OURS]
    return (0, (4, 1 + variants.index(peer))) if peer in variants else "-"


if __name__ == "__main__":
    raise SystemExit(main())
