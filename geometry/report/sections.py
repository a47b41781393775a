"""The tables of the page: generations, onsets, half-lives, evidence, warnings, inputs with hygiene, how it was made."""

from __future__ import annotations

from typing import Any

from geometry.report.markup import Markup, definitions, join, table, tag, text, word
from geometry.report.reading import Generation, Row, aligned, generations, is_of_arms, number, onsets, series
from geometry.types import Record

COLUMNS = (  # heading, statistic, variants in order of preference
    ("effective rank", "effective_rank", ()),
    ("intrinsic dimension", "mle", ()),
    ("angle dimension", "angle_dimension", ()),
    ("structure gain", "structure_gain", ()),
    ("dimension gap", "dimension_gap", ()),
    ("total variance", "scale", ()),
    ("recall", "prdc", ("recall",)),
)
MADE = (
    "seed", "k", "device", "engine", "exactness", "versions", "timings", "peak_memory_bytes", "arguments",
    "schema_version",
)  # fmt: skip


def verdict_table(record: Record) -> Markup:
    """One row per generation: state, changes, flags, main values with their intervals."""
    found = [(heading, series(record, name, *variants)) for heading, name, variants in COLUMNS]
    found = [(heading, rows) for heading, rows in found if rows]
    every = generations(record)
    body = [[_name(one), *_words(one), *(_value(rows.get(one.position)) for _, rows in found)] for one in every]
    heads = [
        "arm" if is_of_arms(record) else "generation",
        "state",
        "changes",
        "flags",
        *(heading for heading, _ in found),
    ]
    return table("Generations", heads, body, numbers=frozenset(range(4, len(heads))))


def _name(one: Generation) -> Markup:
    told = "" if one.arm or one.name == f"generation {one.number}" else one.name
    below = " · ".join(part for part in (told, one.layer) if part)
    return Markup(text(one.called) + (tag("span", below, class_="interval") if below else ""))


def _words(one: Generation) -> list[Markup]:
    state = word(one.state, one.state if one.state.replace("-", "").isalpha() else "") if one.state else text(None)
    if one.reason:
        state = Markup(state + tag("span", one.reason, class_="interval"))
    changes = Markup("".join(word(change, "change") for change in one.changes)) or text(None)
    return [state, changes, Markup("".join(word(flag, "flag") for flag in one.flags)) or text(None)]


def _value(row: Row | None) -> Markup:
    if row is None:
        return text(None)
    if row.get("low") is None or row.get("high") is None:
        return text(_signed(number(row["value"])))
    value, low, high = (_signed(part) for part in aligned(row["value"], row["low"], row["high"]))
    return Markup(text(value) + tag("span", f"{low} to {high}", class_="interval"))


def _signed(value: str) -> str:
    """A typeset minus, which does not break from its number."""
    return value.replace("-", "−", 1) if value.startswith("-") else value


def onset_list(record: Record) -> Markup:
    """A sentence per change that holds to the end."""
    return tag("ul", join([tag("li", _onset(change, onset)) for change, onset in onsets(record).items()]))


def _onset(change: str, onset: Row) -> Markup:
    first, low, high = (onset.get(key) for key in ("generation", "low", "high"))
    sure = "" if low is None or low == high else f" (between {low} and {high})"
    provisional = "; provisional, since it is the last one" if onset.get("provisional") else ""
    return Markup(tag("strong", change) + text(f" from generation {first}{sure}{provisional}"))


def half_lives(record: Record) -> Markup:
    """How fast the statistics of the table above halve or double, where the run could tell."""
    rows = []
    for heading, name, variants in COLUMNS:
        shown = next(iter(series(record, name, *variants).values()), {}).get("variant")
        found = [
            one
            for one in record.run.get("half_lives") or []
            if one["name"] == name and one["variant"] in (shown, heading)
        ]
        for layer in dict.fromkeys(one["layer"] for one in found):
            of_layer = [one for one in found if one["layer"] == layer]
            best = max(of_layer, key=lambda one: (one["n"], one["variant"] == shown))
            rows.append([" · ".join(filter(None, (layer, heading))), *_rate(best)])
    heads = ["statistic", "change", "in generations", "95 % interval"]
    return table("Half-lives", heads, rows, numbers=frozenset((2, 3))) if rows else Markup("")


def _rate(one: Row) -> list[str]:
    """Halves or doubles, in how many generations, and from where to where."""
    ends = sorted(abs(one[end]) for end in ("low", "high"))
    value, low, high = aligned(abs(one["generations"]), *ends)
    return ["doubles" if one["generations"] < 0 else "halves", value, f"{low} to {high}"]


def evidence(record: Record) -> Markup:
    """What each word of the verdict stands on."""
    rows: list[list[Any]] = []
    for one in generations(record):
        for kind in ("state", "flags", "changes"):
            given = one.evidence.get(kind) or {}
            if kind == "changes":
                rows += [[str(one.number), f"change: {name}", found] for name, found in given.items()]
            elif given:
                rows.append([str(one.number), kind, given])
    whole = table("Evidence", ["generation", "word", "evidence"], rows)
    return tag("details", tag("summary", "Evidence for every word"), whole) if rows else Markup("")


def warnings(record: Record) -> Markup:
    told = record.run.get("warnings") or []
    return tag("ul", join([tag("li", str(line)) for line in told]), class_="warnings") if told else tag("p", "None.")


def inputs(record: Record) -> Markup:
    """Every set: shape, type, source, digest and what the hygiene check counted."""
    keys = ("name", "layer", "n", "d", "dtype", "labelled", "source", "hygiene")
    given = record.run.get("inputs", [])
    kept = [key for key in keys if any(one.get(key) not in (None, "") for one in given)]
    rows = [
        [
            str(one.get("generation", g)),
            *(_hygiene(one.get(key)) if key == "hygiene" else one.get(key) for key in kept),
            tag("span", str(one.get("digest") or "–"), class_="digest"),
        ]
        for g, one in enumerate(given)
    ]
    return table("Inputs", ["generation", *kept, "digest"], rows)


def _hygiene(counts: Any) -> str | None:
    """What is not nil among the counts, or that there is nothing; shape and norms stand in run.json."""
    if not isinstance(counts, dict):
        return None
    odd = [f"{key.replace('_', ' ')} {count}" for key, count in counts.items() if _counts(key) and count]
    return ", ".join(odd) or "clean"


def _counts(key: str) -> bool:
    return key not in {"n", "d"} and not key.startswith(("norm_m", "value_"))


def made(record: Record) -> Markup:
    """Seed, engine, versions, timings and the quality of the map: what repeating the run needs."""
    pairs = [(key.replace("_", " "), record.run[key]) for key in MADE if record.run.get(key) is not None]
    every = [str(one.number) for one in generations(record)]
    shown = record.run.get("quality", {}).get("radial", {})
    quality = [[name.replace("_", " "), *map(number, values)] for name, values in shown.items()]
    if not quality:
        return definitions(pairs)
    head = tag("h3", "Quality of the map, by generation")
    numbers = frozenset(range(1, len(every) + 1))
    return Markup(
        definitions(pairs) + head + table("Quality of the map", ["measure", *every], quality, numbers=numbers)
    )
