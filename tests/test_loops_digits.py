"""The fixed classifier: right on digits it has not seen, and the same every time."""

from __future__ import annotations

import numpy as np
import torch

from geometry.loops.digits import (
    classifier,
    classifier_features,
    digits,
    predicted_labels,
    reproducible,
    train_classifier,
)


def test_digits_are_in_range_and_counted() -> None:
    data = digits()
    assert data.points.shape == (1797, 64)
    assert data.points.min() == 0 and data.points.max() == 1
    assert np.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_its_labels_are_right_on_unseen_digits() -> None:
    data = digits()
    with reproducible(0):
        net = train_classifier(data.points[:1200], data.labels[:1200])
    assert np.mean(predicted_labels(data.points[1200:], net) == data.labels[1200:]) > 0.9
    assert np.mean(predicted_labels(data.points) == data.labels) > 0.99


def test_it_is_one_and_its_features_are_what_it_decides_by() -> None:
    assert classifier() is classifier()
    points = digits().points[:20]
    features = classifier_features(points)
    assert features.shape == (20, 32)
    with torch.no_grad():
        decided = classifier()[4](torch.from_numpy(features)).argmax(1).numpy()
    assert np.array_equal(decided, predicted_labels(points))
