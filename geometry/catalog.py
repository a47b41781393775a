"""The registry filled: importing this module defines every statistic, and computes any of them by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from geometry.collapse import (  # noqa: F401
    decay,
    directions,
    duplicates,
    hubness,
    isotropy,
    neural_collapse,
    positives,
    rankme,
    ring,
    scale,
    shell,
    spectrum,
    sphere_tests,
    uniformity,
    vendi,
    void,
)
from geometry.compare import (  # noqa: F401
    authenticity,
    c2st,
    cka,
    curvature,
    diversity,
    frechet,
    frechet_inf,
    gulp,
    inward_drift,
    kernel_distance,
    label_agreement,
    mean_regression,
    modality_gap,
    mode_coverage,
    mutual_knn,
    novelty,
    prdc,
    procrustes,
    provenance,
    quantile_balls,
    rtd,
    sliced_wasserstein,
    spectrum_shift,
    svcca,
    tail_survival,
)
from geometry.dimension import (  # noqa: F401
    abid,
    abide,
    binary_id,
    binomial,
    ca_pca,
    corr_int,
    danco,
    ess,
    fisher_s,
    geo_mle,
    gride,
    intrinsic_dim,
    knn_graph,
    lid,
    lpca,
    mada,
    magnitude,
    mind_ml,
    mle,
    mom,
    ph0,
    tle,
    two_nn,
)
from geometry.errors import InputError, LostRankError, UnpairedError, UsageError
from geometry.estimates import failed, recall_told, undefined
from geometry.nulls import gauges  # noqa: F401
from geometry.pairs import Executor, Scan, executor, in_its_files, scan
from geometry.pairs.faces import face, told
from geometry.pairs.streamed import SAMPLED, Asked, sampled
from geometry.pairs.subsample import width_for
from geometry.registry import Entry, Outcome, entries, entry
from geometry.types import EmbeddingSet, Estimate, Neighbors

__all__ = ["DEFAULT", "compute", "evaluate", "statistics"]

COLUMNS = ("k", "k1", "k2", "n1")  # options that ask for so many neighbours

# What a run computes unless asked for more: enough for the verdict and a first reading, within seconds a set.
DEFAULT = (
    "mean_cosine", "angle_dimension", "cone", "duplicates", "effective_rank", "participation_ratio", "iso_score",
    "stable_rank", "rankme", "scale", "shell", "uniformity", "frechet", "mode_coverage", "prdc", "spectrum_shift",
    "tail_survival", "corr_int", "gride", "lpca", "mle", "two_nn", "structure_gain", "dimension_gap",
)  # fmt: skip


def statistics() -> list[Entry]:
    """Every statistic: name, needs, range, invariances, direction, source."""
    return entries()


def compute(name: str, x: Any, y: Any = None, *, device: str = "auto", seed: int = 0, **options: Any) -> Outcome:
    """One statistic of STATISTICS by its name.

    x, y: points (n, d) of any array library, or a ready summary (`Neighbors`, `Moments`); y is the reference where the
    statistic compares two sets. labels and ids (n,), reference_labels and reference_ids go to the statistics that read
    them. Further options are those of the statistic (`geometry explain NAME`). Raises UsageError for an unknown name, a
    missing or needless y or an unknown option, InputError for unusable points. Data on which the statistic has no value
    give an `undefined` estimate with its reason. Of rows that stay in their files (`geometry.load` with stream) moments
    are of all, neighbours those of 10,000 sampled rows among all, and all else looks at the sampled rows; `method` says
    so.
    """
    found = entry(name)
    _check(found, y, options)
    if "seed" in found.options:
        options["seed"] = seed
    engine = executor(device)
    own = {name: options.pop(name, None) for name in ("labels", "ids")}
    theirs = {name: options.pop(f"reference_{name}", None) for name in ("labels", "ids")}
    columns = max([found.k, *(width_for(k) for name, k in options.items() if name in COLUMNS and isinstance(k, int))])
    asked = Asked(columns, max(columns, 1), SAMPLED, seed)
    sets = [_scan(x, engine, asked, own)]
    if y is not None:
        sets.append(_scan(y, engine, asked, theirs))
        if 0 < sets[0].d != sets[1].d > 0 and "ids" not in found.needs:  # pairs may live in different spaces
            raise InputError(f"x has {sets[0].d} dimensions, y has {sets[1].d}; they must agree")
    seen = [face(found, one) for one in sets]
    return told(found, _with_recall(found, found.function(*seen, **options), seen), *sets)


def _scan(points: Any, engine: Executor, asked: Asked, beside: dict[str, Any]) -> Scan:
    """The scan of whatever counts as points; of more rows in files than are sampled, the sample that knows of all."""
    if (rows := in_its_files(points)) is None or len(rows) <= asked.rows:
        return scan(points, engine, seed=asked.seed, **beside)
    whole = points if isinstance(points, EmbeddingSet) else EmbeddingSet(points)
    return sampled(replace(whole, **{name: one for name, one in beside.items() if one is not None}), engine, asked)


def evaluate(found: Entry, *sets: Scan, **options: Any) -> Outcome:
    """A statistic inside a run: an exception becomes a `failed` estimate and stops nothing else, but for a lost rank.

    A statistic of pairs is undefined (`unpaired`) where the rows of the sets have no ids in common.
    """
    try:
        return _with_recall(found, found.function(*sets, **options), sets)
    except UnpairedError:
        return undefined(found.name, "unpaired", n=sets[0].n, d=sets[0].d)
    except LostRankError:  # no other statistic would fare better, and what is kept is not to hold it
        raise
    except Exception as error:  # whatever it is, the other statistics go on and the row says what happened
        return failed(found.name, error)


def _with_recall(found: Entry, outcome: Outcome, sets: Sequence[Scan]) -> Outcome:
    """`outcome` as not exact, with the recall in its method, where it rests on approximate neighbours."""
    tables = [table for one in sets if (table := one.least_recall) is not None]
    if "neighbors" not in found.needs or not tables:
        return outcome
    if not isinstance(outcome, Estimate):
        return {key: _guessed(one, tables) for key, one in outcome.items()}
    return _guessed(outcome, tables)


def _guessed(one: Estimate, tables: Sequence[Neighbors]) -> Estimate:
    told = recall_told(min(tables, key=lambda table: table.recall or 0.0))
    return replace(one, exact=False, method="; ".join(filter(None, (one.method, f"approximate neighbours, {told}"))))


def _check(found: Entry, y: Any, options: dict[str, Any]) -> None:
    if found.needs_reference and y is None:
        raise UsageError(f"{found.name} compares two sets; pass the reference as y")
    if y is not None and not found.takes_reference:
        raise UsageError(f"{found.name} looks at one set; leave y out")
    of_rows = {f"{whose}{name}" for name in ("labels", "ids") if name in found.needs for whose in ("", "reference_")}
    unknown = set(options) - set(found.options) - of_rows
    if unknown:
        known = ", ".join(sorted({*found.options, *of_rows})) or "none"
        raise UsageError(f"{found.name} has no option '{sorted(unknown)[0]}'; it has: {known}")
