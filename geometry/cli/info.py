"""`geometry info`: devices, engines and why, kernels, their cache and proofs, versions, and the schema of run.json."""

from __future__ import annotations

import argparse
from typing import Any

DIGITS = 12  # of a digest, as shown


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("info", help="devices, engines, kernels, versions; --schema prints that of run.json")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of run.json")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what this installation can do."""
    from geometry.schema import dumps, schema_text

    if args.schema:
        print(schema_text(), end="")
        return 0
    found = gather()
    if args.json:
        print(dumps(found))
        return 0
    for heading, values in found.items():
        print(heading)
        for key, value in values.items():
            print(f"  {key}: {value}")
    return 0


def gather() -> dict[str, dict[str, Any]]:
    """Every section by its heading. Runs no kernel and no proof."""
    from geometry.analysis.document import versions

    return {
        "devices": _devices(),
        "engines": _engines(),
        "scans": _scans(),
        "kernels": _kernels(),
        "cache": _cache(),
        "proofs": _proofs(),
        "versions": versions(),
    }


def _devices() -> dict[str, str]:
    """The CPU, and CUDA devices by number, or why there are none."""
    import torch

    from geometry.errors import UsageError
    from geometry.pairs.cpu.units import available
    from geometry.pairs.cuda.cupy_device import devices

    found = {"cpu": f"{torch.get_num_threads()} threads; tile products by {', '.join(available())}, the best first"}
    try:
        return found | {f"cuda:{number}": name for number, name in enumerate(devices())}
    except UsageError as error:
        return found | {"cuda": f"none for the kernels: {error}"}


def _engines() -> dict[str, str]:
    """What `--device auto` and `--device cuda` run, and why."""
    import torch

    from geometry.pairs import executor, plan

    if plan.PROVEN_ON_GPU:
        why = "the kernels run where they have passed their proof, else the CPU"
        auto = f"{plan.resolve_device('auto')}: {why}"
    else:
        auto = f"{executor('auto').name}: the CUDA kernels have run on no GPU yet"
    tiles = "torch tiles" if torch.cuda.is_available() else "an error, torch has no CUDA device"
    return {
        "auto": auto,
        "cuda": f"the kernels where they pass their proof on the device, which runs first; else {tiles}",
    }


def _scans() -> dict[str, str]:
    """Which scan over pairs the kernels use where, and what is remembered of each on the devices found."""
    from geometry.errors import GeometryError
    from geometry.pairs.cuda import choice, cupy_device, scans

    order = "; the first that has passed its proof on the device, else torch tiles"
    best, plain = scans.WGMMA, scans.MMA
    found = {
        f"on {best.only}": f"{best.name} ({best.source}), which has its instructions, then {plain.name}{order}",
        "elsewhere from sm_80": f"{plain.name} ({plain.source}){order}",
    }
    try:
        for number, _ in enumerate(cupy_device.devices()):
            device = cupy_device.open_device(number)
            known = choice.known_of(device).items()
            found[f"cuda:{number}"] = f"{device.arch}: " + ", ".join(f"{name} {outcome}" for name, outcome in known)
    except GeometryError as error:
        found["cuda"] = f"none runs here: {error}"
    return found


def _kernels() -> dict[str, str]:
    """The compiler, and every source with the digest of all that decides its machine code."""
    from geometry.errors import GeometryError
    from geometry.pairs.cuda import builder, nvrtc

    sources = [path for path in builder.kernel_files() if path.suffix == ".cu"]
    try:
        found = {"compiler": f"NVRTC {nvrtc.version()}"}
        return found | {path.name: builder.cache_key(path, "")[:DIGITS] for path in sources}
    except GeometryError as error:
        return {"compiler": f"none: {error}"} | {path.name: "no compiler" for path in sources}


def _cache() -> dict[str, Any]:
    """The folder of compiled kernels and proofs, its bytes, and what it holds by architecture."""
    from geometry.pairs.cuda import cache

    compiled = {f"compiled for {arch}": ", ".join(names) for arch, names in cache.architectures().items()}
    return {"folder": str(cache.folder()), "bytes": cache.size()} | (compiled or {"compiled": "nothing"})


def _proofs() -> dict[str, str]:
    """The outcome on every device, by the digest of the kernels that were asked."""
    from geometry.pairs.cuda import proof

    kept = proof.all_remembered()
    return {
        f"{one.device}, {one.arch}, {one.scan}, kernels {one.kernels[:DIGITS]}": "passed"
        if one.passed
        else f"failed: {one.failures[0]}"
        for one in kept
    } or {"none": "the kernels have been asked on no device yet"}
