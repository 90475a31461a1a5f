"""Texts for figures in print: names of metrics, numbers, intervals, lists."""

import math
import re
import shlex
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
    "nll": "negative log likelihood",
}
"""What the metrics' columns are called in print."""


MEANINGS = {
    "delta_auprc": "How much purer in actives the top of a ranking is than a random order: average "
    "precision minus the share of actives among the queries. 0 is guessing.",
    "auprc": "Average precision: the share of actives above each active, averaged over actives. "
    "Guessing gets the share of actives; 1 is perfect.",
    "roc_auc": "The chance that an active ranks above an inactive. 0.5 is guessing, 1 is perfect.",
    "delta_auprc_support": "As ΔAUPRC, minus the share of actives in the support set instead, as "
    "FS-Mol's plots do.",
    "enrichment_1": "Enrichment factor: how many times more actives the best 1 % hold than "
    "a random 1 %. 1 is guessing.",
    "enrichment_5": "The same of the best 5 %.",
    "bedroc": "How early actives come, the very first ones counting most: from 0 to 1.",
    "hit_rate_10": "The share of actives among the ten best.",
    "brier": "Mean squared distance of probabilities from what is true. 0 is perfect, less is "
    "better.",
    "calibration_error": "How far probabilities lie from frequencies on average. Less is better.",
    "r2_os": "The share of the values' spread that is predicted. 0 is always saying the support "
    "set's mean, 1 is perfect.",
    "rmse": "Typical distance of a prediction from the value, in its units. Less is better.",
    "spearman": "How well the order of values is predicted. 0 is guessing, 1 is perfect.",
    "coverage": "The share of values that lie in their 80 % interval. It should be 0.8.",
    "width": "How wide these intervals are, in the value's units. Less is better.",
    "nll": "Minus the mean logarithm of the density predicted at the value. Less is better.",
}
"""What a metric means to a reader."""


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


def without_folders(command: str) -> str:
    """Write a command or path without folders of this machine.

    >>> without_folders("molmeta evaluate --data=/home/me/a.csv -o results")
    'molmeta evaluate --data=a.csv -o results'
    """
    parts = (re.sub(r"(^|=)/(?:.*/)?(?=[^/])", r"\1", part) for part in shlex.split(command))
    return shlex.join(parts)


def listed(values: Sequence[object]) -> str:
    """Values separated by commas."""
    return ", ".join(map(str, values))
