"""What strangers might send beside sets of embeddings: records of runs, parts, fingerprints, logs, policies, pictures.

Each function writes into a folder and gives back the path that a command is given.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from geometry.schema.files import fingerprint_file

from . import whole
from .corpus import Evil, bomb_npz, header_bomb_npz, npy_header, text
from .stores import device, pipe

Writer = Callable[[Path], Path]
DEEP = b"[" * 100_000


def renamed(write: Writer, name: str) -> Writer:
    """What `write` makes, under another name."""
    return lambda folder: write(folder).rename(folder / name)


def run(**changes: Any) -> Writer:
    """The folder of a run, its document changed: a value for a name, or bytes for a whole file (`.` written as `_`)."""

    def write(folder: Path) -> Path:
        made = folder / "run"
        made.mkdir()
        files = {name: whole.run()[name] for name in ("run.json", "results.jsonl")}
        document = json.loads(files["run.json"]) | {k: v for k, v in changes.items() if not isinstance(v, bytes)}
        files["run.json"] = json.dumps(document).encode()
        files |= {k.replace("_", "."): v for k, v in changes.items() if isinstance(v, bytes)}
        for name, content in files.items():
            (made / name).write_bytes(content)
        return made

    return write


def with_array(name: str, content: bytes) -> Writer:
    """A run that names an array file `name`, which holds `content`."""

    def write(folder: Path) -> Path:
        made = run(arrays={"coordinates.radial.0": {"file": name, "shape": [2, 2], "dtype": "float32"}})(folder)
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return made

    return write


def evil_array(folder: Path) -> Path:
    """A run one of whose arrays is a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil(folder)], object), allow_pickle=True)
    return with_array("arrays/a.npy", buffer.getvalue())(folder)


def part(**changes: Any) -> Writer:
    """The folder of a part of a run, its card changed."""

    def write(folder: Path) -> Path:
        made = folder / "part"
        made.mkdir()
        card = json.loads(whole.run()["shard.json"])
        (made / "shard.json").write_text(json.dumps(card | changes))
        (made / "fingerprints").mkdir()
        for one in card["run"]["inputs"]:
            (made / fingerprint_file(one["layer"], one["name"])).write_bytes(whole.fingerprint())
        (made / "results.jsonl").write_bytes(whole.run()["results.jsonl"])
        return made

    return write


def pickle_fingerprint(folder: Path) -> Path:
    (folder / "a.fingerprint").write_bytes(pickle.dumps(Evil(folder)))
    return folder / "a.fingerprint"


def objects_fingerprint(folder: Path) -> Path:
    np.savez(folder / "a.npz", head=np.array([Evil(folder)], object))
    return (folder / "a.npz").rename(folder / "a.fingerprint")


def lying_fingerprint(folder: Path) -> Path:
    """A member whose header claims four gigabytes."""
    with zipfile.ZipFile(folder / "a.fingerprint", "w") as archive:
        archive.writestr("head.npy", npy_header((10**9, 1)) + bytes(100))
    return folder / "a.fingerprint"


def packed_idx(folder: Path) -> Path:
    """60 kB that would unpack to 60 MB of pixels."""
    head = bytes([0, 0, 8, 3]) + b"".join(side.to_bytes(4, "big") for side in (60_000, 10, 100))
    with gzip.open(folder / "a-images-idx3-ubyte.gz", "wb", compresslevel=1) as stream:
        stream.write(head)
        for _ in range(6):
            stream.write(bytes(10_000_000))
    return folder / "a-images-idx3-ubyte.gz"


def huge_picture(folder: Path) -> Path:
    """A PNG of 7,000 x 7,000 grey pixels in 50 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side, squeeze = 7_000, zlib.compressobj(1)
    rows = b"".join(squeeze.compress(bytes(side + 1)) for _ in range(side)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(content)
    return folder / "pictures"


def broken_picture(folder: Path) -> Path:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(whole.picture()[:45])
    return folder / "pictures"


def no_file(name: str, write: Writer) -> Writer:
    """What `write` makes, with a device that never ends in place of its file `name`."""

    def put(folder: Path) -> Path:
        path = write(folder)
        (path / name).unlink()
        (path / name).symlink_to("/dev/zero")
        return path

    return put


def too_long(name: str) -> Writer:
    """A run whose file `name` has two gigabytes, which take no room on the disk."""

    def put(folder: Path) -> Path:
        path = run()(folder)
        os.truncate(path / name, 2_000_000_000)
        return path

    return put


RUNS: dict[str, Writer] = {
    "NaN as a value": run(results_jsonl=b'{"position": 0, "name": "scale", "variant": "", "value": NaN, "z": 1}\n'),
    "a value beyond floats": run(results_jsonl=b'{"position": 0, "name": "scale", "variant": "", "value": 1e400}\n'),
    "a device as document": no_file("run.json", run()),
    "a device as results": no_file("results.jsonl", run()),
    "a document of 2 GB": too_long("run.json"),
    "results of 2 GB": too_long("results.jsonl"),
    "an empty folder": lambda folder: folder,
    "a list": run(run_json=b"[]"),
    "no JSON": run(run_json=b"\xff\xfe{"),
    "deep nesting": run(run_json=DEEP),
    "deep nesting of results": run(results_jsonl=DEEP),
    "results that are no rows": run(results_jsonl=b"1\n2\n"),
    "rows of sets that are not there": run(inputs=[]),
    "inputs of numbers": run(inputs=[1, 2]),
    "a verdict of text": run(verdict="rich"),
    "a reference that is not there": run(reference=7),
    "arrays as a list": run(arrays=[1]),
    "an array outside the folder": run(arrays={"rows.0": {"file": "../../../etc/passwd"}}),
    "an array at an absolute path": run(arrays={"rows.0": {"file": "/etc/passwd"}}),
    "an array that is not there": run(arrays={"rows.0": {"file": "arrays/rows.0.npy"}}),
    "an array of a petabyte": with_array("arrays/a.npy", npy_header((10**9, 10**6)) + bytes(4096)),
    "a pickle as array": evil_array,
    "arguments of another type": run(arguments={"k": "many"}),
    "arguments as a list": run(arguments=[]),
    "provenance of numbers": run(provenance={"paths": [1, 2], "directory": 3}),
}
PARTS: dict[str, Writer] = {
    "a device as card": no_file("shard.json", part()),
    "an empty folder": lambda folder: folder,
    "an identity of text": part(identity="same"),
    "more rows than there are": part(rows=10**9),
    "one of many billions": part(of=9 * 10**12),
    "an index of text": part(index="1"),
    "arrays outside the folder": part(arrays={"a": {"file": "../../../etc/passwd"}}),
    "arrays without a file": part(arrays={"a": {}}),
    "a document of numbers": part(run={"inputs": 1, "arrays": 2}),
}
FINGERPRINTS: dict[str, Writer] = {
    "a pipe": pipe("a.fingerprint"),
    "a device": device("a.fingerprint"),
    "a pickle": pickle_fingerprint,
    "objects": objects_fingerprint,
    "a bomb": renamed(bomb_npz, "a.fingerprint"),
    "a bomb in a header": renamed(header_bomb_npz, "a.fingerprint"),
    "a header that lies": lying_fingerprint,
    "empty": text("a.fingerprint", b""),
    "half of one": lambda folder: text("a.fingerprint", whole.fingerprint()[:400])(folder),
}
LOGS: dict[str, Writer] = {
    "a pipe as .csv": pipe("a.csv"),
    "a device as .jsonl": device("a.jsonl"),
    "a device as events": device("events.out.tfevents.1"),
    "bytes as .csv": text("a.csv", bytes(range(256)) * 40),
    "one line without an end": text("a.csv", b"step," + b"1," * 2_000_000),
    "a field without an end": text("a.csv", b'step,loss\n0,"' + b"9" * 3_000_000),
    "empty .csv": text("a.csv", b""),
    "bytes as .jsonl": text("a.jsonl", bytes(range(256)) * 40),
    "deep nesting": text("a.jsonl", DEEP + b"\n"),
    "deep objects": text("a.jsonl", b'{"a":' * 100_000 + b"\n"),
    "numbers as rows": text("a.jsonl", b"1\n2\n"),
    "a number of 4,000 digits alone": text("a.jsonl", b'{"step": 1, "loss": ' + b"9" * 4000 + b"}\n"),
    "a document of numbers": text("a.json", b'{"log_history": 5}'),
    "deep document": text("a.json", DEEP),
    "events that are none": text("events.out.tfevents.1", bytes(range(256)) * 40),
    "another suffix": text("a.log", b"loss 1"),
}
POLICIES: dict[str, Writer] = {
    "a pipe": pipe("a.toml"),
    "a device": device("a.toml"),
    "a key of 20,000 parts": text("a.toml", b"a." * 20_000 + b"b = 1"),
    "a number of 5,000 digits": text("a.toml", b"missing = " + b"9" * 5000),
    "a condition on infinity": text("a.toml", b'fail_on = ["scale<1e999"]'),
    "50 MB of remarks": text("a.toml", b"#" * 50_000_000),
    "bytes": text("a.toml", bytes(range(256))),
    "deep nesting": text("a.toml", b"fail_on = " + DEEP),
    "numbers": text("a.toml", b"fail_on = [1, 2]"),
    "no condition": text("a.toml", b'fail_on = ["rm -rf"]'),
    "an unknown name": text("a.toml", b'fail_if = ["scale<1"]'),
    "a run that is not there": text("a.toml", b'fail_on = ["scale<.5x"]\nagainst = "nowhere"'),
}
PICTURES: dict[str, Writer] = {
    "IDX of a terabyte": text("a-images-idx3-ubyte", bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(100)),
    "IDX that unpacks a thousandfold": packed_idx,
    "half an archive": lambda folder: text("a-images-idx3-ubyte.gz", whole.idx_packed()[:30])(folder),
    "a picture of 49 million pixels": huge_picture,
    "half a picture": broken_picture,
}
