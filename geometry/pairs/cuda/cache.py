"""The folder in which compiled kernels and the outcomes of their proofs are kept, and what lies in it.

A file is written whole or not at all, whoever else writes it. A folder that cannot be written is done without: then
kernels are compiled and proven anew in every process.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "GEOMETRY_KERNEL_CACHE"  # environment variable: a folder in place of the user's cache folder


def folder() -> Path:
    """$GEOMETRY_KERNEL_CACHE, else geometry/kernels in the user's cache folder; it need not exist."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geometry" / "kernels"


def keep(path: Path, content: bytes) -> bool:
    """Whether `content` now stands at `path`; nothing is left behind where it does not."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            part = Path(file.name)
            file.write(content)
        part.replace(path)
    except OSError:
        if part is not None:
            part.unlink(missing_ok=True)
        return False
    return True


def size() -> int:
    """Bytes of all files in the folder."""
    return sum(path.stat().st_size for path in _files())


def architectures() -> dict[str, list[str]]:
    """Names of the compiled sources in the folder, by architecture; a name stands once however often it was edited."""
    found: dict[str, set[str]] = {}
    for path in _files():
        if path.suffix == ".cubin":
            name, arch, _ = path.stem.rsplit("-", 2)
            found.setdefault(arch, set()).add(name)
    return {arch: sorted(names) for arch, names in sorted(found.items())}


def _files() -> list[Path]:
    return sorted(path for path in folder().glob("*") if path.is_file())
