"""The facade: every stable name is there, lazily, and an unknown one is an AttributeError."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import geometry


@pytest.mark.parametrize("name", geometry.__all__)
def test_every_name_of_the_interface_is_there(name: str) -> None:
    assert getattr(geometry, name) is not None and name in dir(geometry)


def test_packages_are_reached_without_importing_them_by_hand() -> None:
    reached = (
        "import sys, geometry; "
        "assert not {'torch', 'geometry.concepts', 'geometry.attribution', 'geometry.loops'} & set(sys.modules); "
        "print(geometry.concepts.direction.__name__, geometry.attribution.groups.__name__, geometry.loops.run.__name__)"
    )
    ran = subprocess.run([sys.executable, "-c", reached], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["direction", "groups", "run"]


def test_concepts_and_attribution_work_through_the_facade() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(120, 4))
    points[:60, 0] += 20
    found = geometry.concepts.direction(points[:60], points[60:])
    assert abs(abs(float(found.unit[0])) - 1) < 0.01


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sphere'"):
        geometry.sphere  # noqa: B018
