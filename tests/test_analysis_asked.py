"""What a caller may ask of a run: the stable arguments by name, and a clear answer to what cannot be."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import geometry
from geometry.analysis.asked import Options, options_from
from geometry.errors import InputError, UsageError

STABLE = {"reference": 0, "k": 32, "device": "auto", "seed": 0, "statistics": "default", "out": None}


def test_the_stable_arguments_are_there_with_their_defaults() -> None:
    parameters = inspect.signature(geometry.analyze).parameters
    assert {name: parameters[name].default for name in STABLE} == STABLE
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in STABLE)


def test_options_are_taken_as_they_are_meant() -> None:
    found = options_from({"k": np.int32(7), "sample": None, "statistics": ["scale", "mle"], "log": ["a.csv"]})
    assert found == Options(k=7, statistics=("scale", "mle"), log=("a.csv",)) and type(found.k) is int


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": 0}, "k = 0 is less than 1"),
        ({"k": 2.5}, "k = 2.5 is no whole number"),
        ({"k": "a"}, "k = 'a' is no whole number"),
        ({"seed": -1}, "seed = -1 is less than 0"),
        ({"sample": 0}, "sample = 0 is less than 1"),
        ({"memory_budget": "1G"}, "memory_budget = '1G' is no whole number"),
        ({"statistics": 3}, "statistics = 3 is no list of names"),
        ({"log": "a.csv"}, "log = 'a.csv' is no list of names"),
        ({"kk": 3}, "analyze has no option 'kk'; it has: align"),
    ],
)
def test_what_cannot_be_is_a_usage_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        geometry.analyze([np.eye(3)], **given)
    assert said in str(raised.value)


@pytest.mark.parametrize("sources", [None, 3, [np.eye(3), "x.npy"]])
def test_what_is_no_set_is_an_input_error(sources: Any) -> None:
    with pytest.raises(InputError, match="array"):
        geometry.analyze(sources)
