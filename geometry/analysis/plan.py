"""What a run looks at: sets in order, the reference among them, their scans, and what had to give way.

A plan is of one layer. A run over all layers of its sets (`by="layer"`) has one plan for each, made when the one before
is done with, so that no two layers are in memory at a time.

The shared neighbour table has the columns that the widest statistic asks for, or `k` if that is more; a set with fewer
rows lowers it for itself, with a warning. A set that stays in its files (`geometry.analysis.memory`) is planned as a
sample of its rows that knows of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from geometry.analysis import memory
from geometry.analysis.arms import place_of
from geometry.analysis.asked import Options
from geometry.analysis.sampled import in_place, scan_of, told
from geometry.catalog import DEFAULT, statistics
from geometry.errors import InputError, UsageError
from geometry.nulls.core import ROWS
from geometry.pairs import Executor, Scan, approximate_executor, executor
from geometry.pairs.plan import ALWAYS_EXACT, EXACT_PAIRS, resolve_device
from geometry.pairs.stored import Stored
from geometry.pairs.streamed import Asked
from geometry.projection import aligned
from geometry.registry import Entry, entry
from geometry.sources import from_arrays, load
from geometry.types import EmbeddingSet

BY = ("layer", "arm")  # what a run can take side by side, beside generations
OF_LAYERS = ("label_agreement",)  # also computed by default where layers are side by side
AMONG_ALL = ("neighbors", "pairs")  # what looks sampled rows of a set in files up among all of them
FEW = 100  # sets smaller than this have no gauges and do not lower the rows that the others' gauges look at


@dataclass(frozen=True)
class Plan:
    """Sets and scans by position, the position of the reference, the statistics, and the warnings so far."""

    options: Options
    sets: tuple[EmbeddingSet, ...]
    scans: tuple[Scan, ...]
    reference: int
    entries: tuple[Entry, ...]
    gauge_rows: int
    warnings: tuple[str, ...] = field(default=())
    residuals: tuple[float, ...] = field(default=())  # of the alignment, by position; none where nothing was turned

    @property
    def others(self) -> list[int]:
        """Positions of all sets but the reference."""
        return [g for g in range(len(self.sets)) if g != self.reference]


def plan(sources: Any, options: Options) -> Plan:
    """Everything a run of one layer needs; InputError where the sets cannot be compared or all have two rows or fewer.

    InputError too where the sets come from several layers.
    """
    return next(plans(sources, replace(options, by=None)))


def plans(sources: Any, options: Options) -> Iterator[Plan]:
    """The plan of each layer in turn, in the order in which the sets name them; one where `options.by` is None."""
    if options.by not in (None, *BY):
        raise UsageError(f"by='{options.by}' is unknown; choose {' or '.join(BY)}, or leave it out")
    sets = read(as_asked(sources, options.by), options)
    layers = list(dict.fromkeys(one.layer for one in sets))
    _check(sets, layers, options)
    options = replace(options, align=alignment(sets, options))
    if options.memory_budget is None and not all(memory.in_memory(one, options.sampled) for one in sets):
        options = replace(options, memory_budget=memory.available())  # a run that is repeated elsewhere streams alike
    for layer in layers:
        yield _plan([one for one in sets if one.layer == layer], options)


def alignment(sets: Sequence[EmbeddingSet], options: Options) -> str:
    """How sets are turned onto the reference: as asked, but arms by their ids where all have them."""
    alike = len({one.points.shape[1] for one in sets}) == 1 and all(one.ids is not None for one in sets)
    return "ids" if options.by == "arm" and options.align == "none" and alike else options.align


def _plan(sets: Sequence[EmbeddingSet], options: Options) -> Plan:
    sets = [in_place(one, options.sampled) for one in sets]
    entries = chosen(options.statistics, by=options.by)
    width = max([options.k, *(one.k for one in entries)])
    taken = memory.held(sets, options.sampled, width)
    room = memory.scratch(options.memory_budget, taken)
    block = memory.block_bytes(room)
    beside = block if any(isinstance(one.points, Stored) for one in sets) else 0
    with catch_warnings(record=True) as noted:  # an engine says why it is not the one that was asked for
        simplefilter("always")
        engine, guesses = _engine(sets, options, room and max(room - beside, memory.LEAST))
    asked = Asked(width, max([1, *(one.k for one in entries if one.whole in AMONG_ALL)]), options.sampled, options.seed)
    scans = tuple(scan_of(one, engine, asked, block) for one in sets)
    reference = position_of(options.reference, sets)
    scans, residuals = _aligned(scans, options.align, reference, sets[0].layer)
    if options.sample is not None:
        scans = tuple(one.at_most(options.sample) for one in scans)
    large = [scan.n for scan in scans if scan.n >= FEW]
    warnings = [note for one in sets for note in one.notes] + _warnings(sets, scans, options.k) + guesses
    warnings += memory.shortage(options.memory_budget, taken)
    warnings += [str(one.message) for one in noted] + _turned(sets, residuals, reference)
    return Plan(
        options,
        tuple(sets),
        scans,
        reference,
        entries,
        min([ROWS, *large]),
        tuple(dict.fromkeys(warnings)),
        tuple(residuals),
    )


def _aligned(scans: Sequence[Scan], align: str, reference: int, layer: str) -> tuple[tuple[Scan, ...], list[float]]:
    """`aligned` for one layer, which its errors name."""
    try:
        turned, residuals = aligned(scans, align, onto=reference)
    except InputError as error:
        raise type(error)(f"layer '{layer}': {error}" if layer else str(error)) from error
    return tuple(turned), residuals


def stream_beyond(sources: Any, options: Options) -> int | None:
    """Bytes of rows beyond which the sets that paths lead to stay in their files; None where all come into memory."""
    width = max([options.k, *(one.k for one in chosen(options.statistics, by=options.by))])
    budget = options.memory_budget or memory.available()
    sizes = memory.sizes_of(sources, options.key, options.pattern)
    return memory.largest_in_memory(sizes, budget, width, options.sampled)


def as_asked(sources: Any, by: str | None) -> Any:
    """The sources; for arms, the folder inside an ablation's that holds them."""
    if by != "arm" or not isinstance(sources, str | Path | Sequence):
        return sources
    return [place_of(one) for one in sources] if not isinstance(sources, str | Path) else place_of(sources)


def read(sources: Any, options: Options) -> list[EmbeddingSet]:
    """Sets from paths, or from arrays and sets in memory."""
    sources = [sources] if isinstance(sources, str | Path) else sources
    if isinstance(sources, Sequence) and len(sources) and all(isinstance(one, str | Path) for one in sources):
        beyond = stream_beyond(sources, options)
        return load(list(sources), key=options.key, pattern=options.pattern, nan=options.nan, stream=beyond)
    return from_arrays(sources, nan=options.nan)


def chosen(statistics_asked: str | Iterable[str], *, by: str | None = None) -> tuple[Entry, ...]:
    """Entries by name, those of a run without wishes for `default`, every one for `all`."""
    if isinstance(statistics_asked, str):
        if statistics_asked == "all":
            return tuple(statistics())
        if statistics_asked == "default":
            return tuple(entry(name) for name in DEFAULT + (OF_LAYERS if by == "layer" else ()))
        statistics_asked = [name.strip() for name in statistics_asked.split(",")]
    return tuple(entry(name) for name in statistics_asked)


def position_of(reference: int | str, sets: Sequence[EmbeddingSet]) -> int:
    """Where the reference stands: by generation number or name; 0 is the earliest where none is called so."""
    found = [g for g, one in enumerate(sets) if reference in (one.generation, one.name, str(one.generation))]
    if not found and str(reference) == "0":  # steps of a training run need not begin at 0
        return min(range(len(sets)), key=lambda g: sets[g].generation)
    if not found:
        have = ", ".join(f"{one.generation} ({one.name})" if one.name else str(one.generation) for one in sets)
        raise UsageError(f"reference {reference!r} is none of the generations: {have}")
    return found[0]


def _engine(sets: Sequence[EmbeddingSet], options: Options, budget: int | None) -> tuple[Executor, list[str]]:
    """The exact engine, or past the exact budget one that guesses neighbours, and what to say of that.

    budget: what is left to it of the host's memory; of a device's own it may have as much as the run was given.
    """
    device = options.device
    where = resolve_device(device)
    budget = budget if where == "cpu" else options.memory_budget
    limit = options.pairs_budget or EXACT_PAIRS[where]
    limit = ALWAYS_EXACT if options.approximate else max(limit, ALWAYS_EXACT)
    pairs = {name(one): _looked_at(one, options) ** 2 for one in sets}
    past = {called: count for called, count in pairs.items() if count > limit}
    if not past:
        small = (
            f"no set has more than {limit:.3g} pairs; all neighbours are exact, though approximate ones were allowed"
        )
        return executor(device, budget), [small] if options.approximate else []
    why = "as was asked" if options.approximate else f"the budget of exact ones is {limit:.3g}"
    notes = [f"{called}: {count:.3g} pairs, {why}: neighbours are approximate" for called, count in past.items()]
    return approximate_executor(device, budget, pairs=limit, seed=options.seed), notes


def _looked_at(one: EmbeddingSet, options: Options) -> int:
    """Rows of a set that are held against each other."""
    most = options.sample if memory.in_memory(one, options.sampled) else options.sampled
    return min(len(one.points), most or len(one.points))


def _check(sets: Sequence[EmbeddingSet], layers: Sequence[str], options: Options) -> None:
    if not sets:
        raise InputError("there is no embedding set; pass files, a folder, a pattern or arrays")
    if len(layers) > 1 and options.by != "layer":
        raise InputError(
            f"these sets come from {len(layers)} layers ({', '.join(layers[:4])}); name one layer in the pattern, or "
            "take all of them with --by layer (by='layer')"
        )
    if options.by == "layer" and "" in layers:
        raise InputError(
            f"{next(one.source or name(one) for one in sets if not one.layer)} belongs to no layer; name layers with "
            "{layer} in the pattern, with a glob as key, or analyse a folder that `geometry capture` wrote"
        )
    if all(len(one.points) <= 2 for one in sets):
        sizes = ", ".join(f"{one.name or one.generation}: {len(one.points)}" for one in sets)
        raise InputError(f"every set has two rows or fewer ({sizes}); nothing can be said of so few points")


def _turned(sets: Sequence[EmbeddingSet], residuals: Sequence[float], reference: int) -> list[str]:
    return [
        f"{name(one)}: turned onto {name(sets[reference])}; the rotation leaves {left:.3f} of the variance unexplained"
        for g, (one, left) in enumerate(zip(sets, residuals, strict=False))
        if g != reference
    ]


def _warnings(sets: Sequence[EmbeddingSet], scans: Sequence[Scan], k: int) -> list[str]:
    notes = [
        f"{name(one)}: {scan.n} rows allow {max(scan.n - 1, 0)} neighbours, not k = {k}; k was lowered for this set"
        for one, scan in zip(sets, scans, strict=True)
        if scan.n - 1 < k
    ]
    notes += [f"{name(one)}: {told(scan)}" for one, scan in zip(sets, scans, strict=True) if scan.whole is not None]
    if len({(scan.n, scan.whole and len(scan.whole.stored)) for scan in scans}) > 1:
        sizes = ", ".join(str(scan.n) for scan in scans)
        notes.append(f"generations have unequal rows ({sizes}); comparisons take the smaller of each pair")
    notes += [f"{name(one)}: {one.dropped} rows with NaN or infinity were dropped" for one in sets if one.dropped]
    return notes


def name(one: EmbeddingSet) -> str:
    """How a set is called in messages."""
    return one.name or f"generation {one.generation}"
