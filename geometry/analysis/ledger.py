"""What a run has finished, on disk as it goes, so that a killed run goes on instead of starting again.

Under DIR/.ledger every finished statistic of a set is one file, written whole or not at all: an .npz without pickles
that holds its estimates as JSON (floats in full) and their arrays. A statistic found there is not computed again, and
its rows come out byte for byte. `of.LAYER.json` says which run this is: arguments, digests of inputs, versions of the
packages that numbers come from. A ledger of another run is an error, or is thrown away where overwriting is allowed.

Neighbours of very large sets are kept strip by strip (`geometry.analysis.strips`).

Left out: a statistic that failed, so that it has another chance, and one that holds Python objects. Memory, threads and
the machine are no part of a run's identity: they change no digit; but which sets stay in their files is. With
approximate neighbours nothing is kept, because the recall told of a statistic depends on what was looked up before it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np

from geometry.analysis.identity import difference, identity
from geometry.analysis.plan import Plan
from geometry.analysis.strips import Strips
from geometry.errors import UsageError
from geometry.pairs import Executor
from geometry.registry import Outcome
from geometry.schema import dumps, read_arrays, write_arrays, write_text
from geometry.schema.places import LEDGER, alone, make_folder, require_place
from geometry.types import Array, Estimate

SCALARS = tuple(one.name for one in fields(Estimate) if one.name not in ("per_point", "profile"))


@dataclass(frozen=True)
class Ledger:
    """The ledger of a run in `folder`; without one, nothing is kept."""

    folder: Path | None = None
    overwrite: bool = True

    def of(self, plan: Plan, versions: dict[str, str]) -> Ledger:
        """This ledger, if it is of the same run as the plan; one that keeps nothing where neighbours are guessed.

        Raises UsageError, with what differs, where it is of another run and overwriting is not allowed.
        """
        from geometry.pairs.approximate import ApproximateExecutor

        if self.folder is None or isinstance(plan.scans[0].executor, ApproximateExecutor):
            return Ledger()
        head, asked = self._file("of", plan.sets[0].layer, ".json"), identity(plan, versions)
        if head.exists() and (told := difference(_read_json(head), asked)):
            if not self.overwrite:
                raise UsageError(
                    f"{self.folder.parent} holds a stopped run that is another one: {told}; "
                    "choose another folder with -o, or throw it away with --force"
                )
            self.clear()
        if not head.exists():
            make_folder(self.folder)
            write_text(head, dumps(asked, indent=1) + "\n")
        for scan in plan.scans:
            scan.executor = cast(Executor, Strips(scan.executor, self.folder))
        return self

    def once(self, key: tuple[str, int, str], make: Callable[[], list[Outcome]]) -> list[Outcome]:
        """What is kept under (layer, position, statistic), else what `make` gives, which is then kept."""
        if self.folder is None:
            return make()
        layer, position, name = key
        path = self._file(f"{position}.{name}", layer, ".npz")
        found = read_outcomes(path)
        if found is None:
            found = make()
            write_outcomes(path, found)
        return found

    def clear(self) -> None:
        """Throws away what is kept, at once: half of it, left by a kill, would tell no more which run it is of."""
        if self.folder is None:
            return
        gone = self.folder.with_name(f"{LEDGER}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _file(self, stem: str, layer: str, suffix: str) -> Path:
        assert self.folder is not None
        tag = hashlib.sha256(layer.encode()).hexdigest()[:8] if layer else "all"
        return self.folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', stem)}.{tag}{suffix}"


@contextmanager
def run_in(folder: str | Path | None, overwrite: bool) -> Iterator[Ledger]:
    """The ledger of a run that writes into `folder`, which is this run's alone inside; cleared when it ends well.

    Raises UsageError where another run works there, and as `require_place` does.
    """
    if folder is None:
        yield Ledger()
        return
    place = Path(folder)
    require_place(place, overwrite=True)
    with alone(place):
        require_place(place, overwrite)
        ledger = Ledger(place / LEDGER, overwrite)
        yield ledger
        ledger.clear()
        for part in place.rglob(".*.part"):  # what a killed run was about to write
            part.unlink(missing_ok=True)


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Outcomes in one file, unless one of them failed or holds objects."""
    arrays: dict[str, Array] = {}
    document = [
        [[key, _told(one, arrays)] for key, one in made.items()] if isinstance(made, dict) else _told(made, arrays)
        for made in outcomes
    ]
    flat = [one for made in outcomes for one in (made.values() if isinstance(made, dict) else [made])]
    if any(one.status == "failed" for one in flat) or any(array.dtype.hasobject for array in arrays.values()):
        return
    text = np.frombuffer(dumps(document).encode(), np.uint8)
    write_arrays(path, {"document": text, **arrays})


def read_outcomes(path: Path) -> list[Outcome] | None:
    """Outcomes as they were written; None where there is no whole file."""
    try:
        arrays = read_arrays(path)
        document = json.loads(arrays["document"].tobytes())
    except FileNotFoundError:
        return None
    except Exception:  # a disk that lost a part of the file: it is computed again
        return None
    return [
        {key: _estimate(told, arrays) for key, told in made} if isinstance(made, list) else _estimate(made, arrays)
        for made in document
    ]


def _told(one: Estimate, arrays: dict[str, Array]) -> dict[str, Any]:
    """The scalars of an estimate, and the names under which its arrays went into `arrays`."""
    told: dict[str, Any] = {name: getattr(one, name) for name in SCALARS}
    if one.per_point is not None:
        told["per_point"] = _put(arrays, one.per_point)
    if one.profile is not None:
        told["profile"] = {key: _put(arrays, values) for key, values in one.profile.items()}
    return told


def _put(arrays: dict[str, Array], values: Array) -> str:
    name = f"a{len(arrays)}"
    arrays[name] = np.asarray(values)
    return name


def _estimate(told: dict[str, Any], arrays: dict[str, Array]) -> Estimate:
    made = {name: told[name] for name in SCALARS}
    if "per_point" in told:
        made["per_point"] = arrays[told["per_point"]]
    if "profile" in told:
        made["profile"] = {key: arrays[name] for key, name in told["profile"].items()}
    return Estimate(**made)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
