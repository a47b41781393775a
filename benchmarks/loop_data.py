"""The two findings that need data from outside: a VAE of images, a language model of a text, each under two regimes.

Every generation is kept in a folder, so that a stopped measurement goes on; every run is repeated with other seeds, and
each point tells its own. Images: 5,000 rows train the first fit, and the images left over are the reference, which no
model has seen. Text: loss on held-out real text by each generation's model, and loss of what each generation wrote by
the first, which was trained on real text (Shumailov et al. 2024); where a sentence encoder is named, what it sees of
what was written, against real rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.loop_cases import Point, value_of
from geometry import loops
from geometry.catalog import compute
from geometry.loops import Generation, Lineage
from geometry.loops.digits import classifier, classifier_features, images
from geometry.loops.language import LanguageModel
from geometry.loops.sentences import sentence_encoder
from geometry.types import Array, Estimate

REGIMES = ("replace", "accumulate")
VAE: dict[str, Any] = {"n": 5000, "latent": 12, "hidden": 256, "steps": 1500}
NARROWED = 0.95  # lambda of the images: as the demo's
TEXT: dict[str, Any] = {"n": 6000, "width": 128, "batch": 32, "steps": 700}
TEXT_ARMS: dict[str, dict[str, Any]] = {
    "replace": {"regime": "replace"},
    "accumulate": {"regime": "accumulate"},
    "replace, temperature 0.8": {"regime": "replace", "bias": 0.8},
}
FIT_ONLY = ("n",)
ROWS = 2000  # of each set that is compared
WRITTEN = 1000  # rows of a generation that the first model reads
SHOWN = 500  # rows of a generation, and real ones, that a sentence encoder is shown
RARE = 0.002  # share of the real text below which a character is rare
DRAWN = (1, 3, 5)  # generations whose histograms are kept, of the first seed
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
BINS = np.linspace(0.0, 12.0, 31)  # nats


def digits(data: str, runs: Path, generations: int, seeds: int) -> Iterator[Point]:
    """Precision, recall, coverage, tails and modes of each generation against images that trained nothing."""
    settings: dict[str, Any] = {**VAE, "data": data, "bias": NARROWED, "generations": generations}
    for regime in REGIMES:
        for seed in range(seeds):
            lineage = loops.run("vae", regime=regime, seed=seed, out=_place(runs, f"vae-{regime}", seed), **settings)
            reference, labels = _left_over(data, lineage[0].samples)
            for one in lineage:
                yield from _seeded(seed, _against(one, reference, labels, regime, data))


def _place(runs: Path, name: str, seed: int) -> Path:
    return runs / (f"{name}-seed-{seed}" if seed else name)


def _seeded(seed: int, points: Iterable[Point]) -> Iterator[Point]:
    """The points with their seed; histograms of the first alone."""
    for point in points:
        if seed == 0 or not point.panel.startswith("histogram"):
            yield replace(point, setting={"seed": seed})


def _left_over(data: str, seen: Array) -> tuple[Array, Array]:
    """Images that are not among those seen, with their labels."""
    known = {row.tobytes() for row in seen}
    real = images(data)
    kept = np.flatnonzero([row.tobytes() not in known for row in real.points])
    drawn = np.random.default_rng(0).permutation(kept)[:ROWS]  # files put easy writers first
    return real.points[drawn], np.asarray(real.labels)[drawn]


def _against(one: Generation, reference: Array, labels: Array, regime: str, data: str) -> Iterator[Point]:
    net = classifier(data)
    seen, real = (classifier_features(rows, net) for rows in (one.samples[:ROWS], reference))
    given: dict[str, Any] = {"labels": np.asarray(one.labels)[:ROWS], "reference_labels": labels}
    overlap, tails = compute("prdc", seen, real), compute("tail_survival", seen, real)
    clusters = compute("mode_coverage", seen, real, by="clusters")
    classes = compute("mode_coverage", seen, real, by="labels", **given)
    panels = {
        "precision": (overlap, "precision"),
        "recall": (overlap, "recall"),
        "coverage": (overlap, "coverage"),
        "mass beyond the 95 % quantile": (tails, "beyond_95"),
        "tail rows covered": (tails, "tails_kept"),
        "modes lost": (clusters, "lost"),
        "digits lost": (classes, "lost"),
        "least digit kept": (classes, "kept"),
    }
    for panel, (found, variant) in panels.items():
        assert isinstance(found, dict)
        yield _point(panel, regime, one.index, found[variant])
    pixels = one.samples[:ROWS]
    spread = float(pixels.var(axis=0, dtype=np.float64).sum() / reference.var(axis=0, dtype=np.float64).sum())
    yield Point("total variance of the pixels", regime, one.index, spread)
    yield _point("effective rank of the pixels", regime, one.index, compute("effective_rank", pixels, of="covariance"))


def _point(panel: str, series: str, x: float, found: Estimate | dict[str, Estimate]) -> Point:
    stderr = None if isinstance(found, dict) else found.stderr
    return Point(panel, series, x, value_of(found), stderr)


def text(data: str, runs: Path, generations: int, seeds: int, encoder: str = "") -> Iterator[Point]:
    """Losses and characters of each generation, and what a sentence encoder sees of it."""
    model = LanguageModel(data=data, **{name: value for name, value in TEXT.items() if name not in FIT_ONLY})
    for arm, settings in TEXT_ARMS.items():
        for seed in range(seeds):
            place = _place(runs, f"language-model-{arm.replace(', temperature ', '-')}", seed)
            given: dict[str, Any] = {"generations": generations, "seed": seed, "data": data, **TEXT, **settings}
            lineage = loops.run("language-model", out=place, **given)
            yield from _seeded(seed, _losses(model, lineage, arm))
            yield from _seeded(seed, _characters(model, lineage, arm))
            if encoder:
                yield from _seeded(seed, _sentences(model, lineage, arm, encoder))


def _losses(model: LanguageModel, lineage: Lineage, regime: str) -> Iterator[Point]:
    real = model.held_out()
    for one in lineage:
        if one.index:
            yield from _loss("real text, own model", regime, one.index, model.losses(one.parameters, real))
        own = model.losses(lineage[1].parameters, one.samples[:WRITTEN])
        yield from _loss("own text, first model", regime, one.index, own)


def _loss(kind: str, regime: str, t: int, nats: Array) -> Iterator[Point]:
    """Mean with its error over rows, quantiles and the histogram over characters, of losses (rows, length)."""
    rows = nats.mean(axis=1)
    yield Point(f"loss, {kind}", regime, t, float(rows.mean()), float(rows.std(ddof=1) / np.sqrt(len(rows))))
    for level, value in zip(LEVELS, np.quantile(nats, LEVELS), strict=True):
        yield Point(f"quantile {level}, {kind}", regime, t, float(value))
    if t not in DRAWN:
        return
    counts = np.histogram(np.minimum(nats, BINS[-1]), BINS)[0] / nats.size
    for edge, share in zip(BINS, counts, strict=False):
        yield Point(f"histogram, {kind}", f"{regime} {t}", float(edge), float(share))


def _characters(model: LanguageModel, lineage: Lineage, regime: str) -> Iterator[Point]:
    letters = len(model.text.alphabet)
    real = np.bincount(model.text.codes, minlength=letters) / len(model.text.codes)
    for one in lineage:
        share = np.bincount(one.samples.ravel(), minlength=letters) / one.samples.size
        rare = real < RARE
        yield Point("rare characters, of their share", regime, one.index, float(share[rare].sum() / real[rare].sum()))
        yield Point("characters never drawn", regime, one.index, float((share == 0).sum()))
        pairs = one.samples[:, :-1] * letters + one.samples[:, 1:]
        yield Point("different pairs", regime, one.index, float(len(np.unique(pairs))))
        words = {word for row in model.text.written(one.samples) for word in row.split()[1:-1]}
        yield Point("different words", regime, one.index, float(len(words)))


def _sentences(model: LanguageModel, lineage: Lineage, regime: str, encoder: str) -> Iterator[Point]:
    """Effective rank of what was written, and how much of it and of real rows lies among the other's."""

    def seen(rows: Array) -> Array:
        return sentence_encoder(encoder).embed(model.text.written(rows))

    real = seen(lineage[0].samples[-SHOWN:])
    for one in lineage:
        written = seen(one.samples[:SHOWN])
        rank, overlap = compute("effective_rank", written, of="covariance"), compute("prdc", written, real)
        assert isinstance(overlap, dict)
        yield _point("effective rank of sentences", regime, one.index, rank)
        yield _point("sentences: precision", regime, one.index, overlap["precision"])
        yield _point("sentences: coverage", regime, one.index, overlap["coverage"])
