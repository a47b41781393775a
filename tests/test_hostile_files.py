"""Files from strangers end in one of our errors that names them: nothing runs, little memory, little time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.corpus import CODE, LIES, MARK

import geometry
from geometry.errors import GeometryError, UnsafeFileError
from geometry.sources.formats import contents

SECONDS, BYTES = 2.0, 256 << 20
Writer = Callable[[Path], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


def refused(action: Callable[[], object], path: Path) -> GeometryError:
    """The error of an action, which must name the file, be quick and need little memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(GeometryError) as caught:
            action()
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value)
    assert seconds < SECONDS
    assert peak < BYTES
    return caught.value


@pytest.fixture(scope="module", autouse=True)
def _readers_loaded() -> None:
    """The time of an import is not the file's."""
    import h5py  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import torch  # noqa: F401


@pytest.mark.parametrize("write", CODE.values(), ids=CODE.keys())
def test_code_in_a_file_does_not_run(write: Writer, folder: Path) -> None:
    path = write(folder)
    refused(lambda: geometry.load(path), path)
    assert not (folder / MARK).exists()


@pytest.mark.parametrize("name", [name for name in CODE if name.startswith(("pickle", "bare"))])
def test_pickles_are_called_unsafe(name: str, folder: Path) -> None:
    path = CODE[name](folder)
    assert isinstance(refused(lambda: geometry.load(path), path), UnsafeFileError)


@pytest.mark.parametrize("write", LIES.values(), ids=LIES.keys())
def test_a_file_that_lies_is_refused_in_time_and_memory(write: Writer, folder: Path) -> None:
    path = write(folder)
    refused(lambda: geometry.load(path), path)


@pytest.mark.parametrize("write", {**CODE, **LIES}.values(), ids={**CODE, **LIES}.keys())
def test_a_look_inside_is_as_safe(write: Writer, folder: Path) -> None:
    """`inspect` may describe a file that `load` refuses, or refuse it likewise; it runs and costs as little."""
    path = write(folder)
    tracemalloc.start()
    start = time.process_time()
    try:
        contents(path)
    except GeometryError as error:
        assert path.name in str(error)
    finally:
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < BYTES
    assert not (folder / MARK).exists()
