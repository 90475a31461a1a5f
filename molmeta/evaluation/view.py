"""The view of a comparison by a report: plain records, an order of methods, names for print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from molmeta.evaluation.compare import LOWER_IS_BETTER, Comparison
from molmeta.evaluation.results import Results

Row = dict[str, Any]

LABELS = {
    "delta_auprc": "ΔAUPRC",
    "auprc": "AUPRC",
    "roc_auc": "ROC-AUC",
    "delta_auprc_support": "ΔAUPRC (support)",
    "enrichment_1": "EF 1 %",
    "enrichment_5": "EF 5 %",
    "bedroc": "BEDROC",
    "hit_rate_10": "hits in top 10",
    "brier": "Brier",
    "calibration_error": "ECE",
    "r2_os": "R² (out of sample)",
    "rmse": "RMSE",
    "spearman": "Spearman",
}
"""What the metrics' columns are called in print."""


@dataclass(frozen=True)
class View:
    """A comparison as the sections of a report read it.

    Attributes:
        comparison: The methods reported.
    """

    comparison: Comparison

    @property
    def results(self) -> Results:
        """Return all evaluations in one."""
        return self.comparison.results

    @property
    def metric(self) -> str:
        """Name the column by which methods are compared."""
        return self.comparison.metric

    @property
    def label(self) -> str:
        """Name the metric, for print."""
        return LABELS[self.metric]

    @property
    def lower_is_better(self) -> bool:
        """Return whether the metric is an error."""
        return self.metric in LOWER_IS_BETTER

    @cached_property
    def sizes(self) -> list[int]:
        """List the support sizes, ascending."""
        sizes: list[int] = sorted(self.results.summary["support_size"].unique().tolist())
        return sizes

    @cached_property
    def methods(self) -> list[str]:
        """List the names of methods, as they were given."""
        names: list[str] = self.results.summary["method"].unique().tolist()
        return names

    def style(self, method: str) -> int:
        """Number the look of a method's marks, the same in every plot."""
        return self.methods.index(method)

    @cached_property
    def summary(self) -> dict[tuple[str, int], Row]:
        """Index the summary by method and support size; the interval is `low` and `high`."""
        lead = self.results.metric
        table = self.results.summary.rename(columns={f"{lead}_low": "low", f"{lead}_high": "high"})
        return {(row["method"], row["support_size"]): row for row in records(table)}

    @cached_property
    def best(self) -> str:
        """Find the method with the best mean at the smallest support size."""
        means = {
            name: self.summary[name, self.sizes[0]][self.metric]
            for name in self.methods
            if (name, self.sizes[0]) in self.summary
        }
        choose = min if self.lower_is_better else max
        return choose(means, key=means.__getitem__)

    def largest(self, column: str) -> list[str]:
        """Find the largest count of a summary's column at each support size, as text."""
        return [
            str(max(row[column] for (_, at), row in self.summary.items() if at == size))
            for size in self.sizes
        ]


def records(table: pd.DataFrame) -> list[Row]:
    """List the rows of a table by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def as_text(results: Results) -> str:
    """Print the leading metric's mean and interval: a row a method, a column a support size.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> print(as_text(evaluate(make_baselines(["constant"]), store, draws=1)))
    mean ΔAUPRC over assays by support size, with its 95 % interval
                       16 (5 assays)
    method
    constant  0.000 (0.000 to 0.000)
    """
    metric, summary = results.metric, results.summary
    columns = summary[[metric, f"{metric}_low", f"{metric}_high"]].to_numpy()
    cells = summary.assign(
        cell=[f"{mean:.3f} ({low:.3f} to {high:.3f})" for mean, low, high in columns]
    ).pivot(index="method", columns="support_size", values="cell")
    n_assays = summary.groupby("support_size")["n_assays"].max()
    cells.columns = pd.Index([f"{size} ({n_assays[size]} assays)" for size in cells.columns])
    title = f"mean {LABELS[metric]} over assays by support size, with its 95 % interval"
    return f"{title}\n{cells.loc[summary['method'].unique()].to_string()}"


def number(value: float, *, sign: bool = False) -> str:
    """Print three decimals, with a proper minus; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:{'+' if sign else ''}.3f}".replace("-", "−")


def interval(row: Row | None, metric: str) -> str:
    """Print a summary's mean and its interval; a dash where there is no row."""
    if row is None or math.isnan(row["low"]):
        return number(row[metric] if row else math.nan)
    return f"{number(row[metric])} ({number(row['low'])}–{number(row['high'])})"


def listed(values: Sequence[object]) -> str:
    """Join values with commas."""
    return ", ".join(map(str, values))
