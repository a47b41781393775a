"""Whether a condition holds of a reading: which estimate it speaks of, what it is held against, what no value means.

`0.8x` is .8 times the baseline, z that of the statistic's own null, or, where it has none, the distance from the
baseline over the standard errors of both. A statistic that has no value on a full queue has nothing left to measure
(all rows alike), so a condition on it holds, as `geometry gate` takes it; on a queue that is not full none is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import hypot, isfinite
from numbers import Real

import numpy as np

from geometry.catalog import evaluate
from geometry.errors import UsageError
from geometry.pairs import Scan, executor
from geometry.registry import Entry
from geometry.report.reading import HEADLINES
from geometry.types import Array, Estimate
from geometry.verdict.conditions import Condition

TRIAL = (512, 8)  # most rows, and dimensions, of the set on which names are tried


def estimates(entries: Iterable[Entry], points: Array, seed: int = 0) -> dict[str, Estimate]:
    """Every statistic of points (n, d), by `name` or `name.variant`."""
    scan = Scan(points, executor("cpu"), seed=seed)
    found: dict[str, Estimate] = {}
    for one in entries:
        made = evaluate(one, scan)
        for estimate in made.values() if isinstance(made, dict) else [made]:
            found[f"{estimate.name}.{estimate.variant}".rstrip(".")] = estimate
    return found


def require_conditions(conditions: Iterable[Condition], entries: Iterable[Entry], rows: int) -> None:
    """UsageError for a variant that its statistic has not, and for z where `rows` rows give no standard error."""
    asked = {one.name for one in conditions if one.variant or one.unit == "z"}
    tried = estimates([one for one in entries if one.name in asked], _trial(rows)) if asked else {}
    for one in conditions:
        _require_variant(str(one), f"{one.name}.{one.variant}".rstrip("."), tried)
        key = key_of(one, tried)
        if (
            one.unit == "z"
            and key
            and tried[key].value is not None
            and (tried[key].z, tried[key].stderr) == (None,) * 2
        ):
            raise UsageError(
                f"'{one}': {key} has no standard error on {rows} rows; hold it against the baseline with x"
            )


def baseline_of(given: Mapping[str, float], entries: Iterable[Entry], rows: int) -> dict[str, Estimate]:
    """A baseline as it was given; UsageError for names that are not computed and for what is no number."""
    named = {one.name: one for one in entries}
    for key, value in given.items():
        name = key.split(".")[0]
        if name not in named:
            raise UsageError(f"baseline '{key}': {name} is not computed; computed are {', '.join(named)}")
        if "." in key:
            _require_variant(f"baseline '{key}'", key, estimates([named[name]], _trial(rows)))
        if not isinstance(value, Real) or not isfinite(value):
            raise UsageError(f"baseline '{key}': {value!r} is no number")
    return {key: Estimate(key, float(value)) for key, value in given.items()}


def holds(condition: Condition, found: Mapping[str, Estimate], baseline: Mapping[str, Estimate]) -> bool:
    """Whether it holds of the estimates of a full queue; one that has no value any more fulfils it."""
    key = key_of(condition, found)
    if key is None or found[key].value is None:
        return True
    own = None if condition.variant else baseline.get(condition.name)
    before = own or baseline.get(key)
    reference = None if before is None else before.value
    return bool(condition.holds(found[key].value, reference=reference, z=_z(found[key], before)))


def key_of(condition: Condition, found: Mapping[str, Estimate]) -> str | None:
    """What a condition speaks of: the variant it names, else the headline of its statistic, else the first there is."""
    known = [key for key in found if key.split(".")[0] == condition.name]
    if condition.variant:
        wanted = f"{condition.name}.{condition.variant}"
        return wanted if wanted in found else None
    keys = [condition.name, *(f"{condition.name}.{variant}" for variant in HEADLINES.get(condition.name, ()))]
    return next((key for key in keys if key in known), next(iter(known), None))


def _require_variant(told: str, key: str, tried: Mapping[str, Estimate]) -> None:
    name, _, variant = key.partition(".")
    known = [one.partition(".")[2] for one in tried if one.split(".")[0] == name]
    ok = any(one.value is not None for key, one in tried.items() if key.split(".")[0] == name)
    if variant and ok and variant not in known:
        raise UsageError(f"{told}: {name} has no '{variant}'; it has {', '.join(filter(None, known)) or 'no variants'}")


def _z(now: Estimate, before: Estimate | None) -> float | None:
    if now.z is not None or before is None or now.value is None or before.value is None:
        return now.z
    error = hypot(now.stderr or 0.0, before.stderr or 0.0)
    return (now.value - before.value) / error if error > 0 else None


def _trial(rows: int) -> Array:
    return np.random.default_rng(0).normal(size=(min(rows, TRIAL[0]), TRIAL[1]))
