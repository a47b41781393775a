"""The CUDA sources: where they are, and what they compile to for an architecture, kept in a cache of our own.

Sources lie beside the package in an installation, at the top of the tree in a checkout. A cubin is kept under a digest
of the source, every header beside it, CUDA's headers that these name, the options, the compiler's version and the
architecture, so that an edited header is never served its old binary. A leading #line makes errors name the file and
its own line. Compiles through `nvrtc`, with no GPU and no driver; loading and launching are the device's.

Architecture by compute capability: 9.0 is sm_90a, which alone has wgmma and setmaxnreg and runs nowhere else; every
other one is sm_XY as it stands, 8.0 the oldest (mma.sync m16n8k16 and cp.async begin there).
"""

from __future__ import annotations

import atexit
import hashlib
import re
import tempfile
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path

from geometry.errors import UsageError
from geometry.pairs.cuda import cache, nvrtc

SUFFIXES = (".cu", ".cuh")
ARCHITECTURES = ("sm_80", "sm_90", "sm_90a", "sm_100")  # what the tests compile for
# Without --no-source-include the folder "kernels" of the working directory would be searched before the sources' own.
OPTIONS = ("--std=c++17", "--fmad=false", "--ptxas-options=-v", "--no-source-include")
NAMED_HEADER = re.compile(r"^\s*#include <([^>]+)>", re.MULTILINE)
USAGE = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
    r".*?Used (\d+) registers",
    re.DOTALL,
)


@dataclass(frozen=True)
class Usage:
    """What one kernel takes of a multiprocessor: registers per thread, bytes of stack and of spilled registers."""

    registers: int
    stack_bytes: int
    spill_bytes: int


def kernel_folder() -> Path:
    """The folder of the kernel sources."""
    package = Path(__file__).resolve().parent.parent.parent
    installed = package / "kernels"
    return installed if installed.is_dir() else package.parent / "kernels"


def kernel_files() -> list[Path]:
    """Every CUDA source and header, by name; empty where the installation carries none."""
    return sorted(path for path in kernel_folder().glob("*") if path.suffix in SUFFIXES)


def arch_of(major: int, minor: int) -> str:
    """The architecture kernels are compiled for on a device of this compute capability; UsageError below 8.0."""
    if major < 8:
        raise UsageError(f"the CUDA kernels need compute capability 8.0 or later; this device has {major}.{minor}")
    return "sm_90a" if (major, minor) == (9, 0) else f"sm_{major}{minor}"


def cache_key(path: Path, arch: str) -> str:
    """Digest of all that decides the cubin of the source at `path` for `arch`."""
    own = [path, *sorted(path.parent.glob("*.cuh"))]
    texts = [file.read_bytes() for file in own]
    named = sorted({name for text in texts for name in NAMED_HEADER.findall(text.decode())})
    theirs = [
        found for folder in nvrtc.toolkit().includes for name in named for found in sorted(folder.glob(f"{name}*"))
    ]
    parts = [part for file, text in zip(own, texts, strict=True) for part in (file.name.encode(), text)]
    parts += [part for file in theirs for part in (file.name.encode(), file.read_bytes())]
    return _digest([*parts, arch.encode(), nvrtc.version().encode(), *map(str.encode, OPTIONS)])


@remembered
def kernels_digest(arch: str) -> str:
    """Digest of all that decides the cubins of all sources for `arch`, as they stand when first asked for."""
    return _digest([cache_key(path, arch).encode() for path in kernel_files() if path.suffix == ".cu"])


def _digest(parts: list[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def compile_kernel(path: Path, arch: str) -> bytes:
    """Cubin of every kernel in the source at `path`, for `arch` such as "sm_90a".

    Raises CompileError with the compiler's log, or where the compiler is not installed.
    """
    return _compiled(path, arch)[0]


def cubin_file(path: Path, arch: str) -> Path:
    """A file with that cubin: in the cache, or in a temporary folder where the cache cannot be written."""
    cubin, kept = compile_kernel(path, arch), _kept(path, arch).with_suffix(".cubin")
    if kept.is_file():
        return kept
    loose = _scratch() / kept.name
    loose.write_bytes(cubin)
    return loose


@remembered
def _scratch() -> Path:
    """A folder that goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="geometry_kernels_")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def usage(path: Path, arch: str) -> dict[str, Usage]:
    """Registers, stack and spills of each kernel in the source at `path`, as the assembler counted them for `arch`."""
    found = USAGE.findall(_compiled(path, arch)[1])
    return {
        name: Usage(int(registers), int(stack), int(stores) + int(loads))
        for name, stack, stores, loads, registers in found
    }


def _kept(path: Path, arch: str) -> Path:
    return cache.folder() / f"{path.stem}-{arch}-{cache_key(path, arch)}"


def _compiled(path: Path, arch: str) -> tuple[bytes, str]:
    kept = _kept(path, arch)
    cubin, log = kept.with_suffix(".cubin"), kept.with_suffix(".log")
    if cubin.is_file() and log.is_file():
        return cubin.read_bytes(), log.read_text()
    name = f"kernels/{path.name}"
    includes = [f"-I{folder}" for folder in (path.parent, *nvrtc.toolkit().includes)]
    source = f'#line 1 "{name}"\n{path.read_text()}'
    made = nvrtc.compile_source(name, source, (f"--gpu-architecture={arch}", *OPTIONS, *includes))
    cache.keep(log, made[1].encode())
    cache.keep(cubin, made[0])
    return made
