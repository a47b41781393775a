"""Each condition held against each set of a run: failed where it holds, missing where there is nothing to hold it to.

A name is that of a statistic, else of a change of the verdict (`tails`, `variance`, ...), whose value is its effect and
whose z is that of its evidence. Without a variant, a condition holds where it holds for any variant. The x of a
condition is the value at the reference of the set's own layer, or, against an earlier run, the value of the same layer
and generation there, and of its last generation where it does not know that one. The sets looked at are all but the
reference, or the newest of each layer, of the layers and generations that the policy names; a run of one set alone
looks at that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from geometry.errors import UsageError
from geometry.gate.policy import Policy
from geometry.types import Record
from geometry.verdict.conditions import Condition

Key = tuple[str, str]  # name, variant
Value = dict[str, float | None]  # value, z


@dataclass(frozen=True)
class Check:
    """One condition on one set. outcome: `passed`, `failed` or `missing`; value, reference and z decided it."""

    condition: str
    generation: int
    layer: str
    name: str
    outcome: str
    variant: str = ""
    value: float | None = None
    reference: float | None = None
    z: float | None = None

    @property
    def told(self) -> str:
        """The check in words."""
        where = f"{self.layer}, {self.name}" if self.layer else self.name
        numbers = {self.variant or "value": self.value, "reference": self.reference, "z": self.z}
        shown = ", ".join(f"{key} {number:.4g}" for key, number in numbers.items() if number is not None)
        return f"{self.outcome:7} {self.condition}  {where}: {shown or 'no value'}"

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Set:
    position: int
    generation: int
    layer: str
    name: str
    values: dict[Key, Value]


def check(run: Record, policy: Policy, earlier: Record | None = None) -> list[Check]:
    """Every condition on every set looked at; UsageError for a name that the run has no results of."""
    if not policy.fail_on:
        raise UsageError("there is no condition; give one with --fail-on, as 'effective_rank<0.8x', or a policy")
    sets = _sets(run)
    for condition in policy.fail_on:
        _require_known(condition, sets)
    before = None if earlier is None else _sets(earlier)
    return [
        _check(condition, one, _reference(one, run, sets, before))
        for one in _looked_at(run, sets, policy)
        for condition in policy.fail_on
    ]


def _sets(record: Record) -> list[_Set]:
    """The sets of a run with every value they have."""
    values: list[dict[Key, Value]] = [{} for _ in record.run["inputs"]]
    statistics = set()
    for row in record.results:
        statistics.add(row["name"])
        values[row["position"]][row["name"], row["variant"]] = {"value": row["value"], "z": row["z"]}
    for position, told in enumerate(record.run["verdict"]["generations"]):
        for name, evidence in told["evidence"]["changes"].items():
            if name not in statistics:
                values[position][name, ""] = {"value": evidence["effect"], "z": evidence["z"]}
    return [
        _Set(position, one["generation"], one["layer"], one["name"], found)
        for position, (one, found) in enumerate(zip(record.run["inputs"], values, strict=True))
    ]


def _require_known(condition: Condition, sets: Iterable[_Set]) -> None:
    known = {key for one in sets for key in one.values}
    names = sorted({name for name, _ in known})
    variants = sorted({variant for name, variant in known if name == condition.name})
    wrong, there = (condition.name, names) if not variants else (condition.variant, variants)
    if variants and (not condition.variant or condition.variant in variants):
        return
    close = difflib.get_close_matches(wrong, there, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(filter(None, there))}"
    hint += "" if variants or close else "; what was not computed is added by `geometry analyze --statistics`"
    full = f"{condition.name}.{condition.variant}" if variants else condition.name
    raise UsageError(f"the run has no results of '{full}'; {hint}")


def _looked_at(run: Record, sets: list[_Set], policy: Policy) -> list[_Set]:
    """UsageError where the policy names layers or generations that the run has none of."""
    references = _references(run)
    others = [one for one in sets if one.position not in references or one.generation in policy.generations] or sets
    found = others
    if policy.layers:
        found = [one for one in found if any(fnmatchcase(one.layer, wanted) for wanted in policy.layers)]
        _require_some(found, "layer", policy.layers, [one.layer for one in others])
    if policy.generations:
        found = [one for one in found if one.generation in policy.generations]
        _require_some(found, "generation", policy.generations, [one.generation for one in others])
    return found if policy.look_at == "all" else list({one.layer: one for one in found}.values())


def _require_some(found: list[_Set], what: str, wanted: Iterable[object], there: Iterable[object]) -> None:
    if not found:
        asked, known = (", ".join(map(str, dict.fromkeys(names))) for names in (wanted, there))
        raise UsageError(f"there is nothing to look at of {what} {asked}; the run has {known or 'none by name'}")


def _references(run: Record) -> dict[int, str]:
    """Position of the reference of every layer."""
    layers = run.run["verdict"].get("layers")
    inputs = run.run["inputs"]
    found = [one["reference"] for one in layers] if layers else [run.run["reference"]]
    return {position: inputs[position]["layer"] for position in found}


def _reference(one: _Set, run: Record, sets: list[_Set], before: list[_Set] | None) -> dict[Key, Value]:
    """The values that the x of a condition multiplies."""
    if before is None:
        return next((sets[at].values for at, layer in _references(run).items() if layer == one.layer), {})
    same = [old for old in before if old.layer == one.layer]
    return next((old.values for old in same if old.generation == one.generation), same[-1].values if same else {})


def _check(condition: Condition, one: _Set, reference: dict[Key, Value]) -> Check:
    """The first variant for which the condition holds, else the first that lacks a value, else the first."""
    made = list(_variants(condition, one, reference))
    if condition.unit == "x":  # a reference has no row of its own ratio to itself: nothing is a multiple of that
        made = [found for found in made if (condition.name, found.variant) in reference] or made
    for outcome in ("failed", "missing"):
        for found in made:
            if found.outcome == outcome:
                return found
    return made[0] if made else Check(str(condition), one.generation, one.layer, one.name, "missing")


def _variants(condition: Condition, one: _Set, reference: dict[Key, Value]) -> Iterator[Check]:
    for (name, variant), found in one.values.items():
        if name != condition.name or condition.variant not in ("", variant):
            continue
        base = reference.get((name, variant), {}).get("value")
        holds = condition.holds(found["value"], reference=base, z=found["z"])
        outcome = "missing" if holds is None else "failed" if holds else "passed"
        shown = base if condition.unit == "x" else None
        yield Check(
            str(condition), one.generation, one.layer, one.name, outcome, variant, found["value"], shown, found["z"]
        )
