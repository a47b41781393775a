"""One peer on one set of data, in a process of its own: `python -m benchmarks.measure JOB.json`, run by `run`.

The first run warms up (compilers, caches, pages) and is timed only where it took longer than the limit, as the one
repeat. Memory is the highest resident size above what stood after the data and the peer were loaded, warm-up included;
on a GPU the highest use of the device likewise, sampled in a run that is not timed. On a GPU seconds are between two
CUDA events with the device idle before and after. The process answers with RESULT.json beside the job, and the rows of
the sample as RESULT.npy.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.peers import Call, Inputs, MissingError, Peer

EVERY = 0.01  # seconds between two looks at the device's memory


def main(path: Path) -> None:
    """Measure the job and write the answer; whatever a peer raises is part of it."""
    job = json.loads(path.read_text())
    try:
        answer = measured(job, path)
    except (ImportError, MissingError) as error:
        answer = {"status": "missing", "reason": str(error)}
    except Exception as error:  # a peer may raise anything; the run goes on and names it
        answer = {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:300]}
    (path.parent / "RESULT.json").write_text(json.dumps(answer))


def measured(job: dict[str, Any], path: Path) -> dict[str, Any]:
    """Seconds of each repeat, peak bytes, named values; the index of the sampled rows goes to a file."""
    peer = peers.find(job["task"], job["peer"])
    inputs = _inputs(job, peer)
    call = peers.prepare(job["task"], peer, inputs)
    gc.collect()
    with _peak_memory(inputs.device) as peak:
        result, first = _timed(call, inputs.device)
        seconds = [first]
        if first <= job["limit"]:
            seconds = [_timed(call, inputs.device)[1] for _ in range(job["repeats"])] if job["repeats"] else seconds
    if inputs.rows:
        seconds = [one * len(inputs.points) / inputs.rows for one in seconds]
    answer = (
        {"status": "ok", "seconds": seconds, "peak_bytes": peak()} | _engine(peer, inputs) | _read(job, result, path)
    )
    if inputs.device == "cuda":
        answer["peak_bytes"] = _device_peak(call)
    return answer


def _inputs(job: dict[str, Any], peer: Peer) -> Inputs:
    points, reference = (np.load(job[name]) if job[name] else None for name in ("points", "reference"))
    points = np.empty((0, 0), np.float32) if points is None else points
    return Inputs(
        points,
        reference,
        job["parameters"],
        job["device"],
        job["threads"],
        peer.unit,
        min(peer.rows, len(points)),
    )


def _engine(peer: Peer, inputs: Inputs) -> dict[str, str]:
    """Which engine of ours ran: `auto` may have fallen back from one to another."""
    if peer.module != "geometry":
        return {}
    from geometry.pairs import executor

    return {"engine": f"cpu-{peer.unit}" if peer.unit else executor(inputs.device).name}


def _timed(call: Call, device: str) -> tuple[Any, float]:
    if device != "cuda":
        start = time.perf_counter()
        return call(), time.perf_counter() - start
    import torch

    torch.cuda.synchronize()
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    before.record()
    result = call()
    torch.cuda.synchronize()
    after.record()
    after.synchronize()
    return result, before.elapsed_time(after) / 1e3


@contextmanager
def _peak_memory(device: str) -> Iterator[Any]:
    """A function that says by how many bytes the resident size rose above what it is now, at the highest."""
    if device == "cuda":
        yield lambda: 0
        return
    before = _resident("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the highest size starts anew
    except OSError:
        before = _resident("VmHWM")  # a system that does not allow it counts from the highest so far
    yield lambda: max(_resident("VmHWM") - before, 0)


def _resident(field: str) -> int:
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def _device_peak(call: Call) -> int:
    """Bytes of device memory in use above what is now, at the highest of one more run."""
    import torch

    torch.cuda.empty_cache()
    before, seen, done = torch.cuda.mem_get_info()[0], [0], threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            seen[0] = max(seen[0], before - torch.cuda.mem_get_info()[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    torch.cuda.synchronize()
    done.set()
    watcher.join()
    return max(seen[0], before - torch.cuda.mem_get_info()[0])


def _read(job: dict[str, Any], result: Any, path: Path) -> dict[str, Any]:
    """What the task keeps of the result."""
    if job["rows"] and result is not None:
        index = np.asarray(result.cpu() if hasattr(result, "cpu") else result)
        np.save(path.parent / "RESULT.npy", index[job["rows"]].astype(np.int64))
        return {}
    if isinstance(result, dict):
        named = {str(key): _number(value) for key, value in result.items()}
        peak = {"peak_bytes": named.pop("peak_bytes")} if "peak_bytes" in named else {}
        return {"values": named} | peak
    return {} if result is None else {"values": {"value": _number(result)}}


def _number(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
