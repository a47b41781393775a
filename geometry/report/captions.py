"""The words beside each figure: its heading, how to read it in two sentences, and its alternative text."""

from __future__ import annotations

from dataclasses import dataclass

from geometry.report.reading import generations, onsets
from geometry.types import Record


@dataclass(frozen=True)
class Caption:
    """heading; reading: how to read the figure, in two sentences; shows: what it depicts, for alternative text."""

    heading: str
    reading: str
    shows: str


CAPTIONS = {
    "layers": Caption(
        "The layers",
        "Each row is a layer, from the input down, each column a generation; the first three panels are coloured by "
        "the ratio to the same layer in the reference generation, the others by their value. A frame marks a change "
        "that stands, the triangle the first layer to collapse; the figures below show that layer, or else the last.",
        "Heat map of layers by generations",
    ),
    "map": Caption(
        "The map",
        "Every point lies at its true distance from its generation's centroid, in the direction of the leading three "
        "principal axes shared by all generations; all panels have one scale, so a smaller circle is a smaller set. "
        "In the slab, cut through the middle, a ring means that the inside is empty, a disc that it is filled, and "
        "clumps that there is structure. Below stand trustworthiness, continuity, Shepard's correlation and radius "
        "fidelity, 1 at best, and stress, 0 at best.",
        "Radius-preserving maps and middle sections of the generations side by side",
    ),
    "local": Caption(
        "The local view",
        "One UMAP of all generations together: rows that are neighbours lie together, and a class stays in its place "
        "from one generation to the next; sizes, distances and hollowness cannot be read from it. Below is the same of "
        "sets with the same covariance and radii and nothing else in them: what both show is no structure.",
        "Pooled UMAP of the generations above that of their null",
    ),
    "trends": Caption(
        "The trends",
        "Each panel follows one statistic over the generations: bars and band are its 95 % interval, the dashed "
        "orange line what it would be where there is nothing to find. A green line marks the generation from which a "
        "change holds to the end, its shade how sure that place is; a dashed one is provisional.",
        "Small panels of statistics over the generations with intervals",
    ),
    "plane": Caption(
        "The plane",
        "To the right, directions fill more dimensions; upward, there is more structure than the covariance accounts "
        "for, by neighbour distances (left) and by intrinsic dimension (right). A generation high in either panel is "
        "rich; one low in both is sphere-like right of the dotted line and low-dimensional left of it.",
        "Path of the generations over angle dimension and the two structure gauges",
    ),
    "histograms": Caption(
        "The histograms",
        "Blue is the data, orange a set of the same covariance with nothing else in it: where they agree there is no "
        "structure to be seen at this level. A radius histogram that is one spike is a shell; a second hump of cosines "
        "to the right of zero is clusters.",
        "Histograms of radii and pair cosines per generation against the elliptical null",
    ),
    "spectra": Caption(
        "The spectra",
        "Eigenvalues of the covariance from the largest to the smallest, on log axes: on the left a generation that "
        "shrinks sinks, on the right only the shape of its spectrum is left. A flat line spreads its variance over "
        "many directions; a cliff is where the dimensions of the set end.",
        "Covariance eigenvalues of every generation on log axes",
    ),
}


def alternative(record: Record, name: str) -> str:
    """The alternative text of a figure: what it shows and what it finds."""
    every = generations(record)
    states = ", ".join(f"generation {one.number} {one.state}" for one in every if one.state)
    held = ", ".join(f"{change} from generation {onset.get('generation')}" for change, onset in onsets(record).items())
    found = held if name == "trends" and held else states
    return CAPTIONS[name].shows + (f": {found}." if found else ".")
