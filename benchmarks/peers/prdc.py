"""Precision, recall, density and coverage of a set against a reference."""

from __future__ import annotations

from benchmarks.peers import Call, Inputs


def ours(inputs: Inputs) -> Call:
    """geometry.compute, intervals and per-point values included."""
    from geometry import compute

    made, k = inputs.device, inputs.parameters["k"]
    return lambda: compute("prdc", inputs.points, inputs.reference, k=k, device=made)


def prdc_package(inputs: Inputs) -> Call:
    """prdc.compute_prdc."""
    from prdc import compute_prdc

    real, made, k = inputs.reference, inputs.points, inputs.parameters["k"]
    return lambda: compute_prdc(real_features=real, fake_features=made, nearest_k=k)
