"""Concepts as directions: between two groups of rows, along pairs, and a learned row beside its token table."""

from geometry.concepts.analogies import Analogy, parallelism
from geometry.concepts.direction import Direction, change, direction, emphasise, measure
from geometry.concepts.token_table import TableRow, against_table

__all__ = [
    "Analogy",
    "Direction",
    "TableRow",
    "against_table",
    "change",
    "direction",
    "emphasise",
    "measure",
    "parallelism",
]
