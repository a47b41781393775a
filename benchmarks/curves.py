"""`python -m benchmarks.curves`: rings in a small convolutional network that learns to tell drawn curves apart.

An arc of a circle is drawn at a place, radius and orientation of its own, under noise. The network names the
orientation in twelve bins; its layers are read as the mean over places. Generation 1 learns from the true bins, every
later one, from scratch, from bins drawn from its predecessor's softmax at a temperature: a loop in labels that fades.

Every layer of every generation, and of a network that was never trained (0), is swept over all orientations: `ring` of
the rows and how well their order around it agrees with the orientation (an arc is first of all a line, which is itself
again after half a turn: the ring is gone around twice), `ring` of the units by their tuning curves, and `curvature` of
the mean sweep. benchmarks/results/rings.csv and .png.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from benchmarks.rows import RESULTS
from geometry.catalog import compute
from geometry.loops.reproducible import reproducible
from geometry.loops.training import train_to_classify
from geometry.report import save, style
from geometry.types import Array, Estimate, Floats

SIDE, BINS = 20, 12
LAYERS = ("conv1", "conv2", "conv3", "scores")
HALF_ARC = 1.0  # radians to either side of its middle
FIELDS = (
    "ring", "ring_stderr", "ring_null", "agreement", "units", "units_ring", "units_null", "turning", "turning_null",
)  # fmt: skip
STROKE = 0.8  # pixels, standard deviation across


def drawn(orientation: Floats, generator: np.random.Generator, noise: float = 0.3) -> Array:
    """(n, 1, 20, 20) float32 images of arcs whose middle lies at these angles (n,) from the centre of their circle."""
    n = len(orientation)
    radius = generator.uniform(5, 8, (n, 1, 1))
    middle = (SIDE - 1) / 2 + generator.uniform(-3, 3, (2, n, 1, 1))
    turn = orientation[:, None, None]
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    across, up = (
        x - middle[0] + radius * np.cos(turn),
        y - middle[1] + radius * np.sin(turn),
    )  # from the circle's centre
    away = np.hypot(across, up) - radius
    along = np.angle(np.exp(1j * (np.arctan2(up, across) - turn)))
    past = np.maximum(np.abs(along) - HALF_ARC, 0) * radius
    images = np.exp(-(away**2 + past**2) / (2 * STROKE**2)) + noise * generator.standard_normal((n, SIDE, SIDE))
    made: Array = images[:, None].astype(np.float32)
    return made


class Network(nn.Module):
    """Three convolutions with rectifiers, the mean over places, and a score per bin."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 32, 3, padding=1)
        self.scores = nn.Linear(32, BINS)

    def layers(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each layer's name and output (n, channels), in order."""
        one = torch.relu(self.conv1(images))
        yield "conv1", one.mean((2, 3))
        two = torch.relu(self.conv2(nn.functional.max_pool2d(one, 2)))
        yield "conv2", two.mean((2, 3))
        three = torch.relu(self.conv3(nn.functional.max_pool2d(two, 2))).mean((2, 3))
        yield "conv3", three
        yield "scores", self.scores(three)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = dict(self.layers(images))["scores"]
        return scores


def bins(orientation: Floats) -> Array:
    """(n,) the bin of each angle."""
    return np.floor(orientation / (2 * np.pi) * BINS).astype(np.int64) % BINS


def trained(images: Array, labels: Array, *, steps: int = 300, seed: int = 0) -> Network:
    """A network that names these bins, by Adam on batches of 64."""
    with reproducible(seed):
        net = Network()
        optimizer = torch.optim.Adam(net.parameters(), 3e-3)
        train_to_classify(net, torch.from_numpy(images), torch.from_numpy(labels), optimizer, steps=steps, batch=64)
    return net


@dataclass(frozen=True)
class Loop:
    """rows: images of a fit. temperature: of the softmax that later labels are drawn from; above 1 they fade."""

    rows: int = 1000
    steps: int = 300
    temperature: float = 4.0
    seed: int = 0


def generations(count: int, loop: Loop) -> list[Network]:
    """`count` networks, the first of true labels, each later one of its predecessor's."""
    made: list[Network] = []
    for t in range(count):
        rng = np.random.default_rng([loop.seed, t])
        orientation = rng.uniform(0, 2 * np.pi, loop.rows)
        images = drawn(orientation, rng)
        labels = bins(orientation) if t == 0 else named(made[-1], images, loop.temperature, rng)
        made.append(trained(images, labels, steps=loop.steps, seed=loop.seed + t))
    return made


def named(net: Network, images: Array, temperature: float, rng: np.random.Generator) -> Array:
    """(n,) bins drawn from the network's softmax at a temperature."""
    with torch.no_grad():
        share = torch.softmax(net(torch.from_numpy(images)) / temperature, 1).numpy().astype(np.float64)
    chosen: Array = (share.cumsum(1) < rng.uniform(size=(len(share), 1))).sum(1).clip(0, BINS - 1)
    return chosen


def swept(net: Network, steps: int = 512, draws: int = 3, seed: int = 0) -> tuple[Floats, dict[str, Array]]:
    """Angles (steps,) evenly around, and each layer's mean over `draws` arcs at every angle, (steps, channels)."""
    orientation = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    images = drawn(np.repeat(orientation, draws), np.random.default_rng([seed, 10_000]))
    with torch.no_grad():
        given = {name: out.numpy() for name, out in net.layers(torch.from_numpy(images))}
    return orientation, {name: out.reshape(steps, draws, -1).mean(1) for name, out in given.items()}


def tuning(sweep: Array) -> Array:
    """(units, steps) tuning curve of every unit that answers at all, centred and of unit length."""
    curves = sweep.T - sweep.T.mean(axis=1, keepdims=True)
    length = np.linalg.norm(curves, axis=1, keepdims=True)
    alive = length[:, 0] > 1e-3 * max(float(length.max()), 1e-12)
    made: Array = curves[alive] / length[alive]
    return made


def agreement(place: Floats, angle: Floats, turns: int) -> float:
    """0 to 1: how well an order around a ring agrees with `turns` times an angle, either way around."""
    rank = np.empty(len(place))
    rank[np.argsort(place)] = np.arange(len(place)) / len(place)
    turned = np.exp(2j * np.pi * rank)
    return max(float(abs(np.mean(turned * np.exp(sign * turns * 1j * angle)))) for sign in (1, -1))


def probed(net: Network) -> dict[str, dict[str, float | None]]:
    """Per layer what the sweep finds: see FIELDS."""
    angle, rows = swept(net)
    _, mean = swept(net, 64, 24)
    found: dict[str, dict[str, float | None]] = {}
    for name in LAYERS:
        ring, bend = estimate("ring", rows[name]), curvature(mean[name])
        units = estimate("ring", tuning(mean[name]))
        place = ring.per_point
        found[name] = {
            "ring": ring.value,
            "ring_stderr": ring.stderr,
            "ring_null": ring.null,
            "agreement": None if place is None else agreement(place, angle, 2),
            "units": len(tuning(mean[name])),
            "units_ring": units.value,
            "units_null": units.null,
            "turning": bend["turning"].value,
            "turning_null": bend["turning"].null,
        }
    return found


def estimate(name: str, rows: Array) -> Estimate:
    made = compute(name, rows)
    assert isinstance(made, Estimate)
    return made


def curvature(rows: Array) -> dict[str, Estimate]:
    made = compute("curvature", rows)
    assert isinstance(made, dict)
    return made


def main() -> None:
    """Train four generations, probe all, write rows and figure."""
    with reproducible(5):
        untrained = Network().eval()
    nets = [untrained, *generations(4, Loop())]
    table = [
        [g, layer, *(("" if v is None else f"{v:.4g}") for v in values.values())]
        for g, net in enumerate(nets)
        for layer, values in probed(net).items()
    ]
    save.write_data(RESULTS / "rings.csv", ["generation", "layer", *FIELDS], table)
    save.write_bytes(RESULTS / "rings.png", save.encode(figure(nets), "png"))
    for row in table:
        print(*row, sep="\t")


def figure(nets: list[Network]) -> Figure:
    """Two leading axes of every layer (down) in every generation (across), coloured by the orientation of the line."""
    margins = style.Margins(left=0.6, right=0.1, top=0.3, bottom=0.1, across=0.08, down=0.08)
    with style.sheet():
        drawn_figure, axes = style.panels(len(nets), [1.5] * len(LAYERS), 1.5, margins)
        for g, net in enumerate(nets):
            angle, rows = swept(net)
            for ax, name in zip((row[g] for row in axes), LAYERS, strict=True):
                centred = rows[name] - rows[name].mean(axis=0)
                left, scale, _ = np.linalg.svd(centred, full_matrices=False)
                x, y = (left[:, :2] * scale[:2]).T
                ax.scatter(x, y, c=angle % np.pi, cmap="twilight", s=4, lw=0)
                ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
            axes[0][g].set_title("untrained" if g == 0 else f"generation {g}")
        for row, name in zip(axes, LAYERS, strict=True):
            row[0].set_ylabel(name)
    return drawn_figure


if __name__ == "__main__":
    main()
