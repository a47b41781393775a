"""The images that a loop starts from, and the fixed instruments that look at every generation: classifier, encoders.

By default scikit-learn's bundled digits, 1,797 images of 8 x 8 pixels in sixteenths (Alpaydin and Kaynak 1998), else
whatever `geometry.sources.images` reads. The classifier is trained once on all labelled images of a set and never
again, so the same image has the same label in every generation. Its 32 penultimate features are one encoder
("classifier"); the other, and the default, is the pixels themselves: trained features stretch what lies between the
classes and press together what lies inside them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from geometry.errors import UsageError
from geometry.loops.reproducible import reproducible
from geometry.loops.training import train_to_classify
from geometry.sources.images import Images, read_images
from geometry.types import Array, Ints

BUNDLED = "digits"
CLASSIFIER_SEED = 20_240_501
CLASSIFIER_STEPS = 800


@cache
def digits() -> Images:
    """The bundled images: points (1797, 64) float32 in [0, 1], labels (1797,) int64; once per process."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    return Images((bundle.data / 16).astype(np.float32), (8, 8), bundle.target.astype(np.int64))


@cache
def images(data: str = BUNDLED, size: int = 0) -> Images:
    """The bundled digits, or the images at a path (size > 0: pictures of a folder brought to size x size)."""
    if data == BUNDLED and size:
        raise UsageError(
            f"size = {size} has no effect on the bundled digits; only a folder's pictures are brought to one"
        )
    return digits() if data == BUNDLED else read_images(data, size=size or None)


def class_of(found: Images) -> Array | None:
    """(n,) the class of each image as it is called: its name where it has one, else its number."""
    return np.array(found.classes)[found.labels] if found.classes else found.labels


@cache
def classifier(data: str = BUNDLED, size: int = 0) -> torch.nn.Sequential:
    """Two hidden layers, 128 and 32 wide, trained with cross entropy on all images; UsageError without labels.

    Its outputs are the distinct classes of `class_of`, in order.
    """
    found = images(data, size)
    called = class_of(found)
    if called is None:
        raise UsageError(f"{data} has no labels, so there is no classifier to look with; use encoder='pixels'")
    with reproducible(CLASSIFIER_SEED):
        return train_classifier(found.points, np.unique(called, return_inverse=True)[1])


def train_classifier(points: Array, labels: Ints) -> torch.nn.Sequential:
    """A classifier of these images (n, pixels) and labels (n,), under torch's present seed."""
    nn = torch.nn
    count = int(labels.max()) + 1
    net = nn.Sequential(nn.Linear(points.shape[1], 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, count))
    optimizer = torch.optim.Adam(net.parameters(), 2e-3, weight_decay=1e-4)
    pixels, classes = torch.from_numpy(points), torch.from_numpy(labels)
    train_to_classify(net, pixels, classes, optimizer, steps=CLASSIFIER_STEPS, batch=128)
    return net


def predicted_labels(points: Array, net: torch.nn.Sequential | None = None) -> Ints:
    """(n,) the class of each image (n, pixels) by the digits' classifier, or by `net`."""
    with torch.no_grad():
        labels: Ints = (net or classifier())(torch.from_numpy(points)).argmax(1).numpy()
    return labels


def classifier_features(points: Array, net: torch.nn.Sequential | None = None) -> Array:
    """(n, 32) float32 penultimate features of images (n, pixels) in the digits' classifier, or in `net`."""
    with torch.no_grad():
        features: Array = (net or classifier())[:4](torch.from_numpy(points)).numpy()
    return features
