"""Texts for figures in print: names of metrics, numbers, intervals, lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

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
    "coverage": "coverage of 80 %",
    "width": "width of 80 %",
}
"""What the metrics' columns are called in print."""


def records(table: pd.DataFrame) -> list[Row]:
    """The rows of a table by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def as_text(results: Results) -> str:
    """The leading metric's mean and its interval: a row a method, a column a support size."""
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
    """Three decimals, with a proper minus; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:{'+' if sign else ''}.3f}".replace("-", "−")


def interval(row: Row | None, metric: str) -> str:
    """A summary's mean and its interval; a dash where there is no row."""
    if row is None or math.isnan(row["low"]):
        return number(row[metric] if row else math.nan)
    return f"{number(row[metric])} ({number(row['low'])}–{number(row['high'])})"


def listed(values: Sequence[object]) -> str:
    """Values separated by commas."""
    return ", ".join(map(str, values))
