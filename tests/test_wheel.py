"""The wheel carries the package, every kernel source as geometry/kernels, and the data files; no tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parent.parent
KERNELS = {path.name for path in (TREE / "kernels").glob("*") if path.suffix in (".cu", ".cuh")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without isolation, so without a package index."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(TREE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return made


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_kernel_source_is_in_it(wheel: Path) -> None:
    carried = {name for name in names(wheel) if name.startswith("geometry/kernels/")}
    assert any(name.endswith(".cu") for name in KERNELS)
    assert carried == {f"geometry/kernels/{name}" for name in KERNELS}


def test_every_module_and_data_file_is_in_it_and_no_test(wheel: Path) -> None:
    package = {path.relative_to(TREE).as_posix() for path in (TREE / "geometry").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    data = {"geometry/schema/run-1.json", "geometry/report/page/page.css", "geometry/report/style.mplstyle"}
    data |= {
        "geometry/report/page/stage.html",
        "geometry/report/page/script/stage.js",
        "geometry/report/page/shader/points.vert",
    }
    assert data <= package <= names(wheel)
    assert {name.split("/")[0] for name in names(wheel)} == {"geometry", "embedding_geometry-0.1.0.dist-info"}


def test_it_names_the_command_the_license_and_the_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        home = "embedding_geometry-0.1.0.dist-info"
        assert "geometry = geometry.cli:main" in archive.read(f"{home}/entry_points.txt").decode()
        assert "Apache License" in archive.read(f"{home}/licenses/LICENSE").decode()
        assert "Requires-Python: >=3.11" in archive.read(f"{home}/METADATA").decode()


def test_kernels_are_found_in_a_checkout_and_in_an_installation(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    assert found_by(TREE / "geometry") == (TREE / "kernels", KERNELS)
    assert found_by(tmp_path / "geometry") == (tmp_path / "geometry" / "kernels", KERNELS)


def found_by(package: Path) -> tuple[Path, set[str]]:
    """The folder and the files that the function of this copy of the package finds."""
    spec = importlib.util.spec_from_file_location("kernels_there", package / "pairs" / "cuda" / "builder.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up there
        spec.loader.exec_module(module)
    return module.kernel_folder(), {path.name for path in module.kernel_files()}
