"""scikit-learn's bundled digits and the fixed instruments that look at every generation: a classifier, two encoders.

1,797 images of 8 x 8 pixels, in sixteenths (Alpaydin and Kaynak 1998). The classifier is trained once on all of them
and never again, so the same image has the same label in every generation. Its 32 penultimate features are one encoder
("classifier"); the other, and the default, is the pixels themselves: trained features stretch what lies between the
classes and press together what lies inside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from geometry.types import Array, Ints

CLASSIFIER_SEED = 20_240_501
CLASSIFIER_STEPS = 800


@dataclass(frozen=True)
class Digits:
    """points (1797, 64) float32 in [0, 1], labels (1797,) int64."""

    points: Array
    labels: Ints


@cache
def digits() -> Digits:
    """The bundled images, once per process."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    return Digits((bundle.data / 16).astype(np.float32), bundle.target.astype(np.int64))


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """torch seeded, recording gradients, on one thread, and put back after: sums do not depend on the thread count."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


@cache
def classifier() -> torch.nn.Sequential:
    """Two hidden layers, 128 and 32 wide, trained with cross entropy on all images."""
    with reproducible(CLASSIFIER_SEED):
        return train_classifier(digits().points, digits().labels)


def train_classifier(points: Array, labels: Ints) -> torch.nn.Sequential:
    """A classifier of these images (n, 64) and labels (n,), under torch's present seed."""
    nn = torch.nn
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(net.parameters(), 2e-3, weight_decay=1e-4)
    images, classes = torch.from_numpy(points), torch.from_numpy(labels)
    for _ in range(CLASSIFIER_STEPS):
        rows = torch.randint(len(images), (128,))
        loss = nn.functional.cross_entropy(net(images[rows]), classes[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net.eval()


def predicted_labels(points: Array, net: torch.nn.Sequential | None = None) -> Ints:
    """(n,) the class of each image (n, 64) by the fixed classifier, or by `net`."""
    with torch.no_grad():
        labels: Ints = (net or classifier())(torch.from_numpy(points)).argmax(1).numpy()
    return labels


def classifier_features(points: Array) -> Array:
    """(n, 32) float32 penultimate features of images (n, 64) in the fixed classifier."""
    with torch.no_grad():
        features: Array = classifier()[:4](torch.from_numpy(points)).numpy()
    return features
