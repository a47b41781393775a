"""A variational autoencoder of images (Kingma and Welling 2014), trained from scratch at every generation.

Loss per image: sum over pixels of (x - f(z))^2 / (2 s^2) + log s, plus KL(q(z|x) | N(0, I)), with one learned s per
pixel. An image is drawn as f(bias z) + bias s e with z and e standard normal, cut to [0, 1]; `noise=False` leaves the
second term out.
The number of training steps is the same at every generation, whatever the number of rows. Exact on one thread:
the same seed gives the same bytes on the same machine and versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from geometry.errors import UsageError
from geometry.loops.digits import BUNDLED, class_of, classifier, classifier_features, images, predicted_labels
from geometry.loops.model import Fit, Wordless
from geometry.loops.reproducible import reproducible
from geometry.loops.training import descend
from geometry.sources.images import Images
from geometry.types import Array

ENCODERS = ("pixels", "classifier")
LEAST_LOG_SCALE = -3.5  # of a pixel: below s = .03 the pixel grid itself, 1/16, is finer than the model needs


class Network(nn.Module):
    """Encoder to mean and log-variance of z, decoder to pixels, and log s per pixel."""

    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.encoder = _layers(pixels, hidden, 2 * latent)
        self.decoder = _layers(latent, hidden, pixels)
        self.log_scale = nn.Parameter(torch.full((pixels,), -1.5))

    def scale(self) -> Tensor:
        return torch.exp(self.log_scale.clamp(min=LEAST_LOG_SCALE))

    def loss(self, images: Tensor) -> Tensor:
        """Negative evidence bound per image, up to a constant, one draw of z each; images (b, pixels)."""
        mean, log_variance = self.encoder(images).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        residual = (images - self.decoder(z)) / self.scale()
        misfit = (residual**2 / 2 + self.scale().log()).sum(1)
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum(1) / 2
        return torch.mean(misfit + divergence)


@dataclass(frozen=True)
class Vae(Wordless):
    """latent: dimensions of z. hidden: width of two hidden layers. steps of `batch` images, peak learning `rate`.

    encoder: the fixed encoder of the samples view, "pixels" or "classifier". data: "digits", or where images lie;
    size: what a folder's pictures are brought to, 0 for as they are.
    """

    latent: int = 12
    hidden: int = 192
    steps: int = 1000
    batch: int = 128
    rate: float = 4e-3
    noise: bool = True
    encoder: str = "pixels"
    data: str = BUNDLED
    size: int = 0

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise UsageError(f"vae has no encoder '{self.encoder}'; choose one of {', '.join(ENCODERS)}")
        if min(self.latent, self.hidden, self.steps, self.batch) < 1 or self.rate <= 0:
            raise UsageError("vae: latent, hidden, steps, batch and rate must be positive")
        if self.size < 0:
            raise UsageError(f"vae: size = {self.size}; it is a number of pixels, or 0")

    @property
    def images(self) -> Images:
        """The real data."""
        return images(self.data, self.size)

    def truth(self) -> Mapping[str, Array]:
        return {}

    def real(self, n: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
        data = self.images
        if n > len(data.points):
            raise UsageError(f"n = {n}; there are {len(data.points)} {BUNDLED if self.data == BUNDLED else 'images'}")
        rows = generator.permutation(len(data.points))[:n]
        classes = class_of(data)
        return data.points[rows], None if classes is None else classes[rows]

    def fit(self, rows: Array, generator: np.random.Generator) -> Fit:
        with reproducible(_seed(generator)):
            net = Network(rows.shape[1], self.hidden, self.latent)
            history = self._train(net, torch.from_numpy(rows))
        return Fit({name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}, history)

    def sample(self, parameters: Mapping[str, Array], n: int, bias: float, generator: np.random.Generator) -> Array:
        with reproducible(_seed(generator)), torch.no_grad():
            net = self._network(parameters)
            images = net.decoder(bias * torch.randn(n, self.latent))
            if self.noise:
                images = images + bias * net.scale() * torch.randn_like(images)
            drawn: Array = images.clamp(0, 1).numpy()
        return drawn

    def embed(self, rows: Array) -> Array:
        return rows if self.encoder == "pixels" else classifier_features(rows, classifier(self.data, self.size))

    def label(self, rows: Array) -> Array | None:
        classes = class_of(self.images)
        if classes is None:
            return None
        called: Array = np.unique(classes)[predicted_labels(rows, classifier(self.data, self.size))]
        return called

    def represent(self, parameters: Mapping[str, Array]) -> Array | None:
        """(real images, latent) posterior means of all real images."""
        return self.encode(parameters, self.images.points)

    def encode(self, parameters: Mapping[str, Array], rows: Array) -> Array:
        """(m, latent) posterior means of images (m, pixels) float32."""
        with reproducible(0), torch.no_grad():
            means: Array = self._network(parameters).encoder(torch.from_numpy(rows))[:, : self.latent].numpy()
        return np.ascontiguousarray(means)

    def probes(self) -> tuple[Array | None, Array] | None:
        return class_of(self.images), np.arange(len(self.images.points))

    def _train(self, net: Network, images: Tensor) -> tuple[float, ...]:
        optimizer = torch.optim.Adam(net.parameters(), self.rate, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.rate, total_steps=self.steps + 1)

        def loss() -> Tensor:
            return net.loss(images[torch.randint(len(images), (self.batch,))])

        return descend(loss, optimizer, self.steps, schedule=schedule)

    def _network(self, parameters: Mapping[str, Array]) -> Network:
        net = Network(len(parameters["log_scale"]), self.hidden, self.latent)
        net.load_state_dict({name: torch.tensor(array) for name, array in parameters.items()})
        return net


def _layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def _seed(generator: np.random.Generator) -> int:
    return int(generator.integers(2**62))
