"""Where the CUDA sources are: beside the package in an installation, at the top of the tree in a checkout."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".cu", ".cuh")


def kernel_folder() -> Path:
    """The folder of the kernel sources."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "kernels"
    return installed if installed.is_dir() else package.parent / "kernels"


def kernel_files() -> list[Path]:
    """Every CUDA source and header, by name; empty where the installation carries none."""
    return sorted(path for path in kernel_folder().glob("*") if path.suffix in SUFFIXES)
