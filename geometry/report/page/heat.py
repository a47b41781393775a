"""Layers x generations as plain values: what the heat map of the page draws."""

from __future__ import annotations

from typing import Any

from geometry.report import layers
from geometry.report.reading import generations, series
from geometry.types import Record


def heat_panels(record: Record) -> dict[str, Any] | None:
    """Numbers of the generations and per statistic a list of cells; None in a run of one layer.

    A cell has the number of its layer, its position in that layer, value and shade: the ratio to the layer's reference
    where the panel is coloured by it (`ratio`), else the value; and whether a change that it shows stands there.
    """
    names = layers.layers(record)
    if not names:
        return None
    own = {g: (i, at) for i, one in enumerate(_layers(record)) for at, g in enumerate(one["positions"])}
    drawn = [_panel(record, own, panel) for panel in layers.PANELS]
    first = record.run["verdict"].get("first")
    return {
        "layers": names,
        "generations": sorted({one.number for one in generations(record)}),
        "first": first and {"layer": names.index(first["layer"]), "generation": first["generation"]},
        "panels": [panel for panel in drawn if panel["cells"]],
    }


def _layers(record: Record) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record.run["verdict"]["layers"]
    return found


def _panel(
    record: Record, own: dict[int, tuple[int, int]], panel: tuple[str, str, tuple[str, ...], bool, tuple[str, ...]]
) -> dict[str, Any]:
    heading, name, variants, ratio, changes = panel
    every, rows = generations(record), series(record, name, *variants)
    cells = []
    for g, row in rows.items():
        layer, at = own[g]
        before = rows.get(_layers(record)[layer]["reference"], {}).get("value")
        if ratio and not (before and before > 0):
            continue
        shade = row["value"] / before if ratio else row["value"]
        stands = bool(set(every[g].changes) & set(changes))
        cells.append(
            {"layer": layer, "at": at, "generation": every[g].number, "value": row["value"], "shade": shade,
             "stands": stands}
        )  # fmt: skip
    return {"heading": heading, "ratio": ratio, "cells": cells}
