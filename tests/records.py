"""A finished run as a report reads it: clusters that fade to a shell while shrinking, with plausible numbers.

Coordinates, spectra and histograms are those of the points; the rows of results are made up to be plausible and serve
only to be drawn.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np

from geometry.projection import project, project_with_null
from geometry.types import Record

N, D, CLASSES = 900, 64, 8
HYGIENE = {"n": N, "d": D, "non_finite_rows": 0, "exact_copies": 0, "norm_max": 1.0}
CHANGES = ("tails", "modes", "variance", "structure")


def points(generations: int) -> list[np.ndarray]:
    """Clusters fading to a shell, shrinking to .41."""
    rng = np.random.default_rng(0)
    centres = 2.5 * rng.standard_normal((CLASSES, D))
    rich = centres[np.arange(N) % CLASSES] + rng.standard_normal((N, D)) * np.arange(1, D + 1) ** -0.3
    rich /= np.sqrt(((rich - rich.mean(0)) ** 2).sum(1).mean())
    made = []
    for g in range(generations):
        share = g / max(generations - 1, 1)
        shell = rng.standard_normal((N, D))
        shell /= np.linalg.norm(shell, axis=1, keepdims=True)
        made.append((1 - 0.59 * share) * (np.sqrt(1 - share) * rich + np.sqrt(share) * shell))
    return made


def png(wide: int, tall: int) -> bytes:
    """A blank picture."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (wide, tall), "white").save(out, "PNG")
    return out.getvalue()


@cache
def record(generations: int = 5, labelled: bool = True) -> Record:
    """A run of `generations` generations; the same object for the same arguments, so leave it unchanged."""
    sets = points(generations)
    arrays: dict[str, Any] = {"radius.edges": np.linspace(0, 2.5, 61), "cosine.edges": np.linspace(-1, 1, 101)}
    view = project(sets, most=2000)
    for g, rows in enumerate(sets):
        arrays |= _arrays(g, rows, view.coordinates[g], view.rows[g])
        if labelled:
            arrays[f"labels.{g}"] = np.array([f"class {i % CLASSES}" for i in view.rows[g]])
    return Record(_run(generations, dict(view.quality)), _results(generations), arrays)


@cache
def with_local(generations: int = 5) -> Record:
    """The same run with a local view: the leading two scores of the first rows drawn, and of their null."""
    plain = record(generations)
    rows = [plain.arrays[f"rows.{g}"][:300] for g in range(generations)]
    shown = dict(zip(("umap", "umap.null"), project_with_null(points(generations), "pca", rows=rows), strict=True))
    arrays = {f"coordinates.{key}.{g}": v[:, :2] for key, view in shown.items() for g, v in enumerate(view.coordinates)}
    quality = {key.replace(".", " "): dict(view.quality) for key, view in shown.items()}
    run = plain.run | {"quality": plain.run["quality"] | quality}
    return Record(run, plain.results, plain.arrays | arrays)


def _arrays(g: int, rows: np.ndarray, places: np.ndarray, numbers: np.ndarray) -> dict[str, Any]:
    centred = rows - rows.mean(0)
    radius = np.linalg.norm(centred, axis=1)
    unit = centred / radius[:, None]
    rms = np.sqrt((radius**2).mean())
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / len(rows)
    null = np.random.default_rng(g).standard_normal(rows.shape) * np.sqrt(values)
    null_unit = null / np.linalg.norm(null, axis=1, keepdims=True)
    upper = np.triu_indices(len(rows), 1)
    cosine_edges = np.linspace(-1, 1, 101)
    return {
        f"coordinates.radial.{g}": places.astype(np.float32),
        f"rows.{g}": numbers,
        f"eigenvalues.{g}": values,
        f"radius.{g}": np.histogram(radius / rms, np.linspace(0, 2.5, 61), density=True)[0],
        f"radius.null.{g}": np.histogram(np.linalg.norm(null, axis=1) / rms, np.linspace(0, 2.5, 61), density=True)[0],
        f"cosine.{g}": np.histogram((unit @ unit.T)[upper], cosine_edges, density=True)[0],
        f"cosine.null.{g}": np.histogram((null_unit @ null_unit.T)[upper], cosine_edges, density=True)[0],
        f"gauge.{g}": np.array([[2, 0.1, 0.1], [8, 0.2, 0.1]]),
    }


def _results(generations: int) -> list[dict[str, Any]]:
    rows = []
    for g in range(generations):
        t = g / max(generations - 1, 1)
        values = {
            ("effective_rank", "covariance"): (9 + 44 * t, 0.6, 980.0),
            ("effective_rank", "singular"): (30 + 30 * t, 0.6, 990.0),
            ("mle", "harmonic"): (21 + 12 * t, 0.5, None),
            ("angle_dimension", ""): (6.5 + 50 * t**2, 0.4, None),
            ("structure_gain", ""): (max(1.1 * (1 - t) ** 1.5, 0.012), 0.01, 0.0),
            ("dimension_gap", ""): (-0.9 * (1 - t) + 0.02, 0.03, 0.0),
            ("scale", "total variance"): ((1 - 0.59 * t) ** 2 * 3, 0.05, None),
            ("scale", "ratio"): ((1 - 0.59 * t) ** 2, 0.02, 1.0),
            ("tail_survival", "beyond_95"): (0.05 * (1 - t) ** 2, 0.004, 0.05),
            ("mode_coverage", "kept"): (max(0.97 - 1.2 * t, 0.0), 0.05, 1.0),
            ("prdc", "recall"): (0.93 - 0.8 * t, 0.01, 0.95),
            ("frechet", ""): (0.02 + 3 * t, 0.01, 0.02),
        }
        rows += [_row(g, *key, *value) for key, value in values.items()]
        rows.append({**_row(g, "two_nn", "", 0, 0, None), "value": None, "status": "undefined", "reason": "few-rows"})
    return rows


def _row(g: int, name: str, variant: str, value: float, stderr: float, null: float | None) -> dict[str, Any]:
    return {
        "generation": g, "position": g, "layer": "", "name": name, "variant": variant, "value": value,
        "stderr": stderr, "low": value - 2 * stderr, "high": value + 2 * stderr, "method": "half samples", "null": null,
        "z": None, "n": N, "d": D, "k": None, "exact": True, "status": "ok", "reason": "",
    }  # fmt: skip


def _run(generations: int, quality: dict[str, list[float]]) -> dict[str, Any]:
    first = {change: i + 1 for i, change in enumerate(CHANGES)}
    verdicts = []
    for g in range(generations):
        held = [change for change in CHANGES if g >= first[change]]
        state = "rich" if g < max(generations - 1, 1) else "sphere-like"
        evidence = {change: _evidence(change) for change in held}
        verdicts.append(
            {"generation": g, "name": f"gen_{g}", "state": state, "reason": "", "flags": ["hollow"] * (g >= 4),
             "changes": held, "evidence": {"state": {"structure_gain": 0.4}, "flags": {}, "changes": evidence}}
        )  # fmt: skip
    onsets = {
        change: {"generation": g, "low": g, "high": min(g + 1, generations - 1), "provisional": g == generations - 1}
        for change, g in first.items()
        if g < generations
    }
    summary = (
        f"Generation {generations - 1} is sphere-like; tails were lost from generation 1, modes from generation 2."
    )
    return {
        "verdict": {"generations": verdicts, "onsets": onsets, "summary": summary},
        "inputs": [_input(g) for g in range(generations)],
        "reference": 0, "warnings": ["gen_2: 3 exact copies of other rows"], "seed": 0, "k": 32, "device": "cpu",
        "engine": "torch-cpu", "timings": {"scan": 1.25, "nulls": 3.5}, "quality": {"radial": quality},
        "versions": {"geometry": "0.1.0", "python": "3.11", "numpy": "2.0"}, "schema_version": 1,
    }  # fmt: skip


def _evidence(change: str) -> dict[str, Any]:
    return {"statistic": "tail_survival", "effect": 0.4, "low": 0.3, "high": 0.5, "z": -9.1, "p": 1e-9,
            "threshold": 0.5, "detected": True}  # fmt: skip


def _input(g: int) -> dict[str, Any]:
    return {"generation": g, "name": f"gen_{g}", "layer": "", "source": f"runs/gen_{g}/embeddings.npy",
            "digest": f"sha256:{g:064x}", "n": N, "d": D, "dtype": "float32",
            "labelled": True, "hygiene": HYGIENE | {"exact_copies": 3 * (g == 2)}}  # fmt: skip
