"""A finished analysis: rows, verdict, a data frame, and a folder on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.analysis.earlier import clear_earlier
from geometry.schema import write_record
from geometry.types import Record

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class Analysis:
    """What `geometry.analyze` returns; `record` is the same as the folder it writes."""

    record: Record

    def __repr__(self) -> str:
        return (
            f"<Analysis of {len(self.record.run['inputs'])} sets, {len(self.results)} rows: {self.verdict['summary']}>"
        )

    @property
    def results(self) -> list[dict[str, Any]]:
        """One row per generation, layer, statistic and variant."""
        return self.record.results

    @property
    def verdict(self) -> dict[str, Any]:
        """States, changes with evidence, onsets: run.json["verdict"]."""
        verdict: dict[str, Any] = self.record.run["verdict"]
        return verdict

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a pandas data frame."""
        import pandas

        return pandas.DataFrame(self.results)

    def figures(self) -> dict[str, Any]:
        """matplotlib figures by name, as far as the run has their data, to show in a notebook or to save.

        map, local, trends, plane, histograms, spectra, and plate: a page of all that is drawn of each generation.
        """
        from geometry import report

        plate = report.plate_of(self.record)
        return report.figures(self.record) | ({"plate": plate} if plate is not None else {})

    def _repr_html_(self) -> str:
        """How a notebook shows the analysis."""
        from geometry import report

        return report.notebook_html(self.record)

    def write(self, folder: str | Path, *, formats: tuple[str, ...] = ("png",)) -> Path:
        """run.json, results.jsonl and .csv, arrays, figures and report.html in `folder`; returns the report's path.

        Files of an earlier run there are replaced, or taken away where this run has none of their names; whatever else
        lies there stays. formats: of the figures, any of png, svg, pdf.
        """
        from geometry import report

        clear_earlier(Path(folder), self.record.run)
        write_record(self.record, folder)
        report.write(self.record, folder, formats=formats)
        return Path(folder) / "report.html"
