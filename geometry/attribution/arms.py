"""Which training data are responsible: models trained without each group, held against the one trained on everything.

change = statistic of the probe rows in the model without the group - the same in the model with all groups, for
structure_gain, dimension_gap, mle (k = 20) and effective_rank (of the covariance), by replicate: both models of a pair
have one seed. The value is the mean over replicates. Its standard error is the larger of the group's own and of the one
pooled over groups, since a few replicates tell little of their own spread; its interval is Student's with the pooled
degrees of freedom, groups x (replicates - 1); the choice of the probe rows, the same ones for all, is no part of it.
Ranking, and what stands over all looks, as in `leave_out`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.attribution.leave_out import FEWEST, ROWS, GroupEffect, ranked, structure_fall
from geometry.attribution.part import STATISTICS, K, Part
from geometry.errors import InputError
from geometry.estimates import measured, t95, undefined
from geometry.loops.ablate import Ablation
from geometry.pairs import Scan, executor
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Estimate, Floats


def arms(ablation: Ablation, *, rows: int = ROWS, device: str = "auto", seed: int = 0) -> list[GroupEffect]:
    """The groups by what leaving each out of the training does to the probe rows, the largest fall of structure first.

    rows: of the probe at most, the same ones in every arm. Raises InputError where there are fewer than 100.
    """
    options: dict[str, Any] = {"rows": rows, "device": device, "seed": seed}
    values = np.array([[looked_at(one, **options).values for one in arm.embeddings] for arm in ablation.arms])
    base, others = values[0], values[1:]  # (replicates, 4), (groups, replicates, 4)
    change = others - base
    total = sum(ablation.sizes.values())
    pooled = np.sqrt(np.var(change, axis=1, ddof=1).mean(axis=0) / change.shape[1])
    freedom = len(others) * (change.shape[1] - 1)
    effects = []
    for arm, by_replicate, own in zip(ablation.arms[1:], change, others, strict=True):
        error = np.maximum(np.std(by_replicate, axis=0, ddof=1) / np.sqrt(len(by_replicate)), pooled)
        shape = (min(rows, len(arm.embeddings[0])), arm.embeddings[0].shape[1])
        made = _changes(arm.group, (by_replicate, base, own), error, freedom, shape)
        effects.append(GroupEffect(arm.group, arm.size, arm.size / total, made, structure_fall(made)))
    return ranked(effects, freedom)


def looked_at(embeddings: Array, *, rows: int = ROWS, device: str = "auto", seed: int = 0) -> Part:
    """The probe rows of one model that are looked at, the same ones for every model."""
    if len(embeddings) < FEWEST:
        raise InputError(f"{len(embeddings)} probe rows; the gauges need {FEWEST} at least")
    look = sample_rows(len(embeddings), min(rows, len(embeddings)), seed)
    return Part(Scan(embeddings[look], executor(device), seed=seed), np.arange(len(look)))


def _changes(
    group: Any, values: tuple[Array, Array, Array], errors: Floats, freedom: int, shape: tuple[int, int]
) -> dict[str, Estimate]:
    """Per statistic the mean change with its interval; values: change, with and without the group, (replicates, 4)."""
    wide = t95(freedom)
    change, before, after = values
    made = {}
    for i, name in enumerate(STATISTICS):
        fields: dict[str, Any] = {
            "variant": str(group),
            "n": shape[0],
            "d": shape[1],
            "k": K if name == "mle" else None,
        }
        value, error = float(change[:, i].mean()), float(errors[i])
        if not np.isfinite(value):
            made[name] = undefined(name, "no-value-in-an-arm", **fields)
            continue
        made[name] = measured(
            name,
            value,
            stderr=error,
            low=value - wide * error,
            high=value + wide * error,
            method="replicates, Student",
            null=0.0,
            profile={"with": before[:, i].mean(keepdims=True), "without": after[:, i].mean(keepdims=True)},
            **fields,
        )
    return made
