"""What decides a run, checked: kinds and ranges of all settings, and those that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from geometry.errors import UsageError
from geometry.loops.options import typed
from geometry.loops.regimes import regime as named_regime
from geometry.loops.selection import WEIGHTS

KINDS = {"n": int, "seed": int, "replicates": int, "real_share": float, "bias": float, "peers": int}


@dataclass(frozen=True)
class Settings:
    """All that decides what a run draws; see `loop.run`."""

    model: str
    regime: str
    n: int
    seed: int = 0
    replicates: int = 1
    real_share: float = 0.0
    bias: float = 1.0
    peers: int = 1
    weights: str = WEIGHTS[0]
    device: str = "cpu"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named_regime(self.regime)
        for name, kind in KINDS.items():
            object.__setattr__(self, name, typed(name, getattr(self, name), kind))
        for problem, holds in self._problems().items():
            if holds:
                raise UsageError(problem)

    def _problems(self) -> dict[str, bool]:
        regime, share = self.regime, self.real_share
        return {
            f"n = {self.n}; a fit needs at least 2 rows": self.n < 2,
            f"seed = {self.seed}; it must be 0 or more": self.seed < 0,
            f"replicates = {self.replicates}; at least 1 is needed": self.replicates < 1,
            f"real_share = {share}; it is a share, 0 to 1": not 0 <= share <= 1,
            f"bias = {self.bias}; it must be positive": self.bias <= 0,
            f"real_share = {share} has no effect under '{regime}'; use regime='fresh'": share > 0 and regime != "fresh",
            f"no weights are called '{self.weights}'; choose one of {', '.join(WEIGHTS)}": self.weights not in WEIGHTS,
            f"weights have no effect under '{regime}'; use regime='tail-reweighted'": (
                self.weights != WEIGHTS[0] and regime != "tail-reweighted"
            ),
            f"peers = {self.peers}; exchange needs at least 2 models": regime == "exchange" and self.peers < 2,
            f"peers = {self.peers} has no effect under '{regime}'; use regime='exchange'": (
                regime != "exchange" and self.peers != 1
            ),
        }


def settings_of(model: str, regime: str, n: int, *, peers: int | None = None, **rest: Any) -> Settings:
    """Settings checked and completed: two peers under exchange, the device that `auto` means; UsageError as `run`."""
    count = peers if peers is not None else (2 if regime == "exchange" else 1)
    device = rest.pop("device", "cpu")
    return Settings(model, regime, n, peers=count, device=_device(device), **rest)


def arguments_of(settings: Settings) -> dict[str, Any]:
    """What repeats a run; the device is left out, since it changes nothing beyond rounding."""
    found = asdict(settings)
    del found["device"]
    return found | {"options": dict(sorted(found["options"].items()))}


def _device(asked: str) -> str:
    if asked == "cpu":
        return asked
    from geometry.pairs.plan import resolve_device

    return resolve_device(asked)
