"""`molmeta compare`: evaluations side by side, method against method on the same draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta_cli.console import say
from molmeta_cli.options import Report

if TYPE_CHECKING:
    from molmeta.evaluation.compare import Comparison


def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Folders that `evaluate` wrote.")
    ],
    metric: Annotated[
        str | None, typer.Option(help="A column of results.csv; ΔAUPRC by default.")
    ] = None,
    report: Report = None,
) -> None:
    """Compare evaluations: paired differences on the draws that they share."""
    from molmeta.evaluation.compare import compare_folders
    from molmeta.evaluation.report import write_report

    comparison = compare_folders(folders, metric)
    say(_table(comparison))
    if report:
        write_report(comparison, report)
        say(f"report: {report}")


def _table(comparison: Comparison) -> str:
    """A row a pair of methods and support size."""
    paired = comparison.paired
    rows = paired[["support_size", "first", "second", "n_assays"]].assign(
        difference=[
            f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})"
            for row in paired.itertuples()
        ],
        wins=paired["wins"].astype(str) + " of " + paired["n_assays"].astype(str),
        wilcoxon_p=paired["p_value"].map("{:.2g}".format),
    )
    title = f"{comparison.metric}: mean of first minus second, with its 95 % interval"
    return f"{title}\n{rows.to_string(index=False)}"
