"""The CUDA sources: where they are, and what they compile to for an architecture, kept in a cache of our own.

Sources lie beside the package in an installation, at the top of the tree in a checkout. A cubin is kept under a digest
of the source, every header beside it, CUDA's float16 header, the options, the compiler's version and the architecture,
so that an edited header is never served its old binary. A leading #line makes errors name the file and its own line.

What is here: rescore.cu and prepare_rows.cu. They compile, and their sources run on a CPU in the tests; they have not
run on a GPU, no engine launches them yet, and `auto` never chooses them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from geometry.pairs.cuda import nvrtc

SUFFIXES = (".cu", ".cuh")
ARCHITECTURES = ("sm_80", "sm_90", "sm_90a", "sm_100")
# Without --no-source-include the folder "kernels" of the working directory would be searched before the sources' own.
OPTIONS = ("--std=c++17", "--fmad=false", "--ptxas-options=-v", "--no-source-include")
CACHE = "GEOMETRY_KERNEL_CACHE"  # environment variable: a folder in place of the user's cache folder
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


def cache_folder() -> Path:
    """Where cubins are kept: $GEOMETRY_KERNEL_CACHE, else geometry/kernels in the user's cache folder."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geometry" / "kernels"


def cache_key(path: Path, arch: str) -> str:
    """Digest of all that decides the cubin of the source at `path` for `arch`."""
    parts = [path.name.encode(), path.read_bytes(), arch.encode(), nvrtc.version().encode(), *map(str.encode, OPTIONS)]
    for header in sorted(path.parent.glob("*.cuh")) + sorted(nvrtc.include_folder().glob("cuda_fp16.h*")):
        parts += [header.name.encode(), header.read_bytes()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def compile_kernel(path: Path, arch: str) -> bytes:
    """Cubin of every kernel in the source at `path`, for `arch` such as "sm_90a".

    Raises CompileError with the compiler's log, or where the compiler is not installed.
    """
    return _compiled(path, arch)[0]


def usage(path: Path, arch: str) -> dict[str, Usage]:
    """Registers, stack and spills of each kernel in the source at `path`, as the assembler counted them for `arch`."""
    found = USAGE.findall(_compiled(path, arch)[1])
    return {
        name: Usage(int(registers), int(stack), int(stores) + int(loads))
        for name, stack, stores, loads, registers in found
    }


def _compiled(path: Path, arch: str) -> tuple[bytes, str]:
    kept = cache_folder() / f"{path.stem}-{arch}-{cache_key(path, arch)}"
    cubin, log = kept.with_suffix(".cubin"), kept.with_suffix(".log")
    if cubin.is_file() and log.is_file():
        return cubin.read_bytes(), log.read_text()
    name = f"kernels/{path.name}"
    includes = (f"-I{path.parent}", f"-I{nvrtc.include_folder()}")
    source = f'#line 1 "{name}"\n{path.read_text()}'
    made = nvrtc.compile_source(name, source, (f"--gpu-architecture={arch}", *OPTIONS, *includes))
    _keep(log, made[1].encode())
    _keep(cubin, made[0])
    return made


def _keep(path: Path, content: bytes) -> None:
    """Written whole or not at all, whoever else writes it; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(content)
        Path(part.name).replace(path)
    except OSError:
        return
