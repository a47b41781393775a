"""Imports point down the floors of the house, and heavy packages are imported in one place, inside functions.

A floor may import the floors below it. On one floor, packages do not import each other; the exceptions, and why:
- floor 0 is read from left to right, each module using those before it: an entry of the registry holds a type;
- `__main__` calls `cli`: it is the same door under another name.
The package's own `__init__` is the facade over all floors and imports nothing when it is loaded.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geometry

ROOT = Path(geometry.__file__).parent
FLOORS = (
    ("types", "errors", "estimates", "registry", "schema"),
    ("pairs",),
    ("dimension", "collapse", "compare", "concepts", "sources"),
    ("nulls", "loops"),
    ("catalog", "verdict", "trend", "projection", "attribution"),
    ("report",),
    ("analysis", "gate", "monitor"),
    ("cli", "__main__"),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
IN_ORDER = (FLOORS[0], FLOORS[7])
HEAVY = ("cupy", "faiss", "umap", "matplotlib", "pandas")


@dataclass(frozen=True)
class Import:
    """One imported name: which file and line, what, and whether it is imported when the file is."""

    file: str
    line: int
    target: str
    at_load: bool

    @property
    def home(self) -> str:
        """The top-level module of `geometry` that the file belongs to."""
        return self.file.split("/")[0].removesuffix(".py")

    def __str__(self) -> str:
        return f"geometry/{self.file}:{self.line} imports {self.target}"


def imports(source: str, file: str) -> list[Import]:
    """Every import of a file, those inside functions and by literal name too."""
    tree = ast.parse(source)
    late = {id(node) for outer in ast.walk(tree) if _runs_late(outer) for node in ast.walk(outer)}
    return [
        Import(file, line, target, id(node) not in late)
        for node in ast.walk(tree)
        for line, target in _targets(node, file)
    ]


def _runs_late(node: ast.AST) -> bool:
    """Whether what is inside does not run when the file is imported."""
    typing_only = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    return typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _targets(node: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        here = ["geometry", *file.split("/")[:-1]]
        base = here[: len(here) - node.level + 1] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        whole = module == "geometry"  # `from geometry import pairs` names the module after the word import
        yield from ((node.lineno, f"{module}.{alias.name}" if whole else module) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
        names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        yield from ((node.lineno, str(name)) for name in names)


def arrows_up(found: list[Import]) -> list[str]:
    """Imports that point up, or across on one floor."""
    return [str(one) for one in found if one.home != "__init__" and not _allowed(one)]


def _allowed(one: Import) -> bool:
    words = one.target.split(".")
    if words[0] != "geometry" or words[1:] == ["__version__"]:
        return True
    aim = "" if len(words) < 2 else geometry._HOMES.get(words[1], words[1])
    if aim == one.home:
        return True
    if aim not in FLOOR:  # the facade as a whole: every floor at once
        return False
    if FLOOR[aim] != FLOOR[one.home]:
        return FLOOR[aim] < FLOOR[one.home]
    order = FLOORS[FLOOR[aim]]
    return order in IN_ORDER and order.index(aim) < order.index(one.home)


def heavy_places(found: list[Import]) -> list[str]:
    """Heavy packages that are imported when a file is, or by a second package of ours."""
    of_heavy = [one for one in found if one.target.split(".")[0] in HEAVY]
    wrong = [f"{one}, outside a function" for one in of_heavy if one.at_load]
    for package in HEAVY:
        homes = sorted({one.home for one in of_heavy if one.target.split(".")[0] == package})
        wrong += [f"{package} is imported by {' and '.join(homes)}"] if len(homes) > 1 else []
    return wrong


def the_house() -> list[Import]:
    files = sorted(ROOT.rglob("*.py"))
    return [one for file in files for one in imports(file.read_text("utf-8"), file.relative_to(ROOT).as_posix())]


def test_no_import_points_up_or_across() -> None:
    assert arrows_up(the_house()) == []


def test_heavy_packages_have_one_place_inside_functions() -> None:
    assert heavy_places(the_house()) == []


def test_every_module_has_a_floor() -> None:
    modules = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules - {"__init__"} <= set(FLOOR)


def test_the_facade_imports_nothing_when_it_is_loaded() -> None:
    own = imports((ROOT / "__init__.py").read_text("utf-8"), "__init__.py")
    assert [str(one) for one in own if one.at_load and one.target.split(".")[0] == "geometry"] == []


def test_arrows_are_caught_wherever_they_hide() -> None:
    def caught(file: str, source: str) -> int:
        return len(arrows_up(imports(source, file)))

    assert caught("pairs/scan.py", "from geometry.dimension import mle") == 1
    assert caught("pairs/scan.py", "import geometry.report.page") == 1
    assert caught("pairs/scan.py", "def f():\n    from geometry import report") == 1
    assert caught("pairs/scan.py", "from geometry import load") == 1
    assert caught("pairs/scan.py", "from ..cli import main") == 1
    assert caught("pairs/scan.py", "import geometry") == 1
    assert caught("pairs/scan.py", "importlib.import_module('geometry.cli')") == 1
    assert caught("types.py", "from geometry.errors import InputError") == 1
    assert caught("verdict/state.py", "from geometry.projection import project") == 1
    assert caught("collapse/shell.py", "from geometry.dimension.mle import mle") == 1
    assert caught("cli/info.py", "from geometry.__main__ import main") == 1


def test_arrows_down_and_within_a_package_are_free() -> None:
    below = "import numpy\nfrom geometry import __version__, pairs\nfrom geometry.types import Moments\n"
    assert (
        arrows_up(imports(below + "from . import mle\nfrom geometry.dimension import two_nn", "dimension/mle.py")) == []
    )
    assert arrows_up(imports("from geometry.types import Estimate", "registry.py")) == []
    assert arrows_up(imports("from geometry.cli import main", "__main__.py")) == []


def test_heavy_imports_are_caught() -> None:
    late = "def f():\n    import pandas"
    assert heavy_places(imports("import matplotlib.pyplot as plt", "report/maps.py")) == [
        "geometry/report/maps.py:1 imports matplotlib.pyplot, outside a function"
    ]
    typed = "if TYPE_CHECKING:\n    from pandas import DataFrame"
    assert heavy_places(imports(typed, "analysis/result.py") + imports(late, "analysis/result.py")) == []
    twice = imports(late, "analysis/result.py") + imports(late, "sources/files.py")
    assert heavy_places(twice) == ["pandas is imported by analysis and sources"]


def test_every_benchmark_can_be_imported_outside_the_tests() -> None:
    home = Path(__file__).parents[1]
    names = [f"benchmarks.{file.stem}" for file in sorted((home / "benchmarks").glob("[!_]*.py"))]
    ran = subprocess.run([sys.executable, "-c", f"import {', '.join(names)}"], cwd=home, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
