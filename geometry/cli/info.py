"""`geometry info`: devices, engines, kernels, versions, and the schema of run.json."""

from __future__ import annotations

import argparse
from typing import Any


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
    """Devices, engines with the reason where one is not chosen, kernels found, versions."""
    import torch

    from geometry.analysis.document import versions
    from geometry.pairs import executor
    from geometry.pairs.cuda.builder import kernel_files

    cuda = torch.cuda.is_available()
    devices = {"cpu": f"{torch.get_num_threads()} threads"}
    devices |= {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count() if cuda else 0)}
    why = (
        "asked for with --device cuda; not yet proven on a GPU, so auto does not choose it"
        if cuda
        else "no CUDA device"
    )
    engines = {executor("cpu").name: "chosen by auto", "torch-cuda": why}
    return {
        "devices": devices,
        "engines": engines,
        "kernels": {
            path.name: "compiled and executed on a CPU in the tests; no engine calls it yet" for path in kernel_files()
        },
        "versions": versions(),
    }
