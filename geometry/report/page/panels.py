"""What the linked panels draw, as plain values out of the record: generations, trends, plane, spectra, histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.report import histograms, plane, spectra, trends
from geometry.report.reading import Row, aligned, arrays, generations, number, onsets, series
from geometry.report.sections import COLUMNS
from geometry.types import Array, Record
from geometry.verdict import constants as limit

RANKS = 160  # eigenvalues of a spectrum that are drawn, evenly spaced on a log axis
CHANGE = ("statistic", "effect", "low", "high", "z", "threshold", "detected")


def panels(record: Record) -> dict[str, Any]:
    """All panels of one layer; a panel without data is empty."""
    return {
        "reference": int(record.run.get("reference", 0)),
        "generations": generation_cards(record),
        "onsets": [_onset(record, change, found) for change, found in onsets(record).items()],
        "trends": trend_panels(record),
        "plane": plane_panels(record),
        "spectra": spectra_panel(record),
        "histograms": histogram_panels(record),
        "quality": record.run.get("quality", {}).get("radial", {}),
    }


def generation_cards(record: Record) -> list[dict[str, Any]]:
    """What the verdict says of each generation, with its main values and the evidence of each change."""
    found = [(heading, series(record, name, *variants)) for heading, name, variants in COLUMNS]
    return [
        {
            "number": one.number,
            "title": one.title,
            "name": one.name,
            "state": one.state,
            "reason": one.reason,
            "flags": list(one.flags),
            "changes": list(one.changes),
            "values": [[head, *_told(rows[one.position])] for head, rows in found if one.position in rows],
            "evidence": [
                {"change": change} | {key: evidence.get(key) for key in CHANGE}
                for change, evidence in (one.evidence.get("changes") or {}).items()
                if isinstance(evidence, dict)
            ],
        }
        for one in generations(record)
    ]


def _told(row: Row) -> tuple[str, str]:
    """A value and its interval in words."""
    low, high = row.get("low"), row.get("high")
    if low is None or high is None:
        return number(row["value"]), ""
    value, *ends = aligned(row["value"], low, high)
    return value, " to ".join(ends)


def _onset(record: Record, change: str, found: Row) -> dict[str, Any]:
    """An onset by positions; None where a generation is not there."""
    at = {one.number: one.position for one in generations(record)}
    places = {key: at.get(found.get(key, -1)) for key in ("generation", "low", "high")}
    return {"change": change, "provisional": bool(found.get("provisional")), **places}


def trend_panels(record: Record) -> list[dict[str, Any]]:
    """One panel per statistic with values in two generations or more; the changes that show in it."""
    return [
        {
            "heading": heading,
            "name": name,
            "changes": [change for change, names in trends.SHOWS.items() if name in names],
            "values": [{"at": g, **{key: row.get(key) for key in ("value", "low", "high", "null")}} for g, row in rows],
        }
        for heading, name, variants in trends.PANELS
        if len(rows := sorted(series(record, name, *variants).items())) > 1
    ]


def plane_panels(record: Record) -> dict[str, Any]:
    """Both gauges over angle dimension, with the bands of the verdict."""
    at = {one.number: one.position for one in generations(record)}
    found = plane.data(record)[1]
    gauges = [
        {
            "heading": heading,
            "none": none,
            "rich": rich,
            "values": [
                {"at": at[generation], "x": x, "y": y, "low": low, "high": high}
                for gauge, generation, _, x, y, low, high in found
                if gauge == name
            ],
        }
        for heading, name, none, rich in plane.GAUGES
    ]
    return {"dimensions": limit.SPHERE_DIMENSIONS, "gauges": [one for one in gauges if one["values"]]}


def spectra_panel(record: Record) -> list[dict[str, Any]]:
    """Eigenvalues over the reference's total variance, and that total of each generation."""
    each = []
    for g, shares in spectra.over_reference(record).items():
        chosen = np.unique(np.rint(np.geomspace(1, len(shares), min(RANKS, len(shares)))).astype(int))
        told = {"ranks": chosen.tolist(), "shares": _shorts(shares[chosen - 1]), "total": _short(shares.sum())}
        each.append({"at": g} | told)
    return each


def histogram_panels(record: Record) -> dict[str, Any]:
    """Edges, and per generation the densities of the data and of the null; by kind."""
    return {
        kind: {
            "edges": [_short(edge) for edge in record.arrays[f"{kind}.edges"]],
            "data": {str(g): _shorts(density) for g, density in arrays(record, kind).items()},
            "null": {str(g): _shorts(density) for g, density in arrays(record, f"{kind}.null").items()},
        }
        for kind, _ in histograms.KINDS
        if f"{kind}.edges" in record.arrays and arrays(record, kind)
    }


def _shorts(values: Array) -> list[float]:
    return [_short(value) for value in values]


def _short(value: Any) -> float:
    return float(f"{float(value):.5g}")
