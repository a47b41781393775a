"""What the closed-form models share: all replicates in one float64 tensor, on any device.

Standard normals and uniforms are drawn by NumPy on the host, so that a seed means the same numbers on every device;
what is done to them (moments, factors, products) is done where the tensors are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from geometry.types import Array


@dataclass(frozen=True)
class Batch:
    """`replicates` independent lineages on a device; arrays go there and back, without the axis of one replicate."""

    replicates: int
    device: str

    def there(self, rows: Array, columns: int) -> torch.Tensor:
        """(replicates, n, columns) on the device, of rows with or without the axis of replicates."""
        return torch.as_tensor(rows.reshape(self.replicates, -1, columns), dtype=torch.float64, device=self.device)

    def known(self, parameters: Mapping[str, Array]) -> dict[str, torch.Tensor]:
        """Parameters on the device."""
        return {name: torch.as_tensor(array, device=self.device) for name, array in parameters.items()}

    def normal(self, generator: np.random.Generator, n: int, columns: int) -> torch.Tensor:
        """(replicates, n, columns) standard normal draws."""
        return self.there(generator.standard_normal((self.replicates, n, columns)), columns)

    def back(self, rows: torch.Tensor) -> Array:
        """The rows as a NumPy array, (n, columns) where there is one replicate."""
        array: Array = rows.cpu().numpy()
        return array[0] if self.replicates == 1 else array
