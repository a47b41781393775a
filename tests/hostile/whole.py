"""Small undamaged files of every kind that is read, as bytes: what damage starts from."""

from __future__ import annotations

import gzip
import io
import json
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

POINTS = np.arange(24, dtype=np.float32).reshape(6, 4)


def _bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def _file(name: str, write: Callable[[Path], object]) -> bytes:
    """What a writer that wants a path makes."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def npy(array: np.ndarray = POINTS) -> bytes:
    return _bytes(lambda buffer: np.save(buffer, array))


def npz() -> bytes:
    return _bytes(lambda buffer: np.savez_compressed(buffer, x=POINTS, labels=np.arange(6)))


def npz_stored() -> bytes:
    return _bytes(lambda buffer: np.savez(buffer, x=POINTS, labels=np.array(list("abcdef"))))


def torch_file(zipped: bool = True) -> bytes:
    import torch

    made = {"embeddings": torch.from_numpy(POINTS), "labels": ["a"] * 6}
    return _bytes(lambda buffer: torch.save(made, buffer, _use_new_zipfile_serialization=zipped))


def safetensors() -> bytes:
    header = json.dumps({"x": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 96]}}).encode()
    return len(header).to_bytes(8, "little") + header + POINTS.tobytes()


def index() -> bytes:
    return json.dumps({"metadata": {"total_size": 96}, "weight_map": {"x": "a.safetensors"}}).encode()


@cache
def distributed() -> dict[str, bytes]:
    """The files of a distributed checkpoint of one tensor."""
    import torch
    from torch.distributed import checkpoint

    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.distributed is not initialised, which is what one process needs
        checkpoint.save({"x": torch.from_numpy(POINTS)}, checkpoint_id=folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def card() -> bytes:
    return json.dumps({"generation": 0, "layers": [{"name": "stem", "file": "stem.npy", "shape": [6, 4]}]}).encode()


def dataset() -> bytes:
    return json.dumps({"_data_files": [{"filename": "a.arrow"}], "_indices_data_files": None}).encode()


def adapter() -> bytes:
    return json.dumps({"r": 2, "lora_alpha": 4, "use_rslora": False, "peft_type": "LORA"}).encode()


def adapter_weights() -> bytes:
    a, b = (f"base_model.model.x.lora_{side}.weight" for side in "AB")
    told = {a: {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}}
    told |= {b: {"dtype": "F32", "shape": [6, 2], "data_offsets": [32, 80]}}
    header = json.dumps(told).encode()
    return len(header).to_bytes(8, "little") + header + POINTS.tobytes()[:80]


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table({"x": POINTS.tolist(), "label": list("abcdef")})
    return _bytes(lambda buffer: pa.parquet.write_table(table, buffer))


def arrow(file: bool = False) -> bytes:
    import pyarrow as pa
    import pyarrow.ipc

    new = pa.ipc.new_file if file else pa.ipc.new_stream
    table = pa.table({"x": POINTS.tolist(), "label": list("abcdef")})

    def write(buffer: io.BytesIO) -> None:
        with new(buffer, table.schema) as stream:
            stream.write_table(table)

    return _bytes(write)


def csv() -> bytes:
    return b"label,a,b\n" + b"".join(b'"q%d",%d,%d.5\n' % (i, i, i) for i in range(6))


def hdf5() -> bytes:
    import h5py

    def write(buffer: io.BytesIO) -> None:
        with h5py.File(buffer, "w") as file:
            file["x"], file["labels"] = POINTS, np.arange(6)

    return _bytes(write)


def log_csv() -> bytes:
    return b"step,loss,note\n" + b"".join(b"%d,%g,ok\n" % (i, 1 / (i + 1)) for i in range(5))


def log_lines() -> bytes:
    return b"".join(json.dumps({"step": i, "train": {"loss": 1 / (i + 1)}}).encode() + b"\n" for i in range(5))


def log_document() -> bytes:
    return json.dumps({"log_history": [{"epoch": i, "loss": 1 / (i + 1)} for i in range(5)]}).encode()


def policy() -> bytes:
    return b'fail_on = ["effective_rank<0.8x", "prdc.recall<0.5", "tails.z>4"]\nlook_at = "all"\nmissing = "pass"\n'


def idx() -> bytes:
    return bytes([0, 0, 8, 3]) + b"".join(side.to_bytes(4, "big") for side in (5, 3, 3)) + bytes(range(45))


def idx_packed() -> bytes:
    return gzip.compress(idx(), mtime=0)


def picture() -> bytes:
    from PIL import Image

    return _bytes(lambda buffer: Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "PNG"))


def fingerprint() -> bytes:
    from geometry.sources.fingerprint import fingerprint as of
    from geometry.sources.fingerprint import write_fingerprint

    return _file("a.fingerprint", lambda path: write_fingerprint(path, of(POINTS)))


@cache
def run() -> dict[str, bytes]:
    """run.json, results.jsonl and shard.json of one small part that is a whole run."""
    from geometry.cli import main

    with TemporaryDirectory() as folder:
        sets = Path(folder) / "sets"
        sets.mkdir()
        for g in range(2):
            np.save(sets / f"gen_{g}.npy", np.random.default_rng(g).standard_normal((12, 3)).astype(np.float32))
        words = ["analyze", str(sets), "--statistics", "cone,scale", "--shard", "1/1", "-q", "-o", f"{folder}/out"]
        assert main(words) == 0
        card = json.loads((Path(folder) / "out" / "shard.json").read_text())
        results = (Path(folder) / "out" / "results.jsonl").read_bytes()
    document = card["run"] | {"arrays": {}}
    card = card | {"arrays": {}, "run": document}
    return {
        "run.json": json.dumps(document).encode(),
        "results.jsonl": results,
        "shard.json": json.dumps(card).encode(),
    }
