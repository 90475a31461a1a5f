"""The tables of an evaluation, and the folder that holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molmeta.errors import InputError
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import Task
from molmeta.evaluation.statistics import clustered_mean
from molmeta.resources import write_atomically

KEYS = ["assay_id", "method", "support_size"]
DRAW_COLUMNS = [
    *KEYS,
    "seed",
    "n_support",
    "n_query",
    "n_rejected",
    "positive_query",
    "positive_support",
    "draw",
]
SKIPPED_COLUMNS = ["assay_id", "support_size", "seed", "reason"]
JOURNAL, INFO, EXAMPLES = "journal.jsonl", "run.json", "examples.json"


@dataclass(frozen=True)
class Results:
    """What an evaluation found.

    Attributes:
        results: One row a draw and method: `DRAW_COLUMNS`, then the metrics.
        summary: One row a method and support size: numbers of assays, draws and skipped draws;
            the leading metric's mean over assays with its interval; the other metrics' means;
            how much of the test assays the method saw in training.
        classes: As `summary`, one row a target class; empty without classes.
        skipped: One row a draw that could not be made.
        assays: One row an assay: `assay_id, cluster, target_class`.
        leakage: One row an assay and trained method.
        calibration: One row a method, support size and bin of the probability, over all draws:
            number of queries, sum of probabilities, number of actives.
        info: How it came about: command, versions, protocol, hashes.
        examples: The first draw's molecules, by `assay_id`, `method` and `support_size`.
    """

    results: pd.DataFrame
    summary: pd.DataFrame
    classes: pd.DataFrame
    skipped: pd.DataFrame
    assays: pd.DataFrame
    leakage: pd.DataFrame
    calibration: pd.DataFrame
    info: dict[str, Any]
    examples: list[dict[str, Any]]

    @property
    def task(self) -> Task:
        """What was predicted."""
        task: Task = self.info["task"]
        return task

    @property
    def metric(self) -> str:
        """The column by which methods are compared."""
        return METRICS[self.task][0]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order in which they were given."""
        names: list[str] = self.info["methods"]
        return names

    def write(self, folder: Path) -> None:
        """Write every table as CSV, and `run.json` and `examples.json`, each whole or not at all."""
        for name in _TABLES:
            with write_atomically(folder / f"{name}.csv") as file:
                getattr(self, name).to_csv(file, index=False, float_format="%.10g")
        for name, content in ((INFO, self.info), (EXAMPLES, self.examples)):
            with write_atomically(folder / name) as file:
                file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


_TABLES = [field.name for field in fields(Results) if field.name not in ("info", "examples")]
_TEXTS = {"assay_id": str, "method": str, "target_class": str, "draw": str, "reason": str}


def read_results(folder: Path) -> Results:
    """Read what `Results.write` wrote.

    Raises:
        InputError: If the folder does not hold a finished evaluation.
    """
    try:
        tables = {
            name: pd.read_csv(
                folder / f"{name}.csv", dtype=_TEXTS, keep_default_na=False, na_values=[""]
            )
            for name in _TABLES
        }
        contents = {
            name: json.loads((folder / file).read_text(encoding="utf-8"))
            for name, file in (("info", INFO), ("examples", EXAMPLES))
        }
    except (OSError, ValueError) as error:
        raise InputError.of(
            f"results {folder}",
            got=f"a folder that cannot be read ({error})",
            expected="a folder written by `molmeta evaluate`",
            fix="If an evaluation there was interrupted, run it again: it goes on.",
        ) from None
    return Results(**tables, **contents)


def summarize(
    results: pd.DataFrame,
    assays: pd.DataFrame,
    skipped: pd.DataFrame,
    task: Task,
    by: Sequence[str] = ("method", "support_size"),
) -> pd.DataFrame:
    """Means over draws within an assay, then over assays, with a clustered interval.

    Args:
        results: One row a draw and method.
        assays: `assay_id, cluster, target_class`.
        skipped: Draws that could not be made.
        task: Which metrics there are; the interval is the leading metric's.
        by: What a row of the result is.
    """
    lead = METRICS[task][0]
    known = assays.set_index("assay_id")
    draws = results.assign(target_class=results["assay_id"].map(known["target_class"]))
    missed = skipped.assign(target_class=skipped["assay_id"].map(known["target_class"]))
    rows = []
    for key, part in draws.groupby(list(by), sort=False, dropna=True):
        group = dict(zip(by, key, strict=True))
        means = part.groupby("assay_id")[list(METRICS[task])].mean()
        clusters = known.loc[means.index, "cluster"].to_numpy(np.int64)
        mean = clustered_mean(means[lead].to_numpy(np.float64), clusters)
        same = [missed[name] == group[name] for name in by if name in missed]
        rows.append(
            group
            | {"n_assays": len(means), "n_clusters": mean.n_clusters, "n_draws": len(part)}
            | {"n_skipped": int(np.logical_and.reduce(same).sum()) if same else len(missed)}
            | {lead: mean.mean, f"{lead}_low": mean.low, f"{lead}_high": mean.high}
            | means.mean().drop(lead).to_dict()
        )
    return pd.DataFrame(rows)
