"""Results: the tables of an evaluation, and the folder that holds them."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from molmeta.errors import InputError
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import Task
from molmeta.resources import write_atomically, write_json

JOURNAL, INFO, EXAMPLES = "journal.jsonl", "run.json", "examples.json"
_TEXTS = dict.fromkeys(("assay_id", "method", "target_class", "draw", "reason", "cluster"), str)


@dataclass(frozen=True)
class Results:
    """The tables of an evaluation; each is a CSV file of its name.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> results = evaluate(make_baselines(["constant"]), store, draws=1)
    >>> results.metric, results.summary["delta_auprc"].tolist()
    ('delta_auprc', [0.0])

    Attributes:
        results: One row a draw and method: `assay_id, method, support_size, seed, n_support,
            n_query, n_rejected, positive_query, positive_support, draw`, then the metrics. The
            two `positive` are fractions; equal `draw` is the same support set.
        summary: One row a method and support size: numbers of assays, of distinct molecule sets,
            of draws and of skipped draws; the leading metric's mean over assays with its 95 %
            interval; the other metrics' means; what of the assays the method saw in training.
        classes: As `summary`, one row also a target class; empty without classes.
        skipped: One row a draw that could not be made: `assay_id, support_size, seed, reason`.
        assays: One row an assay: `assay_id, cluster, target_class`; equal `cluster` is the same
            molecule set.
        leakage: One row a trained method and assay: `method, assay_id`; `seen_assay`,
            whether it was trained on an assay of that id; `same_content`, on one of these
            molecules and labels under any id; `seen_molecules`, the share of its molecules.
        calibration: One row a method, support size and bin of the probability, over all draws:
            `method, support_size, bin, n, probability, active`, the last two summed.
        info: Its origin: command, protocol, seeds, versions, hashes.
        examples: The first draw's molecules, by `method`, `assay_id` and `support_size`.
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
        """Name the task."""
        task: Task = self.info["task"]
        return task

    @property
    def metric(self) -> str:
        """Name the column by which methods are compared."""
        return METRICS[self.task][0]

    def write(self, folder: Path) -> None:
        """Write every table as CSV, and `run.json` and `examples.json`, each as a whole."""
        for name in _TABLES:
            with write_atomically(folder / f"{name}.csv") as file:
                getattr(self, name).to_csv(file, index=False, float_format="%.10g")
        for name, content in ((EXAMPLES, self.examples), (INFO, self.info)):
            write_json(folder / name, content)


_TABLES = [field.name for field in fields(Results) if field.name not in ("info", "examples")]


def read_results(folder: Path) -> Results:
    """Read what `Results.write` wrote.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> _ = evaluate(make_baselines(["constant"]), store, draws=1, out=Path("first"))
    >>> read_results(Path("first")).task
    'classification'

    Raises:
        InputError: If the folder does not hold a finished evaluation.
    """
    try:
        info, examples = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in (INFO, EXAMPLES)
        )
        tables: dict[str, pd.DataFrame] = {
            name: pd.read_csv(
                folder / f"{name}.csv", dtype=_TEXTS, keep_default_na=False, na_values=[""]
            )
            for name in _TABLES
        }
    except (OSError, ValueError) as error:
        raise InputError.of(
            f"results {folder}",
            got=f"a folder that cannot be read ({error})",
            expected="a folder written by `molmeta evaluate`",
            fix="If the evaluation there was interrupted, run it again: it goes on.",
        ) from None
    if "same_content" not in tables["leakage"]:
        raise InputError.of(
            f"results {folder}",
            got="tables of an earlier version of molmeta",
            expected="a column `same_content` in leakage.csv",
            fix="Run the evaluation again: what its journal holds is not computed again.",
        )
    return Results(info=info, examples=examples, **tables)
