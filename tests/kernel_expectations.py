"""What every CUDA source must compile to: its kernels, and for each what it may take and must hold.

A source without an entry fails the build test, and so does an entry without a source, a kernel that is not named, or a
name without a kernel. Registers are a bound from the occupancy asked for: 64 Ki registers of a multiprocessor over
(threads of a block x blocks wanted on it).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """The kernels of one source and the most each may take; `holds` is a matrix instruction (machine_code.py).

    only: the one architecture that has the instructions; on the others the kernel is a trap.
    """

    kernels: tuple[str, ...]
    most_registers: int
    most_stack_bytes: int = 0
    most_spill_bytes: int = 0
    holds: str | None = None
    only: str | None = None


def per_storage(name: str) -> tuple[str, ...]:
    """The kernel once for every type rows are stored in."""
    return tuple(f"{name}_{suffix}" for suffix in ("f16", "f32", "f64"))


EXPECTED = {
    "column_sums.cu": Expected(per_storage("column_sums"), most_registers=64),  # 8 blocks of 128 threads
    "local_spectra.cu": Expected(per_storage("local_spectra"), most_registers=128),  # 4 blocks of 128 threads
    "pack_tiles.cu": Expected(("pack_tiles",), most_registers=32),  # 2 blocks of 1024 threads
    "covariance.cu": Expected(per_storage("covariance"), most_registers=64),  # 4 blocks of 256 threads
    "pair_counts.cu": Expected(  # 2 blocks of 256 threads
        ("pair_counts", *per_storage("measure_pairs")), most_registers=128
    ),
    "pair_scan.cu": Expected(  # 2 blocks of 256 threads
        ("pair_scan_one", "pair_scan_two"), most_registers=128, holds="HMMA"
    ),
    "pair_scan_warpgroup.cu": Expected(  # 1 block of 384 threads, which then shares 64,512 of them out unevenly
        ("pair_scan_warpgroup_one", "pair_scan_warpgroup_two"), most_registers=168, holds="HGMMA", only="sm_90a"
    ),
    "pair_sums.cu": Expected(  # 1 block of 256 threads
        ("pair_sums", *per_storage("unit_rows")), most_registers=255
    ),
    "prepare_rows.cu": Expected(per_storage("prepare_rows"), most_registers=64),  # 8 blocks of 128 threads
    "prune_queues.cu": Expected(("prune_queues", "list_candidates"), most_registers=64),  # 8 blocks of 128 threads
    "rescore.cu": Expected(per_storage("rescore"), most_registers=64),  # 8 blocks of 128 threads
    "stream_nearest.cu": Expected(per_storage("stream_nearest"), most_registers=64),  # 8 blocks of 128 threads
}
