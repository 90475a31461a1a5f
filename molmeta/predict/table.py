"""Predicting a table: a support file and an input file in, one output row for every input row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.columns import LABEL_NAMES, Columns, find_column, listed
from molmeta.assays.library import find_smiles
from molmeta.assays.measurement import as_text, parse_labels
from molmeta.assays.tables import open_table
from molmeta.chem.featurize import featurize
from molmeta.chem.fingerprint import tanimoto
from molmeta.errors import InputError
from molmeta.meta.run import LoadedModel
from molmeta.predict.estimators import FewShotClassifier

OUTPUT_COLUMNS = ("p_active", "score", "status", "reason", "nearest_support", "nearest_similarity")


@dataclass(frozen=True)
class LabelledTable:
    """A table's rows, its molecules, and its labels where it has any.

    Attributes:
        rows: As read, all text.
        smiles: One a row, shape (n,).
        labels: 1, 0, or NaN where blank, shape (n,).
    """

    rows: pd.DataFrame
    smiles: list[str]
    labels: NDArray[np.float32]


def read_table(path: Path, columns: Columns, *, labelled: bool) -> LabelledTable:
    """Read molecules, and their labels if the table is a support set.

    Raises:
        InputError: If the file cannot be read or lacks a column.
    """
    table = open_table(path)
    smiles = find_smiles(table, columns.smiles_column)
    rows = pd.concat(table.chunks())
    labels = np.full(len(rows), np.nan, np.float32)
    if labelled:
        names = [name for name in table.columns if name != smiles]
        label = find_column(
            names, columns.label_column, LABEL_NAMES, flag="--label-column", source=str(path)
        )
        if label is None:
            raise InputError.of(
                f"support set {path}",
                got=f"the columns {listed(names)}",
                expected="a column of labels such as 'active'",
                fix="Name it with --label-column.",
            )
        labels = parse_labels(rows[label], f"column {label!r} of {path}")
    return LabelledTable(rows, as_text(rows[smiles]).tolist(), labels)


def predict_table(
    model: LoadedModel,
    support: Path,
    input: Path | None,
    columns: Columns | None = None,
    *,
    steps: int | None = None,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Learn from a support file, predict an input file.

    Args:
        model: What predicts.
        support: Labelled molecules; rows with a blank label are no part of the support set.
        input: Molecules to predict; without it, those rows of `support` whose label is blank.
        columns: What the user says about the columns.
        steps: Inner steps instead of the model's own number.
        workers: Processes that read molecules.
        progress: Called with the number of molecules read so far.

    Returns:
        The input's rows in order, every one of them: its own columns, then `OUTPUT_COLUMNS`.
        A molecule that does not parse has status `rejected`, a reason, and no score.

    Raises:
        InputError: If a file cannot be used, or the support set lacks a class.
    """
    columns = columns or Columns()
    known = read_table(support, columns, labelled=True)
    labelled = np.flatnonzero(~np.isnan(known.labels))
    if input is None:
        blank = np.flatnonzero(np.isnan(known.labels))
        wanted = LabelledTable(
            known.rows.iloc[blank], [known.smiles[i] for i in blank], known.labels[blank]
        )
    else:
        wanted = read_table(input, columns, labelled=False)
    _check_output(wanted, support if input is None else input)
    classifier = FewShotClassifier(model, steps=steps, workers=workers)
    support_smiles = [known.smiles[i] for i in labelled]
    classifier.fit(support_smiles, known.labels[labelled])
    features = featurize(wanted.smiles, fingerprints=True, workers=workers, progress=progress)
    scores = classifier.score_graphs(features.graphs)
    rejected = np.isnan(scores)
    similarity = tanimoto(
        features.fingerprints, featurize(support_smiles, fingerprints=True).fingerprints
    )
    nearest = similarity.argmax(1)
    names = np.asarray(support_smiles, dtype=object)[nearest]
    added: dict[str, Any] = {
        "p_active": 1 / (1 + np.exp(-scores)),
        "score": scores,
        "status": np.where(rejected, "rejected", "ok"),
        "reason": features.reasons,
        "nearest_support": np.where(rejected, "", names),
        "nearest_similarity": np.where(rejected, np.nan, similarity.max(1)),
    }
    return wanted.rows.assign(**added)


def _check_output(wanted: LabelledTable, source: Path) -> None:
    if not wanted.smiles:
        raise InputError.of(
            f"input {source}",
            got="no row to predict",
            expected="rows with a blank label, or a file of molecules (--input)",
        )
    clash = [name for name in OUTPUT_COLUMNS if name in wanted.rows]
    if clash:
        raise InputError.of(
            f"input {source}",
            got=f"the columns {listed(clash)}, which prediction adds",
            expected="other names",
            fix="Rename or remove them.",
        )
