"""Values of settings and options: each held against the kind its default has, and words of a command line cast to it.

A kind is bool, int, float or str. NumPy's numbers and path objects pass and become plain ones, so that a card and its
digest do not depend on how a value was given. Left out: ranges, which belong to what takes the value.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from geometry.errors import UsageError

CALLED = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}


def typed(name: str, value: Any, kind: type) -> Any:
    """The value as a plain one of its kind; UsageError where it is none."""
    given = isinstance(value, bool | np.bool_)
    if kind is bool and given:
        return bool(value)
    if kind is int and not given and hasattr(value, "__index__"):
        return operator.index(value)
    if kind is float and not given and isinstance(value, Real) and isfinite(value):
        return float(value)
    if kind is str and isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise UsageError(f"{name} = {value!r}; it must be {CALLED[kind]}")


def chosen(model: str, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model, typed as their defaults in `known`; UsageError for one that it does not have."""
    for name in options:
        if name not in known:
            raise UsageError(f"{model} has no option '{name}'; it has: {', '.join(known)}")
    return {name: typed(f"{model}: {name}", value, type(known[name])) for name, value in options.items()}


def spelled(words: Sequence[str], model: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Options given as NAME=VALUE, cast to the kinds of their defaults; UsageError where that cannot be."""
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {word}: write NAME=VALUE")
        kind = type(known[name]) if name in known else str
        try:
            found[name] = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise UsageError(f"--set {word}: {name} is {CALLED[kind]}") from None
    return chosen(model, found, known)
