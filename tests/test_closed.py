"""No network, no telemetry, no other process: by the imports of every file, and a run with sockets shut."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import NoReturn

import clouds
import numpy as np
import pytest
from test_floors import imports, the_house

from geometry.cli import main

OUTSIDE = {
    "aiohttp", "asyncio", "ftplib", "http", "httpx", "huggingface_hub", "requests", "sentry_sdk", "smtplib",
    "socketserver",
    "ssl", "telnetlib", "urllib.request", "urllib3", "xmlrpc",
}  # fmt: skip
ALLOWED = {
    ("schema/places.py", "socket"): "the name of the host, for the lock of a folder",
    (
        "pairs/cuda/apart.py",
        "subprocess",
    ): "a kernel not yet trusted, which proves itself on a GPU in a process of its own",
    ("loops/ablate_command.py", "subprocess"): "the training command that a user gives to `geometry ablate`",
}


def opens(target: str) -> bool:
    """Whether a module leads out of the process."""
    return target in ("socket", "subprocess") or any(target == one or target.startswith(f"{one}.") for one in OUTSIDE)


def test_no_file_imports_a_way_out() -> None:
    found = {(one.file, one.target) for one in the_house() if opens(one.target)}
    assert found == set(ALLOWED)


def test_a_way_out_would_be_found() -> None:
    for line in ("import socket", "from urllib.request import urlopen", "def f():\n    import requests.adapters"):
        assert any(opens(one.target) for one in imports(line, "analysis/x.py"))
    assert not any(opens(one.target) for one in imports("from urllib.parse import quote", "analysis/x.py"))


def test_a_run_works_with_sockets_and_processes_shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.utils._openmp_helpers as cores
    from joblib.externals.loky.backend import context

    asked: list[object] = []

    def refuse(*args: object, **more: object) -> NoReturn:
        asked.append(args)  # a library may take the error for an answer
        raise AssertionError("a run reached out")

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # with which joblib counts no cores
    monkeypatch.setattr(context, "physical_cores_cache", None)
    cores._CPU_COUNTS.clear()

    for g in range(2):
        np.save(tmp_path / f"gen_{g}.npy", clouds.gaussian(120, 5, g))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    words = ["analyze", str(tmp_path / "gen_*.npy"), "-q", "--statistics", "scale,two_nn,mode_coverage", "-o"]
    assert main([*words, str(tmp_path / "run")]) == 0
    assert main(["gate", str(tmp_path / "run"), "--fail-on", "scale.ratio<0.1"]) == 0
    assert main(["rerun", str(tmp_path / "run"), "-q"]) == 0
    assert not asked
