"""Self-consuming loops: models retrained on what their predecessors drew, one generation after the other."""

from geometry.loops.lineage import Generation, Lineage
from geometry.loops.loop import run

__all__ = ["Generation", "Lineage", "run"]
